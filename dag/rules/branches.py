"""Do the branches of each decision cover every case, exclude each other, and depend on something?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from dag.model import Condition, Edge, EdgeKind, Plan, Span
from dag.regions import Formula, Not, constant, formula, surely_cover, surely_meet
from dag.rules.problem import Code, Problem, error, place, title, warning


def open_branches(plan: Plan) -> Iterator[Problem]:
    for source, edges in plan.outgoing.items():
        written = [e for e in edges if e.condition is not None and not e.otherwise]
        if written and not _covered(edges):
            yield warning(
                Code.BRANCH_OPEN,
                f"the branches of '{title(plan, source)}' do not cover every case",
                "add 'otherwise ...' to the last branch",
                place(plan, written[0]),
            )


def _covered(edges: Sequence[Edge]) -> bool:
    if any(e.otherwise or e.condition is None for e in edges):
        return True
    formulas = _formulas(edges)
    opposite = any(isinstance(f, Not) and f.of in formulas.values() for f in formulas.values())
    return opposite or surely_cover(formulas)


def overlapping_branches(plan: Plan) -> Iterator[Problem]:
    for source, edges in plan.outgoing.items():
        written = {e.id: e for e in edges if e.condition is not None and not e.otherwise}
        formulas = _formulas(list(written.values()))
        for (a, left), (b, right) in combinations(formulas.items(), 2):
            if written[a].target != written[b].target and (left == right or surely_meet(left, right)):
                yield warning(
                    Code.BRANCHES_OVERLAP,
                    f"branches of '{title(plan, source)}' overlap: '{_text(written[a])}' and '{_text(written[b])}'",
                    "make them exclude each other; where both hold, both are taken",
                    place(plan, written[b]),
                )


def constant_conditions(plan: Plan) -> Iterator[Problem]:
    for edge in plan.edges:
        if edge.condition is None or (edge.otherwise and edge.kind is EdgeKind.IMPLICIT):
            continue  # what the compiler adds to close a decision is no claim of the guide
        problem = _constant(edge.condition, place(plan, edge))
        if problem is not None and edge.otherwise:
            yield warning(
                Code.CONSTANT,
                f"the 'otherwise' of '{title(plan, edge.source)}' can never be taken: its branches cover every case",
                "leave it out; a result that is missing is what 'if this cannot be decided' is for",
                problem.lines,
            )
        elif problem is not None:
            yield problem
    for step in plan.steps:
        if step.verify is not None:
            problem = _constant(step.verify.condition, step.verify.condition.lines or step.lines)
            if problem is not None:
                yield problem


def same_way_twice(plan: Plan) -> Iterator[Problem]:
    for edges in plan.outgoing.values():
        seen: dict[str, Edge] = {}
        for edge in edges:
            if edge.id in seen:
                yield warning(
                    Code.SAME_WAY_TWICE,
                    f"'{title(plan, edge.source)}' leads to '{title(plan, edge.target)}' twice for the same reason",
                    "write it once",
                    place(plan, edge),
                )
            seen[edge.id] = edge


def _constant(condition: Condition, lines: tuple[Span, ...]) -> Problem | None:
    if condition.cel is None:
        return None
    if not condition.names:
        return error(
            Code.CONSTANT,
            f"the condition '{condition.text}' reads no value: it is always the same",
            "compare a result, e.g. `max(waiting) > 2`",
            lines,
        )
    always = constant(condition.cel)
    if always is None:
        return None
    said = "always holds" if always else "can never hold"
    return error(
        Code.CONSTANT,
        f"the condition '{condition.text}' {said}",
        "look at its limits, and at the branches before it",
        lines,
    )


def _formulas(edges: Sequence[Edge]) -> dict[str, Formula]:
    read = {e.id: formula(e.condition.cel) for e in edges if e.condition is not None and e.condition.cel is not None}
    return {edge: made for edge, made in read.items() if made is not None}


def _text(edge: Edge) -> str:
    return edge.condition.text if edge.condition is not None else ""
