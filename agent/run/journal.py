"""The journal: an append-only, group-committed record that a run's state is folded from.

One writer thread commits to a store. Work that waits is committed together; order is the order of the
calls, whatever their durability. What must survive a power cut (intents, outcomes, approvals, accepted
alerts) is durable before its caller hears of it.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from agent.errors import JournalError, LeaseLost, SettingsError
from agent.run.audit import Note, audited, note_events
from agent.run.events import DURABLE, Event, EventKind, StepKey
from agent.run.leases import end_run
from agent.run.parking import Rest, call_out, mark
from agent.run.schema import ARTIFACT, COMMAND, EVENT, LEASE, RUN, CommandRow, RunRow
from agent.run.sqlite_store import SqliteStore
from agent.run.store import LEASE_S, Lease, Store

T = TypeVar("T")
SMALL_BYTES = 16 * 1024  # larger values live in the artifact table
SAMPLE_ITEMS = 3
compact = json.JSONEncoder(separators=(",", ":")).encode  # made once: `json.dumps` builds an encoder for each call
BATCH = 512  # how many waiting writes share one commit

Turn = tuple[str, int]  # a run and the fence under which it is advanced


@dataclass(slots=True)
class _Work:
    """One caller's part of a transaction."""

    run: Callable[[Connection], Any]
    durable: bool
    alone: bool
    checks_first: bool  # raises only before its first write: needs no savepoint of its own
    under: Turn | None
    done: Future[Any]


_Outcome = tuple[_Work, Any, BaseException | None]


