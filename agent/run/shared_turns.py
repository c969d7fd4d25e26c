"""Fair turns over several machines: the place of a wake-up among those that wait in PostgreSQL.

Start-time fair queueing (Goyal, Vin and Cheng, 1996) with the team as the flow. A job's tag is one turn behind its
lane's last, and never before the turn that is being served; the lowest tag is taken first. A team with several
guides waiting makes longer steps in each, so that it has one share, and its guides have equal parts of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Select, Text, cast, column, func, or_, select, table
from sqlalchemy.dialects.postgresql import JSONB

from agent.run.fair_queue import Lane
from agent.run.schema import RUN

MOST = 2**31 - 1  # of the column's type; tags begin anew whenever nothing waits
_JOB = table(  # procrastinate's own
    "procrastinate_jobs",
    column("queue_name"),
    column("status"),
    column("priority"),
    column("scheduled_at"),
    column("args", JSONB),
)
_STATE = cast(_JOB.c.status, Text)


def next_tag(conn: Connection, run_id: str, queue: str) -> int:
    """The tag of a wake-up of this run, from 1 up. Two that are asked for at once may be equal: a tie, no more."""
    run = conn.execute(select(RUN.c.team, RUN.c.guide).where(RUN.c.id == run_id)).first()
    mine = Lane(run.team, run.guide) if run is not None else Lane("", "")
    served: list[int] = []
    last: dict[Lane, int] = {}
    first = MOST
    for row in conn.execute(_jobs(queue)):
        tag, lane = -row.priority, Lane(row.team, row.guide)
        if row.state == "doing":
            served.append(tag)
        else:
            last[lane] = max(last.get(lane, 0), tag)
            first = min(first, tag)
    now = max(served, default=first - 1 if last else 0)
    guides = {lane.guide for lane in last if lane.team == mine.team} | {mine.guide}
    return min(MOST, max(now, last.get(mine, 0)) + len(guides))


def depths(conn: Connection, queue: str) -> Mapping[Lane, int]:
    """Wake-ups that no worker has taken yet, by team and guide."""
    waiting = _jobs(queue).where(_STATE == "todo").subquery()
    query = select(waiting.c.team, waiting.c.guide, func.count()).group_by(waiting.c.team, waiting.c.guide)
    return {Lane(team, guide): count for team, guide, count in conn.execute(query)}


def _jobs(queue: str) -> Select[tuple[str, int, str, str]]:
    due = or_(_JOB.c.scheduled_at.is_(None), _JOB.c.scheduled_at <= func.now())
    return (
        select(_STATE.label("state"), _JOB.c.priority, RUN.c.team, RUN.c.guide)
        .join(RUN, RUN.c.id == _JOB.c.args["run_id"].astext)
        .where(_JOB.c.queue_name == queue, _STATE.in_(("todo", "doing")), due)
    )
