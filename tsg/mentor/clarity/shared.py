"""What several checks of clarity have in common."""

from __future__ import annotations

import re

from tsg.mentor.view import Prose, Sentence


def is_link(prose: Prose, sentence: Sentence) -> bool:
    return any(p.target and p.text and " ".join(p.text.split()) in sentence.text for p in prose.block.pieces)


def last_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text.strip())[-1] if text.strip() else ""
