"""The journal keeps what it said it keeps, in order, under one owner at a time."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from agent.errors import JournalError, LeaseLost, SettingsError
from agent.run import values
from agent.run.events import Event, EventKind, Outcome, StepKey
from agent.run.journal import Journal, parse_key
from agent.run.schema import EVENT
from agent.run.sqlite_store import SqliteStore
from agent.run.state import RunStatus
from dag.model import Edge, ValueType
from plugins.base import Result
from tests.run.engine_bench import Bench, Script, action, check, default, plan_of

PLAN = plan_of(check("a"), Edge("START", "a"), Edge("a", "END.resolved"))
ACT = plan_of(action("act"), Edge("START", "act"), Edge("act", "END.resolved"), default("act", "END.escalate"))


@pytest.mark.parametrize("key", [StepKey("a"), StepKey("a", (0,)), StepKey("2-measure", (0, 3))], ids=str)
def test_a_step_key_reads_back_as_itself(key: StepKey) -> None:
    assert parse_key(str(key)) == key


async def test_a_former_owner_cannot_write(either_bench: Bench) -> None:
    run_id = await either_bench.open(PLAN)
    old = await asyncio.to_thread(either_bench.journal.acquire, run_id, "old")
    assert old is not None
    either_bench.journal.release(old)
    new = await asyncio.to_thread(either_bench.journal.acquire, run_id, "new")
    assert new is not None
    event = Event(1, EventKind.STEP_STARTED, datetime.now(UTC), StepKey("a"))
    with pytest.raises(LeaseLost, match="another process advances it"):
        await asyncio.wrap_future(either_bench.journal.append(old, [event]))
    assert len(either_bench.journal.events(run_id)) == 1
    either_bench.journal.release(new)


async def test_a_full_disk_stops_the_run_before_its_action_and_loses_nothing(bench: Bench, script: Script) -> None:
    run_id = await bench.open(ACT)
    bound_pages(bench.journal, 0)
    await fill(bench.journal)
    with pytest.raises(JournalError, match="cannot be written: database or disk is full") as failure:
        await bench.engine.advance(run_id)
    assert "free disk space" in failure.value.hint
    assert script.applied == []
    bound_pages(bench.journal, 1_000_000)
    advanced, _ = await bench.go_on(run_id, ACT)
    assert advanced.outcome is Outcome.RESOLVED
    assert len(script.applied) == 1


async def test_nothing_of_a_run_follows_what_was_lost_to_a_full_disk(bench: Bench) -> None:
    run_id = await bench.open(PLAN)
    lease = await asyncio.to_thread(bench.journal.acquire, run_id, "me")
    assert lease is not None
    bound_pages(bench.journal, 0)
    lost = bench.journal.append(lease, [_started(1, "x" * 100_000)])
    with pytest.raises(JournalError, match="database or disk is full"):
        await asyncio.wrap_future(lost)
    bound_pages(bench.journal, 1_000_000)
    with pytest.raises(JournalError, match="an earlier write of run .* failed") as failure:
        await asyncio.wrap_future(bench.journal.append(lease, [_started(2)]))
    assert "goes on from its last commit" in failure.value.hint
    bench.journal.release(lease)
    again = await asyncio.to_thread(bench.journal.acquire, run_id, "me")
    assert again is not None
    await asyncio.wrap_future(bench.journal.append(again, [_started(1)]))
    assert [e.seq for e in bench.journal.events(run_id)] == [0, 1]
    bench.journal.release(again)


async def test_no_event_names_a_value_that_a_full_disk_did_not_take(bench: Bench) -> None:
    run_id = await bench.open(PLAN)
    lease = await asyncio.to_thread(bench.journal.acquire, run_id, "me")
    assert lease is not None
    bound_pages(bench.journal, 0)
    stored = values.store(bench.journal, lease, Result("x" * 100_000, ValueType.DYN, datetime.now(UTC)))
    assert "artifact" in stored
    await asyncio.to_thread(bench.journal.write_soon(lambda conn: None).exception)
    bound_pages(bench.journal, 1_000_000)
    event = Event(1, EventKind.STEP_SUCCEEDED, datetime.now(UTC), StepKey("a"), 1, {"values": {"a": stored}})
    with pytest.raises(JournalError, match="an earlier write of run .* failed"):
        await asyncio.wrap_future(bench.journal.append(lease, [event]))
    assert len(bench.journal.events(run_id)) == 1
    bench.journal.release(lease)


def _started(seq: int, why: str = "") -> Event:
    return Event(seq, EventKind.STEP_STARTED, datetime.now(UTC), StepKey("a"), 1, {"why": why})


def bound_pages(journal: Journal, pages: int) -> None:
    """SQLite's own bound stands in for the disk's: the error is the same one. 0: what the file has now."""
    store = journal.store
    assert isinstance(store, SqliteStore)
    for engine in (store.full, store.normal):
        with engine.connect() as conn:
            most = pages or conn.exec_driver_sql("PRAGMA page_count").scalar_one()
            conn.exec_driver_sql(f"PRAGMA max_page_count={most}")
            conn.rollback()


async def fill(journal: Journal) -> None:
    """Use up what is left inside the file's pages, in every table that a run writes to."""
    full = 0
    for i in range(2_000):
        try:
            await journal.write(lambda conn, i=i: _fill_tables(conn, i))
        except JournalError:
            full += 1
            if full == 3:
                return
    raise AssertionError("the disk did not fill")


