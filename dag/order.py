"""Orders over a plan: topological order, critical path, what lies before what, ranks for drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dag.errors import CycleError
from dag.model import START, TERMINALS, EdgeKind, Plan

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

    made = graph(plan)
    try:
        return tuple(nx.lexicographical_topological_sort(made))
    except nx.NetworkXUnfeasible:
        cycle = [source for source, _ in nx.find_cycle(made)]
        shown = " -> ".join([*cycle, cycle[0]])
        raise CycleError(
            f"the steps form a cycle: {shown}",
            hint="bound it: 'Go back to [Step](#step), at most 3 times.'",
        ) from None


def critical_path(plan: Plan, duration_s: Mapping[str, float]) -> tuple[tuple[str, ...], float]:
    """The chain of steps that takes longest, and its seconds; a step without a duration takes none.

    Raises: CycleError.
    """
    best: dict[str, tuple[float, tuple[str, ...]]] = {}
    for step in topological_order(plan):
        before = [best[e.source] for e in plan.incoming[step] if e.source != START]
        seconds, path = max(before, default=(0.0, ()))
        best[step] = (seconds + duration_s.get(step, 0.0), (*path, step))
    seconds, path = max(best.values(), default=(0.0, ()))
    return path, seconds


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
    """For each step, what can be reached from it, as a bit mask over `plan.steps`. Raises CycleError.

    Masks make pair questions cheap: 5,000 steps need 5,000 integers, not 25 million entries.
    """
    index = {s.id: i for i, s in enumerate(plan.steps)}
    reach: dict[str, int] = {}
    for step in reversed(topological_order(plan)):
        mask = 0
        for edge in plan.outgoing[step]:
            if edge.kind is not EdgeKind.LOOP and edge.target not in TERMINALS:
                mask |= reach[edge.target] | (1 << index[edge.target])
        reach[step] = mask
    return reach
