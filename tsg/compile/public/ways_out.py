"""Where a unit's sentences lead beside the next step: other steps, and the ends of the procedure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dag.model import Span, Terminal
from tsg.compile.public.speech import Act, Sentence
from tsg.compile.public.unit import Unit
from tsg.guide import Block, PieceKind

_GO = re.compile(
    r"\b(?P<verb>go|proceed|return|jump|skip|continue|move|repeat|start again|retry|try)\b[^.;]{0,40}?"
    r"\b(?:step|steps|section|phase|part)s?\s+#?(?P<label>\d{1,3}[a-z]?)\b",
    re.I,
)
_TOGETHER = re.compile(
    r"\bsteps?\s+#?(?P<first>\d{1,3})\s*(?:through|to|until|-|–|—)\s*#?(?P<last>\d{1,3})\b[^;]{0,100}"
    r"\b(?:in parallel|concurrently|simultaneously|at the same time|at once)\b",
    re.I,
)
_REFERENCE = re.compile(
    r"(?:\b(?:from|in|of|with|using|by|per|see|against|and|or)\s+(?:the\s+)?"
    r"|[(,;]\s*)(?:(?P<list>[A-Z][a-z]+)\s+)?steps?\s+(?P<a>\d{1,2})"
    r"(?:\s*(?:-|–|to|through|and|,)\s*(?P<b>\d{1,2}))?|\bstep\s+(?P<c>\d{1,2})\s+(?:show|return|found|find|indicat"
    r"|report|confirm|output)",
    re.I,
)
_STOPS = re.compile(r"\bstop\b", re.I)
_NOTHING = re.compile(r"\bnothing (?:more |else )?to do\b|\bno action\b|\bthe business of the\b", re.I)
_GO_CASE = re.compile(
    r"\b(?:go|proceed|jump|skip|continue|move)\b[^.;()]{0,40}?\bstep\s+#?\d{1,3}[a-z]?\s*\((?P<case>[^()]{3,40})\)",
    re.I,
)
_MANY = 50  # steps that one sentence can mean
_ALL_ABOVE = re.compile(
    r"\b(?:above|these|previous|preceding|recommended|mitigation) (?:actions|steps|measures|fixes|options|solutions"
    r"|mitigations|remedies|attempts)\b|\bnone of (?:the above|these|them)\b",
    re.I,
)
_ARROW = re.compile(r"(?P<told>[^→.]{4,160}?)\s*(?:->|→|=>|⇒)\s")
_IS = re.compile(r"\b(?:is|are|means?|shows?|says?|indicates?|has|have|fails?|missing)\b", re.I)
_GO_LINK = re.compile(r"\b(?:go|proceed|return|jump|skip|continue|move|see|follow|refer)\b", re.I)
_NORMAL = re.compile(
    r"\b(?:normal(?: operation)?|healthy|nothing to do|no action|all good|ok|okay|expected state)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Leads:
    """One way out of a unit. `condition` empty: always taken. `otherwise`: when its siblings are not."""

    source: int
    target: int | Terminal
    condition: str
    lines: Span
    otherwise: bool = False
    gates: bool = False  # what follows waits for it: the guide may not be about this, or says stop


def ways_out(units: Sequence[Unit], anchors: Mapping[str, int]) -> Iterator[Leads]:
    """The ways out that sentences write. `anchors`: a heading's anchor to its first unit."""
    labels = _labels(units)
    for index, unit in enumerate(units):
        yield from _of_unit(index, units, labels, anchors, alone=_is_only_a_handover(unit))
        yield from _of_states(index, unit)


def _behind_all(index: int, units: Sequence[Unit]) -> Iterator[int]:
    """The units whose common outcome a sentence speaks of: those of its section with a change or an instruction."""
    for i in range(index - 1, max(-1, index - 1 - _MANY), -1):
        if units[i].head is not units[index].head:
            return
        if any(s.asks for s in units[i].said) or units[i].runs:
            yield i


def _labels(units: Sequence[Unit]) -> dict[str, int]:
    """Numbers of headings first, numbers of items where no heading has them."""
    table: dict[str, int] = {}
    for index, unit in enumerate(units):
        if unit.head.label:
            table.setdefault(unit.head.label, index)
    for index, unit in enumerate(units):
        if unit.label:
            table.setdefault(unit.label, index)
    return table


