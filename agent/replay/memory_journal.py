"""A journal that is forgotten: the tables of the real one, in memory, for one run that nothing may come of."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, create_engine, event, insert
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from agent.run.audit import audited, open_chain
from agent.run.journal import Journal
from agent.run.schema import LEASE
from agent.run.store import Commit, Lease

T = TypeVar("T")


class MemoryStore:
    """Satisfies `agent.run.store.Store` for one thread of one process."""

    place = "memory"
    hint = "there is no memory left"

    def __init__(self) -> None:
        self._engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"isolation_level": None})
        event.listen(self._engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN"))
        SQLModel.metadata.create_all(self._engine)
        with self._engine.begin() as conn:
            open_chain(conn)

    def commit(self, work: Callable[[Connection], T], *, durable: bool, alone: bool) -> T:
        with self._engine.begin() as conn:
            return work(conn)

    def read(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as conn:
            return work(conn)

    def seize(self, run_id: str, owner: str, commit: Commit) -> Lease | None:
        def take(conn: Connection) -> int:
            conn.execute(insert(LEASE).prefix_with("OR IGNORE").values(run_id=run_id, owner=owner, fence=1))
            return 1

        return Lease(run_id, commit(take), _Held())

    def close(self) -> None:
        self._engine.dispose()


class _Held:
    """There is nobody else."""

    since = -math.inf

    def is_held(self) -> bool:
        return True

    def release(self, *, left: bool = False) -> None:
        pass


class MemoryJournal(Journal):
    """Writes at once, in the caller's own thread: under virtual time nothing may happen beside the loop."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.store = MemoryStore()
        self.place = self.store.place
        self.now = clock

    def close(self) -> None:
        self.store.close()

    def write_soon(
        self,
        work: Callable[[Connection], T],
        *,
        durable: bool = True,
        alone: bool = True,
        checks_first: bool = False,
        under: Lease | None = None,
    ) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(self.store.commit(lambda conn: _audited(conn, work), durable=durable, alone=alone))
        except Exception as exc:
            done.set_exception(exc)
        return done


def _audited(conn: Connection, work: Callable[[Connection], T]) -> T:
    with audited(conn):
        return work(conn)
