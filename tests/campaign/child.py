"""What a forked child does: advance the run of a case until it ends, parks or is killed."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from agent.gate.gate import Gate
from agent.run import acts, reads, values
from agent.run.engine import Engine
from agent.run.intake import Intake
from agent.run.journal import Journal
from agent.run.schema import RUN
from agent.run.speculation import Speculation
from plugins.registry import Registry
from tests.campaign.cases import Case
from tests.campaign.target import Log, LookQuery, PushAction, PushOnceAction
from tests.run.engine_bench import ALLOW, NoGuides

PATIENCE_S = 20.0  # a child that takes longer is stuck


class Points:
    """Counts the places where the process may die, and dies at the one that is asked for."""

    def __init__(self, kill_at: int | None, seen: Path) -> None:
        self.kill_at = kill_at
        self.count = 0
        self.armed = False
        self._seen = seen

    def __call__(self, what: str) -> None:
        if not self.armed:
            return
        self.count += 1
        if self.count == self.kill_at:
            self._seen.write_text(what)
            os.kill(os.getpid(), signal.SIGKILL)


class JumpingClock:
    """The wall clock of a machine whose time is set in mid-run."""

    def __init__(self, case: Case) -> None:
        self.jumps, self.reads, self.ahead_s = dict(case.clock_jumps), 0, 0.0

    def __call__(self) -> datetime:
        self.reads += 1
        self.ahead_s += self.jumps.pop(self.reads, 0.0)
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)


def advance(
    case: Case,
    folder: Path,
    *,
    kill_at: int | None = None,
    full_after: int | None = None,
    breakage: Callable[[], None] | None = None,
) -> None:
    """Never returns: exits 0 when the run has ended or parked, 3 when the disk was full, or dies at `kill_at`.

    `full_after`: bytes after which no file may grow: what a full disk does to the journal.
    """
    _quicken()
    if breakage is not None:
        breakage()
    points = Points(kill_at, folder / "killed-at")
    code = asyncio.run(asyncio.wait_for(_advance(case, folder, points, full_after), PATIENCE_S))
    (folder / "points").write_text(str(points.count))
    os._exit(code)


def _quicken() -> None:
    """Pauses that are meant for people's clusters would make thousands of cases take days."""
    acts.POLL_S = acts.OBSERVE_PAUSE_S = acts.VERIFY_PAUSE_S = 0.01
    reads.RETRY_FIRST_S = 0.01
    values.MAX_VALUE_BYTES = 64 * 1024


async def _advance(case: Case, folder: Path, points: Points, full_after: int | None) -> int:
    clock = JumpingClock(case)
    journal = Journal(f"sqlite:///{folder / 'journal.db'}", clock=clock)
    commit = journal.store.commit

    def watched(work: Any, *, durable: bool, alone: bool) -> Any:
        points("before a commit")
        done = commit(work, durable=durable, alone=alone)
        points("after a commit")
        return done

    with closing(journal):
        run_id = await _run_of(case, journal)
        journal.store.commit = watched  # type: ignore[method-assign]
        log = Log(folder / "target.log")
        push = [kind(log, points, case.observes) for kind in (PushAction, PushOnceAction)]
        engine = Engine(
            journal,
            Registry.of(LookQuery(case.looks), *push),
            Gate(ALLOW, journal, clock),
            clock=clock,
            speculation=Speculation() if case.speculates else None,
            owner=f"pid-{os.getpid()}",
        )
        points.armed = True
        if full_after is not None:
            size = (folder / "journal.db-wal").stat().st_size + full_after
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        try:
            while (await engine.advance(run_id)) is None:  # another process is at it
                await asyncio.sleep(0.02)
                if await asyncio.to_thread(_rests, journal, run_id):
                    break
        except Exception as exc:
            if full_after is None:
                raise
            (folder / "full").write_text(f"{type(exc).__name__}: {exc}")
            return 3
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return 0


async def _run_of(case: Case, journal: Journal) -> str:
    known = journal.runs()
    if known:
        return known[0].id
    return await Intake(journal, NoGuides(), run_deadline_s=86_400 * 365).open(case.plan, {}, by="campaign")


def _rests(journal: Journal, run_id: str) -> bool:
    query = select(RUN.c.outcome, RUN.c.parked).where(RUN.c.id == run_id)
    row = journal.read_now(lambda conn: conn.execute(query).one())
    return row.outcome is not None or row.parked is not None
