"""What a forked child does: advance the run of a case until it ends, parks or is killed."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from agent.gate.gate import Gate
from agent.gate.policy import Policy, Rule, Rung
from agent.run import acts, reads
from agent.run import advance as turn
from agent.run.engine import Engine
from agent.run.intake import Intake
from agent.run.journal import Journal
from agent.run.schema import RUN
from agent.run.speculation import Speculation
from agent.run.state import RunStatus
from plugins.registry import Registry
from tests.campaign.cases import Case
from tests.campaign.clock import JumpingClock
from tests.campaign.person import ROLE, Model, Person
from tests.campaign.target import Log, LookQuery, PushAction, PushOnceAction
from tests.run.engine_bench import ALLOW, NoGuides

PATIENCE_S = 60.0  # a child that takes longer is stuck
ROUNDS = 40  # a run that asks people more often than that goes round in circles
ASK = Policy(rule=(Rule(action="push_once", rung=Rung.APPROVE, role=ROLE), *ALLOW.rule))


class Points:
    """Counts the places where the process may die, and dies at the one that is asked for."""

    def __init__(self, kill_at: int | None, seen: Path) -> None:
        self.kill_at = kill_at
        self.passed: list[str] = []
        self.armed = False
        self._seen = seen

    def __call__(self, what: str) -> None:
        if not self.armed:
            return
        self.passed.append(what)
        if len(self.passed) == self.kill_at:
            self._seen.write_text(what)
            os.kill(os.getpid(), signal.SIGKILL)


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
    quicken()
    if case.seed % 2:
        turn.LINGER_S = 0.0  # what reads did is then written event by event: more places to die at
    if breakage is not None:
        breakage()
    asyncio.run(_to_rest(case, folder, Points(kill_at, folder / "killed-at"), full_after))


def warm(case: Case) -> None:
    """Run a case in this process, so that its children find compiled what each would compile for itself."""
    quicken()
    with TemporaryDirectory(prefix="campaign-") as base:
        asyncio.run(_advance(case, Path(base), Points(None, Path(base)), None))


async def _to_rest(case: Case, folder: Path, points: Points, full_after: int | None) -> None:
    async with asyncio.timeout(PATIENCE_S):
        code = await _advance(case, folder, points, full_after)
    (folder / "points").write_text("\n".join(points.passed))
    os._exit(code)  # without a wait for plugins that swallow their cancellation


def quicken() -> None:
    """Pauses that are meant for people's clusters would make thousands of cases take days."""
    acts.POLL_S = acts.OBSERVE_PAUSE_S = acts.VERIFY_PAUSE_S = 0.01
    reads.RETRY_FIRST_S = 0.01


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
        push = [kind(log, points, case) for kind in (PushAction, PushOnceAction)]
        engine = Engine(
            journal,
            Registry.of(LookQuery(case), *push),
            Gate(ASK if case.needs_approval else ALLOW, journal, clock),
            judge=Model(case) if case.has_judge else None,
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
            await _with_people(engine, Person(case, journal, log, clock), run_id)
        except Exception as exc:
            if full_after is None:
                raise
            (folder / "full").write_text(f"{type(exc).__name__}: {exc}")
            return 3
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return 0


async def _with_people(engine: Engine, person: Person, run_id: str) -> None:
    """Until the run has ended, or people have nothing more to say to it, or another process sees to both."""
    for _ in range(ROUNDS):
        while (advanced := await engine.advance(run_id)) is None:  # another process is at it
            await asyncio.sleep(0.02)
            if await asyncio.to_thread(_rests, engine.journal, run_id):
                return
        if advanced.status is RunStatus.ENDED or not await person.speak(run_id):
            return
    raise AssertionError(f"the run asked people {ROUNDS} times")


async def _run_of(case: Case, journal: Journal) -> str:
    known = journal.runs()
    if known:
        return known[0].id
    return await Intake(journal, NoGuides(), run_deadline_s=86_400 * 365).open(case.plan, {}, by="campaign")


def _rests(journal: Journal, run_id: str) -> bool:
    query = select(RUN.c.outcome, RUN.c.parked).where(RUN.c.id == run_id)
    row = journal.read_now(lambda conn: conn.execute(query).one())
    return row.outcome is not None or row.parked is not None
