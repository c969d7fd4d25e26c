"""Guides that were not written for stepfleet: a plan of instructions to people, out of plain Markdown.

No block of such a guide becomes a call. A step says what a person is to do, whether it is known to only
read, and what in it is risky; a person carries it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from dag.model import (
    NO_EFFECT,
    READS_UNKNOWN,
    START,
    TERMINALS,
    Condition,
    Edge,
    EdgeKind,
    Effect,
    Input,
    Kind,
    Span,
    Step,
    Terminal,
)
from tsg.compile.gaps import Gap, gaps_of
from tsg.compile.headings import ending_of
from tsg.compile.notes import Notes
from tsg.compile.prose import prose
from tsg.compile.public.decisions import either_or
from tsg.compile.public.dispatch import entries
from tsg.compile.public.marked import apply_marks, as_marked
from tsg.compile.public.nature import Nature, nature_of
from tsg.compile.public.own import own_condition
from tsg.compile.public.unit import Scope, Unit
from tsg.compile.public.values import Values, values_of
from tsg.compile.public.ways_out import Leads, named_together, references, ways_out
from tsg.compile.public.wiring import START as ENTRY
from tsg.compile.public.wiring import Way, Wiring, speaks_of
from tsg.compile.reasons import Reason
from tsg.guide import Guide

UNKNOWN = Effect(None, None)
LOOP_BOUND = 3  # how often a way back is taken where the guide does not say
_TITLE_CHARS = 80
_VERIFIES = re.compile(
    r"\W*(?:verif|validat|confirm|monitor|check (?:that|recovery)|post-?check|as (?:a )?validation)", re.I
)
_FINAL = re.compile(r"\bfinal (?:outcome|resolution|step)\b", re.I)


@dataclass(frozen=True, slots=True)
class Outline:
    """What a public guide became."""

    steps: tuple[Step, ...]
    edges: tuple[Edge, ...]
    alternatives: tuple[frozenset[str], ...] = ()
    simultaneous: tuple[frozenset[str], ...] = ()
    inputs: tuple[Input, ...] = ()
    reasons: tuple[Reason, ...] = ()
    gaps: tuple[Gap, ...] = ()


def outline(guide: Guide, units: Sequence[Unit], notes: Notes) -> Outline:
    """A public guide out of its units: what is not understood stays an instruction in words, and is no call."""
    ids = _names(units, guide)
    marked = apply_marks(guide, units, ids, notes)
    natures = as_marked([nature_of(u) for u in units], marked, notes)
    values = values_of(units)
    anchors = _anchors(units, guide)
    begins = list(entries(guide, units, anchors))
    leads = [*marked.leads, *ways_out(units, anchors)]
    together = list(named_together(units))
    scopes = [_scopes(u) for u in units]
    scopes = [_asked_before(i, units, s) for i, s in enumerate(scopes)]
    scopes = either_or(units, natures, scopes)
    wiring = Wiring(units, natures, values, scopes, leads, together, references(units), begins)
    wiring.run()
    steps = tuple(_step(*parts) for parts in zip(ids, units, natures, values, strict=True))
    ending = next((e for s in guide.sections if (e := ending_of(s)) is not None), None)
    edges = _edges(ids, units, natures, wiring.ways, [*begins, *leads], ending)
    alternatives = tuple(frozenset(ids[i] for i in group) for group in wiring.alternatives)
    simultaneous = tuple(frozenset(ids[i] for i in group) for _, group in together)
    reasons = (*_of_steps(ids, units, natures, values), *_of_edges(ids, edges, wiring.ways))
    gaps = gaps_of(guide, ids, units, natures, edges, marked.used)
    return Outline(steps, edges, alternatives, simultaneous, _inputs(guide, values), reasons, gaps)


def _of_steps(
    ids: Sequence[str], units: Sequence[Unit], natures: Sequence[Nature], values: Sequence[Values]
) -> Iterator[Reason]:
    for name, unit, nature, value in zip(ids, units, natures, values, strict=True):
        yield Reason(name, "step", unit.lines, unit.rule)
        yield Reason(name, f"kind {nature.kind}", unit.lines, nature.why)
        if nature.risk:
            yield Reason(name, "risk", unit.lines, nature.risk)
        for scope in _scopes(unit):
            yield Reason(name, "condition", (scope.lines,), f"written around it: {scope.condition}")
        if value.consumes:
            yield Reason(name, "uses", unit.lines, ", ".join(value.consumes))
        if value.produces:
            yield Reason(name, "gives", unit.lines, ", ".join(value.produces))


def _of_edges(ids: Sequence[str], edges: Sequence[Edge], ways: Sequence[Way]) -> Iterator[Reason]:
    whys = {(START if w.source == ENTRY else ids[w.source], ids[w.target]): w.why for w in ways}
    for edge in edges:
        why = whys.get((edge.source, edge.target), "a sentence of the guide leads there")
        part = f"edge from {edge.source}"
        if edge.target in TERMINALS:
            yield Reason(edge.source, f"edge to {edge.target}", edge.lines, why)
        else:
            yield Reason(edge.target, part, edge.lines, why)


def _inputs(guide: Guide, values: Sequence[Values]) -> tuple[Input, ...]:
    """What the guide declares, and the names it uses before any of its steps gives them: the incident's own."""
    given = {i.name for i in guide.front.inputs}
    asked: dict[str, None] = {}
    for value in values:
        asked |= dict.fromkeys(n for n in value.consumes if n not in given)
        given |= set(value.produces)
    return (*guide.front.inputs, *(Input(name, required=False) for name in asked))