def _is_only_a_handover(unit: Unit) -> bool:
    asks = [s for s in unit.said if s.asks]
    return not unit.runs and bool(asks) and all(s.act is Act.ESCALATE for s in asks)


def _of_unit(
    index: int, units: Sequence[Unit], labels: Mapping[str, int], anchors: Mapping[str, int], *, alone: bool
) -> Iterator[Leads]:
    unit = units[index]
    items = {n: b for b in unit.blocks if b.items for n in range(b.lines.first, b.lines.last + 1)}
    carried: Sentence | None = None
    decided = False
    for said in unit.said:
        if said.condition:
            carried = said
        elif carried is not None and said.lines.first > carried.lines.last + 1:
            carried = None
        condition, lines = _condition(said, carried)
        target: int | Terminal | None = _target(said, index, labels, anchors)
        if isinstance(target, int) and not condition and not said.otherwise:
            condition = _finding(said) or _pointed(items.get(said.lines.first))
        if target is None:
            if said.act is Act.GOOD and unit.choice and not condition:
                condition = _cause(unit, said)
            target = _end(said, condition, alone=alone)
            if target is not None and not condition and not said.otherwise and not unit.scopes:
                # Nothing ends a procedure in every case: without the case it is a remark.
                condition, colon, _ = said.words.partition(": ")
                target = target if colon else None
        if target is not None:
            rest = said.otherwise and decided and not condition
            gates = bool(condition) and (target is Terminal.NOT_APPLICABLE or _STOPS.search(said.words) is not None)
            gates = gates and not isinstance(target, int)
            words = "otherwise" if rest else condition
            cases = _cases(said, target, units) if isinstance(target, int) and condition else {}
            for case, row in cases.items():
                yield Leads(index, case, f"{condition}; {row}", lines)
            if not cases:
                yield Leads(index, target, words, lines, otherwise=rest, gates=gates)
            if not isinstance(target, int) and _ALL_ABOVE.search(words):
                yield from (Leads(i, target, words, lines) for i in _behind_all(index, units))
        decided = decided or bool(condition)


def _finding(said: Sentence) -> str:
    """What stands before the colon of "XID 79 means that the card is gone: skip to step 6"."""
    told, colon, rest = said.words.partition(": ")
    return told if colon and _GO.search(rest) and not _GO.search(told) and _IS.search(told) else ""


def _cases(said: Sentence, target: int, units: Sequence[Unit]) -> dict[int, str]:
    """The rows of a table that a go-to means by a word of theirs, with their conditions: "go to step 3 (missing)"."""
    named = _GO_CASE.search(said.words)
    rows: dict[int, str] = {}
    if named is None:
        return rows
    for i in range(target, min(len(units), target + _MANY)):
        if units[i].head is not units[target].head:
            break
        row = next((s.condition for s in units[i].scopes[-1:] if s.form == "row"), "")
        if named["case"].lower() in row.lower():
            rows[i] = row
    return rows


def _pointed(block: Block | None) -> str:
    """What stands before the arrow of its item: "The disk is absent -> a matter of zones. Go to step 3."."""
    found = _ARROW.match(" ".join(block.text.split())) if block is not None else None
    return found["told"].strip("*_ ").replace("**", "") if found else ""


def _end(said: Sentence, condition: str, *, alone: bool) -> Terminal | None:
    """The end that a sentence leads to. `alone`: it is all that its step asks, and so a step for a person."""
    match said.act:
        case Act.GOOD if condition or said.otherwise:
            return Terminal.RESOLVED
        case Act.DECLINE:
            return Terminal.NOT_APPLICABLE
        case Act.ESCALATE if condition and not alone:
            return Terminal.ESCALATE
    return None


def _cause(unit: Unit, said: Sentence) -> str:
    """The cause whose item a sentence stands in: the item's first words."""
    block = next((b for b in unit.blocks if b.items and b.lines.first <= said.lines.first <= b.lines.last), None)
    return next((s.words for s in unit.said if block and s.lines.first == block.lines.first), "")


