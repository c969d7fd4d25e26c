"""Waking runs on several machines: a job per wake-up, in the journal's own database.

A job only wakes a worker; what is to be done stands in the journal. A lost one is made up for by the sweep,
a doubled one finds the lease taken, and either harms nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import procrastinate
import psycopg
import structlog
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from sqlalchemy import Connection, func, or_, select
from sqlalchemy.engine import make_url

from agent.errors import JournalError, StepfleetError, UnknownRun
from agent.run.advance import Advanced
from agent.run.dispatch import RETRY_S, SWEEP_S
from agent.run.engine import Engine
from agent.run.events import Outcome
from agent.run.fair_queue import Lane
from agent.run.journal import Journal
from agent.run.parking import left_runs
from agent.run.schema import COMMAND, LEASE, RUN
from agent.run.shared_turns import depths, next_tag
from agent.run.state import RunStatus

QUEUE = "runs"
LOOKS = 3  # in a lease's time, for what dead workers left
SCHEMA_LOCK = 0x57EF1EE9

log = structlog.get_logger()


class SharedDispatcher:
    """Advances runs in this process, as far as `advance` allows, and wakes the workers of others."""

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        *,
        url: str,
        lease_s: float,
        runs_at_once: int,
        advance: bool,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.engine = engine
        self.journal = journal
        self.lease_s = lease_s
        self.runs_at_once = runs_at_once
        self.advances = advance
        self.now = clock
        self._depths: Mapping[Lane, int] = {}  # wake-ups that no worker has taken yet, as of the last look
        self._conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        connector = procrastinate.PsycopgConnector(conninfo=self._conninfo)
        self._app = procrastinate.App(connector=connector)
        self._job = self._app.task(name="advance", queue=QUEUE)(self._turn)
        self._started = self._stopping = False
        self._seen_command = 0
        self._background: list[asyncio.Task[None]] = []
        self._deferring: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Wake every run that does not rest or is due, then look out and, where asked to, work."""
        await self._app.open_async()
        await self._make_tables()
        self._seen_command, _ = await self.journal.read(partial(_spoken_to, since=0))
        self._started = True
        for row in await self.journal.read(lambda conn: conn.execute(left_runs(self.now())).all()):
            await self._defer(row.id)
        self._background.append(asyncio.create_task(self._sweep()))
        if self.advances:
            self._background.append(asyncio.create_task(self._work()))

    async def stop(self) -> None:
        """Start nothing more; let actions in flight reach their journalled outcome, and give the leases back."""
        self._stopping = True
        for task in self._background:
            task.cancel()
        while any(not t.done() for t in self._background):
            self.engine.pause()  # again: a run may just have been taken up
            await asyncio.wait(self._background, timeout=0.1)
        await asyncio.gather(*self._deferring, return_exceptions=True)
        await self._app.close_async()

    def wake(self, run_id: str, lane: Lane | None = None) -> None:
        """Have some worker advance the run when it is its turn (`lane` stands in the journal, too).

        Before `start` it does nothing: the workers' sweeps see it.
        """
        if not self._started or self._stopping:
            return
        self.engine.poke(run_id)
        task = asyncio.create_task(self._defer(run_id))
        self._deferring.add(task)
        task.add_done_callback(self._deferring.discard)

    @property
    def waiting(self) -> int:
        """Runs that wait for a worker, as of the last look."""
        return sum(self._depths.values())

    def depths(self) -> Mapping[Lane, int]:
        """The same by team and guide."""
        return self._depths

    async def settled(self, run_id: str) -> Advanced:
        """Wait until the run has ended or waits for a person, wherever it is advanced."""
        while True:
            advanced = await self.journal.read(lambda conn: _settled(conn, run_id))
            if advanced is not None:
                return advanced
            await asyncio.sleep(SWEEP_S / 4)

    # -- jobs ---------------------------------------------------------------------------------

    async def _defer(self, run_id: str, at: datetime | None = None) -> None:
        # A timer has a lock of its own: else it would stand in the way of whoever wakes the run before.
        lock = run_id if at is None else f"{run_id}@{at.isoformat()}"
        try:
            # A timer that has run out goes before whatever began to wait later.
            tag = 0 if at is not None else await self.journal.read(lambda conn: next_tag(conn, run_id, QUEUE))
            await self._job.configure(queueing_lock=lock, schedule_at=at, priority=-tag).defer_async(run_id=run_id)
        except AlreadyEnqueued:
            pass
        except (JournalError, ConnectorException, psycopg.Error) as exc:
            log.warning("wake_up_lost", run=run_id, error=str(exc))  # the sweep finds the run

    async def _turn(self, run_id: str) -> None:
        if self._stopping:
            return await self._defer(run_id)
        try:
            advanced = await self.engine.advance(run_id)
        except UnknownRun:
            return None
        except StepfleetError as exc:
            log.error("run_stopped", run=run_id, error=str(exc), hint=exc.hint)
            return await self._defer(run_id, self._in(RETRY_S))
        except Exception:
            log.exception("run_crashed", run=run_id)
            return await self._defer(run_id, self._in(RETRY_S))
        if advanced is None:  # another process has it, and may just have stopped listening: look again
            await self._defer(run_id, self._in(RETRY_S))
        elif advanced.status is RunStatus.RUNNING:
            await self._defer(run_id)
        elif advanced.wake_at is not None:
            await self._defer(run_id, advanced.wake_at)
        return None

    def _in(self, seconds: float) -> datetime:
        # On a grid: doubled wake-ups of one run fall together.
        at = (self.now() + timedelta(seconds=seconds)).timestamp()
        return datetime.fromtimestamp(at - at % seconds + seconds, UTC)

    async def _work(self) -> None:
        while not self._stopping:
            try:
                await self._app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=self.runs_at_once,
                    install_signal_handlers=False,
                    delete_jobs="always",
                    fetch_job_polling_interval=SWEEP_S,
                    update_heartbeat_interval=self.lease_s / LOOKS,
                    stalled_worker_timeout=self.lease_s,
                )
            except Exception as exc:
                log.warning("worker_restarts", error=str(exc))
                await asyncio.sleep(SWEEP_S)

    # -- what was lost ------------------------------------------------------------------------

    async def _sweep(self) -> None:
        look_at = 0.0
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                self._seen_command, said = await self.journal.read(partial(_spoken_to, since=self._seen_command))
                for run_id in said:
                    self.wake(run_id)
                loop_time = asyncio.get_running_loop().time()
                if loop_time >= look_at:
                    look_at = loop_time + self.lease_s / LOOKS
                    await self._return_what_was_left()
            except (StepfleetError, ConnectorException, psycopg.Error) as exc:
                log.error("sweep_failed", error=str(exc), hint=getattr(exc, "hint", ""))

    async def _return_what_was_left(self) -> None:
        jobs = self._app.job_manager
        for job in await jobs.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=self.lease_s):
            await jobs.finish_job(job, Status.FAILED, delete_job=True)
            await self._defer(str(job.task_kwargs["run_id"]))
        for run_id in await self.journal.read(_left):
            await self._defer(run_id)
        self._depths = await self.journal.read(lambda conn: depths(conn, QUEUE))

    async def _make_tables(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as conn:
            await conn.execute("SELECT pg_advisory_lock(%s)", (SCHEMA_LOCK,))  # until this connection closes
            made = await (await conn.execute("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")).fetchone()
            if made == (False,):
                await self._app.schema_manager.apply_schema_async()


def _spoken_to(conn: Connection, since: int) -> tuple[int, list[str]]:
    """The newest command's number, and the live runs that were spoken to after `since`."""
    newest = int(conn.execute(select(func.max(COMMAND.c.id))).scalar() or 0)
    query = (
        select(COMMAND.c.run_id)
        .distinct()
        .join(RUN, RUN.c.id == COMMAND.c.run_id)
        .where(COMMAND.c.id > since, COMMAND.c.id <= newest, RUN.c.outcome.is_(None))
    )
    return newest, list(conn.execute(query).scalars())


# A timer's job may have been lost: the journal says, too, when a resting run is due.
_due_at = func.coalesce(RUN.c.wake_at, RUN.c.deadline_at)


def _left(conn: Connection) -> list[str]:
    """Live runs that nobody has taken up, whose owner's lease ran out, or whose time is over."""
    query = (
        select(RUN.c.id)
        .outerjoin(LEASE, LEASE.c.run_id == RUN.c.id)
        .where(
            RUN.c.outcome.is_(None),
            or_(
                LEASE.c.run_id.is_(None),
                LEASE.c.expires_at <= func.clock_timestamp(),
                LEASE.c.expires_at.is_(None) & (_due_at <= func.clock_timestamp()),
            ),
        )
    )
    return list(conn.execute(query).scalars())


def _settled(conn: Connection, run_id: str) -> Advanced | None:
    run = conn.execute(select(RUN.c.outcome).where(RUN.c.id == run_id)).first()
    if run is None:
        raise UnknownRun(f"no run '{run_id}'", hint="see `stepfleet runs`")
    if run.outcome is not None:
        return Advanced(RunStatus.ENDED, Outcome(run.outcome))
    lease = conn.execute(select(LEASE.c.fence, LEASE.c.expires_at).where(LEASE.c.run_id == run_id)).first()
    if lease is None or lease.expires_at is not None:
        return None  # not begun, at work, or left by its owner
    return Advanced(RunStatus.PARKED, reason="it waits for a person")
