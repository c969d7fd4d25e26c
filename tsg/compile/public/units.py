"""A guide's text into units, in order: which sections are carried out, and which belong to a step around them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dag.model import Span
from tsg.compile.public.code import code_of
from tsg.compile.public.reader import SectionReader
from tsg.compile.public.sections import Head, Role, heads_of
from tsg.compile.public.speech import CHANGING, Act
from tsg.compile.public.unit import Scope, Unit
from tsg.guide import Guide
from tsg.words import words

_POINTING = words("use perform do follow see try apply")
_POINTS_ON = re.compile(r"\b(?:below|following|steps? \d|sections?|the steps|above|next)\b", re.I)


def units_of(guide: Guide) -> list[Unit]:
    """The units of a guide in the order of its text."""
    heads = heads_of(guide)
    units: list[Unit] = []
    for head, section in zip(heads, guide.sections, strict=True):
        if head.role is Role.BACKGROUND:
            continue
        step = _step_around(head, heads, units)
        if step is not None and not any(code.runs for b in section.blocks if (code := code_of(b)) is not None):
            for block in section.blocks:
                step.add(block)
            continue
        read = SectionReader(head, section, _above(head, heads, guide)).read()
        if section.level <= 1 and _has_procedure(head, heads) and not any(u.runs or u.listed is not None for u in read):
            continue
        if _is_overview(head, heads) and not any(u.runs or u.choice for u in read):
            read = [u for u in read if _says_what_to_do(u, numbered=_has_numbers(head, heads))]
        units += read
    return _without_pointers(units)


def _has_numbers(head: Head, heads: Sequence[Head]) -> bool:
    return any(h.parent == head.index and h.label for h in heads[head.index + 1 :])


def _says_what_to_do(unit: Unit, *, numbered: bool) -> bool:
    """Whether a unit above other parts is more than an introduction to them."""
    asked = [s for s in unit.said if s.asks]
    if numbered and not any(s.verb in CHANGING or s.act is Act.ESCALATE for s in asked):
        return False
    return not all(_POINTS_ON.search(s.words) and not s.code for s in asked)


def _without_pointers(units: Sequence[Unit]) -> list[Unit]:
    """A sentence that only points at a later heading ("you can use defrag") belongs to what stands there."""
    kept: list[Unit] = []
    for i, unit in enumerate(units):
        later = next((u for u in units[i + 1 :] if u.leads and _points_at(unit, u.head)), None)
        if later is None:
            kept.append(unit)
        else:
            later.spans += [b.lines for b in unit.blocks]
    return kept


def _points_at(unit: Unit, head: Head) -> bool:
    asked = [s for s in unit.said if s.asks]
    if unit.runs or unit.inline or unit.listed is not None or len(asked) != 1:
        return False
    title = head.title.lower().split()
    if asked[0].verb not in _POINTING and [asked[0].verb] != title:
        return False
    said = re.findall(r"[\w-]+", asked[0].main.lower())
    return head.index > unit.head.index and 0 < len(title) <= 3 and all(w in said for w in title)


def _has_procedure(head: Head, heads: Sequence[Head]) -> bool:
    return any(h.role is Role.PROCEDURE for h in heads[head.index + 1 :])


def _is_overview(head: Head, heads: Sequence[Head]) -> bool:
    """Whether other parts of the procedure stand below a heading that has no number itself."""
    return not head.label and any(h.parent == head.index and h.role is Role.PROCEDURE for h in heads[head.index + 1 :])


def _step_around(head: Head, heads: Sequence[Head], units: Sequence[Unit]) -> Unit | None:
    """The numbered step that a heading without number, condition or option stands in."""
    if head.parent is None or head.label or head.condition or head.option:
        return None
    parent = heads[head.parent]
    if not parent.label:
        return None
    return next((u for u in reversed(units) if u.head is parent), None)


def _above(head: Head, heads: Sequence[Head], guide: Guide) -> tuple[Scope, ...]:
    """Conditions and options of the headings around a section, outermost first."""
    found: list[Scope] = []
    at: Head | None = head
    while at is not None:
        if at.condition or at.option:
            line = guide.sections[at.index].lines.first
            found.append(Scope(at.condition or at.title, Span(line, line), at.option, "heading"))
        at = heads[at.parent] if at.parent is not None else None
    return tuple(reversed(found))
