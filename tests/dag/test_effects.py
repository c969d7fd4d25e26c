"""Which steps may run at the same time: effects, risk, order and branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, islice, product

import pytest
from hypothesis import given, settings

from dag.effects import conflicts, effect_conflicts_of, parallel_pairs, relation
from dag.model import START, Edge, Effect, Kind, Plan
from tests.dag.plans import plan, plans, read, step, when, write


def effect(reads: str | None = "", writes: str | None = "") -> Effect:
    return Effect(
        None if reads is None else frozenset(reads.split()), None if writes is None else frozenset(writes.split())
    )


NOTHING, ANY_READ, ANY = effect(), effect(None), effect(None, None)


@pytest.mark.parametrize(
    ("a", "b", "want"),
    [
        pytest.param(effect("replica:a"), effect("replica:a"), False, id="two reads of one key"),
        pytest.param(effect("replica:a"), effect("", "replica:a"), True, id="a read and a write of one key"),
        pytest.param(effect("", "replica:a"), effect("", "replica:a"), True, id="two writes of one key"),
        pytest.param(effect("", "replica:a"), effect("", "replica:b"), False, id="writes of two keys"),
        pytest.param(effect("", "replica:a"), effect("", "replica:a/slot"), False, id="a key and a longer one"),
        pytest.param(effect("", "replica:{{ x }}"), effect("replica:b"), True, id="a symbolic write and a read"),
        pytest.param(effect("replica:{{ x }}"), effect("", "replica:b"), True, id="a symbolic read and a write"),
        pytest.param(effect("", "replica:{{ x }}"), effect("", "replica:{{ y }}"), True, id="two symbolic writes"),
        pytest.param(effect("", "replica:{{ x }}"), effect("", "node:b"), False, id="a symbolic write, another kind"),
        pytest.param(effect("replica:{{ x }}"), effect("replica:b"), False, id="a symbolic read and a read"),
        pytest.param(ANY_READ, ANY_READ, False, id="two unknown reads"),
        pytest.param(ANY_READ, effect("", "node:b"), True, id="an unknown read and any write"),
        pytest.param(ANY_READ, NOTHING, False, id="an unknown read and nothing"),
        pytest.param(ANY, effect("node:b"), True, id="unknown writes and a read"),
        pytest.param(ANY, NOTHING, True, id="unknown writes and nothing known"),
        pytest.param(NOTHING, NOTHING, False, id="nothing and nothing"),
    ],
)
def test_a_write_conflicts_with_any_access_to_what_it_may_touch(a: Effect, b: Effect, want: bool) -> None:
    assert conflicts(a, b) is want
    assert conflicts(b, a) is want


def pairs(made: Plan) -> set[str]:
    return {"".join(p) for p in parallel_pairs(made)}


def test_reads_run_side_by_side_where_no_path_joins_them() -> None:
    assert pairs(plan("a b c", "START -> a; START -> b; a -> c; b -> c")) == {"ab"}


def test_a_chain_has_no_pairs() -> None:
    assert pairs(plan("a b c", "START -> a -> b -> c")) == set()


def test_an_unknown_read_runs_beside_no_write() -> None:
    unknown = step("p", effect=Effect(reads=None))
    assert pairs(plan([unknown, write("w", "node:1"), read("r", "node:2")])) == {"pr", "rw"}


def test_branches_of_one_decision_exclude_each_other_until_they_meet() -> None:
    edges = [when("d", "a", "x > 1.0"), Edge("d", "b", otherwise=True), Edge("a", "m"), Edge("b", "m"), Edge("a", "n")]
    assert pairs(plan("d a b m n o", edges)) == {"do", "ao", "bo", "mo", "no", "mn"}


def test_entries_with_conditions_exclude_each_other() -> None:
    assert pairs(plan("a b", [when("START", "a", None, "slow"), when("START", "b", None, "dead")])) == set()


def test_the_stated_default_is_a_branch_like_the_others() -> None:
    assert pairs(plan("d a b", [when("d", "a", "x > 1.0"), Edge("d", "b", default=True)])) == set()


def test_what_runs_whichever_way_is_taken_is_separated_from_nothing() -> None:
    """`a` waits for the decision, but runs after `p` too: both sides of the decision can meet it."""
    edges = [when("d", "a", "x > 1.0"), Edge("d", "b", otherwise=True), Edge("p", "a")]
    made = plan("d p a b", edges)
    assert not relation(made).is_settled("a", "b")
    assert pairs(made) == {"dp", "bp", "ab"}


def test_the_way_on_and_the_way_after_a_failure_exclude_each_other() -> None:
    assert pairs(plan("w on back", [Edge("w", "on"), Edge("w", "back", default=True)])) == set()


def test_what_is_unconditional_runs_beside_the_branch_that_is_chosen() -> None:
    edges = [Edge("d", "a"), when("d", "b", "x > 1.0"), Edge("d", "c", otherwise=True)]
    assert pairs(plan("d a b c", edges)) == {"ab", "ac"}


def test_of_alternatives_only_one_is_meant() -> None:
    assert pairs(plan("a b c", alternatives=(frozenset("ab"),))) == {"ac", "bc"}


def test_decisions_and_people_may_work_beside_a_read() -> None:
    assert pairs(plan([step("a"), step("c", Kind.CHECK), step("m", Kind.MANUAL)])) == {"ac", "am", "cm"}


def test_branches_that_exclude_each_other_may_ask_the_same_question() -> None:
    """Whichever of a and b ran, only one of the two answers leads on."""
    edges = [when("d", "a", "x > 1.0"), when("d", "b", "x < 0.0")]
    edges += [when(s, t, c) for s in "ab" for t, c in (("g", "y > 1.0"), ("h", "y < 0.0"))]
    assert pairs(plan("d a b g h", edges)) == set()


def test_the_same_question_asked_by_steps_that_both_run_may_have_two_answers() -> None:
    edges = [when(s, t, c) for s in "ab" for t, c in (("g", "y > 1.0"), ("h", "y < 0.0"))]
    assert "gh" in pairs(plan("a b g h", edges))


RISKY = [write("a", "node:1", risky=True), write("b", "node:2", risky=True), read("c", "node:3")]


def test_a_risky_step_runs_beside_nothing() -> None:
    assert pairs(plan(RISKY)) == set()


def test_a_risky_step_runs_beside_what_the_guide_names_as_simultaneous() -> None:
    assert pairs(plan(RISKY, simultaneous=(frozenset("ab"),))) == {"ab"}


def test_named_as_simultaneous_or_not_two_writes_of_one_key_stay_apart() -> None:
    both = [write("a", "node:1", risky=True), write("b", "node:1", risky=True)]
    assert pairs(plan(both, simultaneous=(frozenset("ab"),))) == set()


def test_what_the_guide_names_as_simultaneous_settles_what_is_not_known() -> None:
    both = [step(s, Kind.ACTION, effect=Effect(None, None), risky=True) for s in "ab"]
    assert pairs(plan(both)) == set()
    assert pairs(plan(both, simultaneous=(frozenset("ab"),))) == {"ab"}


def test_the_scheduler_is_told_what_each_change_must_not_run_beside() -> None:
    steps = [write("w", "node:1"), read("r", "node:1"), read("s", "node:2"), step("u", effect=Effect(reads=None))]
    assert effect_conflicts_of(plan(steps)) == {"w": frozenset("ru")}


def test_order_is_no_exception_for_the_scheduler() -> None:
    """A step that joins any edge, or the next pass of a loop, may start beside what comes before it."""
    made = plan([read("r", "node:1"), write("w", "node:1")], "START -> r -> w")
    assert effect_conflicts_of(made) == {"w": frozenset("r")}


@settings(max_examples=60, deadline=None)
@given(plans())
def test_pairs_respect_order_effects_risk_and_alternatives_in_any_plan(made: Plan) -> None:
    held = relation(made)
    found = set(parallel_pairs(made))
    beside = effect_conflicts_of(made)
    for a, b in combinations(made.steps, 2):
        together = any({a.id, b.id} <= group for group in made.simultaneous)
        if (min(a.id, b.id), max(a.id, b.id)) in found:
            assert held.may_overlap(a.id, b.id)
            assert not held.is_settled(a.id, b.id)
            assert together or not conflicts(a.effect, b.effect)
            assert together or not (a.risky or b.risky)
            assert not any({a.id, b.id} <= group for group in made.alternatives)
            assert b.id not in beside.get(a.id, ())
            assert a.id not in beside.get(b.id, ())
        if not together:
            kept_apart = b.id in beside.get(a.id, ()) or a.id in beside.get(b.id, ())
            assert kept_apart == (conflicts(a.effect, b.effect) or a.risky or b.risky)


@settings(max_examples=150, deadline=None)
@given(plans())
def test_what_excludes_each_other_never_runs_in_one_run(made: Plan) -> None:
    """Every way through a plan is walked: for each source, one of its conditions, nothing chosen, or its default."""
    made = replace(made, alternatives=(), edges=tuple(replace(e, bound=None) for e in made.edges))
    held = relation(made)
    for ran in _runs(made):
        for a, b in combinations(sorted(ran), 2):
            assert not held.exclusive[held.index[a]] >> held.index[b] & 1, (a, b)


def _runs(made: Plan) -> Iterator[set[str]]:
    """Sets of steps that can run together, by a walk that knows nothing of masks."""
    choices = [_choices(made.outgoing[source]) for source in made.outgoing]
    for chosen in islice(product(*choices), 300):
        taken = dict(zip(made.outgoing, chosen, strict=True))
        ran = {START}
        for name in made.by_id:  # the steps of a random plan stand in an order that its edges follow
            arriving = made.incoming[name]
            if not arriving or any(e.source in ran and e in taken[e.source] for e in arriving):
                ran.add(name)
        yield ran - {START}


def _choices(edges: Sequence[Edge]) -> list[tuple[Edge, ...]]:
    chosen = [e for e in edges if not e.default and (e.condition is not None or e.otherwise)]
    always = tuple(e for e in edges if not e.default and e not in chosen)
    return [tuple(e for e in edges if e.default), always, *((*always, one) for one in chosen)]


@settings(max_examples=60, deadline=None)
@given(plans())
def test_may_overlap_reads_the_same_both_ways(made: Plan) -> None:
    held = relation(made)
    for a, b in combinations(made.by_id, 2):
        assert held.may_overlap(a, b) == held.may_overlap(b, a)
        assert held.is_settled(a, b) == held.is_settled(b, a)


def test_more_risk_never_makes_more_pairs() -> None:
    made = plan([read("a", "node:1"), read("b", "node:1"), read("c", "node:1")])
    risky = replace(made, steps=(replace(made.steps[0], risky=True), *made.steps[1:]))
    assert pairs(risky) < pairs(made)
