"""The plan's JSON form: exact both ways, and every fault of a document is named by its path."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

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
from dag.schema import plan_schema
from dag.serial import from_json, to_json
from tests.dag.plans import RESOLVED, plan, plans

PUBLISHED = Path(__file__).parents[2] / "docs" / "plan.schema.json"
SCHEMA = Draft202012Validator(plan_schema())


def full() -> Plan:
    """A plan that uses everything the model has."""
    hot = Condition("usage is high", (Span(4, 6),), "max(usage) > 0.9", ("usage",), 30.0)
    measure = Step(
        "measure",
        "Measure",
        Kind.QUERY,
        (Span(1, 3), Span(9, 9)),
        calls=(Call("promql", {"query": "up", "deep": [1, {"k": None}]}, "usage", (Span(2, 2),), 10.0, "1"),),
        consumes=("fleet",),
        produces=("usage",),
        effect=Effect(reads=None),
        retries=2,
        text="Look at it.",
    )
    move = Step(
        "move",
        "Move",
        Kind.ACTION,
        (Span(10, 14),),
        calls=(Call("kv_migrate", {"to": "{{ target }}"}, "moved", result=ValueType.DYN),),
        effect=Effect(frozenset({"node:1"}), frozenset({"replica:b", "replica:a"})),
        risky=True,
        risk="moves sessions",
        join=Join.ANY,
        for_each="targets",
        optional=True,
        timeout_s=120.0,
        verify=Verify((Call("promql", {}, "after"),), Condition("ok", cel="after < 1.0", names=("after",)), 30.0),
        undo="move it back",
    )
    edges = (
        Edge("START", "measure", lines=(Span(1, 1),)),
        Edge("measure", "move", hot, EdgeKind.COND, lines=(Span(4, 6),)),
        Edge("measure", RESOLVED, Condition("otherwise", cel="!(max(usage) > 0.9)", names=("usage",)), otherwise=True),
        Edge("move", "measure", None, EdgeKind.LOOP, bound=3),
        Edge("move", "END.escalate", default=True),
        Edge("measure", "END.escalate", Condition("it looks odd")),
    )
    return Plan(
        "guide.md",
        "a" * 64,
        (Input("fleet", ValueType.STRING, "labels.fleet", "demo", False),),
        (measure, move),
        edges,
        title="Hot",
        alternatives=(frozenset({"measure", "move"}),),
        types={"usage": ValueType.VECTOR, "after": ValueType.SCALAR},
        simultaneous=(frozenset({"move"}),),
    )


def document() -> dict[str, Any]:
    return to_json(full())


@settings(max_examples=120, deadline=None)
@given(plans())
def test_any_plan_comes_back_exactly(made: Plan) -> None:
    written = json.dumps(to_json(made))
    again = from_json(json.loads(written))
    assert again == made
    assert again.digest == made.digest
    assert json.dumps(to_json(again)) == written


@settings(max_examples=60, deadline=None)
@given(plans())
def test_any_plan_satisfies_the_published_schema(made: Plan) -> None:
    assert [e.message for e in SCHEMA.iter_errors(to_json(made))] == []


def test_the_published_schema_is_the_one_in_the_code() -> None:
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == plan_schema(), "run `make docs`"


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    Draft202012Validator.check_schema(plan_schema())
    broken = document()
    del broken["steps"][0]["kind"]
    assert not SCHEMA.is_valid(broken)


def test_the_form_is_the_one_that_public_tools_read() -> None:
    made = document()
    assert made["steps"][0]["lines"] == [[1, 3], [9, 9]]
    assert made["steps"][1]["effect"] == {"reads": ["node:1"], "writes": ["replica:a", "replica:b"]}
    edge = made["edges"][1]
    assert (edge["from"], edge["to"], edge["type"]) == ("measure", "move", "cond")
    assert (edge["condition"], edge["condition_lines"]) == ("usage is high", [4, 5, 6])
    assert made["parallel_pairs"] == []


def test_pairs_may_be_left_out_and_are_not_read_back() -> None:
    short = to_json(full(), pairs=False)
    assert "parallel_pairs" not in short
    assert from_json(short) == full()
    assert from_json({**document(), "parallel_pairs": [["measure", "move"]]}) == full()


def test_a_plan_with_a_cycle_can_still_be_shown() -> None:
    assert to_json(plan("a b", "a -> b -> a"))["parallel_pairs"] == []


def test_whole_numbers_are_read_as_seconds() -> None:
    made = document()
    made["steps"][0]["timeout_s"] = 60
    assert from_json(made).digest == full().digest


GONE = object()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param("steps.0.kind", GONE, "$.steps[0].kind: missing", id="a missing key"),
        pytest.param("steps.0.kind", "guess", "$.steps[0].kind: one of query, action, check, manual", id="a kind"),
        pytest.param("steps.0.title", 3, "$.steps[0].title: a text is expected, this is 3", id="a number for a text"),
        pytest.param("steps.1.timeout_s", "9", "$.steps[1].timeout_s: a number is expected", id="a text for a number"),
        pytest.param("steps.1.timeout_s", float("nan"), "$.steps[1].timeout_s: a number is expected", id="NaN"),
        pytest.param("steps.1.timeout_s", 10**400, "$.steps[1].timeout_s: a number is expected", id="beyond double"),
        pytest.param("steps.1.retries", True, "$.steps[1].retries: a whole number is expected", id="a truth"),
        pytest.param("steps.1.retries", 1.5, "$.steps[1].retries: a whole number is expected", id="a fraction"),
        pytest.param("steps.0.lines", [[3, 1]], "$.steps[0].lines: first and last lines", id="lines turned round"),
        pytest.param("steps.0.lines", [[0, 1]], "$.steps[0].lines: first and last lines", id="a line before the first"),
        pytest.param("steps.0.lines", [[1]], "$.steps[0].lines: pairs of line numbers", id="half a span"),
        pytest.param("steps.0.lines", [[1.0, 2]], "$.steps[0].lines: pairs of line numbers", id="fractions of lines"),
        pytest.param("steps.0.calls.0.plugin", None, "$.steps[0].calls[0].plugin: a text", id="inside a call"),
        pytest.param("steps.0.calls.0.arguments", [], "$.steps[0].calls[0].arguments: an object", id="arguments"),
        pytest.param("steps.1.verify.condition", "x", "$.steps[1].verify.condition: an object", id="a verification"),
        pytest.param("steps.1.effect.writes", "a", "$.steps[1].effect.writes: a list", id="an effect"),
        pytest.param("steps.1.effect.writes", [1], "$.steps[1].effect.writes: a list of texts", id="an effect's keys"),
        pytest.param("steps.1.id", "measure", "$.steps[1].id: 'measure' is reserved or used twice", id="an id twice"),
        pytest.param("steps.1.id", "START", "$.steps[1].id: 'START' is reserved or used twice", id="a reserved id"),
        pytest.param("steps", {}, "$.steps: a list is expected", id="no list of steps"),
        pytest.param("steps.0", None, "$.steps[0]: an object is expected, this is null", id="no step"),
        pytest.param("edges.1.from", "ghost", "$.edges[1].from: no step is 'ghost'", id="an edge from nowhere"),
        pytest.param("edges.1.to", "ghost", "$.edges[1].to: no step and no ending is 'ghost'", id="an edge to nowhere"),
        pytest.param("edges.1.typed.for_s", None, "$.edges[1].typed.for_s: a number", id="inside a condition"),
        pytest.param("edges.3.bound", "3", "$.edges[3].bound: a whole number", id="a bound"),
        pytest.param("alternatives.0", ["ghost"], "$.alternatives[0]: no step is 'ghost'", id="a group of strangers"),
        pytest.param("simultaneous", ["measure"], "$.simultaneous: a list of lists", id="no group"),
        pytest.param("types.usage", "tensor", "$.types.usage: one of vector, scalar", id="a type"),
        pytest.param("inputs.0.required", "yes", "$.inputs[0].required: true or false", id="an input"),
        pytest.param("format", "plan/9", "$.format: this is no stepfleet-plan/1", id="another format"),
        pytest.param("digest", "0" * 64, "$.digest: the plan does not have this digest", id="another digest"),
    ],
)
def test_a_faulty_document_is_refused_by_the_path_of_its_fault(path: str, value: Any, message: str) -> None:
    broken = document()
    *parents, last = [int(p) if p.isdigit() else p for p in path.split(".")]
    at: Any = broken
    for part in parents:
        at = at[part]
    if value is GONE:
        del at[last]
    else:
        at[last] = value
    with pytest.raises(PlanError) as caught:
        from_json(broken)
    assert str(caught.value).startswith(message)
    assert caught.value.hint


@pytest.mark.parametrize("other", [None, [], "plan", 3])
def test_what_is_no_object_is_no_plan(other: Any) -> None:
    with pytest.raises(PlanError, match=r"^\$: an object is expected"):
        from_json(other)


def test_arguments_that_json_cannot_hold_are_refused() -> None:
    broken = document()
    broken["steps"][0]["calls"][0]["arguments"] = {"limit": float("inf")}
    with pytest.raises(PlanError, match="a number that JSON does not have"):
        from_json(broken)


def test_arguments_nested_beyond_reason_are_refused() -> None:
    broken = document()
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    broken["steps"][0]["calls"][0]["arguments"] = {"deep": deep}
    with pytest.raises(PlanError, match="nested too deeply"):
        from_json(broken)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(leaf for key, inner in items for leaf in _leaves(inner, (*path, key)))]


def test_no_wrong_value_anywhere_ends_in_anything_but_a_plan_error() -> None:
    """Every place of a document is replaced by values of every kind: a plan or a PlanError, nothing else."""
    whole = document()
    tried = 0
    for path in _leaves(whole)[1:]:
        for value in (None, True, -1, 2.5, "x", [], {}, [[]], {"x": None}):
            broken = copy.deepcopy(whole)
            at: Any = broken
            for part in path[:-1]:
                at = at[part]
            at[path[-1]] = value
            tried += 1
            try:
                from_json(broken)
            except PlanError as exc:
                assert str(exc).startswith("$"), exc  # noqa: PT017
    assert tried > 1_000
