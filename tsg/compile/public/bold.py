"""Bold lines that stand for headings."""

from __future__ import annotations

import re

from tsg.guide import Block, BlockKind

_BOLD = re.compile(r"\s*(?:[-*+]\s+)?(\*\*|__)(?P<text>(?:(?!\1).)+)\1\s*:?\s*", re.DOTALL)


def bold_line(block: Block) -> str | None:
    """The text of a paragraph that is one bold line."""
    if block.kind is not BlockKind.PARAGRAPH or block.items:
        return None
    found = _BOLD.fullmatch(block.text)
    return found["text"].strip() if found and len(found["text"]) < 160 else None