def _anchors(units: Sequence[Unit], guide: Guide) -> dict[str, int]:
    """First unit of each section, also of those below it, by the section's anchor."""
    first: dict[int, int] = {}
    for i, unit in enumerate(units):
        first.setdefault(unit.head.index, i)
    table: dict[str, int] = {}
    for anchor, section in guide.by_anchor.items():
        level = guide.sections[section].level
        for at in range(section, len(guide.sections)):
            if at > section and guide.sections[at].level <= level:
                break
            if at in first:
                table[anchor.lower()] = first[at]
                break
    return table


def _scopes(unit: Unit) -> tuple[Scope, ...]:
    """The conditions around a unit, and the one that its first instruction opens with."""
    own = own_condition(unit)
    return (*unit.scopes, own) if own is not None else unit.scopes


def _asked_before(index: int, units: Sequence[Unit], scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """Without conditions of whole sections that no step before speaks of: those explain and decide nothing."""
    return tuple(s for s in scopes if s.form != "section" or any(speaks_of(u, s.condition) for u in units[:index]))


def _names(units: Sequence[Unit], guide: Guide) -> list[str]:
    """Ids: the section's anchor where it holds one step, with the item's number or a count where it holds more."""
    taken: set[str] = set()
    ids: list[str] = []
    for section, group in groupby(units, key=lambda u: u.head.index):
        inside = list(group)
        base = guide.sections[section].slug or "step"
        for n, unit in enumerate(inside, 1):
            slug = wanted = base if len(inside) == 1 else f"{base}-{unit.label or n}"
            extra = 1
            while slug in taken:
                extra += 1
                slug = f"{wanted}-{extra}"
            taken.add(slug)
            ids.append(slug)
    return ids


def _step(name: str, unit: Unit, nature: Nature, values: Values) -> Step:
    kind = nature.kind
    quiet = NO_EFFECT if kind is Kind.CHECK or nature.reads else UNKNOWN
    effect = {Kind.QUERY: READS_UNKNOWN, Kind.ACTION: UNKNOWN}.get(kind, quiet)
    return Step(
        id=name,
        title=_title(unit) or name,
        kind=kind,
        lines=unit.lines,
        consumes=values.consumes,
        produces=values.produces,
        effect=effect,
        risky=bool(nature.risk) or kind is Kind.ACTION,
        risk=nature.risk,
        text=prose(unit.distinct, with_fences=True),
    )


def _title(unit: Unit) -> str:
    if unit.title:
        return unit.title
    if unit.leads and unit.head.title and not unit.listed:
        return unit.head.title
    text = next((s.words for s in unit.said if s.asks), unit.said[0].words if unit.said else unit.head.title)
    return text if len(text) <= _TITLE_CHARS else text[: _TITLE_CHARS - 1].rsplit(" ", 1)[0] + "…"


def _edges(
    ids: Sequence[str],
    units: Sequence[Unit],
    natures: Sequence[Nature],
    ways: Sequence[Way],
    leads: Sequence[Leads],
    ending: Terminal | None,
) -> tuple[Edge, ...]:
    edges: dict[tuple[str, str], Edge] = {}
    for lead in leads:
        edge = _led(lead, ids)
        edges.setdefault((edge.source, edge.target), edge)
    deciding = {e.source for e in edges.values() if e.condition is not None and e.kind is not EdgeKind.LOOP} - {START}
    deciding |= {ids[w.source] for w in ways if w.scope is not None and w.source != ENTRY}
    closed = {e.source for e in edges.values() if e.otherwise or e.condition is None}
    for way in ways:
        source = START if way.source == ENTRY else ids[way.source]
        edge = Edge(source, ids[way.target], kind=way.kind)
        if way.scope is not None:
            edge = replace(
                edge,
                kind=EdgeKind.COND,
                condition=Condition(way.scope.condition, (way.scope.lines,)),
                lines=(way.scope.lines,),
            )
        elif source in deciding:
            if source in closed and (source, ids[way.target]) not in edges and _leads_on(source, edges):
                continue
            edge = replace(edge, **_else(units[way.source]))
        edges.setdefault((edge.source, edge.target), edge)
    left = {e.source for e in edges.values() if e.kind is not EdgeKind.LOOP}
    for name, unit in zip(ids, units, strict=True):
        if name not in left and unit.hands_over:
            edges[name, Terminal.ESCALATE] = Edge(name, Terminal.ESCALATE)
    for name in _over(ids, units, natures, edges.values()):
        edges.setdefault((name, Terminal.RESOLVED), Edge(name, Terminal.RESOLVED))
    left = {e.source for e in edges.values() if e.kind is not EdgeKind.LOOP}
    for name in ids if ending is not None else ():
        if name not in left:
            edges[name, str(ending)] = Edge(name, str(ending))
    if not any(e.source == START for e in edges.values()):
        first = ids[0] if ids else str(Terminal.ESCALATE)
        edges[START, first] = Edge(START, first, kind=EdgeKind.SEQ if ids else EdgeKind.IMPLICIT)
    return tuple(edges.values())


def _else(unit: Unit) -> dict[str, Any]:
    """What an edge onward is when its step has other ways out: a case that the guide writes, or the rest."""
    if (good := unit.onward) is not None:
        return {"kind": EdgeKind.COND, "condition": Condition(good.condition, (good.lines,)), "lines": (good.lines,)}
    last = (Span(unit.lines[-1].last, unit.lines[-1].last),)
    return {"kind": EdgeKind.IMPLICIT, "condition": Condition("otherwise", last), "otherwise": True, "lines": last}


def _leads_on(source: str, edges: dict[tuple[str, str], Edge]) -> bool:
    """Whether the guide itself says where to go in all other cases."""
    return any(e.source == source and e.otherwise and not e.target.startswith("END.") for e in edges.values())


def _led(lead: Leads, ids: Sequence[str]) -> Edge:
    back = isinstance(lead.target, int) and lead.target <= lead.source
    target = ids[lead.target] if isinstance(lead.target, int) else str(lead.target)
    condition = Condition(lead.condition, (lead.lines,)) if lead.condition else None
    kind = EdgeKind.LOOP if back else EdgeKind.COND if condition is not None else EdgeKind.SEQ
    return Edge(
        START if lead.source == ENTRY else ids[lead.source],
        target,
        condition,
        kind,
        bound=LOOP_BOUND if back else None,
        otherwise=lead.otherwise,
        lines=(lead.lines,),
    )


def _over(ids: Sequence[str], units: Sequence[Unit], natures: Sequence[Nature], edges: Iterable[Edge]) -> list[str]:
    """Steps behind which the procedure is over and well: the last check of a change, or a stated final outcome."""
    left = {e.source for e in edges if e.kind is not EdgeKind.LOOP}
    found = []
    for i, (name, unit) in enumerate(zip(ids, units, strict=True)):
        if name in left:
            continue
        changed = any(n.risk for n in natures[:i])
        words = unit.head.title if unit.leads else (unit.said[0].words if unit.said else "")
        if any(_FINAL.search(s.words) for s in unit.said) or (changed and _VERIFIES.match(words)):
            found.append(name)
    return found
