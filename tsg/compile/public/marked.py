"""What the author's marks say, put into the units before they are joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dag.model import Kind, Terminal
from tsg.compile.notes import Notes
from tsg.compile.public.nature import Nature
from tsg.compile.public.speech import Sentence
from tsg.compile.public.unit import Scope, Unit
from tsg.compile.public.ways_out import Leads
from tsg.findings import Code, did_you_mean
from tsg.guide import Block, Guide
from tsg.marks import Mark, Verb

_ENDS = {t.removeprefix("END."): t for t in Terminal}


@dataclass
class Marked:
    """What the marks of a guide came to. `used`: those that could be followed."""

    kinds: dict[int, tuple[Kind, Mark]] = field(default_factory=dict)
    leads: list[Leads] = field(default_factory=list)
    used: list[Mark] = field(default_factory=list)


def apply_marks(guide: Guide, units: Sequence[Unit], ids: Sequence[str], notes: Notes) -> Marked:
    """Add to the units what the marks say of cases and commands; kinds and ways out are returned."""
    made = Marked()
    told: set[int] = set()
    for mark in guide.marks:
        problem = _apply(mark, guide, units, ids, made, told)
        if problem:
            hint = "see docs/public-guides.md, Marks"
            notes.error(mark.line, Code.MARK_INVALID, f"the mark '{mark}' {problem}", hint)
        else:
            made.used.append(mark)
    return made


def _apply(mark: Mark, guide: Guide, units: Sequence[Unit], ids: Sequence[str], made: Marked, told: set[int]) -> str:
    """Why a mark cannot be followed; empty when it was."""
    at = next((i for i, u in enumerate(units) if any(s.first <= mark.at <= s.last for s in u.lines)), None)
    match mark.verb:
        case Verb.REMARK:
            return ""
        case Verb.BELONGS:
            return _belongs(mark, guide, units, ids)
        case _ if at is None:
            return "stands in no step"
        case Verb.KIND:
            if mark.value not in set(Kind):
                return f"names no kind; kinds are {', '.join(Kind)}"
            made.kinds[at] = (Kind(mark.value), mark)
            return ""
    said = _case(units[at], mark.at, told)
    if said is None:
        return "stands at no sentence that tells a case"
    told.add(id(said))
    if mark.verb is Verb.ONLY:
        units[at].scopes = (*units[at].scopes, Scope(said.condition or said.words, said.condition_lines or said.lines))
        return ""
    target = _target(mark.value, ids)
    if target is None:
        return f"names no step and no end; {did_you_mean(mark.value, [*ids, *_ENDS], 'ends are ' + ', '.join(_ENDS))}"
    if target == at:
        return "leads to its own step"
    made.leads.append(Leads(at, target, said.condition, said.condition_lines or said.lines))
    return ""


def _case(unit: Unit, line: int, told: set[int]) -> Sentence | None:
    """The next sentence at a line that no mark has spoken of: one with a condition before one without."""
    here = [s for s in unit.said if s.lines.first <= line <= s.lines.last and id(s) not in told]
    return next((s for s in here if s.condition), here[0] if here else None)


def _target(value: str, ids: Sequence[str]) -> int | Terminal | None:
    if value in _ENDS:
        return _ENDS[value]
    return ids.index(value) if value in ids else None


def _belongs(mark: Mark, guide: Guide, units: Sequence[Unit], ids: Sequence[str]) -> str:
    if mark.value not in ids:
        return f"names no step; {did_you_mean(mark.value, ids, 'steps are listed by stepfleet compile')}"
    block = _block_at(guide, mark.at)
    if block is None:
        return "stands at no text"
    unit = units[ids.index(mark.value)]
    if any(b is block for b in unit.blocks):
        return "stands in that step anyway"
    unit.add(block)
    unit.given.append(block)
    return ""


def _block_at(guide: Guide, line: int) -> Block | None:
    return next((b for s in guide.sections for b in s.blocks if b.lines.first <= line <= b.lines.last), None)


def as_marked(natures: Sequence[Nature], made: Marked, notes: Notes) -> list[Nature]:
    """The steps' natures with the kinds that their author states. A mark cannot make a change a read."""
    stated = list(natures)
    for index, (kind, mark) in made.kinds.items():
        nature = natures[index]
        if nature.risk and kind in (Kind.QUERY, Kind.CHECK):
            message = f"the mark '{mark}' cannot make a read of what changes something: {nature.risk}"
            notes.error(mark.line, Code.MARK_INVALID, message, "take the mark out, or the command")
            made.used.remove(mark)
            continue
        risk = nature.risk or ("its author says so" if kind is Kind.ACTION else "")
        why = f"line {mark.line}: the guide's mark says so"
        stated[index] = Nature(kind, risk, why, reads=kind is Kind.QUERY)
    return stated
