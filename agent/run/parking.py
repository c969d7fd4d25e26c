"""How a run rests, as the journal's index of runs knows it: a parked run is a row, and nothing in any process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, and_, func, or_, select, update

from agent.run.schema import COMMAND, RUN


@dataclass(frozen=True, slots=True)
class Rest:
    """What a run waits for, and when it is due by itself (None: only a command wakes it).

    `heard` counts the commands in the run's journal: one that came in between makes the run due at once.
    """

    parked: str | None
    wake_at: datetime | None = None
    heard: int = 0

    def same_as(self, other: Rest) -> bool:
        return (self.parked, self.wake_at) == (other.parked, other.wake_at)


AWAKE = Rest(None)


def mark(conn: Connection, run_id: str, rest: Rest) -> None:
    """Write how the run rests; part of the transaction of the events that make it so."""
    wake_at = rest.wake_at
    if rest.parked is not None:
        said = conn.execute(select(func.count(), func.max(COMMAND.c.at)).where(COMMAND.c.run_id == run_id)).one()
        if said[0] > rest.heard:
            wake_at = said[1]
    conn.execute(update(RUN).where(RUN.c.id == run_id).values(parked=rest.parked, wake_at=wake_at))


def call_out(conn: Connection, run_id: str, at: datetime) -> None:
    """Make a parked run due now: somebody has said something to it; part of the command's transaction."""
    later = or_(RUN.c.wake_at.is_(None), RUN.c.wake_at > at)
    conn.execute(update(RUN).where(RUN.c.id == run_id, RUN.c.parked.is_not(None), later).values(wake_at=at))


def due_runs(now: datetime) -> Select[tuple[str, str, str]]:
    """Parked runs whose time has come, the longest due first: id, team, guide."""
    return (
        select(RUN.c.id, RUN.c.team, RUN.c.guide)
        .where(RUN.c.outcome.is_(None), RUN.c.wake_at <= now)
        .order_by(RUN.c.wake_at)
    )


def left_runs(now: datetime) -> Select[tuple[str, str, str]]:
    """What a starting process picks up, oldest first: runs that did not rest, and those that are due."""
    awake = or_(RUN.c.parked.is_(None), and_(RUN.c.wake_at.is_not(None), RUN.c.wake_at <= now))
    return select(RUN.c.id, RUN.c.team, RUN.c.guide).where(RUN.c.outcome.is_(None), awake).order_by(RUN.c.opened_at)
