"""Which steps may run at the same time: the one relation that the scheduler and the plan's JSON use."""

from __future__ import annotations

from itertools import combinations

from dag.model import TERMINALS, Effect, Kind, Plan, Step
from dag.order import descendants


def conflicts(a: Effect, b: Effect) -> bool:
    """Whether two effects must not overlap: a write conflicts with any access to the same key."""
    return _writes_into(a, b) or _writes_into(b, a)


def effect_conflicts_of(plan: Plan) -> dict[str, frozenset[str]]:
    """For each step that writes or is risky, the steps that must not run beside it.

    Order is not in it: two steps on one path never run beside each other anyway.
    """
    exclusive = [s for s in plan.steps if s.effect.is_write or s.risky]
    return {
        s.id: frozenset(o.id for o in plan.steps if o.id != s.id and not _may_run_beside(plan, s, o)) for s in exclusive
    }


def parallel_pairs(plan: Plan) -> tuple[tuple[str, str], ...]:
    """All pairs that may run at the same time, each sorted, in the order of the plan. Raises CycleError."""
    reach = descendants(plan)
    index = {s.id: i for i, s in enumerate(plan.steps)}
    branches = _exclusive_branches(plan, reach)
    working = [s for s in plan.steps if s.kind in (Kind.QUERY, Kind.ACTION)]
    return tuple(
        (min(a.id, b.id), max(a.id, b.id))
        for a, b in combinations(working, 2)
        if not (reach[a.id] >> index[b.id] & 1 or reach[b.id] >> index[a.id] & 1)
        and not any(left >> index[a.id] & 1 and right >> index[b.id] & 1 for left, right in branches)
        and not any(left >> index[b.id] & 1 and right >> index[a.id] & 1 for left, right in branches)
        and not any({a.id, b.id} <= group for group in plan.alternatives)
        and _may_run_beside(plan, a, b)
    )


def _may_run_beside(plan: Plan, a: Step, b: Step) -> bool:
    if conflicts(a.effect, b.effect):
        return False
    if a.risky or b.risky:
        return any({a.id, b.id} <= group for group in plan.simultaneous)
    return True


def _writes_into(writer: Effect, other: Effect) -> bool:
    if writer.writes is None:
        return True
    if not writer.writes:
        return False
    if other.reads is None or other.writes is None:
        return True
    return any(_same(w, key) for w in writer.writes for key in (*other.reads, *other.writes))


def _same(a: str, b: str) -> bool:
    """A key that still holds `{{ name }}` may turn out to be any of its kind."""
    if "{{" in a or "{{" in b:
        return a.partition(":")[0] == b.partition(":")[0]
    return a == b


def _exclusive_branches(plan: Plan, reach: dict[str, int]) -> list[tuple[int, int]]:
    """Pairs of step sets that one decision separates: reached by one of its branches and not by the other."""
    index = {s.id: i for i, s in enumerate(plan.steps)}
    pairs: list[tuple[int, int]] = []
    for edges in plan.outgoing.values():
        targets = {
            e.target: reach[e.target] | (1 << index[e.target])
            for e in edges
            if e.target not in TERMINALS and (e.condition is not None or e.otherwise or e.default)
        }
        for left, right in combinations(targets.values(), 2):
            pairs.append((left & ~right, right & ~left))
    return [(left, right) for left, right in pairs if left and right]
