"""Resources are written by one step at a time, in the order of asking, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, func, insert, select, update
from sqlmodel import SQLModel

from agent.run import leases
from agent.run.leases import EVERYTHING, FORGOTTEN_S, Blocker, Claimant
from agent.run.schema import RESOURCE_LEASE, RESOURCE_WAIT, RUN

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Keys = frozenset[str]


@contextmanager
def tables(*runs: str) -> Iterator[Connection]:
    """The tables alone, with these runs going on."""
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with engine.begin() as conn:
        for run_id in runs:
            add_run(conn, run_id)
        yield conn
    engine.dispose()


def add_run(conn: Connection, run_id: str) -> None:
    texts = {c.name: "" for c in RUN.columns if not c.nullable}
    conn.execute(insert(RUN).values({**texts, "id": run_id, "opened_at": NOW, "deadline_at": NOW}))


def take(conn: Connection, run: str, *keys: str, step: str = "act", **how: Any) -> Blocker | None:
    return leases.take(conn, Claimant(run, step), keys, NOW, **how)


def silent(conn: Connection, run: str, for_s: float = FORGOTTEN_S + 2) -> None:
    """As if that run's process had died so long ago."""
    then = datetime.now(UTC) - timedelta(seconds=for_s)
    conn.execute(update(RESOURCE_WAIT).where(RESOURCE_WAIT.c.run_id == run).values(seen_at=then))


def rows(conn: Connection) -> int:
    return sum(conn.execute(select(func.count()).select_from(t)).scalar_one() for t in (RESOURCE_LEASE, RESOURCE_WAIT))


# -- the rules, over every history -------------------------------------------------------------


def overlap(a: Keys, b: Keys) -> bool:
    a, b = a or {EVERYTHING}, b or {EVERYTHING}
    return bool(a & b) or EVERYTHING in a | b


class World:
    """Claimants that ask, finish and die, and what each must then be told: the rules in plain Python."""

    def __init__(self, conn: Connection, wants: list[Keys]) -> None:
        self.conn = conn
        self.wants = {Claimant(f"run{i // 2}", f"step{i % 2}"): keys for i, keys in enumerate(wants)}
        self.held: list[Claimant] = []
        self.queue: list[Claimant] = []

    def ask(self, who: Claimant) -> None:
        blocker = leases.take(self.conn, who, self.wants[who], NOW)
        place = self.queue.index(who) if who in self.queue else len(self.queue)
        before = [*(h for h in self.held if h != who), *self.queue[:place]]
        expected = [] if who in self.held else [b for b in before if overlap(self.wants[b], self.wants[who])]
        assert (blocker.who if blocker else None) in (expected or [None])
        if blocker is not None:
            assert blocker.holds == (blocker.who in self.held)
            self.queue += [who] if who not in self.queue else []
        elif who not in self.held:
            self.held.append(who)
            self.queue = [w for w in self.queue if w != who]

    def leave(self, who: Claimant) -> None:
        could = self.free()
        told = leases.give_back(self.conn, who)
        self.held = [h for h in self.held if h != who]
        self.queue = [w for w in self.queue if w != who]
        assert self.free() - could <= set(told) <= set(self.queue)

    def free(self) -> set[Claimant]:
        """The waiters that would get their keys now."""
        taken = [(w, [*self.held, *self.queue[:i]]) for i, w in enumerate(self.queue)]
        return {w for w, before in taken if not any(overlap(self.wants[b], self.wants[w]) for b in before)}

    def check(self) -> None:
        held = self.held
        assert not any(overlap(self.wants[a], self.wants[b]) for i, a in enumerate(held) for b in held[:i])
        count = len({(r.run_id, r.step_key) for r in self.conn.execute(select(RESOURCE_LEASE))})
        assert count == len(held)  # nobody holds anything while waiting


WANTS = st.lists(st.frozensets(st.sampled_from("abc"), max_size=3), min_size=1, max_size=6)
MOVES = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(WANTS, MOVES)
def test_any_history_keeps_writers_apart_and_in_the_order_of_asking_and_comes_to_its_end(
    wants: list[Keys], moves: list[tuple[bool, int]]
) -> None:
    with tables(*(f"run{i}" for i in range(3))) as conn:
        world = World(conn, wants)
        everyone = list(world.wants)
        for asks, i in moves:
            who = everyone[i % len(everyone)]
            (world.ask if asks else world.leave)(who)
            world.check()
        while world.held or world.queue:  # each turn somebody can go on, whatever the sets of keys
            for who in [*world.queue]:
                world.ask(who)
            assert world.held
            world.leave(world.held[0])
        assert rows(conn) == 0


