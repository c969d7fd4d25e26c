"""What can be wrong with a plan, each with its lines and what to write instead.

Pure functions over a plan; the guide's own text is checked where it is parsed. Codes are stable and
documented in docs/plan-checks.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from dag.errors import CycleError
from dag.model import START, TERMINALS, Edge, EdgeKind, Kind, Plan, Span, Step
from dag.order import descendants, topological_order


class Severity(StrEnum):
    ERROR = "error"  # the plan must not run
    WARNING = "warning"  # it may run; a person should look


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a plan."""

    code: str
    severity: Severity
    message: str
    hint: str
    lines: tuple[Span, ...] = ()


Reversible = Mapping[str, bool]


def check(plan: Plan, *, reversible: Reversible | None = None) -> tuple[Problem, ...]:
    """All problems of a plan, in the order of the guide's lines.

    `reversible` says of each action plugin whether it can undo itself; one that is missing cannot.
    """
    try:
        topological_order(plan)
    except CycleError as exc:
        return (Problem("P01", Severity.ERROR, str(exc), exc.hint),)
    found = [p for rule in _RULES for p in rule(plan)]
    found += _actions(plan, reversible or {})
    return tuple(sorted(found, key=lambda p: (p.lines[0].first if p.lines else 0, p.code, p.message)))


def _loops(plan: Plan) -> Iterator[Problem]:
    for edge in plan.edges:
        if edge.kind is EdgeKind.LOOP and (edge.bound is None or edge.bound < 1):
            yield Problem(
                "P02",
                Severity.ERROR,
                f"the way back from '{edge.source}' to '{edge.target}' has no bound",
                "write how often: 'at most 3 times'",
                edge.lines,
            )


def _reachability(plan: Plan) -> Iterator[Problem]:
    entries = {e.target for e in plan.outgoing[START]}
    reach = descendants(plan)
    index = {s.id: i for i, s in enumerate(plan.steps)}
    if not entries and plan.steps:
        entries = {s.id for s in plan.steps if not plan.incoming[s.id]}
    mask = 0
    for entry in entries - TERMINALS:
        mask |= reach[entry] | (1 << index[entry])
    ends = _with_an_end(plan)
    for step in plan.steps:
        if not mask >> index[step.id] & 1:
            yield Problem(
                "P03",
                Severity.ERROR,
                f"no path leads to step '{step.title}'",
                "link to it from a branch, or move it into the way of the others",
                step.lines,
            )
        elif step.id not in ends:
            yield Problem(
                "P04",
                Severity.WARNING,
                f"from step '{step.title}' no path leads to an end",
                "say how it ends: link to Resolved, Escalate or Not applicable",
                step.lines,
            )


def _with_an_end(plan: Plan) -> set[str]:
    ends: set[str] = set()
    for step in reversed(topological_order(plan)):
        if any(e.target in TERMINALS or e.target in ends for e in plan.outgoing[step]):
            ends.add(step)
    return ends


def _branches(plan: Plan) -> Iterator[Problem]:
    for source, edges in plan.outgoing.items():
        written = [e for e in edges if e.condition is not None and e.kind is not EdgeKind.LOOP]
        if not written:
            continue
        lines = written[0].lines or (written[0].condition.lines if written[0].condition else ())
        covered = any(e.otherwise or (e.default and e.condition is None) for e in edges) or _cover_all(edges)
        if not covered:
            yield Problem(
                "P05",
                Severity.WARNING,
                f"the branches of '{_title(plan, source)}' do not cover every case",
                "add 'otherwise ...' to the last branch",
                lines,
            )
        yield from _overlaps(plan, source, written)


def _cover_all(edges: tuple[Edge, ...]) -> bool:
    cels = {e.condition.cel for e in edges if e.condition and e.condition.cel}
    return any(f"!({c})" in cels for c in cels)


def _overlaps(plan: Plan, source: str, written: list[Edge]) -> Iterator[Problem]:
    for a, b in combinations([e for e in written if not e.otherwise], 2):
        left, right = _interval(a), _interval(b)
        if left is None or right is None or left.what != right.what or a.target == b.target:
            continue
        if left.meets(right):
            assert a.condition is not None
            assert b.condition is not None
            yield Problem(
                "P06",
                Severity.WARNING,
                f"branches of '{_title(plan, source)}' overlap: '{a.condition.text}' and '{b.condition.text}'",
                "make them exclude each other; where both hold, both are taken",
                b.lines or b.condition.lines,
            )