def _fill_tables(conn: Connection, i: int) -> None:
    event = {"run_id": "filler", "seq": i, "kind": "x", "payload": "x" * 60, "fence": 0, "at": datetime.now(UTC)}
    conn.execute(insert(EVENT).values(**event))


async def test_one_callers_error_does_not_undo_anothers_work(either_bench: Bench) -> None:
    run_id = await either_bench.open(PLAN)
    lease = await asyncio.to_thread(either_bench.journal.acquire, run_id, "me")
    assert lease is not None

    def fails(conn: object) -> None:
        raise ValueError("mine alone")

    bad = either_bench.journal.write_soon(fails)
    good = either_bench.journal.append(lease, [Event(1, EventKind.STEP_STARTED, datetime.now(UTC), StepKey("a"))])
    await asyncio.wrap_future(good)
    with pytest.raises(ValueError, match="mine alone"):
        await asyncio.wrap_future(bad)
    assert len(either_bench.journal.events(run_id)) == 2
    either_bench.journal.release(lease)


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{tmp_path}/journal.db")
    journal.close()
    assert stat.S_IMODE((tmp_path / "journal.db").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param(
            "mysql://x:secret@db/runs", "SQLite or PostgreSQL", id="another database is refused, not half used"
        ),
        pytest.param("sqlite:///:memory:", "in memory", id="a journal in memory is no journal"),
    ],
)
def test_urls_that_are_no_journal(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as failure:
        Journal(url)
    assert "secret" not in str(failure.value)


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_text("not a database " * 100)
    with pytest.raises(SettingsError, match=r"journal\.db: the journal cannot be opened"):
        Journal(f"sqlite:///{path}")


def test_a_journal_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA user_version=99")
    conn.close()
    with pytest.raises(SettingsError, match="schema 99"):
        Journal(f"sqlite:///{path}")


async def test_an_ended_run_stays_as_it_is(either_bench: Bench) -> None:
    run_id = await either_bench.open(PLAN)
    await either_bench.go_on(run_id, PLAN)
    before = either_bench.journal.events(run_id)
    advanced, _ = await either_bench.go_on(run_id, PLAN)
    assert advanced.status is RunStatus.ENDED
    assert either_bench.journal.events(run_id) == before


async def test_a_closed_journal_refuses_and_keeps_nobody_waiting(either_bench: Bench) -> None:
    either_bench.journal.close()
    with pytest.raises(JournalError, match="the journal is closed"):
        await either_bench.journal.write(lambda conn: None)


async def test_a_caller_that_is_cancelled_does_not_stop_the_writer(either_bench: Bench) -> None:
    waiting = asyncio.create_task(either_bench.journal.write(lambda conn: time.sleep(0.2)))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await asyncio.wait_for(either_bench.journal.write(lambda conn: 1), 5) == 1