@settings(max_examples=100, deadline=None)
@given(WANTS, st.sets(st.integers(0, 2)))
def test_the_dead_stand_in_nobody_s_way(wants: list[Keys], dead: set[int]) -> None:
    with tables(*(f"run{i}" for i in range(3))) as conn:
        world = World(conn, wants)
        for who in world.wants:
            world.ask(who)
        gone = {f"run{i}" for i in dead}
        for run_id in gone:
            if any(h.run_id == run_id for h in world.held):
                conn.execute(update(RUN).where(RUN.c.id == run_id).values(outcome="cancelled"))
            silent(conn, run_id)
        living = [w for w in world.wants if w.run_id not in gone]
        for _ in world.wants:
            for who in living:
                if leases.take(conn, who, wants[list(world.wants).index(who)], NOW) is None:
                    leases.give_back(conn, who)
                    living = [w for w in living if w != who]
        assert living == []


# -- one rule each -----------------------------------------------------------------------------


def test_a_second_step_of_the_run_waits_like_any_other_and_frees_only_its_own() -> None:
    with tables("r") as conn:
        assert take(conn, "r", "x", step="one") is None
        assert take(conn, "r", "x", step="two") == Blocker(Claimant("r", "one"), "x", holds=True)
        leases.give_back(conn, Claimant("r", "two"))
        assert take(conn, "r", "x", step="two") is not None


def test_a_step_that_is_done_binds_others_and_not_its_own_run() -> None:
    with tables("r", "s") as conn:
        take(conn, "r", "x", step="one")
        assert take(conn, "s", "x", over=["one"]) is not None
        assert take(conn, "r", "x", step="two", over=["one"]) == Blocker(Claimant("s", "act"), "x", holds=False)


def test_nobody_overtakes_who_waits_for_a_key_in_common() -> None:
    with tables("r", "s", "t", "u") as conn:
        take(conn, "r", "a")
        take(conn, "s", "a", "b")
        assert take(conn, "t", "b") == Blocker(Claimant("s", "act"), "b", holds=False)
        assert take(conn, "u", "c") is None
        assert leases.give_back(conn, Claimant("r", "act")) == [Claimant("s", "act")]
        assert take(conn, "s", "a", "b") is None


def test_a_waiter_that_asks_again_in_time_keeps_its_place_and_one_that_is_silent_loses_it() -> None:
    with tables("r", "s", "t") as conn:
        for run in "rst":
            take(conn, run, "x")
        leases.give_back(conn, Claimant("r", "act"))
        silent(conn, "s", FORGOTTEN_S - 5)
        assert take(conn, "t", "x") is not None
        silent(conn, "s")
        assert take(conn, "t", "x") is None
        assert take(conn, "s", "x") == Blocker(Claimant("t", "act"), "x", holds=True)


def test_a_step_that_comes_back_with_other_keys_holds_nothing_while_it_waits() -> None:
    with tables("r", "s") as conn:
        take(conn, "r", "a")
        take(conn, "s", "b")
        assert take(conn, "r", "b") is not None
        assert take(conn, "s", "a", step="more") is None


def test_a_lease_of_a_run_that_has_ended_is_void() -> None:
    with tables("r", "s") as conn:
        take(conn, "r", "x")
        conn.execute(update(RUN).where(RUN.c.id == "r").values(outcome="cancelled"))
        assert take(conn, "s", "x") is None
        assert rows(conn) == 1


def test_a_waiter_that_keeps_asking_keeps_its_place_however_long_it_waits() -> None:
    with tables("r", "s", "t") as conn:
        take(conn, "r", "x")
        take(conn, "s", "x")
        take(conn, "t", "x")
        silent(conn, "s")
        take(conn, "s", "x")  # it asks again, so it is not forgotten
        leases.give_back(conn, Claimant("r", "act"))
        assert take(conn, "t", "x") == Blocker(Claimant("s", "act"), "x", holds=False)
