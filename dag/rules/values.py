"""Is every value produced, on a path that leads to where it is used, and by one step only?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from dag.effects import Relation
from dag.model import Plan, Span, Step
from dag.order import descendants
from dag.rules.problem import Code, Problem, error, place, title


def missing_values(plan: Plan) -> Iterator[Problem]:
    inputs, producers = {i.name for i in plan.inputs}, _producers(plan)
    reported: set[tuple[str, tuple[Span, ...]]] = set()
    for _, name, lines in _uses(plan):
        if name not in inputs and name not in producers and (name, lines) not in reported:
            reported.add((name, lines))
            yield error(
                Code.NEVER_PRODUCED,
                f"'{name}' is used and never produced",
                "declare it under inputs, or bind a block's result to it with as=",
                lines,
            )


def late_values(plan: Plan, held: Relation) -> Iterator[Problem]:
    inputs, producers = {i.name for i in plan.inputs}, _producers(plan)
    after = descendants(plan)
    for user, name, lines in _uses(plan):
        if name in inputs or name not in producers:
            continue
        if user is not None and any(p == user.id or after[p] >> held.index[user.id] & 1 for p in producers[name]):
            continue
        yield error(
            Code.NOT_YET_PRODUCED,
            f"'{name}' is produced on no path that leads to '{user.title if user else 'the entry'}'",
            f"move '{title(plan, producers[name][0])}' before it",
            lines,
        )


def values_produced_twice(plan: Plan, held: Relation) -> Iterator[Problem]:
    """Two steps may bind one name one after the other, or on branches that exclude each other."""
    for name, producers in _producers(plan).items():
        for a, b in combinations(dict.fromkeys(producers), 2):
            if not held.is_settled(a, b):
                yield error(
                    Code.PRODUCED_TWICE,
                    f"'{title(plan, a)}' and '{title(plan, b)}' both bind '{name}', and which comes last is open",
                    "give one of them another name with as=, or let one follow the other",
                    plan.by_id[b].lines,
                )


def _producers(plan: Plan) -> dict[str, list[str]]:
    producers: dict[str, list[str]] = {}
    for step in plan.steps:
        for name in step.produces:
            producers.setdefault(name, []).append(step.id)
    return producers


def _uses(plan: Plan) -> Iterator[tuple[Step | None, str, tuple[Span, ...]]]:
    """Every reading of a name that the reader does not bind itself: by calls, by a loop over it, by a condition."""
    for step in plan.steps:
        verify = step.verify
        own = {c.bind for c in (*step.calls, *(verify.calls if verify else ()))} | set(step.produces)
        read = (*step.consumes, *([step.for_each] if step.for_each else []))
        for name in dict.fromkeys(n for n in read if n not in own):
            yield step, name, step.lines
        for name in verify.condition.names if verify else ():
            if name not in own and name not in read:
                yield step, name, verify.condition.lines if verify and verify.condition.lines else step.lines
    for edge in plan.edges:
        source = plan.by_id.get(edge.source)
        for name in edge.condition.names if edge.condition is not None else ():
            yield source, name, place(plan, edge)
