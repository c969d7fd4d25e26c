"""What waits is bounded, in all and for each team, and a team at its bound shuts no other out."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.run.admission import Admission, Overloaded
from agent.run.fair_queue import FairQueue, Lane

MOST, MOST_OF_A_TEAM = 8, 3


def admission(queue: FairQueue) -> Admission:
    return Admission(lambda: len(queue), queue.depths, most=MOST, most_of_a_team=MOST_OF_A_TEAM)


def test_a_team_at_its_bound_is_named_and_the_others_come_in() -> None:
    queue = FairQueue()
    entrance = admission(queue)
    for n in range(MOST_OF_A_TEAM):
        queue.put(f"a{n}", Lane("a", f"guide-{n}"))
    with pytest.raises(Overloaded, match="3 runs of team 'a' wait, the bound of one team is 3"), entrance.enter({"a"}):
        pass
    with pytest.raises(Overloaded, match="team 'a'"), entrance.enter({"a", "b"}):
        pass
    with entrance.enter({"b"}):
        queue.put("b", Lane("b", "guide"))
    queue.take()
    with entrance.enter({"a"}):
        pass


def test_what_failed_on_its_way_into_the_journal_gives_its_place_back() -> None:
    entrance = admission(FairQueue())
    for _ in range(3 * MOST):
        with pytest.raises(ZeroDivisionError), entrance.enter({"a"}):
            raise ZeroDivisionError


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["enter", "leave", "turn"])), max_size=80))
def test_no_burst_passes_the_bounds(moves: list[tuple[str, str]]) -> None:
    queue = FairQueue()
    entrance = admission(queue)
    entering: list[tuple[str, ExitStack]] = []
    for n, (team, move) in enumerate(moves):
        if move == "enter":
            held = ExitStack()
            waiting = Counter(t for t, _ in entering) + Counter(
                {lane.team: count for lane, count in queue.depths().items()}
            )
            may = waiting.total() < MOST and waiting[team] < MOST_OF_A_TEAM
            try:
                held.enter_context(entrance.enter({team}))
            except Overloaded:
                assert not may
            else:
                assert may
                entering.append((team, held))
        elif move == "leave" and entering:
            entered, held = entering.pop(0)
            queue.put(f"run-{n}", Lane(entered, "guide"))
            held.close()
        elif move == "turn" and len(queue):
            queue.take()
