"""Which sessions move where: the rescheduling policy, by example and by property."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.serving.cluster import Fleet, Move, Replica, ReplicaState, Session, SessionState
from plugins.serving.llamacpp import Fingerprint
from plugins.serving.policy import First, MovePlan, after, imbalance, loads_of, plan_moves

SAME, OTHER = Fingerprint("sha-0", "b1", "f16"), Fingerprint("sha-1", "b1", "f16")


def fleet_of(*replicas: Replica, sessions: tuple[Session, ...] = ()) -> Fleet:
    """Busy slots, queues and KV follow from the sessions."""

    def filled(replica: Replica) -> Replica:
        here = [s for s in sessions if s.replica == replica.name and s.live]
        decoding = [s for s in here if s.state is not SessionState.WAITING]
        return replace(
            replica,
            slots_busy=len(decoding),
            waiting=len(here) - len(decoding),
            kv_tokens_used=sum(s.length for s in decoding),
        )

    return Fleet(tuple(filled(r) for r in replicas), sessions)


def replica(
    name: str,
    state: ReplicaState = ReplicaState.UP,
    *,
    slots: int = 2,
    kv: int = 8192,
    fingerprint: Fingerprint = SAME,
) -> Replica:
    return Replica(name, state, slots, 0, 0, 0, kv, fingerprint)


def running(
    name: str, on: str, tokens: int = 500, *, left: int = 500, state: SessionState = SessionState.RUNNING
) -> Session:
    return Session(name, on, 0, state, tokens, 0, left, age_s=1.0)


def waiting(name: str, on: str, tokens: int = 300, *, age_s: float = 1.0) -> Session:
    return Session(name, on, None, SessionState.WAITING, tokens, 0, 500, age_s=age_s)


def moves(plan: MovePlan) -> list[str]:
    return [str(m) for m in plan.moves]


HOT = (running("r1", "a"), running("r2", "a", 700), waiting("w1", "a", age_s=9), waiting("w2", "a", age_s=5))
THREE = (replica("a"), replica("b"), replica("c"))


def test_freeness_is_the_kv_left_per_running_session_less_what_the_head_of_the_queue_needs() -> None:
    assert plan_moves(fleet_of(*THREE, sessions=HOT)).freeness == {
        "a": (8192 - 500 - 700 - 300) / 2,
        "b": 8192,
        "c": 8192,
    }


def test_a_draining_replica_has_no_freeness_to_show_and_the_lowest_to_plan_with() -> None:
    fleet = fleet_of(replica("a", ReplicaState.DRAINING), replica("b", ReplicaState.DOWN), replica("c"))
    assert loads_of(fleet)["a"].freeness == -math.inf
    assert plan_moves(fleet).freeness == {"a": None, "b": None, "c": 8192}


def test_asked_for_those_who_decode_they_move_with_their_caches_and_the_queue_takes_their_slots() -> None:
    plan = plan_moves(fleet_of(*THREE, sessions=HOT), first=First.RUNNING)
    assert moves(plan) == ["r1: a -> b", "r2: a -> c"]


def test_one_that_has_almost_ended_is_not_moved_to_make_room() -> None:
    hot = (running("r1", "a", left=8), running("r2", "a", left=8), waiting("w1", "a"))
    assert moves(plan_moves(fleet_of(*THREE, sessions=hot), first=First.RUNNING)) == ["w1: a -> b"]


def test_those_who_wait_move_first_in_the_order_they_came_to_the_freest_replicas() -> None:
    plan = plan_moves(fleet_of(*THREE, sessions=HOT))
    assert moves(plan) == ["w1: a -> b", "w2: a -> c"]
    assert plan.reason == "1 from a to b, 1 from a to c (sessions: 2 waiting without a free slot)"


def test_of_the_running_ones_the_shortest_moves() -> None:
    sessions = tuple(running(f"r{n}", "a", n) for n in (900, 300, 600))
    fleet = fleet_of(replica("a", slots=4, kv=16384), replica("b", slots=4, kv=16384), sessions=sessions)
    assert moves(plan_moves(fleet)) == ["r300: a -> b"]


def test_a_session_about_to_end_is_not_worth_a_move() -> None:
    sessions = (running("short", "a", 300, left=10), running("long", "a", 600))
    assert moves(plan_moves(fleet_of(*THREE, sessions=sessions))) == ["long: a -> b"]


def test_a_session_that_is_being_moved_is_left_alone() -> None:
    sessions = (running("r1", "a", state=SessionState.MOVING), running("r2", "a", state=SessionState.MOVING))
    assert not plan_moves(fleet_of(*THREE, sessions=sessions)).moves


def test_a_draining_replica_is_emptied_down_to_sessions_about_to_end() -> None:
    sessions = (running("r1", "a", left=5), running("r2", "a", 700), waiting("w1", "a"))
    fleet = fleet_of(replica("a", ReplicaState.DRAINING), *THREE[1:], sessions=sessions)
    assert {m.session for m in plan_moves(fleet).moves} == {"r1", "r2", "w1"}


def test_only_the_asked_source_is_relieved() -> None:
    sessions = (*HOT, running("r3", "b"), running("r4", "b"), waiting("w3", "b"))
    fleet = fleet_of(*THREE, sessions=sessions)
    assert moves(plan_moves(fleet, source="b")) == ["w3: b -> c"]


@pytest.mark.parametrize(
    ("target", "more"),
    [
        pytest.param(replica("b", ReplicaState.DOWN), (), id="it is down"),
        pytest.param(replica("b", ReplicaState.STARTING), (), id="it is starting"),
        pytest.param(replica("b", ReplicaState.DRAINING), (), id="it drains"),
        pytest.param(replica("b", fingerprint=OTHER), (), id="it has other weights"),
        pytest.param(replica("b"), (running("x", "b"), running("y", "b")), id="its slots are taken"),
        pytest.param(replica("b", kv=700), (), id="the session would outgrow its KV"),
    ],
)
def test_nothing_moves_to_a_replica_when(target: Replica, more: tuple[Session, ...]) -> None:
    plan = plan_moves(fleet_of(replica("a"), target, sessions=(*HOT, *more)), source="a")
    assert not plan.moves
    assert plan.reason == (
        "sessions: 2 waiting without a free slot; "
        "no equal replica that is up has a free slot, an empty queue and KV room"
    )


@pytest.mark.parametrize(
    "sessions",
    [
        pytest.param((), id="idle"),
        pytest.param((running("r1", "a"), running("r2", "b"), running("r3", "c")), id="one session each"),
        pytest.param((running("r1", "a"), running("r2", "a"), running("r3", "b"), running("r4", "c")), id="2, 1 and 1"),
    ],
)
def test_a_balanced_fleet_yields_no_moves(sessions: tuple[Session, ...]) -> None:
    plan = plan_moves(fleet_of(*THREE, sessions=sessions))
    assert (plan.moves, plan.reason) == ((), "balanced: no move would help enough to pay for itself")


def test_a_limit_is_kept_and_told() -> None:
    plan = plan_moves(fleet_of(*THREE, sessions=HOT), max_moves=1)
    assert moves(plan) == ["w1: a -> b"]
    assert plan.reason.endswith("; limited to 1")


def test_a_move_that_would_only_swap_who_is_busier_is_not_made() -> None:
    sessions = (running("r1", "a", 500), running("r2", "a", 700), running("r3", "b", 400))
    assert not plan_moves(fleet_of(*THREE[:2], sessions=sessions)).moves


def test_replicas_of_any_batch_size_are_evened_out_until_none_is_half_as_free_again_as_another() -> None:
    sessions = tuple(running(f"r{n}", "a", 500) for n in range(100))
    big = (replica("a", slots=128, kv=128 * 4096), replica("b", slots=128, kv=128 * 4096))
    fleet = fleet_of(*big, sessions=sessions)
    loads = loads_of(carried_out(fleet, plan_moves(fleet, max_moves=100)))
    assert 1 <= loads["b"].freeness / loads["a"].freeness <= 1.5


@pytest.mark.timeout(5)
def test_a_plan_for_a_large_fleet_does_not_hold_up_the_process() -> None:
    """64 replicas of 64 slots, every third one overfull: hundredths of a second, not the seconds of a search."""
    replicas = [replica(f"r{n}", slots=64, kv=64 * 4096) for n in range(64)]
    sessions: list[Session] = []
    for n, r in enumerate(replicas):
        sessions += [running(f"{r.name}-{i}", r.name, 100 + 10 * i) for i in range(64 if n % 3 == 0 else n % 60)]
        sessions += [waiting(f"{r.name}-w{i}", r.name, age_s=i) for i in range(4 if n % 3 == 0 else 0)]
    assert len(plan_moves(fleet_of(*replicas, sessions=tuple(sessions)), max_moves=32).moves) == 32


# -- properties ---------------------------------------------------------------------------------


@st.composite
def fleets(draw: st.DrawFn, *, alike: bool = False) -> Fleet:
    """Up to five replicas; unless `alike`, of different sizes, states and fingerprints."""
    states = st.just(ReplicaState.UP) if alike else st.sampled_from(list(ReplicaState))
    prints = st.just(SAME) if alike else st.sampled_from([SAME, SAME, OTHER])
    replicas = []
    for name in "abcde"[: draw(st.integers(1, 5))]:
        slots = 4 if alike else draw(st.integers(1, 6))
        kv = 16384 if alike else draw(st.integers(256, 32768))
        replicas.append(replica(name, draw(states), slots=slots, kv=kv, fingerprint=draw(prints)))
    sessions: list[Session] = []
    for r in replicas:
        number = draw(st.integers(0, r.slots_total + 3))
        for i in range(number):
            state = draw(st.sampled_from([SessionState.RUNNING] * 5 + [SessionState.MOVING, SessionState.DONE]))
            sessions.append(
                Session(
                    id=f"{r.name}{i}",
                    replica=r.name,
                    slot=None,
                    state=state if i < r.slots_total else SessionState.WAITING,
                    prompt_tokens=draw(st.integers(1, 2000)),
                    generated_tokens=draw(st.integers(0, 500)),
                    max_tokens=draw(st.integers(500, 1500)),
                    age_s=draw(st.integers(0, 100)),
                )
            )
    return fleet_of(*replicas, sessions=tuple(sessions))


def carried_out(fleet: Fleet, plan: MovePlan) -> Fleet:
    """The fleet as a gateway leaves it: moved sessions run, freed slots go to those who wait longest."""
    targets = {m.session: m.target for m in plan.moves}
    sessions = [
        replace(s, replica=targets[s.id], state=SessionState.RUNNING) if s.id in targets else s for s in fleet.sessions
    ]
    now = fleet_of(*fleet.replicas, sessions=tuple(sessions))
    for r in now.replicas:
        if r.state is ReplicaState.UP:
            queue = sorted(
                (s for s in now.live_on(r.name) if s.state is SessionState.WAITING), key=lambda s: (-s.age_s, s.id)
            )
            for lucky in queue[: r.slots_free]:
                sessions[sessions.index(lucky)] = replace(lucky, state=SessionState.RUNNING)
    return fleet_of(*fleet.replicas, sessions=tuple(sessions))


FIRST = st.sampled_from(First)


@given(first=FIRST, fleet=fleets(), max_moves=st.integers(1, 12))
def test_every_move_goes_to_an_equal_replica_that_is_up_and_never_overfills_it(
    fleet: Fleet, first: First, max_moves: int
) -> None:
    plan = plan_moves(fleet, max_moves=max_moves, first=first)
    assert len(plan.moves) <= max_moves
    for target in {m.target for m in plan.moves}:
        there = fleet.replica(target)
        incoming = [fleet.session(m.session) for m in plan.moves if m.target == target]
        assert there is not None
        assert there.state is ReplicaState.UP
        assert len(incoming) <= there.slots_free - there.waiting
        assert there.kv_tokens_used + sum(s.length for s in incoming if s) <= there.kv_tokens_total
    for move in plan.moves:
        source, there = fleet.replica(move.source), fleet.replica(move.target)
        assert source is not None
        assert there is not None
        assert source.fingerprint == there.fingerprint


@given(first=FIRST, fleet=fleets())
def test_every_move_reduces_imbalance(fleet: Fleet, first: First) -> None:
    loads = loads_of(fleet)
    for move in plan_moves(fleet, max_moves=32, first=first).moves:
        then = after(loads, move)
        assert imbalance(then) < imbalance(loads)
        loads = then


@given(first=FIRST, fleet=fleets())
def test_no_session_moves_twice_and_no_replica_both_gives_and_takes(fleet: Fleet, first: First) -> None:
    plan = plan_moves(fleet, max_moves=32, first=first)
    assert len({m.session for m in plan.moves}) == len(plan.moves)
    assert not {m.source for m in plan.moves} & {m.target for m in plan.moves}


@given(first=FIRST, fleet=fleets())
def test_equal_fleets_get_equal_plans_whatever_the_order_they_are_listed_in(fleet: Fleet, first: First) -> None:
    shuffled = Fleet(fleet.replicas[::-1], fleet.sessions[::-1])
    assert plan_moves(fleet, first=first).moves == plan_moves(shuffled, first=first).moves


@given(first=FIRST, fleet=fleets(alike=True))
def test_once_a_whole_plan_is_carried_out_the_next_one_sends_no_session_back(fleet: Fleet, first: First) -> None:
    one = plan_moves(fleet, max_moves=64, first=first)
    two = plan_moves(carried_out(fleet, one), max_moves=64, first=first)
    assert not {m.back() for m in one.moves} & set(two.moves)


@settings(max_examples=60)
@given(first=FIRST, fleet=fleets(), max_moves=st.integers(1, 4))
def test_planning_and_carrying_out_in_turn_comes_to_rest(fleet: Fleet, first: First, max_moves: int) -> None:
    made: list[Move] = []
    for _ in range(60):
        plan = plan_moves(fleet, max_moves=max_moves, first=first)
        if not plan.moves:
            return
        made += plan.moves
        fleet = carried_out(fleet, plan)
    pytest.fail(f"still moving: {made[-10:]}")
