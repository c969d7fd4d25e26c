"""Prose as its reader meets it: sentence by sentence, each with its line, inline code in backticks."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from dag.model import Span
from tsg.guide import Block, PieceKind

_END = re.compile(r"(?<=[.!?])[\"')*_]*\s+(?=[A-Z0-9`\"(*\[<$])|\n(?=\s*(?:[*_]{2}|[-*•] ))")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|resp|no|fig|incl|ca)\.|\b[A-Z]\.)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and the line it starts on; `at` is its offset in the prose. Inline code stands in backticks."""

    text: str
    line: int
    last: int

    @property
    def bare(self) -> str:
        """Without leading list numbers and emphasis."""
        return self.text.strip().lstrip("*_>-• ").strip()


@dataclass(frozen=True)
class Prose:
    """A paragraph, a list item's paragraph or a table's row as plain text."""

    block: Block
    section: int
    at: int
    text: str

    @property
    def lines(self) -> Span:
        return self.block.lines

    @property
    def is_item(self) -> bool:
        return bool(self.block.items)

    @cached_property
    def _breaks(self) -> list[int]:
        return [m.start() for m in re.finditer(r"\n", self.text)]

    def line_of(self, offset: int) -> int:
        return min(self.lines.first + bisect_right(self._breaks, offset - 1), self.lines.last)

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        return tuple(self._split())

    def _split(self) -> Iterator[Sentence]:
        start = 0
        for found in _END.finditer(self.text):
            before = self.text[max(start, found.start() - 12) : found.start()]
            if _ABBREVIATION.search(before.rstrip("\"')*_ ")):
                continue
            yield from self._made(start, found.end())
            start = found.end()
        yield from self._made(start, len(self.text))

    def _made(self, start: int, end: int) -> Iterator[Sentence]:
        text = self.text[start:end]
        if text.strip():
            lead = len(text) - len(text.lstrip())
            yield Sentence(
                " ".join(text.split()), self.line_of(start + lead), self.line_of(start + len(text.rstrip()) - 1)
            )

    @cached_property
    def codes(self) -> tuple[str, ...]:
        return tuple(p.text for p in self.block.pieces if p.kind is PieceKind.CODE)


def prose_of(block: Block) -> str:
    """The text of a block: emphasis gone, inline code in backticks, links by their words."""
    if not block.pieces:
        return block.text
    made = []
    for piece in block.pieces:
        made.append(f"`{piece.text}`" if piece.kind is PieceKind.CODE else piece.text)
    return "".join(made)
