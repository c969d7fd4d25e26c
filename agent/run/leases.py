"""Resource leases: no two steps write one resource at the same time, and whoever asks first writes first.

All keys of one action are taken in one transaction, or none is: nothing is held while waiting, so nothing
can deadlock. Who has to wait gets a place in a queue, and nobody overtakes who waits for a key in common.
A lease ends with its action; those of a run that has ended are void, and so is the place of a waiter that
has not asked again for `FORGOTTEN_S`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, insert, or_, select, true, update

from agent.run.events import StepKey
from agent.run.schema import RESOURCE_LEASE, RESOURCE_WAIT, RUN

EVERYTHING = "*"  # an action with unknown writes excludes every other
FORGOTTEN_S = 10.0  # a waiter asks about once a second: one that was silent for so long has died


class Claimant(NamedTuple):
    """One step of one run: what holds leases, or waits for them."""

    run_id: str
    step: str

    @classmethod
    def of(cls, run_id: str, key: StepKey) -> Claimant:
        return cls(run_id, str(key))

    def rows(self, table: Table) -> ColumnElement[bool]:
        return and_(table.c.run_id == self.run_id, table.c.step_key == self.step)


@dataclass(frozen=True, slots=True)
class Blocker:
    """Who has to be waited for. `holds`: it has the key `key`; else it waits for it, and came first."""

    who: Claimant
    key: str
    holds: bool


def take(
    conn: Connection, who: Claimant, resources: Iterable[str], now: datetime, *, over: Collection[str] = ()
) -> Blocker | None:
    """Take all `resources` for this step, or queue for them: then one that comes before it is returned.

    `over`: steps of the same run that are not at work, whose leases and places bind their run no longer. No resources
    mean all there are.
    """
    wanted = {*resources} or {EVERYTHING}
    own, blocker = _held(conn, who, wanted, over)
    if own == wanted:
        return None
    if own:  # a former process took other keys for this step: kept while it waits, they could deadlock
        conn.execute(delete(RESOURCE_LEASE).where(who.rows(RESOURCE_LEASE)))
    place, queued = _place(conn, who)
    blocker = blocker or _first_waiter(conn, who, wanted, place if queued == wanted else None, over)
    if blocker is None:
        if queued:
            conn.execute(delete(RESOURCE_WAIT).where(who.rows(RESOURCE_WAIT)))
        conn.execute(insert(RESOURCE_LEASE), [_row(who, k, at=now) for k in sorted(wanted)])
        return None
    seen = database_time(conn)
    if queued == wanted:
        conn.execute(update(RESOURCE_WAIT).where(who.rows(RESOURCE_WAIT)).values(seen_at=seen))
    else:
        conn.execute(delete(RESOURCE_WAIT).where(who.rows(RESOURCE_WAIT)))
        conn.execute(insert(RESOURCE_WAIT), [_row(who, k, at=now, seen_at=seen) for k in sorted(wanted)])
    return blocker


def give_back(conn: Connection, who: Claimant) -> list[Claimant]:
    """Free what this step holds, and its place in the queue; idempotent. Return who may be next."""
    freed = {
        key
        for table in (RESOURCE_LEASE, RESOURCE_WAIT)
        for key in conn.scalars(delete(table).where(who.rows(table)).returning(table.c.key))
    }
    if not freed:
        return []
    # Who is next for a key is the first that waits for it: nobody else has been let through by this.
    first = select(func.min(RESOURCE_WAIT.c.id)).where(_overlaps(RESOURCE_WAIT, freed)).group_by(RESOURCE_WAIT.c.key)
    waiters = select(RESOURCE_WAIT.c.run_id, RESOURCE_WAIT.c.step_key).where(RESOURCE_WAIT.c.id.in_(first))
    return sorted({Claimant(*row) for row in conn.execute(waiters)})


def end_run(conn: Connection, run_id: str) -> None:
    """Free all that an ending run left behind: a lease kept while an outcome was unknown, say."""
    for table in (RESOURCE_LEASE, RESOURCE_WAIT):
        conn.execute(delete(table).where(table.c.run_id == run_id))


def _held(conn: Connection, who: Claimant, wanted: set[str], over: Collection[str]) -> tuple[set[str], Blocker | None]:
    """The keys that the asker holds already, and who else holds one of those it wants; void leases are deleted."""
    lease = RESOURCE_LEASE.c
    query = (
        select(lease.key, lease.run_id, lease.step_key, RUN.c.id, RUN.c.outcome)
        .outerjoin(RUN, RUN.c.id == lease.run_id)
        .where(or_(_overlaps(RESOURCE_LEASE, wanted), who.rows(RESOURCE_LEASE)))
        .order_by(lease.key)
    )
    own: set[str] = set()
    void: list[str] = []
    blocker: Blocker | None = None
    for key, run_id, step, known, outcome in conn.execute(query):
        holder = Claimant(run_id, step)
        if holder == who:
            own.add(key)
        elif known is None or outcome is not None or (run_id == who.run_id and step in over):
            void.append(key)
        else:
            blocker = blocker or Blocker(holder, key, holds=True)
    if void:
        conn.execute(delete(RESOURCE_LEASE).where(lease.key.in_(void)))
    return own, blocker


def _place(conn: Connection, who: Claimant) -> tuple[int | None, set[str]]:
    """The asker's place in the queue, and the keys it waits for."""
    rows = conn.execute(select(RESOURCE_WAIT.c.id, RESOURCE_WAIT.c.key).where(who.rows(RESOURCE_WAIT))).all()
    return min((r.id for r in rows), default=None), {r.key for r in rows}


def _first_waiter(
    conn: Connection, who: Claimant, wanted: set[str], place: int | None, over: Collection[str]
) -> Blocker | None:
    """Who came first of those that wait for one of the keys; waiters that have died lose their places."""
    wait = RESOURCE_WAIT.c
    query = (
        select(wait.key, wait.run_id, wait.step_key, wait.seen_at)
        .where(_overlaps(RESOURCE_WAIT, wanted), ~who.rows(RESOURCE_WAIT))
        .where(true() if place is None else wait.id < place)
        .order_by(wait.id)
        .limit(1)
    )
    while (row := conn.execute(query).first()) is not None:
        first = Claimant(row.run_id, row.step_key)
        is_over = first.run_id == who.run_id and first.step in over
        if not is_over and database_time(conn) - row.seen_at.replace(tzinfo=UTC) <= timedelta(seconds=FORGOTTEN_S):
            return Blocker(first, row.key, holds=False)
        conn.execute(delete(RESOURCE_WAIT).where(first.rows(RESOURCE_WAIT)))
    return None


def _overlaps(table: Table, keys: set[str]) -> ColumnElement[bool]:
    return true() if EVERYTHING in keys else table.c.key.in_([*keys, EVERYTHING])


def database_time(conn: Connection) -> datetime:
    """The database's time: the clocks of several machines are not compared."""
    now: datetime = conn.execute(select(func.current_timestamp())).scalar_one()
    return now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)


def _row(who: Claimant, key: str, **times: datetime) -> dict[str, Any]:
    return {"key": key, "run_id": who.run_id, "step_key": who.step, **times}
