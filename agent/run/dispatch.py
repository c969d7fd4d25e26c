"""Waking runs: a bounded number at once, in fair turns, and a look-out for due runs and other processes' words.

A wake-up is a hint, never the truth: a lost or doubled one harms nothing, since an advance starts from
the journal and only one process at a time gets a run's lease. A run that rests is known to the journal
alone: it is asked every second which are due, and nothing here grows with how many wait for people.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import func, select

from agent.errors import StepfleetError
from agent.run.advance import Advanced
from agent.run.engine import Engine
from agent.run.events import Outcome
from agent.run.fair_queue import FairQueue, Lane
from agent.run.journal import Journal
from agent.run.parking import due_runs, left_runs
from agent.run.schema import COMMAND, RUN
from agent.run.state import RunStatus

SWEEP_S = 1.0  # how soon a command from another process, or a due run, is seen
RETRY_S = 5.0  # a run whose advance failed (disk full, say) is tried again after this long

log = structlog.get_logger()


class Dispatcher:
    """Advances runs in this process."""

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        *,
        runs_at_once: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.engine = engine
        self.journal = journal
        self.runs_at_once = runs_at_once
        self.now = clock
        self._queue = FairQueue()
        self._again: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._retry: dict[str, tuple[datetime, Lane]] = {}  # runs that failed, or that another process advances
        self._turns = 0
        self._changed = asyncio.Condition()
        self._sweeper: asyncio.Task[None] | None = None
        self._seen_command = 0
        self._stopping = False

    @property
    def waiting(self) -> int:
        """Runs that wait for their turn."""
        return len(self._queue)

    def depths(self) -> Mapping[Lane, int]:
        """Runs that wait for their turn, by team and guide."""
        return self._queue.depths()

    async def start(self) -> None:
        """Pick up every run that does not rest or is due, then keep looking out."""
        self._seen_command = await asyncio.to_thread(self._newest_command)
        left = await self.journal.read(lambda conn: conn.execute(left_runs(self.now())).all())
        self._sweeper = asyncio.create_task(self._sweep())
        for row in left:
            self.wake(row.id, Lane(row.team, row.guide))

    async def stop(self) -> None:
        """Start nothing more; let actions in flight reach their journalled outcome."""
        self._stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        self.engine.pause()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._turn_over()

    def wake(self, run_id: str, lane: Lane) -> None:
        """Advance the run when its turn comes; when it is at work, it hears of its new commands at once.

        Before `start` it does nothing: a command that only says something leaves the advancing to a server.
        """
        if self._sweeper is None or self._stopping:
            return
        self._retry.pop(run_id, None)
        if run_id in self._tasks:
            self._again.add(run_id)
            self.engine.poke(run_id)
        else:
            self._queue.put(run_id, lane)
        self._fill()

    async def settled(self, run_id: str) -> Advanced:
        """Wait until the run has ended or waits for a person."""
        while True:
            turns = self._turns
            if self._stopping:
                return Advanced(RunStatus.RUNNING, reason="left for another process to go on with")
            if run_id not in self._queue and run_id not in self._tasks:
                rests = await asyncio.to_thread(self._at_rest, run_id)
                if rests is not None:
                    return rests
            async with self._changed:
                await self._changed.wait_for(lambda before=turns: self._turns != before)  # type: ignore[misc]

    def _at_rest(self, run_id: str) -> Advanced | None:
        row = self.journal.run(run_id)
        if row is None or (row.outcome is None and row.parked is None):
            return None
        if row.outcome is None:
            return Advanced(RunStatus.PARKED, reason=row.parked or "", wake_at=row.wake_at)
        last = self.journal.events(run_id)[-1]
        return Advanced(RunStatus.ENDED, Outcome(row.outcome), str(last.payload.get("reason", "")))

    def _fill(self) -> None:
        while len(self._queue) and len(self._tasks) < self.runs_at_once and not self._stopping:
            run_id, lane = self._queue.take()
            self._tasks[run_id] = asyncio.create_task(self._advance(run_id, lane), name=run_id)

    async def _advance(self, run_id: str, lane: Lane) -> None:
        advanced: Advanced | None = None
        retry_s: float | None = None
        try:
            advanced = await self.engine.advance(run_id)
            if advanced is None:
                retry_s = SWEEP_S  # another process has the lease: look again
        except StepfleetError as exc:
            # Nothing is lost: the journal holds what was done, and the run goes on from there.
            log.error("run_stopped", run=run_id, error=str(exc), hint=exc.hint)
            retry_s = RETRY_S
        except Exception:
            log.exception("run_crashed", run=run_id)
            retry_s = RETRY_S
        finally:
            del self._tasks[run_id]
            if retry_s is not None:
                self._retry[run_id] = (self.now() + timedelta(seconds=retry_s), lane)
            if run_id in self._again:
                self._again.discard(run_id)
                if advanced is None or advanced.status is not RunStatus.ENDED:
                    self.wake(run_id, lane)
            self._fill()
        await self._turn_over()

    async def _turn_over(self) -> None:
        async with self._changed:
            self._turns += 1
            self._changed.notify_all()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                for run_id, lane in await asyncio.to_thread(self._spoken_to):
                    self.wake(run_id, lane)
                for run_id, lane in await asyncio.to_thread(self._due):
                    if run_id not in self._tasks and run_id not in self._retry:
                        self.wake(run_id, lane)
            except StepfleetError as exc:
                log.error("sweep_failed", error=str(exc), hint=exc.hint)
            now = self.now()
            for run_id, lane in [(r, lane) for r, (due, lane) in self._retry.items() if due <= now]:
                self.wake(run_id, lane)

    def _newest_command(self) -> int:
        return int(self.journal.read_now(lambda conn: conn.execute(select(func.max(COMMAND.c.id))).scalar() or 0))

    def _spoken_to(self) -> list[tuple[str, Lane]]:
        query = select(COMMAND.c.id, COMMAND.c.run_id).where(COMMAND.c.id > self._seen_command)
        rows = self.journal.read_now(lambda conn: conn.execute(query).all())
        if not rows:
            return []
        self._seen_command = max(r.id for r in rows)
        spoken_to = RUN.c.id.in_({r.run_id for r in rows})
        live = select(RUN.c.id, RUN.c.team, RUN.c.guide).where(spoken_to, RUN.c.outcome.is_(None))
        return [(r.id, Lane(r.team, r.guide)) for r in self.journal.read_now(lambda conn: conn.execute(live).all())]

    def _due(self) -> list[tuple[str, Lane]]:
        rows = self.journal.read_now(lambda conn: conn.execute(due_runs(self.now())).all())
        return [(r.id, Lane(r.team, r.guide)) for r in rows]