@dataclass(frozen=True, slots=True)
class _Interval:
    """The numbers for which `what OP number` holds."""

    what: str
    low: float
    high: float
    low_in: bool
    high_in: bool

    def meets(self, other: _Interval) -> bool:
        low, low_in = max((self.low, not self.low_in), (other.low, not other.low_in))
        high, high_in = min((self.high, self.high_in), (other.high, other.high_in))
        return low < high or (low == high and not low_in and high_in)


_COMPARISON = re.compile(r"\s*([A-Za-z_][\w.()\s]*?)\s*(<=|>=|==|<|>)\s*(-?\d+(?:\.\d+)?)\s*")


def _interval(edge: Edge) -> _Interval | None:
    match = _COMPARISON.fullmatch(edge.condition.cel or "") if edge.condition else None
    if match is None:
        return None
    what, op, number = match[1].replace(" ", ""), match[2], float(match[3])
    inf = float("inf")
    low, high = {"<": (-inf, number), "<=": (-inf, number), ">": (number, inf), ">=": (number, inf)}.get(
        op, (number, number)
    )
    return _Interval(what, low, high, low_in=op in (">=", "=="), high_in=op in ("<=", "=="))


def _constants(plan: Plan) -> Iterator[Problem]:
    for edge in plan.edges:
        condition = edge.condition
        if condition is not None and condition.cel is not None and not condition.names:
            yield Problem(
                "P07",
                Severity.ERROR,
                f"the condition '{condition.text}' reads no value: it is always the same",
                "compare a result, e.g. `max(waiting) > 2`",
                condition.lines or edge.lines,
            )


def _data_flow(plan: Plan) -> Iterator[Problem]:
    inputs = {i.name for i in plan.inputs}
    producers: dict[str, list[str]] = {}
    for step in plan.steps:
        for name in step.produces:
            producers.setdefault(name, []).append(step.id)
    reach = descendants(plan)
    index = {s.id: i for i, s in enumerate(plan.steps)}
    for user, name, lines in _uses(plan):
        own = set(user.produces) if user is not None else set()
        if name in inputs or name in own:
            continue
        if name not in producers:
            yield Problem(
                "P08",
                Severity.ERROR,
                f"'{name}' is used and never produced",
                "declare it under inputs, or bind a block's result to it with as=",
                lines,
            )
        elif user is not None and not any(reach[p] >> index[user.id] & 1 for p in producers[name] if p != user.id):
            yield Problem(
                "P09",
                Severity.ERROR,
                f"'{name}' is produced on no path that leads to '{user.title}'",
                f"move '{_title(plan, producers[name][0])}' before it",
                lines,
            )


def _uses(plan: Plan) -> Iterator[tuple[Step | None, str, tuple[Span, ...]]]:
    """Every reading of a name: by a step's calls, by a condition that leaves it."""
    for step in plan.steps:
        own = {c.bind for c in (*step.calls, *(step.verify.calls if step.verify else ()))}
        for name in step.consumes:
            if name not in own:
                yield step, name, step.lines
    for edge in plan.edges:
        if edge.condition is not None:
            for name in edge.condition.names:
                yield plan.by_id.get(edge.source), name, edge.condition.lines or edge.lines


def _actions(plan: Plan, reversible: Reversible) -> Iterator[Problem]:
    acting = [s for s in plan.steps if s.kind is Kind.ACTION]
    for step in acting:
        if step.verify is None:
            yield Problem(
                "P10",
                Severity.WARNING,
                f"the action '{step.title}' states no verification; only its own read-back decides",
                "add: 'Verified when `...` within 30 s.'",
                step.lines,
            )
        if step.undo is None and not all(reversible.get(c.plugin, False) for c in step.calls):
            yield Problem(
                "P11",
                Severity.WARNING,
                f"how '{step.title}' is undone is not known",
                "add: 'Undo: ...'",
                step.lines,
            )
    reach = descendants(plan)
    index = {s.id: i for i, s in enumerate(plan.steps)}
    for a, b in combinations([s for s in acting if s.effect.writes is None], 2):
        if not (reach[a.id] >> index[b.id] & 1 or reach[b.id] >> index[a.id] & 1):
            yield Problem(
                "P12",
                Severity.WARNING,
                f"'{a.title}' and '{b.title}' change unknown things, and neither is said to come first",
                "put them in order: let one follow the other",
                b.lines,
            )


def _title(plan: Plan, source: str) -> str:
    step = plan.by_id.get(source)
    return step.title if step is not None else "the entry"


_RULES: tuple[Callable[[Plan], Iterator[Problem]], ...] = (_loops, _reachability, _branches, _constants, _data_flow)
