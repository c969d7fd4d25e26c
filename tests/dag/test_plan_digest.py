"""What a plan is: its identity, and what its digest covers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dag.errors import PlanError
from dag.model import (
    Call,
    Condition,
    Edge,
    EdgeKind,
    Effect,
    Input,
    Join,
    Kind,
    Plan,
    Span,
    Step,
    ValueType,
    Verify,
)
from tests.dag.plans import plan, step

HOT = Condition("usage is high", (Span(4, 4),), "max(usage) > 0.9", ("usage",), 5.0)
QUERY = Step(
    "q", "Query", Kind.QUERY, (Span(1, 3),), (Call("promql", {"query": "up", "limit": 1}, "usage", (Span(2, 2),)),)
)
MOVE = Step(
    "m",
    "Move",
    Kind.ACTION,
    (Span(5, 9),),
    (Call("kv_migrate", {}, "moved"),),
    verify=Verify((Call("promql", {}),), HOT, 30.0),
)
BASE = Plan(
    "guide.md",
    "0" * 64,
    (Input("fleet"),),
    (QUERY, MOVE),
    (Edge("q", "m", HOT, EdgeKind.COND), Edge("m", "END.resolved"), Edge("m", "q", kind=EdgeKind.LOOP, bound=2)),
    types={"usage": ValueType.VECTOR},
)
Change = Callable[[Plan], Plan]


def on_query(**fields: Any) -> Change:
    return lambda p: replace(p, steps=(replace(p.steps[0], **fields), *p.steps[1:]))


def on_call(**fields: Any) -> Change:
    return lambda p: on_query(calls=(replace(p.steps[0].calls[0], **fields),))(p)


def on_verify(**fields: Any) -> Change:
    def change(made: Plan) -> Plan:
        move = replace(MOVE, verify=replace(MOVE.verify, **fields))  # type: ignore[type-var]
        return replace(made, steps=(made.steps[0], move))

    return change


def on_edge(**fields: Any) -> Change:
    return lambda p: replace(p, edges=(replace(p.edges[0], **fields), *p.edges[1:]))


def on_condition(**fields: Any) -> Change:
    return on_edge(condition=replace(HOT, **fields))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(on_query(kind=Kind.CHECK), id="a step's kind"),
        pytest.param(on_query(consumes=("fleet",)), id="what a step consumes"),
        pytest.param(on_query(produces=("usage",)), id="what a step produces"),
        pytest.param(on_query(effect=Effect(reads=None)), id="an effect that becomes unknown"),
        pytest.param(on_query(effect=Effect(writes=frozenset({"node:1"}))), id="an effect"),
        pytest.param(on_query(risky=True), id="risk"),
        pytest.param(on_query(join=Join.ANY), id="a join"),
        pytest.param(on_query(for_each="targets"), id="what a step is done for each of"),
        pytest.param(on_query(optional=True), id="whether a step may fail"),
        pytest.param(on_query(timeout_s=61.0), id="a step's deadline"),
        pytest.param(on_query(retries=1), id="retries"),
        pytest.param(on_query(undo="by hand"), id="how it is undone"),
        pytest.param(on_query(calls=()), id="a call less"),
        pytest.param(on_call(plugin="http"), id="a plugin"),
        pytest.param(on_call(arguments={"query": "up", "limit": 2}), id="an argument"),
        pytest.param(on_call(arguments={"query": "up", "limit": "1"}), id="an argument's type"),
        pytest.param(on_call(bind="other"), id="a bound name"),
        pytest.param(on_call(timeout_s=10.0), id="a call's deadline"),
        pytest.param(on_call(version="2"), id="a plugin's version"),
        pytest.param(on_call(result=ValueType.SCALAR), id="a result's type"),
        pytest.param(on_verify(within_s=31.0), id="how long a verification may take"),
        pytest.param(on_verify(calls=()), id="what a verification reads"),
        pytest.param(on_verify(condition=replace(HOT, cel="max(usage) > 0.8")), id="a verification"),
        pytest.param(on_condition(cel="max(usage) > 0.8"), id="a limit"),
        pytest.param(on_condition(cel=None), id="a condition that is judged"),
        pytest.param(on_condition(for_s=6.0), id="how long a condition must hold"),
        pytest.param(on_edge(target="END.escalate"), id="where an edge leads"),
        pytest.param(on_edge(kind=EdgeKind.IMPLICIT), id="an edge's kind"),
        pytest.param(on_edge(default=True), id="a stated default"),
        pytest.param(on_edge(otherwise=True), id="an otherwise"),
        pytest.param(on_edge(bound=1), id="a bound"),
        pytest.param(lambda p: replace(p, edges=p.edges[:-1]), id="an edge less"),
        pytest.param(lambda p: replace(p, steps=p.steps[::-1]), id="the order of steps"),
        pytest.param(lambda p: replace(p, inputs=(Input("fleet", default="a"),)), id="an input's default"),
        pytest.param(lambda p: replace(p, types={"usage": ValueType.SCALAR}), id="a value's type"),
        pytest.param(lambda p: replace(p, alternatives=(frozenset({"q", "m"}),)), id="alternatives"),
        pytest.param(lambda p: replace(p, simultaneous=(frozenset({"q", "m"}),)), id="simultaneous steps"),
    ],
)
def test_the_digest_changes_with_what_a_run_would_do(change: Change) -> None:
    assert change(BASE).digest != BASE.digest


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(on_query(lines=(Span(11, 13),)), id="a step that moved"),
        pytest.param(on_call(lines=(Span(12, 12),)), id="a call that moved"),
        pytest.param(on_condition(lines=(Span(14, 14),)), id="a condition that moved"),
        pytest.param(on_edge(lines=(Span(14, 14),)), id="an edge that moved"),
        pytest.param(on_query(title="Look"), id="a title"),
        pytest.param(on_query(text="Other words."), id="prose"),
        pytest.param(on_query(risk="why"), id="why it is risky"),
        pytest.param(on_condition(text="usage is very high"), id="the words of a computed condition"),
        pytest.param(on_query(timeout_s=60), id="whole seconds"),
        pytest.param(lambda p: replace(p, edges=p.edges[::-1]), id="the order of edges"),
        pytest.param(lambda p: replace(p, guide="moved.md", guide_sha256="1" * 64, title="Other"), id="another file"),
        pytest.param(on_call(arguments={"limit": 1, "query": "up"}), id="the order of arguments"),
    ],
)
def test_the_digest_stays_when_only_words_and_places_change(change: Change) -> None:
    changed = change(BASE)
    assert changed.digest == BASE.digest


def test_the_words_of_a_judged_condition_are_what_is_judged() -> None:
    odd = on_condition(cel=None, text="it looks odd")(BASE)
    assert on_condition(cel=None, text="it looks bad")(BASE).digest != odd.digest


@pytest.mark.parametrize("name", ["START", "END.resolved", "a"])
def test_a_reserved_or_repeated_id_is_refused(name: str) -> None:
    with pytest.raises(PlanError, match=f"'{name}' is reserved or used twice"):
        plan([step("a"), step(name)])


def test_edges_need_both_their_ends() -> None:
    with pytest.raises(PlanError, match="ghost -> a starts at no step"):
        plan("a", "ghost -> a")
    with pytest.raises(PlanError, match="a -> ghost ends at no step"):
        plan("a", "a -> ghost")


def test_an_edge_is_known_by_what_it_says_and_not_by_where_it_stands() -> None:
    edge = BASE.edges[0]
    moved = replace(edge, lines=(Span(9, 9),), condition=replace(HOT, lines=(Span(8, 8),), text="other words"))
    assert moved.id == edge.id
    assert replace(edge, condition=replace(HOT, cel="max(usage) > 0.8")).id != edge.id
    assert edge.id.startswith("q->m#")


def test_a_way_back_gates_nothing() -> None:
    assert [e.source for e in BASE.incoming["q"]] == []
    assert [e.kind for e in BASE.outgoing["m"]] == [EdgeKind.SEQ, EdgeKind.LOOP]


@pytest.mark.parametrize(("first", "last"), [(0, 1), (3, 2), (-1, -1)])
def test_a_span_is_ordered_and_counts_from_one(first: int, last: int) -> None:
    with pytest.raises(PlanError):
        Span(first, last)
