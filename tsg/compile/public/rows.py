"""Tables whose rows say when and what to do."""

from __future__ import annotations

import re

from tsg.compile.public.code import changes, inline_commands
from tsg.compile.public.reading import Reading
from tsg.compile.public.speech import sentences
from tsg.compile.public.unit import Scope
from tsg.guide import Block, PieceKind

_TO_DO = re.compile(
    r"(?:recommended |suggested |corrective )?(?:fix(?:es)?|actions?|resolutions?|what to do|remed(?:y|ies)"
    r"|mitigations?|solutions?"
    r"|next steps?|response|do this|steps?|workaround)",
    re.I,
)


class RowReader:
    """Reads rows into a section's reading; a row with commands that change something is a step in any table."""

    def __init__(self, at: Reading) -> None:
        self._at = at
        self._table: int | None = None  # the column that says what to do
        self._table_last = 0

    def read(self, block: Block) -> None:
        """A row of a table that says in one column when, and in another what to do, is a step under that condition."""
        cells = [c.strip() for c in block.text.split(" | ")]
        column = self._table if self._table is not None and block.lines.first <= self._table_last + 2 else None
        heads = column is None
        if column is None:
            column = self._table = next(
                (i for i, c in enumerate(cells) if i and _TO_DO.fullmatch(c.strip("*_ "))), None
            )
        self._table_last = block.lines.last
        changing = any(changes(c) for c in inline_commands([block])) and not _is_code(cells[0], block)
        if column is None and not changing:
            self._at.attach(block)
            return
        if heads and not changing:
            return
        self._at.settle()
        before = self._at.now
        if column is None:
            column = next(i for i, c in enumerate(cells) if i and _is_code(c, block))
        elif column >= len(cells) or not any(s.asks for s in sentences(block)):
            return
        unit = self._at.begin([block])
        unit.rule = "a row that says when and what to do is a step under its condition"
        unit.title = cells[column]
        unit.scopes = (*unit.scopes, Scope(cells[0].replace("*", ""), block.lines, form="row"))
        self._at.now = before if before is not None and before.runs else None


def _is_code(cell: str, block: Block) -> bool:
    """Whether a table's cell holds inline code of its row."""
    return any(p.kind is PieceKind.CODE and p.text in cell for p in block.pieces)
