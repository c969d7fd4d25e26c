"""Orders over a plan: topological order, critical path, what lies before what, ranks for drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dag.errors import CycleError
from dag.model import START, TERMINALS, EdgeKind, Join, Plan

if TYPE_CHECKING:
    import networkx as nx


def graph(plan: Plan) -> nx.DiGraph[str]:
    """The steps and their forward edges; pseudo nodes and loop edges are left out."""
    import networkx as nx

    made: nx.DiGraph[str] = nx.DiGraph()
    made.add_nodes_from(s.id for s in plan.steps)
    made.add_edges_from(
        (e.source, e.target)
        for e in plan.edges
        if e.kind is not EdgeKind.LOOP and e.source != START and e.target not in TERMINALS
    )
    return made


def topological_order(plan: Plan) -> tuple[str, ...]:
    """Every step after all that lead to it; ties by id. Raises CycleError naming the cycle."""
    import networkx as nx

    try:
        return tuple(nx.lexicographical_topological_sort(graph(plan)))
    except nx.NetworkXUnfeasible:
        raise cycles(plan)[0] from None


def cycles(plan: Plan) -> tuple[CycleError, ...]:
    """One cycle of each knot of steps that lead to one another; empty for a plan that has an order.

    Each begins at the first of its steps in the plan, so that the same plan always gets the same words.
    """
    import networkx as nx

    made = graph(plan)
    place = {s.id: i for i, s in enumerate(plan.steps)}
    found: list[tuple[str, ...]] = []
    for members in nx.strongly_connected_components(made):
        if len(members) == 1 and not any(made.has_edge(step, step) for step in members):
            continue
        knot: nx.DiGraph[str] = nx.DiGraph()
        knot.add_edges_from((a, b) for a, b in made.edges if a in members and b in members)
        first = min(members, key=place.__getitem__)
        steps = [a for a, _ in nx.find_cycle(knot, source=first)]
        start = steps.index(min(steps, key=place.__getitem__))
        found.append((*steps[start:], *steps[:start]))
    return tuple(_cycle_error(steps) for steps in sorted(found, key=lambda steps: place[steps[0]]))


def critical_path(plan: Plan, duration_s: Mapping[str, float]) -> tuple[tuple[str, ...], float]:
    """The chain of steps that decides when the plan can end at the earliest, and its seconds.

    Every branch is counted as taken and every loop as not repeated; a step without a duration takes
    none. A step that joins any of its edges waits for the quickest only.

    Raises: CycleError.
    """
    ends: dict[str, float] = {}
    waited_for: dict[str, str | None] = {}
    for step in topological_order(plan):
        before = sorted({e.source for e in plan.incoming[step] if e.source != START})
        pick = min if plan.by_id[step].join is Join.ANY else max
        last = pick(before, key=lambda s: ends[s]) if before else None
        waited_for[step] = last
        ends[step] = (ends[last] if last is not None else 0.0) + duration_s.get(step, 0.0)
    at: str | None = max(ends, key=lambda s: ends[s]) if ends else None
    path: list[str] = []
    while at is not None:
        path.append(at)
        at = waited_for[at]
    return tuple(reversed(path)), max(ends.values(), default=0.0)


def ranks(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Steps by their longest distance from an entry: the rows of a drawing. Raises CycleError."""
    rank: dict[str, int] = {}
    for step in topological_order(plan):
        rank[step] = max((rank[e.source] + 1 for e in plan.incoming[step] if e.source != START), default=0)
    rows: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for known in plan.steps:
        rows[rank[known.id]].append(known.id)
    return tuple(tuple(row) for row in rows)


def descendants(plan: Plan) -> dict[str, int]:
    """For each step, what can be reached from it, as a bit mask over `plan.steps`. Raises CycleError."""
    index = {s.id: i for i, s in enumerate(plan.steps)}
    reach: dict[str, int] = {}
    for step in reversed(topological_order(plan)):
        mask = 0
        for edge in plan.outgoing[step]:
            if edge.kind is not EdgeKind.LOOP and edge.target not in TERMINALS:
                mask |= reach[edge.target] | (1 << index[edge.target])
        reach[step] = mask
    return reach


def ancestors(plan: Plan) -> dict[str, int]:
    """For each step, what leads to it, as a bit mask over `plan.steps`. Raises CycleError."""
    index = {s.id: i for i, s in enumerate(plan.steps)}
    above: dict[str, int] = {}
    for step in topological_order(plan):
        mask = 0
        for edge in plan.incoming[step]:
            if edge.source != START:
                mask |= above[edge.source] | (1 << index[edge.source])
        above[step] = mask
    return above


def _cycle_error(steps: tuple[str, ...]) -> CycleError:
    return CycleError(
        f"the steps form a cycle: {' -> '.join([*steps, steps[0]])}",
        hint="bound it: 'Go back to [Step](#step), at most 3 times.'",
        steps=steps,
    )
