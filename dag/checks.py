"""Everything that is wrong with a plan, each with its lines and what to write instead.

Pure functions over a plan; the guide's own text is checked where it is parsed. Codes are stable and
documented in docs/plan-checks.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from dag.effects import Relation, relation
from dag.model import Plan
from dag.order import cycles
from dag.rules import actions, branches, paths, values
from dag.rules.problem import Code, Problem, Severity

__all__ = ["Code", "Problem", "Severity", "check"]


def check(plan: Plan, *, reversible: Mapping[str, bool] | None = None) -> tuple[Problem, ...]:
    """All problems of a plan, in the order of the guide's lines.

    `reversible` says of each action plugin whether it can undo itself; one that is missing cannot. A
    plan with an unbounded cycle has no order: what depends on one is not looked at.
    """
    found = [paths.unbounded_cycle(plan, cycle) for cycle in cycles(plan)]
    if not found:
        held = relation(plan)
        found += [problem for rule in _IN_ORDER for problem in rule(plan, held)]
    found += [problem for rule in _ANYHOW for problem in rule(plan)]
    found += actions.without_undo(plan, reversible or {})
    return tuple(sorted(found, key=_by_line))


def _by_line(problem: Problem) -> tuple[int, str, str]:
    return (problem.lines[0].first if problem.lines else 0, problem.code, problem.message)


_ANYHOW: tuple[Callable[[Plan], Iterator[Problem]], ...] = (
    paths.unbounded_loops,
    branches.open_branches,
    branches.overlapping_branches,
    branches.constant_conditions,
    branches.same_way_twice,
    values.missing_values,
    actions.unverified,
)
_IN_ORDER: tuple[Callable[[Plan, Relation], Iterator[Problem]], ...] = (
    paths.loops_forward,
    paths.unreachable,
    paths.without_end,
    values.late_values,
    values.values_produced_twice,
    actions.unordered,
)
