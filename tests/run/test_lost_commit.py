"""A connection that breaks around a commit: what was kept is known, nothing is doubled and nothing is lost."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from agent.errors import JournalError, SettingsError
from agent.run import postgres_store
from agent.run.events import Event, EventKind, StepKey
from agent.run.journal import Journal, open_run
from agent.run.schema import RunRow
from examples.fleet.postgres import Postgres


class Cutter:
    """A relay to the database that cuts a connection off at its next COMMIT, before it arrives or after its answer."""

    def __init__(self, port: int) -> None:
        self.cut = ""  # before | after
        self.cuts = 0
        self.refuses = False
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.refuses:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._port))
                dying = threading.Event()
                for way in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._relay, args=(*way, dying), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, asks: bool, dying: threading.Event) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if asks and self.cut and b"COMMIT\0" in data:
                    how, self.cut = self.cut, ""
                    self.cuts += 1
                    if how == "before":
                        break
                    dying.set()
                if not asks and dying.is_set():
                    break  # the answer came, and is not passed on
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def cutter(postgres_server: Postgres) -> Iterator[Cutter]:
    made = Cutter(postgres_server.port)
    yield made
    made.close()


@pytest.fixture
def journal(cutter: Cutter, database: str) -> Iterator[Journal]:
    url = make_url(database).set(port=cutter.port)
    made = Journal(url.render_as_string(hide_password=False))
    yield made
    made.close()


def opened(journal: Journal) -> str:
    now = datetime.now(UTC)
    row = RunRow(
        id="r",
        source="test",
        group_key="g",
        guide="g.md",
        title="t",
        guide_sha256="0",
        plan_digest="0",
        plan="{}",
        opened_at=now,
        deadline_at=now,
    )
    journal.write_soon(lambda conn: open_run(conn, row, [Event(0, EventKind.RUN_OPENED, now)])).result(30)
    return row.id


@pytest.mark.parametrize("how", ["before", "after"])
def test_an_append_is_kept_once_wherever_the_connection_breaks(journal: Journal, cutter: Cutter, how: str) -> None:
    run_id = opened(journal)
    lease = journal.acquire(run_id, "me")
    assert lease is not None
    cutter.cut = how
    journal.append(lease, [Event(1, EventKind.STEP_STARTED, datetime.now(UTC), StepKey("a"))]).result(30)
    assert cutter.cuts == 1
    journal.append(lease, [Event(2, EventKind.STEP_SUCCEEDED, datetime.now(UTC), StepKey("a"))]).result(30)
    assert [e.seq for e in journal.events(run_id)] == [0, 1, 2]


def test_a_kept_decision_is_not_made_again(journal: Journal, cutter: Cutter) -> None:
    made: list[int] = []
    cutter.cut = "after"
    journal.write_soon(lambda conn: made.append(1)).result(30)
    assert made == [1]


def test_a_commit_of_which_nothing_can_be_learnt_is_not_made_again(
    journal: Journal, cutter: Cutter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(work: object) -> object:
        raise OperationalError("SELECT", None, psycopg.OperationalError("the server is away"))

    monkeypatch.setattr(journal.store, "_patiently", unreachable)
    made: list[int] = []
    cutter.cut = "after"
    with pytest.raises(JournalError, match="whether the last write was kept cannot be told"):
        journal.write_soon(lambda conn: made.append(1)).result(30)
    assert made == [1]


def test_a_database_that_stays_away_is_told(journal: Journal, cutter: Cutter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_store, "PATIENCE_S", 0.2)
    cutter.refuses, cutter.cut = True, "before"
    with pytest.raises(JournalError, match="the journal cannot be written") as failure:
        journal.write_soon(lambda conn: None).result(30)
    assert "is the database up" in failure.value.hint


def test_a_database_that_is_not_there_is_named_without_its_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(SettingsError, match="the journal cannot be opened") as failure:
        Journal(f"postgresql://me:secret@127.0.0.1:{port}/runs")
    assert "secret" not in str(failure.value)
    assert "is the database up" in failure.value.hint
