"""Tables whose rows say when and what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tsg.compile.public.code import changes, inline_commands
from tsg.compile.public.reading import Reading
from tsg.compile.public.speech import sentences
from tsg.compile.public.unit import Scope
from tsg.guide import Block, Piece, PieceKind

_REMEDY = (
    r"(?:fix(?:es)?|actions?|resolutions?|what to (?:do|try)|how to (?:fix|resolve|solve|repair)(?: it)?"
    r"|remed(?:y|ies)|remediations?|corrections?|mitigations?|solutions?|countermeasures?|next steps?|response"
    r"|do this|steps?|workarounds?)"
)
_TO_DO = re.compile(
    rf"(?:(?:recommended|suggested|corrective|possible|proposed|immediate|required|likely|quick|first) )?{_REMEDY}"
    rf"(?:(?: ?/ ?| ?, ?| or | and | & ){_REMEDY})?(?: (?:steps?|actions?|required|needed|to take))?",
    re.I,
)
_COMMANDS = re.compile(r"(?:commands?|cmd|how|run|example commands?)", re.I)
_NUMBER = re.compile(r"(?:#|no\.?|nr\.?|id|step|number)", re.I)
# Whose rows say who may do what, or what was done and who owes it: nobody carries them out now.
_RECORDS = re.compile(
    r"(?:roles?|permissions?|verbs?|methods?|endpoints?|routes?|versions?|releases?|dates?|when it happened"
    r"|due(?: dates?)?|deadline|assignees?|assigned to|tickets?|jira|(?:past |previous )?incidents?|progress|done)",
    re.I,
)
_SO_FAR = re.compile(r"(?:status|state)", re.I)  # beside a remedy that is how far it has come


@dataclass(frozen=True, slots=True)
class Table:
    """What the columns of a table mean. `to_do`: the column of the remedy; none where rows are no steps."""

    to_do: int | None
    when: int = 0
    commands: tuple[int, ...] = ()


def table_of(heads: Sequence[str]) -> Table:
    """Read the meaning of columns off their titles."""
    when = 1 if len(heads) > 2 and _NUMBER.fullmatch(heads[0]) else 0
    to_do = next((i for i, h in enumerate(heads) if i and _TO_DO.fullmatch(h)), None)
    records = any(_RECORDS.fullmatch(h) for h in heads) or any(_SO_FAR.fullmatch(h) for h in heads[when + 1 :])
    if to_do is None or records:
        return Table(None)
    when = min(when, to_do - 1)
    return Table(to_do, when, tuple(i for i, h in enumerate(heads) if i != to_do and _COMMANDS.fullmatch(h)))


def cells_of(row: Block) -> list[Block]:
    """The cells of a row as blocks of their own; bars inside of code and links separate nothing."""
    cells: list[list[Piece]] = [[]]
    for piece in row.pieces:
        first, *further = piece.text.split(" | ") if piece.kind is PieceKind.TEXT else [piece.text]
        cells[-1].append(replace(piece, text=first))
        cells += [[replace(piece, text=text)] for text in further]
    return [replace(row, text=_text(c).strip(), pieces=tuple(p for p in c if p.text)) for c in cells]


def _text(pieces: Sequence[Piece]) -> str:
    return "".join(f"`{p.text}`" if p.kind is PieceKind.CODE else p.text for p in pieces)


class RowReader:
    """Reads rows into a section's reading; a row with commands that change something is a step in any table."""

    def __init__(self, at: Reading) -> None:
        self._at = at
        self._table = Table(None)
        self._next: frozenset[int] = frozenset()  # the lines where a row of the same table begins

    def read(self, block: Block) -> None:
        """A row of a table that says in one column when, and in another what to do, is a step under that condition."""
        cells = cells_of(block)
        heads = block.lines.first not in self._next
        if heads:
            self._table = table_of([c.text.strip("*_ :") for c in cells])
        self._next = frozenset((block.lines.last + 1, block.lines.last + 2) if heads else (block.lines.last + 1,))
        changing = any(changes(c) for c in inline_commands([block])) and not _is_code(cells[0])
        table = self._table
        if table.to_do is None:
            if changing:
                shown = next((i for i, c in enumerate(cells) if i and _is_code(c)), len(cells) - 1)
                self._step(cells, Table(shown), block, [block])
            else:
                self._at.attach(block)
        elif not heads and table.to_do < len(cells) and _asks(cells[table.to_do]):
            self._step(cells, table, block, [cells[i] for i in (table.to_do, *table.commands) if i < len(cells)])

    def _step(self, cells: Sequence[Block], table: Table, row: Block, blocks: Sequence[Block]) -> None:
        assert table.to_do is not None
        self._at.settle()
        before = self._at.now
        unit = self._at.begin(blocks)
        unit.rule = "a row that says when and what to do is a step under its condition"
        unit.title = cells[table.to_do].text
        when = cells[table.when].text.replace("*", "")
        if when and not when.isdigit():
            unit.scopes = (*unit.scopes, Scope(when, row.lines, form="row"))
        self._at.now = before if before is not None and before.runs else None


def _asks(cell: Block) -> bool:
    return any(s.asks for s in sentences(cell)) or bool(inline_commands([cell]))


def _is_code(cell: Block) -> bool:
    """Whether a table's cell holds inline code."""
    return any(p.kind is PieceKind.CODE for p in cell.pieces)