class Journal:
    """Opens (and creates) the database at `url`: `sqlite:///PATH`, or `postgresql://...` for several machines.

    `lease_s`: how long a run stays with an owner that is not heard of; only where an OS lock cannot tell.
    Raises: SettingsError for another database or one it cannot use; JournalError when a write or a
    read fails. After a failed write nothing of it is kept, and the caller must not act on it.
    """

    def __init__(
        self, url: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC), lease_s: float = LEASE_S
    ) -> None:
        self.store = open_store(url, lease_s)
        self.place = self.store.place
        self.now = clock
        self._torn: set[Turn] = set()  # of which a write failed; the writer's own
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._writer = threading.Thread(target=self._write_loop, name="journal", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Write what was asked, then close; what is asked later fails. Idempotent."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._writer.join()
        self.store.close()

    # -- transactions -------------------------------------------------------------------------

    async def write(self, work: Callable[[Connection], T], *, durable: bool = True, alone: bool = True) -> T:
        """Run `work` inside the next commit and return its result; an error undoes only this work.

        `alone`: it decides by rows that other processes write, so theirs wait. It may be run more than once,
        when the database kept nothing of it before.
        """
        return await asyncio.wrap_future(self.write_soon(work, durable=durable, alone=alone))

    def write_soon(
        self,
        work: Callable[[Connection], T],
        *,
        durable: bool = True,
        alone: bool = True,
        checks_first: bool = False,
        under: Lease | None = None,
    ) -> Future[T]:
        """Queue `work`; the future is done once it is committed.

        `under`: it is part of what this lease writes of its run, and fails where an earlier part has failed:
        a run's events have no gaps, and name no value that was not kept.
        """
        done: Future[T] = Future()
        done.set_running_or_notify_cancel()  # a caller that is cancelled must not take the writer's answer away
        with self._closing:
            if self._closed:
                done.set_exception(JournalError(f"{self.place}: the journal is closed"))
            else:
                turn = (under.run_id, under.fence) if under else None
                self._queue.put(_Work(work, durable, alone, checks_first, turn, done))
        return done

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a reading transaction off the event loop."""
        return await asyncio.to_thread(self.read_now, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        try:
            return self.store.read(work)
        except SQLAlchemyError as exc:
            raise JournalError(f"{self.place}: the journal cannot be read: {_cause(exc)}") from exc

    def _write_loop(self) -> None:
        stop = False
        while not stop:
            item = self._queue.get()
            batch: list[_Work] = []
            while item is not None:
                batch.append(item)
                if len(batch) >= BATCH or self._queue.empty():
                    break
                item = self._queue.get()
            stop = item is None
            if batch:
                self._commit(batch)

    def _commit(self, batch: Sequence[_Work]) -> None:
        try:
            results = self.store.commit(
                lambda conn: _audited_outcomes(conn, batch, self._torn, self.place),
                durable=any(w.durable for w in batch),
                alone=any(w.alone for w in batch),
            )
        except SQLAlchemyError as exc:
            failure = self._failed("written", exc)
            results = [(work, None, failure) for work in batch]
        for work, result, error in results:
            if error is not None:
                if work.under is not None:
                    self._torn.add(work.under)
                work.done.set_exception(error)
            else:
                work.done.set_result(result)

    def _failed(self, verb: str, exc: SQLAlchemyError) -> JournalError:
        error = JournalError(f"{self.place}: the journal cannot be {verb}: {_cause(exc)}", hint=self.store.hint)
        error.__cause__ = exc
        return error

    # -- runs ---------------------------------------------------------------------------------

    def acquire(self, run_id: str, owner: str) -> Lease | None:
        """Become the one process that advances this run; None when another one does.

        The store tells whether the last owner may be alive; the fence makes a write of a former owner fail.
        """
        try:
            # A power cut that loses the fence loses what was written under it too, and stops who held it.
            return self.store.seize(
                run_id, owner, lambda take: self.write_soon(take, durable=False, alone=False).result()
            )
        except SQLAlchemyError as exc:
            raise self._failed("written", exc) from exc

    def release(self, lease: Lease, *, left: bool = False) -> None:
        """Let others go on with the run. Never fails: a lease that cannot be given back runs out.

        `left`: the run waits for nobody, so somebody should go on with it.
        """
        lease.grip.release(left=left)

    def append(self, lease: Lease, events: Sequence[Event], rest: Rest | None = None) -> Future[None]:
        """Append events under the lease, and how the run then rests; durable when one of the events must be.

        The future fails with LeaseLost when a later owner exists, with JournalError when the disk does not take it.
        """
        ended = next((e for e in events if e.kind is EventKind.RUN_ENDED), None)

        def work(conn: Connection) -> None:
            check_fence(conn, lease)
            if events:
                _insert_events(conn, lease.run_id, lease.fence, events)
            if rest is not None:
                mark(conn, lease.run_id, rest)
            if ended is not None:
                conn.execute(
                    update(RUN)
                    .where(RUN.c.id == lease.run_id)
                    .values(ended_at=ended.at, outcome=ended.payload["outcome"])
                )
                end_run(conn, lease.run_id)

        durable = any(e.kind in DURABLE for e in events)
        return self.write_soon(work, durable=durable, alone=False, checks_first=True, under=lease)

    def append_decided(self, lease: Lease, decide: Callable[[Connection], Event]) -> Future[Event]:
        """Append, durably, the one event that `decide` returns inside the transaction."""

        def work(conn: Connection) -> Event:
            check_fence(conn, lease)
            event_ = decide(conn)
            _insert_events(conn, lease.run_id, lease.fence, [event_])
            return event_

        return self.write_soon(work, under=lease)

    def events(self, run_id: str, since: int = 0) -> list[Event]:
        """A run's events in order, from `since` on."""
        query = select(EVENT).where(EVENT.c.run_id == run_id, EVENT.c.seq >= since).order_by(EVENT.c.seq)
        return [_event(r) for r in self.read_now(lambda c: c.execute(query).all())]

    def run(self, run_id: str) -> RunRow | None:
        query = select(RUN).where(RUN.c.id == run_id)
        row = self.read_now(lambda c: c.execute(query).first())
        return RunRow.model_validate(_aware(row._mapping)) if row else None

    def runs(self, *, limit: int = 100, only_live: bool = False) -> list[RunRow]:
        """Newest first."""
        query = select(RUN).order_by(RUN.c.opened_at.desc()).limit(limit)
        if only_live:
            query = query.where(RUN.c.outcome.is_(None))
        rows = self.read_now(lambda c: c.execute(query).all())
        return [RunRow.model_validate(_aware(r._mapping)) for r in rows]

    def commands(self, run_id: str, after: Iterable[int]) -> list[CommandRow]:
        """What was said to the run and is not yet in its journal."""
        seen = set(after)
        query = select(COMMAND).where(COMMAND.c.run_id == run_id).order_by(COMMAND.c.id)
        rows = self.read_now(lambda c: c.execute(query).all())
        return [CommandRow.model_validate(_aware(r._mapping)) for r in rows if r.id not in seen]

    # -- values -------------------------------------------------------------------------------

    def artifact(self, sha256: str) -> Any:
        """A large value by its hash. Raises JournalError when it is gone."""
        query = select(ARTIFACT.c.body).where(ARTIFACT.c.sha256 == sha256)
        row = self.read_now(lambda c: c.execute(query).first())
        if row is None:
            raise JournalError(f"{self.place}: artifact {sha256} is not in the journal")
        return json.loads(row[0])


def open_store(url: str, lease_s: float = LEASE_S) -> Store:
    """The store that the URL's scheme names. Raises SettingsError."""
    try:
        made = make_url(url)
    except ArgumentError as exc:
        raise SettingsError(f"[journal] url: {exc}", hint=_URLS) from exc
    if made.get_backend_name() == "sqlite":
        return SqliteStore(made)
    if made.drivername in ("postgresql", "postgresql+psycopg"):
        try:
            from agent.run.postgres_store import PostgresStore
        except ModuleNotFoundError as exc:
            raise SettingsError(
                f"a journal in PostgreSQL needs {exc.name}", hint="pip install 'stepfleet[distributed]'"
            ) from exc
        return PostgresStore(made, lease_s)
    raise SettingsError(
        f"journal url '{made.render_as_string(hide_password=True)}': a journal is kept in SQLite or PostgreSQL",
        hint=_URLS,
    )


def _audited_outcomes(conn: Connection, batch: Sequence[_Work], torn: Collection[Turn], place: str) -> list[_Outcome]:
    with audited(conn) as notes:
        return _outcomes(conn, batch, torn, place, notes)


def _outcomes(
    conn: Connection, batch: Sequence[_Work], torn: Collection[Turn], place: str, notes: list[Note]
) -> list[_Outcome]:
    """Each caller's part in turn; an error of one undoes its own part, and bars what is under the same lease."""
    outcomes: list[_Outcome] = []
    barred = set(torn)
    for work in batch:
        noted = len(notes)
        try:
            if work.under is not None and work.under in barred:
                raise JournalError(
                    f"{place}: an earlier write of run {work.under[0]} failed, so nothing may follow it",
                    hint="once the journal takes writes again, the run goes on from its last commit",
                )
            with nullcontext() if work.checks_first else conn.begin_nested():
                outcomes.append((work, work.run(conn), None))
        except SQLAlchemyError:
            raise  # the database itself failed: nobody's part of this commit is safe
        except Exception as exc:
            outcomes.append((work, None, exc))
            del notes[noted:]
            if work.under is not None:
                barred.add(work.under)
    return outcomes


def check_fence(conn: Connection, lease: Lease) -> None:
    """Raise LeaseLost when the run has a later owner than `lease`."""
    row = conn.execute(_SELECT_FENCE, {"of": lease.run_id}).first()
    if row is None or row[0] != lease.fence:
        raise LeaseLost(f"run {lease.run_id}: another process advances it now (fence {lease.fence} is old)")


def open_run(conn: Connection, row: RunRow, events: Sequence[Event]) -> None:
    """Insert a run with its first events; part of the caller's transaction."""
    conn.execute(insert(RUN).values(**row.model_dump()))
    _insert_events(conn, row.id, 0, events)


def _insert_events(conn: Connection, run_id: str, fence: int, events: Sequence[Event]) -> None:
    """The one way into `run_event`: what decides something is audited in the same transaction."""
    rows = [_row(run_id, fence, e) for e in events]
    conn.execute(_INSERT_EVENT, rows)
    note_events(conn, run_id, events, rows)


def say(conn: Connection, run_id: str, kind: str, payload: dict[str, Any], at: datetime) -> int:
    """Leave a command for the run's advancer and return its number; part of the caller's transaction."""
    result = conn.execute(insert(COMMAND).values(run_id=run_id, kind=kind, payload=json.dumps(payload), at=at))
    call_out(conn, run_id, at)
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def keep_artifact(conn: Connection, run_id: str, sha256: str, body: bytes) -> None:
    """Store a large value once; part of the caller's transaction."""
    if conn.execute(select(ARTIFACT.c.sha256).where(ARTIFACT.c.sha256 == sha256)).first() is None:
        conn.execute(insert(ARTIFACT).values(sha256=sha256, run_id=run_id, body=body))


_URLS = "write sqlite:///PATH or postgresql://USER@HOST/DATABASE"
_INSERT_EVENT = insert(EVENT)
# The row is shared until the commit: nobody takes the run over between this look and what is written under it.
_SELECT_FENCE = select(LEASE.c.fence).where(LEASE.c.run_id == bindparam("of")).with_for_update(read=True)


def _cause(exc: BaseException) -> str:
    return str(getattr(exc, "orig", None) or exc)


def _row(run_id: str, fence: int, e: Event) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "seq": e.seq,
        "kind": str(e.kind),
        "step_key": str(e.key) if e.key else None,
        "attempt": e.attempt,
        "payload": compact(e.payload),
        "fence": fence,
        "at": e.at,
    }


def parse_key(text_: str) -> StepKey:
    """Inverse of `str(StepKey)` for keys that carry counts."""
    step, _, counts = text_.partition("@")
    return StepKey(step, tuple(int(c) for c in counts.split(".")) if counts else ())


def _event(row: Any) -> Event:
    return Event(
        seq=row.seq,
        kind=EventKind(row.kind),
        at=row.at.replace(tzinfo=UTC),
        key=parse_key(row.step_key) if row.step_key else None,
        attempt=row.attempt,
        payload=json.loads(row.payload),
    )


def _aware(mapping: Any) -> dict[str, Any]:
    """SQLite drops the zone, and PostgreSQL's sessions speak UTC: every time in the journal is UTC."""
    return {k: v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for k, v in mapping.items()}
