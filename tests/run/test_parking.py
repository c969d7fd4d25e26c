"""A parked run is a row: a starting process leaves it alone until it is due or somebody speaks to it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.errors import SettingsError
from agent.run.dispatch import Dispatcher
from agent.run.events import EventKind, Outcome
from agent.run.fair_queue import Lane
from agent.run.journal import Journal
from agent.run.parking import Rest
from agent.run.schema import LEASE, RUN
from agent.run.state import RunStatus
from dag.model import Edge
from tests.run.engine_bench import Bench, manual, plan_of

PLAN = plan_of(manual("m"), Edge("START", "m"), Edge("m", "END.resolved"))
DONE = {"step": "m", "by": "ann", "answer": {"done": True}, "reason": ""}


@asynccontextmanager
async def dispatching(bench: Bench, at: datetime | None = None) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(bench.engine, bench.journal, runs_at_once=4, clock=lambda: at or datetime.now(UTC))
    await dispatcher.start()
    try:
        yield dispatcher
    finally:
        await dispatcher.stop()


def index_row(bench: Bench, run_id: str) -> Any:
    row = bench.journal.run(run_id)
    assert row is not None
    return row


async def test_the_event_that_parks_a_run_marks_it_in_one_transaction(bench: Bench) -> None:
    run_id = await bench.open(PLAN)
    assert index_row(bench, run_id).parked is None
    seen: list[tuple[int, str | None]] = []
    commit = bench.journal._commit

    def watching(batch: Any) -> None:
        commit(batch)
        seen.append((len(bench.kinds(run_id)), index_row(bench, run_id).parked))

    bench.journal._commit = watching  # type: ignore[method-assign]
    await bench.go_on(run_id, PLAN)
    await bench.journal.write(lambda conn: None)  # the writer has told of the commit before
    parked_at = bench.kinds(run_id).index(EventKind.PARKED)
    assert {bool(parked) for count, parked in seen if count > parked_at} == {True}
    assert {bool(parked) for count, parked in seen if count <= parked_at} <= {False}
    row = index_row(bench, run_id)
    assert row.parked == "m: a person does: m"
    assert row.wake_at == row.deadline_at


async def test_a_starting_process_leaves_parked_runs_alone(bench: Bench) -> None:
    run_id = await bench.open(PLAN)
    await bench.go_on(run_id, PLAN)
    before = bench.kinds(run_id)
    bench.restart()
    async with dispatching(bench) as dispatcher:
        settled = await dispatcher.settled(run_id)
    assert (settled.status, settled.reason) == (RunStatus.PARKED, "m: a person does: m")
    assert bench.kinds(run_id) == before


async def test_a_starting_process_takes_up_what_did_not_rest(bench: Bench) -> None:
    run_id = await bench.open(PLAN)
    async with dispatching(bench) as dispatcher:
        assert (await asyncio.wait_for(dispatcher.settled(run_id), 20)).status is RunStatus.PARKED


async def test_what_was_said_while_no_process_ran_is_heard_at_the_next_start(bench: Bench) -> None:
    run_id = await bench.open(PLAN)
    await bench.go_on(run_id, PLAN)
    await bench.say(run_id, "answer", **DONE)
    bench.restart()
    async with dispatching(bench) as dispatcher:
        while (settled := await asyncio.wait_for(dispatcher.settled(run_id), 20)).status is not RunStatus.ENDED:
            await asyncio.sleep(0.01)
    assert settled.outcome is Outcome.RESOLVED
    row = index_row(bench, run_id)
    assert (row.parked, row.wake_at) == (None, None)


async def test_what_is_said_between_the_last_look_and_the_parking_makes_it_due(bench: Bench) -> None:
    run_id = await bench.open(PLAN)
    lease = bench.journal.acquire(run_id, "test")
    assert lease is not None
    await bench.say(run_id, "cancel", by="ann", reason="")
    later = datetime.now(UTC) + timedelta(days=1)
    bench.journal.append(lease, [], Rest("m: waits", later, heard=0)).result()
    assert index_row(bench, run_id).wake_at < datetime.now(UTC)
    bench.journal.append(lease, [], Rest("m: waits", later, heard=1)).result()
    assert index_row(bench, run_id).wake_at == later
    bench.journal.release(lease)


async def test_a_run_whose_deadline_passed_while_parked_ends(bench: Bench) -> None:
    run_id = await bench.open(PLAN)
    await bench.go_on(run_id, PLAN)
    later = index_row(bench, run_id).deadline_at + timedelta(seconds=1)
    bench.restart()
    bench.engine.now = lambda: later
    async with dispatching(bench, later) as dispatcher:
        while (settled := await asyncio.wait_for(dispatcher.settled(run_id), 20)).status is not RunStatus.ENDED:
            await asyncio.sleep(0.01)
    assert settled.outcome is Outcome.FAILED


async def test_parked_runs_leave_nothing_in_the_dispatcher(bench: Bench) -> None:
    runs = [await bench.open(PLAN) for _ in range(20)]
    async with dispatching(bench) as dispatcher:
        for run_id in runs:
            await asyncio.wait_for(dispatcher.settled(run_id), 20)
        held = [v for v in vars(dispatcher).values() if isinstance(v, dict | set)]
        assert [len(h) for h in held] == [0] * len(held)
        assert dispatcher.waiting == 0
        assert dispatcher.depths() == {}


async def test_waiting_runs_are_counted_by_team_and_guide(bench: Bench) -> None:
    dispatcher = Dispatcher(bench.engine, bench.journal, runs_at_once=1)
    await dispatcher.start()
    ids = [await bench.open(PLAN) for _ in range(3)]
    for run_id, team in zip(ids, ("a", "a", "b"), strict=True):
        dispatcher.wake(run_id, Lane(team, "g.md"))
    assert dispatcher.depths() == {Lane("a", "g.md"): 1, Lane("b", "g.md"): 1}
    await dispatcher.stop()


V1_RUN = """
CREATE TABLE lease (run_id VARCHAR NOT NULL, owner VARCHAR NOT NULL, fence INTEGER NOT NULL, PRIMARY KEY (run_id));
CREATE TABLE run (id VARCHAR NOT NULL, source VARCHAR NOT NULL, group_key VARCHAR NOT NULL, guide VARCHAR NOT NULL,
 title VARCHAR NOT NULL, guide_sha256 VARCHAR NOT NULL, plan_digest VARCHAR NOT NULL, plan TEXT NOT NULL,
 opened_at DATETIME NOT NULL, deadline_at DATETIME NOT NULL, ended_at DATETIME, outcome VARCHAR, PRIMARY KEY (id));
