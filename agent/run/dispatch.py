"""Waking runs: a bounded number at once, timers for the parked, a look-out for other processes' words.

A wake-up is a hint, never the truth: a lost or doubled one harms nothing, since an advance starts from
the journal and only one process at a time gets a run's lease.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import func, select

from agent.errors import StepfleetError
from agent.run.engine import Advanced, Engine
from agent.run.journal import Journal
from agent.run.schema import COMMAND, RUN
from agent.run.state import RunStatus

SWEEP_S = 1.0  # how soon a command from another process, or a due timer, is seen
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
        self._queue: deque[str] = deque()
        self._queued: set[str] = set()
        self._again: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._due: dict[str, datetime] = {}
        self._last: dict[str, Advanced] = {}
        self._changed = asyncio.Condition()
        self._sweeper: asyncio.Task[None] | None = None
        self._seen_command = 0
        self._stopping = False

    @property
    def waiting(self) -> int:
        """Runs that wait for their turn."""
        return len(self._queue)

    async def start(self) -> None:
        """Pick up every run that has not ended, then keep looking out."""
        self._seen_command = await asyncio.to_thread(self._newest_command)
        live = select(RUN.c.id).where(RUN.c.outcome.is_(None)).order_by(RUN.c.opened_at)
        left = await self.journal.read(lambda conn: conn.execute(live).scalars().all())
        self._sweeper = asyncio.create_task(self._sweep())
        for run_id in left:
            self.wake(run_id)

    async def stop(self) -> None:
        """Start nothing more; let actions in flight reach their journalled outcome."""
        self._stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        self.engine.pause()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def wake(self, run_id: str) -> None:
        """Advance the run soon; when it is at work, it hears of its new commands at once.

        Before `start` it does nothing: a command that only says something leaves the advancing to a server.
        """
        if self._sweeper is None or self._stopping:
            return
        self._last.pop(run_id, None)
        self._due.pop(run_id, None)
        if run_id in self._tasks:
            self._again.add(run_id)
            self.engine.poke(run_id)
        elif run_id not in self._queued:
            self._queued.add(run_id)
            self._queue.append(run_id)
        self._fill()

    async def settled(self, run_id: str) -> Advanced:
        """Wait until the run has ended or waits for a person."""
        async with self._changed:
            await self._changed.wait_for(lambda: run_id in self._last)
            return self._last[run_id]

    def _fill(self) -> None:
        while self._queue and len(self._tasks) < self.runs_at_once and not self._stopping:
            run_id = self._queue.popleft()
            self._queued.discard(run_id)
            self._tasks[run_id] = asyncio.create_task(self._advance(run_id), name=run_id)

    async def _advance(self, run_id: str) -> None:
        advanced: Advanced | None = None
        retry_at: datetime | None = None
        try:
            advanced = await self.engine.advance(run_id)
        except StepfleetError as exc:
            # Nothing is lost: the journal holds what was done, and the run goes on from there.
            log.error("run_stopped", run=run_id, error=str(exc), hint=exc.hint)
            retry_at = _after(self.now(), RETRY_S)
        except Exception:
            log.exception("run_crashed", run=run_id)
            retry_at = _after(self.now(), RETRY_S)
        finally:
            del self._tasks[run_id]
            if retry_at is not None:
                self._due[run_id] = retry_at
            elif advanced is None:
                self._due[run_id] = _after(self.now(), SWEEP_S)  # another process has the lease: look again
            elif advanced.wake_at is not None:
                self._due[run_id] = advanced.wake_at
            if run_id in self._again:
                self._again.discard(run_id)
                if advanced is None or advanced.status is not RunStatus.ENDED:
                    self.wake(run_id)
            self._fill()
        if advanced is not None:
            async with self._changed:
                if run_id not in self._queued and run_id not in self._tasks:
                    self._last[run_id] = advanced
                self._changed.notify_all()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                for run_id in await asyncio.to_thread(self._spoken_to):
                    self.wake(run_id)
            except StepfleetError as exc:
                log.error("sweep_failed", error=str(exc), hint=exc.hint)
            now = self.now()
            for run_id in [r for r, due in self._due.items() if due <= now]:
                self.wake(run_id)

    def _newest_command(self) -> int:
        return int(self.journal.read_now(lambda conn: conn.execute(select(func.max(COMMAND.c.id))).scalar() or 0))

    def _spoken_to(self) -> list[str]:
        query = select(COMMAND.c.id, COMMAND.c.run_id).where(COMMAND.c.id > self._seen_command)
        rows = self.journal.read_now(lambda conn: conn.execute(query).all())
        if rows:
            self._seen_command = max(r.id for r in rows)
        live = select(RUN.c.id).where(RUN.c.id.in_({r.run_id for r in rows}), RUN.c.outcome.is_(None))
        return list(self.journal.read_now(lambda conn: conn.execute(live).scalars().all())) if rows else []


def _after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)
