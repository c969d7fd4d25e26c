"""Tables that say where to begin: "link goes up and down | step 3 → step 5", one row for each symptom."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tsg.compile.public.unit import Unit
from tsg.compile.public.ways_out import Leads
from tsg.guide import Block, BlockKind, Guide, PieceKind

BEGIN = -1  # the source of a way that leaves from no step
_STEP = re.compile(
    r"(?:(?:start|begin|go|continue|see)(?: (?:at|with|to|from))? )?(?:the )?(?:(?P<list>[A-Z][\w-]+) )?"
    r"(?P<word>steps? )?#?(?P<number>\d{1,3}[a-z]?)\b",
    re.I,
)
_THEN = re.compile(r"\s*(?:→|->|=>|,? then|, and then|;)\s*(?:(?:to|on to) )?", re.I)


def entries(guide: Guide, units: Sequence[Unit], anchors: Mapping[str, int]) -> Iterator[Leads]:
    """The ways from the begin that rows of tables write, and those from one named step to the next of its row.

    Only rows that stand in no step dispatch: below a step they say what its result means.
    """
    held = {n for unit in units for span in unit.lines for n in range(span.first, span.last + 1)}
    for section in guide.sections:
        for block in section.blocks:
            if block.kind is BlockKind.ROW and block.lines.first not in held:
                yield from _of_row(block, units, anchors)


def _of_row(row: Block, units: Sequence[Unit], anchors: Mapping[str, int]) -> Iterator[Leads]:
    symptom, *cells = (cell.strip().strip("*_ ") for cell in row.text.split(" | "))
    for cell in cells:
        path = _linked(row, cell, anchors) or _numbered(cell, units)
        if path and symptom:
            source = BEGIN
            for target in path:
                if target > source:
                    yield Leads(source, target, symptom, row.lines)
                source = target
            return


def _linked(row: Block, cell: str, anchors: Mapping[str, int]) -> list[int]:
    """The steps that a cell of nothing but links to headings names."""
    links = [p for p in row.pieces if p.kind is PieceKind.LINK and p.target.startswith("#") and p.text in cell]
    if not links or len("".join(p.text for p in links)) * 2 < len(re.sub(r"\]\([^)]*\)", "", cell)):
        return []
    found = [anchors.get(p.target[1:].lower()) for p in links]
    return [f for f in found if f is not None] if None not in found else []


def _numbered(cell: str, units: Sequence[Unit]) -> list[int]:
    """The steps that a cell names by number, one behind the other; none when it says more before that."""
    path: list[int] = []
    at = 0
    while (found := _STEP.match(cell, at)) is not None:
        target = _labelled(found["number"].lower(), found["list"] or "", units)
        if target is None or not (found["word"] or found["list"]):
            return []
        path.append(target)
        then = _THEN.match(cell, found.end())
        if then is None:
            break
        at = then.end()
    return path


def _labelled(label: str, heading: str, units: Sequence[Unit]) -> int | None:
    """The step with this number: below the heading that is named, else the first in the guide."""
    found = [i for i, u in enumerate(units) if label in (u.label, u.head.label if u.leads else "")]
    if heading and heading.lower() not in ("step", "steps", "the"):
        found = [i for i in found if heading.lower() in units[i].head.title.lower().split()]
    return found[0] if found else None
