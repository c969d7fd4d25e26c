"""Turns are fair: no guide and no team waits behind another's storm."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.run.fair_queue import FairQueue, Lane

LANES = st.builds(Lane, st.sampled_from("abc"), st.sampled_from("xyz"))
ARRIVALS = st.lists(st.tuples(st.integers(0, 40).map(str), LANES), max_size=80)


def filled(arrivals: list[tuple[str, Lane]]) -> FairQueue:
    queue = FairQueue()
    for run_id, lane in arrivals:
        queue.put(run_id, lane)
    return queue


def drained(queue: FairQueue) -> list[tuple[str, Lane]]:
    return [queue.take() for _ in range(len(queue))]


@given(ARRIVALS)
def test_every_run_gets_exactly_one_turn_in_the_lane_it_first_came_in(arrivals: list[tuple[str, Lane]]) -> None:
    first: dict[str, Lane] = {}
    for run_id, lane in arrivals:
        first.setdefault(run_id, lane)
    queue = filled(arrivals)
    assert queue.depths() == Counter(first.values())
    assert sorted(drained(queue)) == sorted(first.items())
    assert queue.depths() == {}


@given(ARRIVALS)
def test_within_a_guide_the_order_is_that_of_arrival(arrivals: list[tuple[str, Lane]]) -> None:
    came = list(dict.fromkeys(run_id for run_id, _ in arrivals))
    turns = drained(filled(arrivals))
    for lane in {lane for _, lane in turns}:
        mine = [r for r, ln in turns if ln == lane]
        assert mine == sorted(mine, key=came.index)


@given(ARRIVALS)
def test_while_a_team_waits_no_other_team_has_two_turns_between_its_own(arrivals: list[tuple[str, Lane]]) -> None:
    teams = [lane.team for _, lane in drained(filled(arrivals))]
    for team in set(teams):
        last = max(i for i, t in enumerate(teams) if t == team)
        between: Counter[str] = Counter()
        for t in teams[: last + 1]:
            if t == team:
                between.clear()
            else:
                between[t] += 1
                assert between[t] <= 1, (team, teams)


@given(ARRIVALS)
def test_within_a_team_the_same_holds_for_guides(arrivals: list[tuple[str, Lane]]) -> None:
    turns = [lane for _, lane in drained(filled(arrivals))]
    for team in {lane.team for lane in turns}:
        guides = [lane.guide for lane in turns if lane.team == team]
        for guide in set(guides):
            last = max(i for i, g in enumerate(guides) if g == guide)
            between: Counter[str] = Counter()
            for g in guides[: last + 1]:
                if g == guide:
                    between.clear()
                else:
                    between[g] += 1
                    assert between[g] <= 1, (guide, guides)


@given(st.integers(1, 500))
def test_a_late_and_quiet_guide_waits_one_turn_of_a_storm_however_long(storm: int) -> None:
    queue = filled([(f"s{i}", Lane("", "stormy")) for i in range(storm)])
    queue.take()
    queue.put("quiet", Lane("", "quiet"))
    assert "quiet" in [queue.take()[0] for _ in range(min(2, len(queue)))]


def test_an_empty_queue_says_so() -> None:
    with pytest.raises(IndexError, match="nobody waits"):
        FairQueue().take()
