"""Resource leases: no two runs write one resource at the same time.

All keys of one action are taken in one transaction, in sorted order, or none is: nothing is held
while waiting, so nothing can deadlock. A lease ends with its action; one whose run has ended is void.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from agent.run.events import StepKey
from agent.run.schema import RESOURCE_LEASE, RUN

EVERYTHING = "*"  # an action with unknown writes excludes every other


def take(conn: Connection, run_id: str, key: StepKey, resources: Iterable[str], now: datetime) -> str | None:
    """Take all `resources` for this step, or none: then the run that holds one of them is returned."""
    wanted = sorted(set(resources)) or [EVERYTHING]
    rows = conn.execute(
        select(RESOURCE_LEASE.c.key, RESOURCE_LEASE.c.run_id, RUN.c.outcome).join(
            RUN, RUN.c.id == RESOURCE_LEASE.c.run_id
        )
    ).all()
    held = {r.key: r.run_id for r in rows if r.outcome is None and r.run_id != run_id}
    blocking = held.keys() if EVERYTHING in wanted else held.keys() & {*wanted, EVERYTHING}
    if blocking:
        return str(held[min(blocking)])
    conn.execute(delete(RESOURCE_LEASE).where(RESOURCE_LEASE.c.key.in_(wanted)))
    conn.execute(
        insert(RESOURCE_LEASE),
        [{"key": k, "run_id": run_id, "step_key": str(key), "at": now} for k in wanted],
    )
    return None


def give_back(conn: Connection, run_id: str, key: StepKey) -> None:
    """Free what this step holds; idempotent."""
    conn.execute(
        delete(RESOURCE_LEASE).where(
            RESOURCE_LEASE.c.run_id == run_id,
            RESOURCE_LEASE.c.step_key == str(key),
        )
    )
