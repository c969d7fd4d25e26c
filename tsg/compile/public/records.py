"""Records of faults: what was seen, why, and what mended it, each behind a label: "Symptom: ...", "Fix: ..."."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from dag.model import Span
from tsg.compile.public.lists import LABEL
from tsg.compile.public.speech import CHANGING, verb_of_past
from tsg.compile.public.unit import Scope
from tsg.guide import Block, BlockKind, Piece, PieceKind

_SYMPTOM = re.compile(
    r"^[^\w\n]*(?:symptoms?|problem|observed|seen)[^\w\n:]*:[^\w\n]*\b(?P<seen>[^\n]{4,200})", re.I | re.M
)
_FIXES = re.compile(r"\W*(?:fix(?:es)?|solutions?|resolutions?|workarounds?|remed(?:y|ies)|mitigations?)\W*", re.I)
_FIRST = re.compile(r"\W*(?P<word>[A-Za-z-]+)\b")


def symptom_of(blocks: Sequence[Block]) -> Scope | None:
    """What was seen, where a paragraph says it behind its label."""
    for block in blocks:
        if block.kind is BlockKind.PARAGRAPH and (found := _SYMPTOM.search(block.text)):
            line = block.lines.first + block.text.count("\n", 0, found.start("seen"))
            return Scope(found["seen"].rstrip("*_. "), Span(line, line), form="record")
    return None


def as_told(blocks: Sequence[Block]) -> list[Block]:
    """Blocks in which each remedy below "Fixes:" that is told as done carries the label: "Fix: Pruned the cache"."""
    found: list[Block] = []
    below = False
    for block in blocks:
        prose = block.kind is BlockKind.PARAGRAPH
        if prose and _FIXES.fullmatch(block.text):
            below = ":" in block.text
        elif below and prose and not LABEL.match(block.text) and _was_done(block):
            block = replace(block, pieces=(Piece(PieceKind.TEXT, "Fix: ", block.pieces[0].line), *block.pieces))
        else:
            below = False
        found.append(block)
    return found


def _was_done(block: Block) -> bool:
    word = _FIRST.match(block.text)
    return bool(block.pieces) and word is not None and verb_of_past(word["word"].lower()) in CHANGING


def is_further_fix(block: Block) -> bool:
    """Whether a block is a remedy that `as_told` gave its label."""
    return bool(block.pieces) and block.pieces[0].text == "Fix: "
