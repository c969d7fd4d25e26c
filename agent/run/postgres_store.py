"""A journal in PostgreSQL, for the processes of several machines.

Event appends of several workers run side by side; a transaction that decides by rows others write takes
one advisory lock, so that such decisions happen one after another, as in SQLite's single writer. Every
commit is synchronous: a server that comes back without a worker's last events would find the worker still
there, ahead of its own journal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, create_engine, func, insert, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlmodel import SQLModel
from tenacity import Retrying, retry_if_exception, stop_before_delay, wait_exponential

from agent.errors import SettingsError
from agent.run.audit import open_chain
from agent.run.clock_lease import LeaseKeeper
from agent.run.schema import SCHEMA_VERSION
from agent.run.store import Commit, Lease

T = TypeVar("T")
PATIENCE_S = 20.0  # how long a lost connection is sought again before the caller hears of it
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
STALLED_MS = 10_000  # a worker that stops inside a transaction loses it: it may hold what all others wait for
ALONE, SCHEMA = 0x57EF1EE7, 0x57EF1EE8  # advisory locks
AGAIN = ("08", "57P", "25P03", "40001", "40P01")  # connection, shutdown, stalled, serialisation, deadlock

_OWN = MetaData()  # what only this store needs
_WRITER = Table("writer", _OWN, Column("id", String, primary_key=True), Column("batch", BigInteger, nullable=False))
_VERSION = Table("journal_schema", _OWN, Column("version", BigInteger, primary_key=True))


class OutcomeUnknown(SQLAlchemyError):
    """A commit that may have been kept, and must not be made again before somebody has looked."""


class PostgresStore:
    """Opens the database and makes the tables. Raises SettingsError when it cannot be used."""

    hint = "is the database up and reachable? The run goes on from its last commit"

    def __init__(self, url: URL, lease_s: float) -> None:
        self.place = url.render_as_string(hide_password=True)
        self._id, self._batch = uuid4().hex, 0
        self._engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=8,
            connect_args={
                "connect_timeout": 5,
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                "tcp_user_timeout": STALLED_MS,
                "application_name": "stepfleet",
                "options": f"-c timezone=UTC -c idle_in_transaction_session_timeout={STALLED_MS}",
            },
        )
        try:
            with self._engine.begin() as conn:
                conn.execute(select(func.pg_advisory_xact_lock(SCHEMA)))  # two workers may start at once
                SQLModel.metadata.create_all(conn)
                _OWN.create_all(conn)
                _check_version(conn, self.place)
                open_chain(conn)
                conn.execute(insert(_WRITER).values(id=self._id, batch=0))
        except SQLAlchemyError as exc:
            self._engine.dispose()
            raise SettingsError(
                f"{self.place}: the journal cannot be opened: {getattr(exc, 'orig', None) or exc}",
                hint="is the database up, and may this user create tables in it? See [journal] url",
            ) from exc
        self._keeper = LeaseKeeper(self._engine, lease_s)

    def commit(self, work: Callable[[Connection], T], *, durable: bool, alone: bool) -> T:
        self._batch += 1
        result: T = _retrying()(self._commit_once, work, alone)
        return result

    def _commit_once(self, work: Callable[[Connection], T], alone: bool) -> T:
        asked = False
        try:
            with self._engine.connect() as conn, conn.begin() as transaction:
                if alone:
                    conn.execute(select(func.pg_advisory_xact_lock(ALONE)))
                result = work(conn)
                conn.execute(_WRITER.update().where(_WRITER.c.id == self._id).values(batch=self._batch))
                asked = True
                transaction.commit()
        except DBAPIError as exc:
            in_doubt = asked and is_lost(exc) and not _was_refused(exc)
            if not (in_doubt and self._was_kept(self._batch)):
                raise
        return result

    def _was_kept(self, batch: int) -> bool:
        """What became of a commit whose answer was lost: the same transaction wrote its number, or nothing.

        The row's lock waits for a transaction that the server has not noticed to be without its client.
        Raises OutcomeUnknown.
        """
        mine = select(_WRITER.c.batch).where(_WRITER.c.id == self._id).with_for_update()
        try:
            return bool(self._patiently(lambda conn: conn.execute(mine).scalar_one()) == batch)
        except DBAPIError as exc:
            raise OutcomeUnknown(f"whether the last write was kept cannot be told: {exc.orig}") from exc

    def read(self, work: Callable[[Connection], T]) -> T:
        return self._patiently(work)

    def _patiently(self, work: Callable[[Connection], T]) -> T:
        """Run what keeps nothing, again when the connection is lost."""
        result: T = _retrying()(self._read_once, work)
        return result

    def _read_once(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as conn:
            return work(conn)

    def seize(self, run_id: str, owner: str, commit: Commit) -> Lease | None:
        return self._keeper.seize(run_id, owner)

    def close(self) -> None:
        self._keeper.close()
        try:
            with self._engine.begin() as conn:
                conn.execute(_WRITER.delete().where(_WRITER.c.id == self._id))
        except SQLAlchemyError:
            pass  # the row of a dead writer harms nobody
        self._engine.dispose()


def is_lost(exc: DBAPIError) -> bool:
    """Whether the connection broke or could not be made, rather than the statement being wrong."""
    state = getattr(exc.orig, "sqlstate", None)
    return exc.connection_invalidated or (state is None and "Operational" in type(exc.orig).__name__) or _again(state)


def _was_refused(exc: DBAPIError) -> bool:
    """Whether the server itself said that it kept nothing: serialisation, deadlock."""
    return getattr(exc.orig, "sqlstate", None) in ("40001", "40P01")


def _retrying() -> Retrying:
    return Retrying(
        retry=retry_if_exception(lambda exc: isinstance(exc, DBAPIError) and is_lost(exc)),
        wait=wait_exponential(FIRST_PAUSE_S, LONGEST_PAUSE_S),
        stop=stop_before_delay(PATIENCE_S),
        reraise=True,
    )


def _again(state: str | None) -> bool:
    return state is not None and state.startswith(AGAIN)


def _check_version(conn: Connection, place: str) -> None:
    version = conn.execute(select(_VERSION.c.version)).scalar()
    if version is None:
        conn.execute(insert(_VERSION).values(version=SCHEMA_VERSION))
    elif version == 2:  # schema 3 only adds tables, which are made by now
        conn.execute(_VERSION.update().values(version=SCHEMA_VERSION))
    elif version != SCHEMA_VERSION:
        raise SettingsError(
            f"{place}: the journal has schema {version}, this program writes schema {SCHEMA_VERSION}",
            hint="use the version of stepfleet that wrote it, or start a new journal",
        )
