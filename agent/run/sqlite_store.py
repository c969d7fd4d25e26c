"""A journal in a SQLite file, for the processes of one machine.

`synchronous` cannot change inside a transaction, hence two writing connections: events of reads go through
one at NORMAL, and what must survive a power cut through one at FULL.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, insert, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from agent.errors import SettingsError
from agent.run.audit import open_chain
from agent.run.migration import migrate
from agent.run.schema import LEASE, SCHEMA_VERSION
from agent.run.store import Commit, Lease

T = TypeVar("T")


class FileGrip:
    """An OS lock: the system takes it from a dead process at once, and from a live one never."""

    since = -math.inf

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock

    def is_held(self) -> bool:
        return bool(self._lock.is_locked)

    def release(self, *, left: bool = False) -> None:
        self._lock.release()


class SqliteStore:
    """Opens (and creates) the file. Raises SettingsError when it cannot be used."""

    hint = "free disk space or fix the file's permissions; the run goes on from its last commit"

    def __init__(self, url: URL) -> None:
        if not url.database or url.database == ":memory:":
            raise SettingsError(f"journal url '{url}': a journal in memory is no journal", hint="write sqlite:///PATH")
        path = Path(url.database)
        self.place = str(path)
        self._locks = path.with_name(path.name + ".locks")
        try:
            self._locks.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600, exist_ok=True)
            self.normal = _connect(url, synchronous="NORMAL", begin="IMMEDIATE")
            self.full = _connect(url, synchronous="FULL", begin="IMMEDIATE")
            self._reader = _connect(url, synchronous="NORMAL", begin="DEFERRED")
            with self.full.begin() as conn:
                _check_version(conn, path)
                SQLModel.metadata.create_all(conn)
                open_chain(conn)
        except (OSError, SQLAlchemyError) as exc:
            raise SettingsError(
                f"{path}: the journal cannot be opened: {getattr(exc, 'orig', None) or exc}",
                hint="check the folder's permissions and free space, or set [journal] url",
            ) from exc
        self._read_lock = threading.Lock()

    def commit(self, work: Callable[[Connection], T], *, durable: bool, alone: bool) -> T:
        with (self.full if durable else self.normal).begin() as conn:  # SQLite has one writer: all are alone
            return work(conn)

    def read(self, work: Callable[[Connection], T]) -> T:
        with self._read_lock, self._reader.connect() as conn:
            return work(conn)

    def seize(self, run_id: str, owner: str, commit: Commit) -> Lease | None:
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
            return Lease(run_id, commit(take), FileGrip(lock))
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        for engine in (self.normal, self.full, self._reader):
            engine.dispose()


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
    if version == 1:
        migrate(conn)
    if version in (0, 1, 2):
        conn.exec_driver_sql(f"PRAGMA user_version={SCHEMA_VERSION}")
    elif version != SCHEMA_VERSION:
        raise SettingsError(
            f"{path}: the journal has schema {version}, this program writes schema {SCHEMA_VERSION}",
            hint="use the version of stepfleet that wrote it, or start a new journal",
        )
