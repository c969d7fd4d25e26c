"""The audit's chain: complete, and altered nowhere without being seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from agent.run.audit import DECISIVE, Audited, Head, head, newest, verify
from agent.run.events import EventKind
from agent.run.journal import Journal
from dag.model import Edge
from tests.run.engine_bench import Bench, Script, action, default, plan_of
from tests.run.test_actions import PLAN, approve, ask, asking


async def work(bench: Bench) -> str:
    """A run that two people agreed to, a rejected one, and the switch thrown and released."""
    bench.policy = asking(approvers=2)
    bench.restart()
    run_id, asked = await ask(bench)
    await approve(bench, run_id, asked, by="ann")
    await approve(bench, run_id, asked, by="bob")
    await bench.go_on(run_id, PLAN)
    rejected, _ = await ask(bench)
    await bench.say(rejected, "reject", step="act", by="cid", reason="not tonight")
    await bench.go_on(rejected, PLAN)
    await bench.gate.set_switch(engaged=True, by="olga", reason="maintenance")
    await bench.gate.set_switch(engaged=False, by="olga", reason="done")
    return run_id


def verified(bench: Bench, *exported: Head) -> Audited:
    return bench.journal.read_now(lambda conn: verify(conn, exported))


async def test_every_word_and_change_has_its_entry_and_the_chain_holds(either_bench: Bench) -> None:
    run_id = await work(either_bench)
    found = verified(either_bench)
    assert found.faults == ()
    entries = either_bench.journal.read_now(lambda conn: newest(conn, 100))
    assert found.head == Head(len(entries), entries[-1].hash)
    told = [e.told for e in entries]
    decisive = [k for k in either_bench.kinds(run_id) if k in DECISIVE]
    assert [t["kind"] for t in told if t["run"] == run_id] == decisive
    assert [t["facts"]["by"] for t in told if t["kind"] == EventKind.APPROVED] == ["ann", "bob"]
    assert [t["facts"]["engaged"] for t in told if t["kind"] == "switch"] == [True, False]
    intent = next(t["facts"] for t in told if t["kind"] == EventKind.INTENT)
    assert intent["call"]["arguments"] == {"what": "x"}


async def test_a_write_that_fails_leaves_no_entry(bench: Bench) -> None:
    before = bench.journal.read_now(head)

    def refuse(conn: Connection) -> None:
        raise ValueError("no")

    switched = bench.gate.set_switch(engaged=True, by="olga", reason="")
    failed, _ = await asyncio.gather(bench.journal.write(refuse), switched, return_exceptions=True)
    assert isinstance(failed, ValueError)
    assert bench.journal.read_now(head).number == before.number + 1
    assert verified(bench).faults == ()


async def test_workers_share_one_chain(database: str, tmp_path: Path) -> None:
    benches = [Bench(tmp_path / "none", Script(), url=database) for _ in range(3)]
    plan = plan_of(action("act"), Edge("START", "act"), Edge("act", "END.resolved"), default("act", "END.escalate"))
    try:
        await asyncio.gather(*(b.run(plan) for b in benches for _ in range(4)))
        found = verified(benches[0])
        assert found.faults == ()
        assert found.head.number == 12 * len([EventKind.INTENT, EventKind.APPLIED, EventKind.VERIFIED])
    finally:
        for b in benches:
            b.journal.close()


# -- tampering --------------------------------------------------------------------------------


@pytest.fixture
def tamper(bench: Bench) -> Iterator[Callable[[str], None]]:
    """Somebody with the database's own rights: past the program, and past its triggers."""
    engine = create_engine(f"sqlite:///{bench.path}")

    def do(statements: str) -> None:
        with engine.begin() as conn:
            for table in ("audit", "run_event"):
                for verb in ("update", "delete"):
                    conn.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{verb}"))
            for statement in statements.split(";"):
                conn.execute(text(statement))

    yield do
    engine.dispose()