def _condition(said: Sentence, carried: Sentence | None) -> tuple[str, Span]:
    """A sentence's own condition, or that of the sentence before it in the same paragraph."""
    if said.condition:
        return said.condition, said.condition_lines or said.lines
    if carried is not None and carried is not said:
        return carried.condition, carried.condition_lines or carried.lines
    return "", said.lines


def _target(said: Sentence, index: int, labels: Mapping[str, int], anchors: Mapping[str, int]) -> int | None:
    if found := _GO.search(said.main):
        target = labels.get(found["label"].lower())
        if target is not None and target != index:
            return target
    if said.asks and _GO_LINK.match(said.main.strip("*_ ")):
        for href in said.links:
            if href.startswith("#") and (target := anchors.get(href[1:].lower())) not in (None, index):
                return target
    return None


def _of_states(index: int, unit: Unit) -> Iterator[Leads]:
    """Bullets "`CLOSED` = normal operation" behind a read: the state that needs nothing ends the procedure."""
    for block in unit.blocks:
        if not (unit.runs and block.items and block.items[-1].number is None and block.pieces):
            continue
        first, rest = block.pieces[0], "".join(p.text for p in block.pieces[1:]).strip()
        if first.kind is PieceKind.CODE and rest[:1] in ("=", ":", "-", "–", "—", "→") and _NORMAL.search(rest):
            yield Leads(index, Terminal.NOT_APPLICABLE, first.text, block.lines, gates=True)
            continue
        state, colon, told = "".join(p.text for p in block.pieces).partition(": ")
        if colon and len(state) < 60 and _NOTHING.search(told):
            yield Leads(index, Terminal.NOT_APPLICABLE, state, block.lines, gates=True)


def unknown_labels(units: Sequence[Unit]) -> Iterator[tuple[int, Sentence]]:
    """Go-tos by a number that no heading and no item has, with the unit that they stand in."""
    labels = _labels(units)
    for index, unit in enumerate(units):
        for said in unit.said:
            if (found := _GO.search(said.main)) and found["label"].lower() not in labels:
                yield index, said


def named_together(units: Sequence[Unit]) -> Iterator[tuple[int, frozenset[int]]]:
    """Steps that a sentence tells the reader to do at the same time, with the step that says so.

    Only a range of steps and the words for it make one sentence: "parallel" alone names nothing.
    """
    labels = _labels(units)
    for index, unit in enumerate(units):
        for said in (*(s.words for s in unit.said), *(f"{a.words} {b.words}" for a, b in pairwise(unit.said))):
            if found := _TOGETHER.search(said):
                group = [labels.get(str(n)) for n in range(int(found["first"]), int(found["last"]) + 1)]
                named = frozenset(g for g in group if g is not None and g != index)
                if len(named) > 1:
                    yield index, named
                    break


def references(units: Sequence[Unit]) -> dict[int, frozenset[int]]:
    """By unit, the steps before it whose results a sentence names: "the sizes from Playbook step 5"."""
    found: dict[int, frozenset[int]] = {}
    for index, unit in enumerate(units):
        texts = [*(s.words for s in unit.said if not _GO.search(s.words)), *(s.condition for s in unit.scopes[-1:])]
        named = {u for text in texts for m in _REFERENCE.finditer(text) for u in _meant(m, index, units)}
        if named:
            found[index] = frozenset(named)
    return found


def _meant(found: re.Match[str], index: int, units: Sequence[Unit]) -> Iterator[int]:
    first = int(found["a"] or found["c"])
    last = int(found["b"] or first)
    for number in range(first, min(last, first + 30) + 1):
        target = _labelled(str(number), found["list"] or "", index, units)
        if target is not None:
            yield target


def _labelled(label: str, heading: str, index: int, units: Sequence[Unit]) -> int | None:
    """The nearest step before with this number: under the heading that is named, in the same section, anywhere."""
    before = [i for i in range(index - 1, -1, -1) if label in (units[i].label, units[i].head.label)]
    if heading and heading.lower() not in ("the", "see"):
        named = [i for i in before if heading.lower() in units[i].head.title.lower().split()]
        if named:
            return named[0]
    own = [i for i in before if units[i].head is units[index].head]
    return next(iter([*own, *before]), None)
