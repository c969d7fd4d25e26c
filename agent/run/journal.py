"""The journal: an append-only, group-committed record that a run's state is folded from.

One writer thread owns two SQLite connections: `synchronous` cannot change inside a transaction, so
events of reads go through one at NORMAL, and what must survive a power cut (intents, outcomes,
approvals, accepted alerts) through one at FULL. Work that waits is committed together; order is the
order of the calls, whatever their durability.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from agent.errors import JournalError, LeaseLost, SettingsError
from agent.run.events import DURABLE, Event, EventKind, StepKey
from agent.run.schema import ARTIFACT, COMMAND, EVENT, LEASE, RUN, CommandRow, RunRow

T = TypeVar("T")
SMALL_BYTES = 16 * 1024  # larger values live in the artifact table
SAMPLE_ITEMS = 3
BATCH = 512  # how many waiting writes share one commit
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write events of one run, as long as no later fence exists."""

    run_id: str
    fence: int
    lock: FileLock


@dataclass(slots=True)
class _Work:
    """One caller's part of a transaction."""

    run: Callable[[Connection], Any]
    durable: bool
    checks_first: bool  # raises only before its first write: needs no savepoint of its own
    done: Future[Any]


class Journal:
    """Opens (and creates) the database at `url`; `sqlite:///PATH` only.

    Raises: SettingsError for another database or a file it cannot use; JournalError when a write or a
    read fails. After a failed write nothing of it is kept, and the caller must not act on it.
    """

    def __init__(self, url: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.url = make_url(url)
        self.path = _sqlite_path(self.url)
        self.now = clock
        self._locks = self.path.with_name(self.path.name + ".locks")
        try:
            self._locks.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.touch(mode=0o600, exist_ok=True)
            self._normal = _connect(self.url, synchronous="NORMAL", begin="IMMEDIATE")
            self._full = _connect(self.url, synchronous="FULL", begin="IMMEDIATE")
            self._reader = _connect(self.url, synchronous="NORMAL", begin="DEFERRED")
            with self._full.begin() as conn:
                SQLModel.metadata.create_all(conn)
                _check_version(conn, self.path)
        except (OSError, SQLAlchemyError) as exc:
            raise SettingsError(
                f"{self.path}: the journal cannot be opened: {_cause(exc)}",
                hint="check the folder's permissions and free space, or set [journal] url",
            ) from exc
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._read_lock = threading.Lock()
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
        for engine in (self._normal, self._full, self._reader):
            engine.dispose()

    # -- transactions -------------------------------------------------------------------------

    async def write(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Run `work` inside the next commit and return its result; an error undoes only this work."""
        return await asyncio.wrap_future(self.write_soon(work, durable=durable))

    def write_soon(
        self, work: Callable[[Connection], T], *, durable: bool = True, checks_first: bool = False
    ) -> Future[T]:
        """Queue `work`; the future is done once it is committed."""
        done: Future[T] = Future()
        done.set_running_or_notify_cancel()  # a caller that is cancelled must not take the writer's answer away
        with self._closing:
            if self._closed:
                done.set_exception(JournalError(f"{self.path}: the journal is closed"))
            else:
                self._queue.put(_Work(work, durable, checks_first, done))
        return done

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a reading transaction off the event loop."""
        return await asyncio.to_thread(self.read_now, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._read_lock, self._reader.connect() as conn:
                return work(conn)
        except SQLAlchemyError as exc:
            raise JournalError(f"{self.path}: the journal cannot be read: {_cause(exc)}") from exc

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
        engine = self._full if any(w.durable for w in batch) else self._normal
        results: list[tuple[_Work, Any, BaseException | None]] = []
        try:
            with engine.begin() as conn:
                for work in batch:
                    try:
                        with nullcontext() if work.checks_first else conn.begin_nested():
                            results.append((work, work.run(conn), None))
                    except SQLAlchemyError:
                        raise  # the database itself failed: nobody's part of this commit is safe
                    except Exception as exc:
                        results.append((work, None, exc))
        except SQLAlchemyError as exc:
            failure = JournalError(
                f"{self.path}: the journal cannot be written: {_cause(exc)}",
                hint="free disk space or fix the file's permissions; the run goes on from its last commit",
            )
            failure.__cause__ = exc
            results = [(work, None, failure) for work in batch]
        for work, result, error in results:
            if error is not None:
                work.done.set_exception(error)
            else:
                work.done.set_result(result)

    # -- runs ---------------------------------------------------------------------------------

    def acquire(self, run_id: str, owner: str) -> Lease | None:
        """Become the one process that advances this run; None when another one does.

        The OS lock tells whether the last owner is alive, at once even after `kill -9`; the fence makes a
        write of a former owner fail.
        """
        lock = FileLock(self._locks / f"{run_id}.lock", is_singleton=False, thread_local=False, mode=0o600)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None

        def take(conn: Connection) -> int:
            row = conn.execute(select(LEASE.c.fence).where(LEASE.c.run_id == run_id)).first()
            if row is None:
                conn.execute(insert(LEASE).values(run_id=run_id, owner=owner, fence=1))
                return 1
            fence = int(row[0]) + 1
            conn.execute(update(LEASE).where(LEASE.c.run_id == run_id).values(owner=owner, fence=fence))
            return fence

        try:
            return Lease(run_id, self.write_soon(take, durable=True).result(), lock)
        except BaseException:
            lock.release()
            raise

    def release(self, lease: Lease) -> None:
        lease.lock.release()

    def append(self, lease: Lease, events: Sequence[Event]) -> Future[None]:
        """Append events under the lease; durable when one of them must be.

        The future fails with LeaseLost when a later owner exists, with JournalError when the disk does not take it.
        """
        rows = [_row(lease.run_id, lease.fence, e) for e in events]
        ended = next((e for e in events if e.kind is EventKind.RUN_ENDED), None)

        def work(conn: Connection) -> None:
            check_fence(conn, lease)
            conn.execute(_INSERT_EVENT, rows)
            if ended is not None:
                conn.execute(
                    update(RUN)
                    .where(RUN.c.id == lease.run_id)
                    .values(ended_at=ended.at, outcome=ended.payload["outcome"])
                )

        return self.write_soon(work, durable=any(e.kind in DURABLE for e in events), checks_first=True)

    def append_decided(self, lease: Lease, decide: Callable[[Connection], Event]) -> Future[Event]:
        """Append, durably, the one event that `decide` returns inside the transaction."""

        def work(conn: Connection) -> Event:
            check_fence(conn, lease)
            event_ = decide(conn)
            conn.execute(_INSERT_EVENT, [_row(lease.run_id, lease.fence, event_)])
            return event_

        return self.write_soon(work)

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
            raise JournalError(f"{self.path}: artifact {sha256} is not in the journal")
        return json.loads(row[0])


def check_fence(conn: Connection, lease: Lease) -> None:
    """Raise LeaseLost when the run has a later owner than `lease`."""
    row = conn.execute(_SELECT_FENCE, {"run_id": lease.run_id}).first()
    if row is None or row[0] != lease.fence:
        raise LeaseLost(f"run {lease.run_id}: another process advances it now (fence {lease.fence} is old)")


def open_run(conn: Connection, row: RunRow, events: Sequence[Event]) -> None:
    """Insert a run with its first events; part of the caller's transaction."""
    conn.execute(insert(RUN).values(**row.model_dump()))
    conn.execute(_INSERT_EVENT, [_row(row.id, 0, e) for e in events])


def say(conn: Connection, run_id: str, kind: str, payload: dict[str, Any], at: datetime) -> int:
    """Leave a command for the run's advancer and return its number; part of the caller's transaction."""
    result = conn.execute(insert(COMMAND).values(run_id=run_id, kind=kind, payload=json.dumps(payload), at=at))
    return int(result.lastrowid)


def keep_artifact(conn: Connection, run_id: str, sha256: str, body: bytes) -> None:
    """Store a large value once; part of the caller's transaction."""
    if conn.execute(select(ARTIFACT.c.sha256).where(ARTIFACT.c.sha256 == sha256)).first() is None:
        conn.execute(insert(ARTIFACT).values(sha256=sha256, run_id=run_id, body=body))


_INSERT_EVENT = insert(EVENT)
_SELECT_FENCE = text("SELECT fence FROM lease WHERE run_id = :run_id")


def _sqlite_path(url: URL) -> Path:
    if not url.drivername.startswith("sqlite") or not url.database or url.database == ":memory:":
        raise SettingsError(
            f"journal url '{url.render_as_string(hide_password=True)}': this build keeps its journal in a SQLite file",
            hint="write sqlite:///PATH",
        )
    return Path(url.database)


def _connect(url: URL, *, synchronous: str, begin: str) -> Engine:
    # Writers begin IMMEDIATE: two processes must not both read a fence and then both write.
    engine = create_engine(
        url,
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": 10, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")

    @event.listens_for(engine, "begin")
    def begin_transaction(conn: Connection) -> None:
        conn.exec_driver_sql(f"BEGIN {begin}")

    return engine


def _check_version(conn: Connection, path: Path) -> None:
    version = int(conn.exec_driver_sql("PRAGMA user_version").scalar_one())
    if version == 0:
        conn.exec_driver_sql(f"PRAGMA user_version={SCHEMA_VERSION}")
    elif version != SCHEMA_VERSION:
        raise SettingsError(
            f"{path}: the journal has schema {version}, this program writes schema {SCHEMA_VERSION}",
            hint="use the version of stepfleet that wrote it, or start a new journal",
        )


def _cause(exc: BaseException) -> str:
    return str(getattr(exc, "orig", None) or exc)


def _row(run_id: str, fence: int, e: Event) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "seq": e.seq,
        "kind": str(e.kind),
        "step_key": str(e.key) if e.key else None,
        "attempt": e.attempt,
        "payload": json.dumps(e.payload, separators=(",", ":")),
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
    """SQLite drops the zone; every time in the journal is UTC."""
    return {k: v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for k, v in mapping.items()}
