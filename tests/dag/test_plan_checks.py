"""What is wrong with a plan is said with its code, its lines and what to write instead."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from dag.checks import Code, Problem, Severity, check
from dag.model import Call, Condition, Edge, EdgeKind, Effect, Input, Kind, Plan, Span, Step, ValueType, Verify
from dag.regions import constant
from tests.dag.plans import ESCALATE, RESOLVED, arrows, plan, plans, read, step, when, write

PAGE = Path(__file__).parents[2] / "docs" / "plan-checks.md"
X = (Input("x", ValueType.SCALAR),)


def found(made: Plan, code: Code, **reversible: bool) -> list[Problem]:
    return [p for p in check(made, reversible=reversible) if p.code == code]


def messages(made: Plan, code: Code, **reversible: bool) -> list[str]:
    return [p.message for p in found(made, code, **reversible)]


def decision(*edges: Edge) -> Plan:
    """A step `d` with these ways out, and steps `a`, `b`, `c` that end the run."""
    steps = [step("d", Kind.CHECK, title="Decide", lines=(Span(7, 9),)), step("a"), step("b"), step("c")]
    ends = arrows(f"START -> d; a -> {RESOLVED}; b -> {RESOLVED}; c -> {RESOLVED}")
    ways = [Edge("d", s, otherwise=True, kind=EdgeKind.IMPLICIT) for s in "abc" if all(e.target != s for e in edges)]
    return plan(steps, [*ends, *edges, *(ways if not edges else ())], inputs=X)


def acting(**fields: object) -> Step:
    call = Call("kv_migrate", {}, bind="moved")
    return step("m", Kind.ACTION, title="Move", lines=(Span(3, 4),), calls=(call,), **fields)


def alone(made: Step, **fields: object) -> Plan:
    return plan([made], f"START -> {made.id} -> {RESOLVED}", **fields)


HOLDS = Condition("it is done", cel="x > 1.0", names=("x",))


def test_a_good_plan_has_no_problem() -> None:
    measure = step("q", calls=(Call("promql", {}, bind="usage"),), produces=("usage",))
    move = acting(consumes=("usage",), verify=Verify((), HOLDS, 30.0), undo="move it back")
    edges = [
        *arrows(f"START -> q; m -> {RESOLVED}"),
        when("q", "m", "max(usage) > 0.9", names=("usage",)),
        when("q", RESOLVED, "max(usage) <= 0.9", names=("usage",)),
        Edge("m", ESCALATE, default=True),
    ]
    assert check(plan([measure, move], edges, inputs=X)) == ()


# -- paths ------------------------------------------------------------------------------------


def test_a_cycle_without_a_bound_is_an_error_on_the_lines_of_its_steps() -> None:
    steps = [step("a", lines=(Span(5, 8),)), step("b", lines=(Span(1, 3),))]
    (problem,) = found(plan(steps, "START -> a -> b -> a"), Code.CYCLE)
    assert (problem.message, problem.severity) == ("the steps form a cycle: a -> b -> a", Severity.ERROR)
    assert problem.lines == (Span(1, 3), Span(5, 8))


def test_a_plan_with_a_cycle_is_told_of_its_other_faults_too() -> None:
    made = plan([step("a", consumes=("ghost",)), step("b")], "START -> a -> b -> a")
    assert {p.code for p in check(made)} == {Code.CYCLE, Code.NEVER_PRODUCED}


@pytest.mark.parametrize("bound", [None, 0, -1])
def test_a_way_back_needs_a_bound(bound: int | None) -> None:
    edges = [*arrows(f"START -> a -> b -> {RESOLVED}"), Edge("b", "a", kind=EdgeKind.LOOP, bound=bound)]
    assert messages(plan("a b", edges), Code.LOOP_UNBOUNDED) == ["the way back from 'b' to 'a' has no bound"]


def test_a_way_back_must_lead_back() -> None:
    edges = [*arrows(f"START -> a -> b -> {RESOLVED}; START -> c -> {RESOLVED}")]
    forward = Edge("b", "c", kind=EdgeKind.LOOP, bound=2)
    assert len(messages(plan("a b c", [*edges, forward]), Code.LOOP_FORWARD)) == 1
    assert messages(plan("a b c", [*edges, replace(forward, target="a")]), Code.LOOP_FORWARD) == []
    assert messages(plan("a b c", [*edges, replace(forward, target="b")]), Code.LOOP_FORWARD) == []


def test_a_step_that_no_path_leads_to_is_an_error() -> None:
    made = plan("a b c", f"START -> a -> {RESOLVED}; b -> c -> {RESOLVED}")
    assert messages(made, Code.UNREACHABLE) == ["no path leads to step 'b'", "no path leads to step 'c'"]


def test_without_stated_entries_a_run_starts_where_nothing_leads() -> None:
    assert messages(plan("a b", f"a -> b -> {RESOLVED}"), Code.UNREACHABLE) == []


def test_a_way_that_stops_without_an_end_is_reported_where_it_stops() -> None:
    assert messages(plan("a b c", "START -> a -> b -> c"), Code.NO_END) == ["from step 'c' no path leads to an end"]


# -- branches ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("x < 1.0", "x >= 1.0", id="less, and not less"),
        pytest.param("x <= 1.0", "1.0 < x", id="the number on either side"),
        pytest.param("x == 1.0", "x != 1.0", id="equal and unequal"),
        pytest.param("x > 1.0", "!(x > 1.0)", id="negated"),
        pytest.param("x > 1.0 && y > 2.0", "!(x > 1.0 && y > 2.0)", id="negated as a whole"),
        pytest.param("x", "!x", id="a truth and its opposite"),
        pytest.param("x < 1.0 || x > 2.0", "x >= 1.0 && x <= 2.0", id="outside and inside"),
        pytest.param("count(x) < 1.0", "count(x) > 0.5", id="numbers that a count can be"),
        pytest.param("x == 'a'", "!(x == 'a')", id="a text and all others"),
    ],
)
def test_branches_that_share_all_values_are_covered_and_do_not_overlap_by_themselves(first: str, second: str) -> None:
    made = decision(when("d", "a", first), when("d", "b", second))
    assert messages(made, Code.BRANCH_OPEN) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("x < 1.0", "x > 1.0", id="the limit itself is left out"),
        pytest.param("x < 1.0", "y >= 1.0", id="of two values"),
        pytest.param("x > 1.0 && y > 1.0", "x <= 1.0", id="a second condition leaves cases open"),
        pytest.param("x == 'a'", "x == 'b'", id="two texts"),
        pytest.param(None, None, id="words"),
    ],
)
def test_branches_that_leave_cases_open_are_reported_on_the_deciding_lines(first: str | None, second: str) -> None:
    (problem,) = found(decision(when("d", "a", first, "one"), when("d", "b", second, "two")), Code.BRANCH_OPEN)
    assert problem.message == "the branches of 'Decide' do not cover every case"
    assert problem.lines == (Span(7, 9),)


@pytest.mark.parametrize(
    "closing",
    [
        pytest.param(Edge("d", "b", otherwise=True), id="otherwise"),
        pytest.param(Edge("d", "b", default=True), id="a stated default"),
        pytest.param(Edge("d", "b"), id="a way that is always taken"),
    ],
)
def test_a_last_way_closes_a_decision(closing: Edge) -> None:
    assert messages(decision(when("d", "a", "x > 1.0"), closing), Code.BRANCH_OPEN) == []


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        pytest.param("x > 1.0", "x > 2.0", True, id="one inside the other"),
        pytest.param("x >= 1.0", "x <= 1.0", True, id="a limit in both"),
        pytest.param("x > 1.0", "x <= 1.0", False, id="a limit in one"),
        pytest.param("x > 1.0 || y > 1.0", "x > 2.0", True, id="or does not narrow"),
        pytest.param("x > 1.0 && y > 1.0", "x > 2.0", False, id="and may keep them apart"),
        pytest.param("x > 1.0", "y > 1.0", False, id="of two values nothing is known"),
        pytest.param("x == 'a'", "x == 'b'", False, id="two texts"),
        pytest.param("x == 'a'", "x == 'a'", True, id="the same twice"),
    ],
)
def test_branches_that_surely_hold_together_are_reported(first: str, second: str, overlap: bool) -> None:
    made = decision(when("d", "a", first), when("d", "b", second), Edge("d", "c", otherwise=True))
    assert bool(messages(made, Code.BRANCHES_OVERLAP)) is overlap


def test_branches_to_one_place_may_overlap() -> None:
    made = decision(when("d", "a", "x > 1.0"), when("d", "a", "x > 2.0"), Edge("d", "b", otherwise=True))
    assert messages(made, Code.BRANCHES_OVERLAP) == []


@pytest.mark.parametrize(
    ("cel", "said"),
    [
        pytest.param("max(x) > 5.0 && max(x) < 3.0", "can never hold", id="a contradiction"),
        pytest.param("!(x > 2.0) && x > 3.0", "can never hold", id="what an earlier branch has taken"),
        pytest.param("count(x) < 0.0", "can never hold", id="a negative number of series"),
        pytest.param("count(x) >= 0.0", "always holds", id="any number of series"),
        pytest.param("x < 5.0 || x > 3.0", "always holds", id="two halves that overlap"),
        pytest.param("x || !x", "always holds", id="a truth or its opposite"),
    ],
)
def test_a_condition_that_is_always_the_same_is_an_error(cel: str, said: str) -> None:
    made = decision(when("d", "a", cel, "so it is"), Edge("d", "b", otherwise=True))
    (problem,) = found(made, Code.CONSTANT)
    assert problem.message == f"the condition 'so it is' {said}"
    assert problem.severity is Severity.ERROR


def test_a_condition_that_reads_nothing_is_an_error_also_in_a_verification() -> None:
    made = alone(acting(verify=Verify((), Condition("true", cel="true"), 30.0)))
    assert messages(made, Code.CONSTANT) == ["the condition 'true' reads no value: it is always the same"]


def test_an_otherwise_that_nothing_is_left_for_is_a_warning() -> None:
    rest = when("d", "c", "!(x < 1.0 || x >= 1.0)", "otherwise", otherwise=True)
    made = decision(when("d", "a", "x < 1.0"), when("d", "b", "x >= 1.0"), rest)
    (problem,) = found(made, Code.CONSTANT)
    assert problem.severity is Severity.WARNING
    assert found(replace(made, edges=(*made.edges[:-1], replace(rest, kind=EdgeKind.IMPLICIT))), Code.CONSTANT) == []


@pytest.mark.parametrize(
    "cel", ["x > 1.0", "x > 1.0 && y < 1.0", "x > 1.0 ? a : b", "x in [1.0]", "(" * 200 + "x" + ")" * 200, "x >", ""]
)
def test_of_other_conditions_nothing_is_claimed(cel: str) -> None:
    assert constant(cel) is None


def test_the_same_way_written_twice_is_a_warning() -> None:
    made = decision(Edge("d", "a", lines=(Span(8, 8),)), Edge("d", "a", lines=(Span(9, 9),)))
    (problem,) = found(made, Code.SAME_WAY_TWICE)
    assert problem.message == "'Decide' leads to 'a' twice for the same reason"
    assert problem.lines == (Span(9, 9),)


# -- values -----------------------------------------------------------------------------------


def test_a_name_that_nothing_produces_is_an_error_wherever_it_is_used() -> None:
    after = Condition("done", cel="later > 1.0", names=("later",))
    steps = [step("a", consumes=("one",)), step("b", for_each="many"), acting(verify=Verify((), after, 9.0))]
    made = plan(
        steps, [*arrows(f"START -> a -> b -> m -> {RESOLVED}"), when("m", ESCALATE, "two > 1.0", names=("two",))]
    )
    assert {m.split("'")[1] for m in messages(made, Code.NEVER_PRODUCED)} == {"one", "many", "later", "two"}


def test_inputs_and_what_a_step_binds_itself_need_no_other_producer() -> None:
    own = Verify((Call("promql", {}, bind="after"),), Condition("ok", cel="after > x", names=("after", "x")), 9.0)
    made = alone(acting(produces=("moved",), consumes=("x",), verify=own), inputs=X)
    assert [p for p in check(made) if p.code in (Code.NEVER_PRODUCED, Code.NOT_YET_PRODUCED)] == []


def test_a_name_that_is_produced_on_no_path_to_its_use_is_an_error() -> None:
    steps = [step("p", title="Plan", produces=("plan",)), step("u", title="Use", consumes=("plan",))]
    aside = plan(steps, f"START -> p -> {RESOLVED}; START -> u -> {RESOLVED}")
    (problem,) = found(aside, Code.NOT_YET_PRODUCED)
    assert problem.message == "'plan' is produced on no path that leads to 'Use'"
    assert problem.hint == "move 'Plan' before it"
    assert found(plan(steps, f"START -> p -> u -> {RESOLVED}"), Code.NOT_YET_PRODUCED) == []


def test_an_entry_can_only_be_chosen_by_inputs() -> None:
    made = plan([step("p", produces=("y",))], [when("START", "p", "y > 1.0", names=("y",))])
    assert messages(made, Code.NOT_YET_PRODUCED) == ["'y' is produced on no path that leads to 'the entry'"]


def test_two_steps_may_bind_one_name_only_where_it_is_open_which_comes_last() -> None:
    steps = [step("a", produces=("y",)), step("b", produces=("y",)), step("d")]
    beside = plan(steps, f"START -> a -> d; START -> b -> d; d -> {RESOLVED}")
    assert messages(beside, Code.PRODUCED_TWICE) == ["'a' and 'b' both bind 'y', and which comes last is open"]
    assert messages(plan(steps, f"START -> a -> b -> d -> {RESOLVED}"), Code.PRODUCED_TWICE) == []
    chosen = plan(steps, [*arrows("START -> d"), when("d", "a", "x > 1.0"), Edge("d", "b", otherwise=True)])
    assert messages(chosen, Code.PRODUCED_TWICE) == []


# -- actions ----------------------------------------------------------------------------------


def test_an_action_without_verification_is_a_warning() -> None:
    assert messages(alone(acting()), Code.UNVERIFIED) == [
        "the action 'Move' states no verification; only its own read-back decides"
    ]
    assert messages(alone(acting(verify=Verify((), HOLDS, 30.0)), inputs=X), Code.UNVERIFIED) == []


@pytest.mark.parametrize(
    ("made", "reversible", "known"),
    [
        pytest.param(acting(), {}, False, id="a plugin that is not known"),
        pytest.param(acting(), {"kv_migrate": False}, False, id="a plugin that cannot undo"),
        pytest.param(acting(), {"kv_migrate": True}, True, id="a plugin that can"),
        pytest.param(acting(undo="move it back"), {}, True, id="the guide's own words"),
        pytest.param(replace(acting(), calls=()), {"kv_migrate": True}, False, id="a command that people run"),
    ],
)
def test_an_action_whose_undo_is_unknown_is_a_warning(made: Step, reversible: dict[str, bool], known: bool) -> None:
    assert (messages(alone(made), Code.NO_UNDO, **reversible) == []) is known


def test_changes_that_affect_each_other_need_an_order() -> None:
    both = [write("a", "node:{{ n }}"), write("b", "node:1")]
    assert messages(plan(both, "START -> a; START -> b"), Code.UNORDERED) == [
        "'a' and 'b' change the same thing, and neither is said to come first"
    ]
    assert messages(plan(both, "START -> a -> b"), Code.UNORDERED) == []
    assert messages(plan(both, "START -> a; START -> b", simultaneous=(frozenset("ab"),)), Code.UNORDERED) == []


def test_unknown_changes_and_reads_of_what_changes_need_an_order_too() -> None:
    unknown = [step(s, Kind.ACTION, effect=Effect(None, None)) for s in "ab"]
    assert messages(plan(unknown, "START -> a; START -> b"), Code.UNORDERED) == [
        "'a' and 'b' change unknown things, and neither is said to come first"
    ]
    looked = [read("r", "node:1"), write("w", "node:1")]
    assert messages(plan(looked, "START -> r; START -> w"), Code.UNORDERED) == [
        "'r' may read what 'w' changes, and neither is said to come first"
    ]


# -- all together -----------------------------------------------------------------------------


def test_every_code_has_a_section_that_says_how_grave_it_is() -> None:
    sections = dict(re.findall(r"^## (P\d\d)\n(.+?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S))
    assert set(sections) == {str(c) for c in Code}
    assert all("*Error" in text or "*Warning" in text for text in sections.values())


@settings(max_examples=60, deadline=None)
@given(plans())
def test_any_plan_can_be_checked_and_every_problem_has_a_hint(made: Plan) -> None:
    problems = check(made)
    assert all(p.message and p.hint for p in problems)
    firsts = [p.lines[0].first if p.lines else 0 for p in problems]
    assert firsts == sorted(firsts)
