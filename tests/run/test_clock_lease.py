"""Leases in PostgreSQL: by the database's clock, given up in time, and never two owners at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update

from agent.errors import LeaseLost
from agent.run.clock_lease import ClockGrip
from agent.run.events import Event, EventKind, Outcome, StepKey
from agent.run.journal import Journal
from agent.run.schema import LEASE, RUN
from agent.run.shared_dispatch import _left
from agent.run.store import Lease
from dag.model import Edge
from tests.run.engine_bench import Bench, Script, action, default, manual, plan_of

ACT = plan_of(action("act"), Edge("START", "act"), Edge("act", "END.resolved"), default("act", "END.escalate"))
LEASE_S = 1.0


@pytest.fixture
def ours(tmp_path: Path, script: Script, database: str) -> Iterator[Bench]:
    made = Bench(tmp_path / "unused", script, url=database)
    yield made
    made.journal.close()


@pytest.fixture
def theirs(tmp_path: Path, script: Script, database: str, ours: Bench) -> Iterator[Bench]:
    """Another process's journal and engine, over the same database and target."""
    made = Bench(tmp_path / "unused", script, url=database)
    yield made
    made.journal.close()


def fall_silent(lease: Lease, journal: Journal) -> None:
    """What a stalled process does: nothing more; its lease's time passes at the database."""
    grip = lease.grip
    assert isinstance(grip, ClockGrip)
    grip._keeper._grips.discard(grip)
    past = func.clock_timestamp() - timedelta(seconds=1)
    journal.write_soon(
        lambda conn: conn.execute(update(LEASE).where(LEASE.c.run_id == lease.run_id).values(expires_at=past))
    ).result()
    grip.until = 0.0


async def test_a_run_has_one_owner_until_it_is_given_back(ours: Bench, theirs: Bench) -> None:
    run_id = await ours.open(ACT)
    lease = ours.journal.acquire(run_id, "ours")
    assert lease is not None
    assert lease.is_held()
    assert theirs.journal.acquire(run_id, "theirs") is None
    ours.journal.release(lease)
    assert not lease.is_held()
    taken = theirs.journal.acquire(run_id, "theirs")
    assert taken is not None
    assert taken.fence == lease.fence + 1


async def test_a_lease_is_renewed_beyond_its_first_time(database: str, ours: Bench, theirs: Bench) -> None:
    run_id = await ours.open(ACT)
    journal = Journal(database, lease_s=LEASE_S)
    lease = journal.acquire(run_id, "renewing")
    assert lease is not None
    await asyncio.sleep(2.5 * LEASE_S)
    assert theirs.journal.acquire(run_id, "theirs") is None
    assert lease.is_held()
    journal.close()


async def test_an_owner_that_cannot_renew_gives_up_before_others_may_have_it(
    database: str, ours: Bench, theirs: Bench
) -> None:
    run_id = await ours.open(ACT)
    journal = Journal(database, lease_s=LEASE_S)
    lease = journal.acquire(run_id, "cut off")
    assert lease is not None
    journal.store.close()  # no renewal any more, as behind a broken network
    while (taken := theirs.journal.acquire(run_id, "theirs")) is None:
        await asyncio.sleep(0.01)
    assert not lease.is_held()
    assert taken.fence == lease.fence + 1
    journal.close()


async def test_a_former_owners_events_are_refused(ours: Bench, theirs: Bench) -> None:
    run_id = await ours.open(ACT)
    lease = ours.journal.acquire(run_id, "ours")
    assert lease is not None
    fall_silent(lease, ours.journal)
    assert theirs.journal.acquire(run_id, "theirs") is not None
    event = Event(1, EventKind.STEP_STARTED, datetime.now(UTC), StepKey("act"))
    with pytest.raises(LeaseLost, match="another process advances it"):
        await asyncio.wrap_future(ours.journal.append(lease, [event]))
    assert len(ours.journal.events(run_id)) == 1


async def test_a_stalled_worker_stops_before_its_next_write_to_the_world(ours: Bench, script: Script) -> None:
    run_id = await ours.open(ACT)

    def stall(_run_id: str, event: Event) -> None:
        if event.kind is EventKind.INTENT:
            fall_silent(ours.engine._live[run_id].lease, ours.journal)

    ours.engine.watch = stall
    with pytest.raises(LeaseLost, match="not heard of for too long") as stopped:
        await ours.engine.advance(run_id)
    assert "lease_s" in stopped.value.hint
    assert script.applied == []


async def test_what_a_stalled_worker_intended_is_done_once_by_the_next(
    ours: Bench, theirs: Bench, script: Script
) -> None:
    run_id = await ours.open(ACT)
    ours.engine.watch = lambda _, event: (
        fall_silent(ours.engine._live[run_id].lease, ours.journal) if event.kind is EventKind.INTENT else None
    )
    with pytest.raises(LeaseLost):
        await ours.engine.advance(run_id)
    began = asyncio.get_running_loop().time()
    advanced, _ = await theirs.go_on(run_id, ACT)
    waited_s = asyncio.get_running_loop().time() - began
    assert advanced.outcome is Outcome.RESOLVED
    assert len(script.applied) == 1
    deadline_s = theirs.last(run_id, EventKind.INTENT).payload["deadline_s"]
    assert waited_s >= deadline_s, "the former owner's request could still have been on its way"


async def test_two_processes_at_one_run_do_it_once(ours: Bench, theirs: Bench, script: Script) -> None:
    script.delays_s["push"] = 0.3
    run_id = await ours.open(ACT)
    both = await asyncio.gather(ours.engine.advance(run_id), theirs.engine.advance(run_id))
    assert [a.outcome for a in both if a is not None] == [Outcome.RESOLVED]
    assert len(script.applied) == 1


async def test_deciding_transactions_run_one_after_another_and_appends_beside_them(ours: Bench, theirs: Bench) -> None:
    inside, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def decide(conn: object) -> None:
        loop.call_soon_threadsafe(inside.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()

    first = asyncio.wrap_future(ours.journal.write_soon(decide))
    await inside.wait()
    append = theirs.journal.write_soon(lambda conn: "appended", alone=False)
    assert await asyncio.wrap_future(append) == "appended"
    second = asyncio.wrap_future(theirs.journal.write_soon(lambda conn: "decided"))
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    while not ours.journal.read_now(lambda conn: conn.execute(waiting).scalar_one()):
        await asyncio.sleep(0.01)
    assert not second.done()
    go_on.set()
    await first
    assert await second == "decided"


async def test_times_come_back_as_they_went_in(ours: Bench) -> None:
    run_id = await ours.open(ACT)
    (event,) = ours.journal.events(run_id)
    assert event.at.tzinfo is UTC
    row = ours.journal.run(run_id)
    assert row is not None
    assert row.opened_at == event.at
    assert ours.journal.read_now(lambda conn: conn.execute(select(func.current_setting("timezone"))).scalar()) == "UTC"


async def test_a_resting_run_that_is_due_is_found_though_its_timer_was_lost(ours: Bench) -> None:
    plan = plan_of(manual("m"), Edge("START", "m"), Edge("m", "END.resolved"))
    run_id = await ours.open(plan)
    await ours.go_on(run_id, plan)
    assert await ours.journal.read(_left) == []
    past = func.clock_timestamp() - timedelta(seconds=1)
    await ours.journal.write(lambda conn: conn.execute(update(RUN).where(RUN.c.id == run_id).values(wake_at=past)))
    assert await ours.journal.read(_left) == [run_id]
