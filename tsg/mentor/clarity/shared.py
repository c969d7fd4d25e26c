"""What several checks of clarity have in common."""

from __future__ import annotations

import re

from tsg.mentor.view import Prose, Sentence


def is_link(prose: Prose, sentence: Sentence) -> bool:
    return any(piece.target and piece.text and piece.text in sentence.text for piece in prose.block.pieces)


def last_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text.strip())[-1] if text.strip() else ""
