"""Over PostgreSQL, too, teams and their guides take turns, whoever came first with however much."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from agent.run.events import EventKind
from agent.run.fair_queue import Lane
from agent.run.intake import Intake
from agent.run.shared_dispatch import SharedDispatcher
from agent.run.shared_turns import depths, next_tag
from dag.model import Edge, Plan
from telemetry.alerts import Alert, AlertStatus, Notification
from tests.run.engine_bench import Bench, Script, plan_of, query

PLAN = plan_of(query("a"), Edge("START", "a"), Edge("a", "END.resolved"))
QUEUE = "runs"


class ByName:
    """Every alert has a guide of its name."""

    def plan_for(self, alert: Alert) -> tuple[Plan, str]:
        return replace(PLAN, guide=alert.name), ""


async def opened(bench: Bench, team: str, guide: str, count: int) -> list[str]:
    """Runs of a team and a guide, in order of arrival."""
    runs = []
    for n in range(count):
        labels = {"alertname": guide, "team": team}
        key = f"{team}-{guide}-{n}"
        alert = Alert(guide, AlertStatus.FIRING, key, datetime.now(UTC), None, labels, {}, "")
        intake = Intake(bench.journal, ByName(), run_deadline_s=3600)
        (accepted,) = await intake.accept(Notification("test", key, (alert,), 0, ""))
        assert accepted.run_id is not None
        runs.append(accepted.run_id)
    return runs


@asynccontextmanager
async def dispatching(bench: Bench, database: str, *, advance: bool) -> AsyncIterator[SharedDispatcher]:
    made = SharedDispatcher(bench.engine, bench.journal, url=database, lease_s=3.0, runs_at_once=1, advance=advance)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def queued(waker: SharedDispatcher, bench: Bench, runs: Sequence[str]) -> None:
    """Wake them one after the other, as they arrive."""
    for run in runs:
        waker.wake(run)
        while run not in waiting(bench):
            await asyncio.sleep(0.01)


def waiting(bench: Bench) -> set[str]:
    query_ = "SELECT args->>'run_id' FROM procrastinate_jobs WHERE scheduled_at IS NULL"
    return set(bench.journal.read_now(lambda conn: conn.exec_driver_sql(query_).scalars().all()))


def begun_at(bench: Bench, run: str) -> datetime:
    return next(e.at for e in bench.journal.events(run) if e.kind is EventKind.STEP_STARTED)


async def test_a_team_that_floods_two_workers_starves_no_other_team_and_no_guide_of_its_own(
    tmp_path: Path, script: Script, database: str
) -> None:
    benches = [Bench(tmp_path / f"{n}.db", script, url=database) for n in range(3)]
    first = benches[0]
    async with dispatching(first, database, advance=False) as waker:
        loud = await opened(first, "loud", "flood", 30)
        small = await opened(first, "loud", "seldom", 3)
        calm = await opened(first, "calm", "flood", 4)
        await queued(waker, first, [*loud, *small, *calm])
        assert first.journal.read_now(lambda conn: depths(conn, QUEUE)) == {
            Lane("loud", "flood"): 30,
            Lane("loud", "seldom"): 3,
            Lane("calm", "flood"): 4,
        }
        async with (
            dispatching(benches[1], database, advance=True),
            dispatching(benches[2], database, advance=True),
        ):
            await asyncio.wait_for(asyncio.gather(*(waker.settled(r) for r in [*loud, *small, *calm])), 60)
    order = sorted([*loud, *small, *calm], key=lambda run: begun_at(first, run))
    place = {run: n for n, run in enumerate(order)}
    # Two workers: neighbours may change places.
    assert max(place[run] for run in calm) < 16, "each of the calm team's runs has a turn for one of the loud team"
    assert max(place[run] for run in small) < 16, "each of a seldom guide's runs has a turn for one of the flood"
    assert all(place[a] < place[b] + 2 for a, b in itertools.pairwise(loud)), "a guide's own runs keep order"
    for bench in benches:
        bench.journal.close()


async def test_who_comes_later_joins_the_turn_that_is_served_and_overtakes_nobody_of_its_own(
    tmp_path: Path, script: Script, database: str
) -> None:
    bench = Bench(tmp_path / "journal.db", script, url=database)
    async with dispatching(bench, database, advance=False) as waker:
        loud = await opened(bench, "loud", "flood", 6)
        late, again = await opened(bench, "calm", "flood", 1), await opened(bench, "loud", "flood", 1)
        await queued(waker, bench, loud)

        def tag(run: str) -> int:
            return bench.journal.read_now(lambda conn: next_tag(conn, run, QUEUE))

        assert tag(late[0]) == 1
        assert tag(again[0]) == 7
        took = "UPDATE procrastinate_jobs SET status = 'doing' WHERE priority >= -4"
        await bench.journal.write(lambda conn: conn.exec_driver_sql(took))
        assert tag(late[0]) == 5, "not before what is served now: idle time is no credit"
        assert tag(again[0]) == 7
        await bench.journal.write(lambda conn: conn.exec_driver_sql("DELETE FROM procrastinate_jobs"))
        assert tag(again[0]) == 1, "tags begin anew when nothing waits"
    bench.journal.close()