CREATE INDEX run_by_key ON run (source, group_key, guide);
INSERT INTO run VALUES ('r1','am','{}','g.md','T','0','0','{}','2026-01-01 00:00:00.000000',
 '2026-01-02 00:00:00.000000',NULL,NULL);
PRAGMA user_version=1;
"""


def old_journal(folder: Path, extra: str = "") -> Path:
    path = folder / "old.db"
    conn = sqlite3.connect(path)
    conn.executescript(V1_RUN + extra)
    conn.close()
    return path


async def test_an_older_journal_is_brought_to_the_new_schema_with_its_runs(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{old_journal(tmp_path)}")
    run = journal.run("r1")
    assert run is not None
    assert (run.guide, run.team, run.parked, run.wake_at) == ("g.md", "", None, None)
    columns = journal.read_now(lambda c: c.exec_driver_sql("PRAGMA table_info(run)").all())
    assert [c[1] for c in columns] == [c.name for c in RUN.columns]
    leases = journal.read_now(lambda c: c.exec_driver_sql("PRAGMA table_info(lease)").all())
    assert [c[1] for c in leases] == [c.name for c in LEASE.columns]
    indexes = journal.read_now(lambda c: c.exec_driver_sql("PRAGMA index_list(run)").all())
    assert {"run_by_wake", "run_by_key"} <= {i[1] for i in indexes}
    journal.close()
    Journal(f"sqlite:///{tmp_path / 'old.db'}").close()  # once only: a second opening finds nothing to do


async def test_an_older_journal_that_cannot_be_changed_is_left_as_it_was(tmp_path: Path) -> None:
    path = old_journal(tmp_path, "CREATE INDEX run_by_wake ON run (outcome);")  # the last statement then fails
    with pytest.raises(SettingsError, match="cannot be opened"):
        Journal(f"sqlite:///{path}")
    conn = sqlite3.connect(path)
    assert conn.execute("PRAGMA user_version").fetchone() == (1,)
    assert "parked" not in [c[1] for c in conn.execute("PRAGMA table_info(run)")]
    conn.close()