@pytest.mark.parametrize(
    ("statements", "want"),
    [
        pytest.param(
            "UPDATE audit SET entry = replace(entry, 'ann', 'eve') WHERE kind = 'approved'",
            "was altered",
            id="an entry says another name",
        ),
        pytest.param("DELETE FROM audit WHERE kind = 'intent'", "entries 4 to 4 are missing", id="one is left out"),
        pytest.param(
            "UPDATE audit SET number = number + 100; UPDATE audit SET number = number - 99; "
            "DELETE FROM audit WHERE number = 2",
            "entries 1 to 2 are missing",
            id="the beginning is cut off",
        ),
        pytest.param("DELETE FROM audit WHERE number > 6", "its writers know of", id="the end is cut off, carelessly"),
        pytest.param("UPDATE audit SET kind = 'applied' WHERE kind = 'intent'", "filed as another", id="it is hidden"),
        pytest.param(
            "UPDATE run_event SET payload = replace(payload, 'ann', 'eve') WHERE kind = 'approved'",
            "is not what entry",
            id="the journal says another approver",
        ),
        pytest.param(
            "DELETE FROM run_event WHERE kind = 'intent'", "was removed from the journal", id="an intent is removed"
        ),
        pytest.param(
            "INSERT INTO run_event SELECT run_id, 900, kind, step_key, attempt, payload, fence, at FROM run_event "
            "WHERE kind = 'approved' LIMIT 1",
            "slipped into the journal",
            id="an approval is slipped in",
        ),
    ],
)
async def test_what_is_altered_shows(bench: Bench, tamper: Callable[[str], None], statements: str, want: str) -> None:
    await work(bench)
    assert verified(bench).faults == ()
    tamper(statements)
    assert any(want in fault for fault in verified(bench).faults), verified(bench).faults


async def test_a_cut_off_end_shows_in_a_head_exported_before(bench: Bench, tamper: Callable[[str], None]) -> None:
    await work(bench)
    exported = bench.journal.read_now(head)
    tamper(
        "DELETE FROM audit WHERE number = (SELECT number FROM audit_head); "
        "UPDATE audit_head SET number = (SELECT max(number) FROM audit), "
        "hash = (SELECT hash FROM audit ORDER BY number DESC LIMIT 1)"
    )
    assert verified(bench).faults == ()  # nothing in the database tells
    assert f"entry {exported.number} was exported" in verified(bench, exported).faults[0]


async def test_a_chain_hashed_anew_shows_in_a_head_exported_before(bench: Bench) -> None:
    await work(bench)
    number = bench.journal.read_now(head).number
    assert verified(bench, Head(number, bench.journal.read_now(head).hash)).faults == ()
    assert "is not the one whose hash was exported" in verified(bench, Head(number, "f" * 64)).faults[0]


@pytest.mark.parametrize("statement", ["UPDATE {} SET kind = 'x'", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["audit", "run_event"])
async def test_the_database_refuses_to_alter_what_was_written(either_bench: Bench, table: str, statement: str) -> None:
    await work(either_bench)
    with pytest.raises(DBAPIError, match=f"{table} is append-only"):
        either_bench.journal.store.commit(
            lambda conn: conn.execute(text(statement.format(table))), durable=True, alone=True
        )


async def test_a_journal_of_an_earlier_schema_begins_its_chain_with_what_it_holds(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "journal.db", Script())
    await bench.run(PLAN)
    bench.journal.close()
    engine = create_engine(f"sqlite:///{bench.path}")
    with engine.begin() as conn:
        for statement in ("DROP TABLE audit", "DROP TABLE audit_head", "PRAGMA user_version = 2"):
            conn.execute(text(statement))
    engine.dispose()
    journal = Journal(f"sqlite:///{bench.path}", clock=lambda: datetime.now(UTC))
    found = journal.read_now(verify)
    journal.close()
    assert found == Audited(found.head)
    assert found.head.number == 3
