"""Who writes what now, and who waits for it: the lease tables for people to look at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from agent.run.leases import FORGOTTEN_S, database_time
from agent.run.schema import RESOURCE_LEASE, RESOURCE_WAIT, RUN


@dataclass(frozen=True, slots=True)
class Claim:
    """A step that holds a resource, or waits for it, and since when."""

    run_id: str
    step: str
    since: datetime

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "since": self.since.isoformat()}


@dataclass(slots=True)
class Resource:
    """One resource key; `*` is all there are. Nobody holds it where who is next waits for another key, too."""

    key: str
    holder: Claim | None = None
    waiting: list[Claim] = field(default_factory=list)  # first come first

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "holder": self.holder.to_json() if self.holder else None,
            "waiting": [w.to_json() for w in self.waiting],
        }


def resources(conn: Connection) -> list[Resource]:
    """Every key that is held or waited for, in order; what is void by the rules of `leases` is left out."""
    found: dict[str, Resource] = {}
    living = select(RUN.c.id).where(RUN.c.outcome.is_(None))
    for row in conn.execute(select(RESOURCE_LEASE).where(RESOURCE_LEASE.c.run_id.in_(living))):
        found[row.key] = Resource(row.key, _claim(row))
    oldest = database_time(conn) - timedelta(seconds=FORGOTTEN_S)
    waits = select(RESOURCE_WAIT).where(RESOURCE_WAIT.c.run_id.in_(living)).order_by(RESOURCE_WAIT.c.id)
    for row in conn.execute(waits):
        if row.seen_at.replace(tzinfo=UTC) >= oldest:
            found.setdefault(row.key, Resource(row.key)).waiting.append(_claim(row))
    return [found[key] for key in sorted(found)]


def _claim(row: Any) -> Claim:
    return Claim(row.run_id, row.step_key, row.at.replace(tzinfo=UTC))
