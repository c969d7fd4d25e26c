"""Orders over a plan: topological, critical path, reach, ranks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dag.errors import CycleError
from dag.model import START, TERMINALS, Edge, EdgeKind, Join, Plan
from dag.order import ancestors, critical_path, cycles, descendants, ranks, topological_order
from tests.dag.plans import plan, plans, step


def test_a_step_comes_after_all_that_lead_to_it_and_ties_go_by_id() -> None:
    assert topological_order(plan("c b a d", "b -> d; a -> d; d -> c")) == ("a", "b", "d", "c")


def test_a_cycle_is_named() -> None:
    with pytest.raises(CycleError, match="the steps form a cycle: probe -> drain -> probe") as caught:
        topological_order(plan("start probe drain", "start -> probe -> drain -> probe"))
    assert "at most 3 times" in caught.value.hint
    assert caught.value.steps == ("probe", "drain")


def test_every_knot_of_cycles_is_named_once() -> None:
    made = plan("a b c d e", "a -> b -> a; b -> c; c -> d -> c; e -> e")
    assert [e.steps for e in cycles(made)] == [("a", "b"), ("c", "d"), ("e",)]


def test_a_bounded_way_back_is_no_cycle() -> None:
    made = plan("a b", [*plan("a b", "a -> b").edges, Edge("b", "a", kind=EdgeKind.LOOP, bound=3)])
    assert cycles(made) == ()
    assert topological_order(made) == ("a", "b")


def test_the_critical_path_is_the_slowest_chain_that_must_be_waited_for() -> None:
    made = plan("a b c d", "a -> c; b -> c; c -> d")
    assert critical_path(made, {"a": 1.0, "b": 4.0, "c": 2.0, "d": 0.5}) == (("b", "c", "d"), 6.5)


def test_a_step_that_joins_any_edge_waits_for_the_quickest() -> None:
    made = plan([step("a"), step("b"), step("c", join=Join.ANY)], "a -> c; b -> c")
    assert critical_path(made, {"a": 1.0, "b": 3.0, "c": 5.0}) == (("a", "c"), 6.0)


def test_a_plan_without_steps_takes_no_time() -> None:
    assert critical_path(plan(""), {}) == ((), 0.0)


def test_a_chain_of_thousands_is_no_burden() -> None:
    names = [f"s{i}" for i in range(4_000)]
    made = plan(" ".join(names), " -> ".join(names))
    path, seconds = critical_path(made, dict.fromkeys(names, 1.0))
    assert (list(path), seconds) == (names, 4_000.0)


def test_ranks_are_rows_by_the_longest_way_from_an_entry() -> None:
    assert ranks(plan("a b c d", "START -> a; START -> b; a -> c -> d; b -> d")) == (("a", "b"), ("c",), ("d",))


durations = st.lists(st.integers(0, 100).map(float), min_size=8, max_size=8)


@settings(max_examples=60, deadline=None)
@given(plans(), durations)
def test_the_critical_path_equals_the_longest_of_all_paths(made: Plan, took: list[float]) -> None:
    made = replace(made, steps=tuple(replace(s, join=Join.ALL) for s in made.steps))
    duration_s = dict(zip(made.by_id, took, strict=False))
    path, seconds = critical_path(made, duration_s)
    assert seconds == max((_longest(made, s, duration_s) for s in made.by_id), default=0.0)
    assert sum(duration_s[s] for s in path) == seconds
    assert all(any(e.target == b for e in made.outgoing[a]) for a, b in pairwise(path))


def _longest(made: Plan, at: str, duration_s: dict[str, float]) -> float:
    ways = [_longest(made, e.target, duration_s) for e in made.outgoing[at] if e.target not in TERMINALS]
    return duration_s[at] + max(ways, default=0.0)


@settings(max_examples=60, deadline=None)
@given(plans())
def test_reach_is_the_same_seen_from_either_end(made: Plan) -> None:
    index = {s: i for i, s in enumerate(made.by_id)}
    below, above = descendants(made), ancestors(made)
    order = {s: i for i, s in enumerate(topological_order(made))}
    for a in made.by_id:
        for b in made.by_id:
            assert below[a] >> index[b] & 1 == above[b] >> index[a] & 1
            assert not below[a] >> index[b] & 1 or order[a] < order[b]
    for edge in made.edges:
        if edge.source != START and edge.target not in TERMINALS:
            assert below[edge.source] >> index[edge.target] & 1
