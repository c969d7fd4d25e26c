"""Does the plan have an order, does a path lead to every step, and from every step to an end?"""

from __future__ import annotations

from collections.abc import Iterator

from dag.effects import Relation
from dag.errors import CycleError
from dag.model import START, EdgeKind, Plan
from dag.order import descendants
from dag.rules.problem import Code, Problem, error, place, title, warning


def unbounded_cycle(plan: Plan, cycle: CycleError) -> Problem:
    lines = sorted(span for step in cycle.steps for span in plan.by_id[step].lines)
    return error(Code.CYCLE, str(cycle), cycle.hint, lines)


def unbounded_loops(plan: Plan) -> Iterator[Problem]:
    for edge in plan.edges:
        if edge.kind is EdgeKind.LOOP and (edge.bound is None or edge.bound < 1):
            yield error(
                Code.LOOP_UNBOUNDED,
                f"the way back from '{title(plan, edge.source)}' to '{title(plan, edge.target)}' has no bound",
                "write how often: 'at most 3 times'",
                place(plan, edge),
            )


def loops_forward(plan: Plan, held: Relation) -> Iterator[Problem]:
    """A way back must end at a step that leads to where it starts, or it repeats nothing."""
    after = descendants(plan)
    for edge in plan.edges:
        if edge.kind is not EdgeKind.LOOP or edge.source == edge.target:
            continue
        source = held.index.get(edge.source)
        if source is None or edge.target not in held.index or not after[edge.target] >> source & 1:
            yield error(
                Code.LOOP_FORWARD,
                f"the way back from '{title(plan, edge.source)}' does not lead back:"
                f" no path goes from '{title(plan, edge.target)}' to it",
                "go back to a step that comes before, or write 'go to' without a bound",
                place(plan, edge),
            )


def reached(plan: Plan) -> frozenset[str]:
    """Steps that a path leads to; in a plan without an entry, every step that nothing leads to is one."""
    after = descendants(plan)
    entries = [e.target for e in plan.outgoing[START] if e.target in plan.by_id]
    if not plan.outgoing[START]:
        entries = [s.id for s in plan.steps if not plan.incoming[s.id]]
    mask = 0
    for entry in entries:
        mask |= after[entry]
    return frozenset(entries) | {s.id for i, s in enumerate(plan.steps) if mask >> i & 1}


def unreachable(plan: Plan, held: Relation) -> Iterator[Problem]:
    known = reached(plan)
    for step in plan.steps:
        if step.id not in known:
            yield error(
                Code.UNREACHABLE,
                f"no path leads to step '{step.title}'",
                "link to it from a branch, or move it into the way of the others",
                step.lines,
            )


def without_end(plan: Plan, held: Relation) -> Iterator[Problem]:
    """Only where the way stops: the steps before it have no other problem than this one."""
    for step in plan.steps:
        if all(e.kind is EdgeKind.LOOP for e in plan.outgoing[step.id]):
            yield warning(
                Code.NO_END,
                f"from step '{step.title}' no path leads to an end",
                "say how it ends: link to Resolved, Escalate or Not applicable",
                step.lines,
            )
