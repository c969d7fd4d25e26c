"""Takes one case through its faults: forks a child from this warm process for each, kills it, lets another go on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.campaign.cases import Case
from tests.campaign.child import PATIENCE_S, advance, warm
from tests.campaign.invariants import ending, violations
from tests.campaign.plans import random_case
from tests.campaign.tally import Tally

KILLS_PER_CASE = 10
LOCKED_S = 0.3
WARMING_SEED = 2  # a case with branches, a loop and actions
Breakage = Callable[[], None]


class Campaign:
    """`breakage` damages the engine in every child: what a campaign must be able to see.

    `stops_at_first`: a case is left at its first violation.
    """

    def __init__(self, breakage: Breakage | None = None, *, stops_at_first: bool = False) -> None:
        self.breakage, self.stops_at_first = breakage, stops_at_first
        warm(random_case(WARMING_SEED))
        assert threading.active_count() == 1, "a process with threads must not fork"

    def case(self, seed: int, tally: Tally) -> None:
        """One plan: without a fault, then killed at some of its points, then with the other faults."""
        case, rng = random_case(seed), random.Random(seed)
        tally.cases += 1
        tally.plans_with.update(case.traits())
        with TemporaryDirectory(prefix="campaign-") as base:
            for _ in self._faults(case, Path(base), rng, tally):
                if tally.violations and self.stops_at_first:
                    break

    def _faults(self, case: Case, base: Path, rng: random.Random, tally: Tally) -> Iterator[None]:
        points = self._plain(case, base / "plain", tally)
        yield
        for at in _chosen(points, rng):
            yield self._killed(case, base / f"kill-{at}", at, rng, tally)
        yield self._full_disk(case, base / "full", rng, tally)
        yield self._locked(case, base / "locked", tally)

    def _plain(self, case: Case, folder: Path, tally: Tally) -> list[str]:
        folder.mkdir()
        self._to_the_end(case, folder, tally, "no fault")
        seen = folder / "points"
        return seen.read_text().splitlines() if seen.exists() else []

    def _killed(self, case: Case, folder: Path, at: int, rng: random.Random, tally: Tally) -> None:
        folder.mkdir()
        what = f"kill at {at}"
        self._wait([self._fork(case, folder, kill_at=at)], tally, case, what)
        self._count(folder, tally)
        if rng.random() < 0.25:  # and the one that goes on dies, too
            again = rng.randint(1, 8)
            what += f", again at {again}"
            self._wait([self._fork(case, folder, kill_at=again)], tally, case, what)
            self._count(folder, tally)
        heirs = 2 if rng.random() < 0.25 else 1
        if heirs == 2:
            tally.faults["two processes resumed one run"] += 1
        self._to_the_end(case, folder, tally, what, heirs=heirs)
        shutil.rmtree(folder)

    def _count(self, folder: Path, tally: Tally) -> None:
        """A child that came to its end before its point was not killed."""
        seen = folder / "killed-at"
        if seen.exists():
            tally.kills += 1
            tally.killed_at[seen.read_text()] += 1
            seen.unlink()

    def _full_disk(self, case: Case, folder: Path, rng: random.Random, tally: Tally) -> None:
        folder.mkdir()
        room = rng.choice([0, 8_192, 32_768])
        self._wait([self._fork(case, folder, full_after=room)], tally, case, f"{room} bytes left", fine=(0, 3))
        if (folder / "full").exists():
            tally.faults["disk full"] += 1
        self._to_the_end(case, folder, tally, f"{room} bytes left")

    def _locked(self, case: Case, folder: Path, tally: Tally) -> None:
        """Another process holds the database's write lock for a while in mid-run."""
        folder.mkdir()
        child = self._fork(case, folder)
        database = folder / "journal.db"
        holder = None
        while holder is None:
            if database.exists() and (folder / "journal.db-wal").exists():
                holder = sqlite3.connect(database, timeout=5, isolation_level=None)
        try:
            holder.execute("BEGIN IMMEDIATE")
            time.sleep(LOCKED_S)
            holder.execute("ROLLBACK")
        except sqlite3.OperationalError:
            pass  # the run was over before
        else:
            tally.faults["database locked"] += 1
        finally:
            holder.close()
        self._wait([child], tally, case, "database locked")
        self._to_the_end(case, folder, tally, "database locked")

    # -- children -----------------------------------------------------------------------------

    def _to_the_end(self, case: Case, folder: Path, tally: Tally, what: str, *, heirs: int = 1) -> None:
        if self._wait([self._fork(case, folder) for _ in range(heirs)], tally, case, what):
            tally.violations += [f"seed {case.seed}, {what}: {v}" for v in violations(case, folder)]
            tally.ends[ending(folder)] += 1

    def _fork(self, case: Case, folder: Path, **how: Any) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            advance(case, folder, breakage=self.breakage, **how)
        except BaseException:
            sys.stderr.write(f"seed {case.seed}: {traceback.format_exc()}\n")  # the driver counts the exit code
            sys.stderr.flush()
        finally:
            os._exit(1)

    def _wait(self, children: list[int], tally: Tally, case: Case, what: str, *, fine: tuple[int, ...] = (0,)) -> bool:
        """Wait for them; whether each came to a good end or to the end that it was meant to have."""
        good = True
        for child in children:
            code = _code_of(child)
            if code not in (*fine, -signal.SIGKILL):
                tally.violations.append(f"seed {case.seed}, {what}: a process ended with {code}")
                good = False
        return good


def _chosen(points: list[str], rng: random.Random) -> list[int]:
    """Where to kill: around requests and undos first, which are few, then anywhere else."""
    shuffled = rng.sample(range(1, len(points) + 1), k=len(points))
    at_target = [at for at in shuffled if not points[at - 1].endswith("a commit")][: KILLS_PER_CASE // 2]
    others = [at for at in shuffled if at not in at_target]
    return sorted([*at_target, *others[: KILLS_PER_CASE - len(at_target)]])


def _code_of(child: int) -> int | str:
    end = time.monotonic() + PATIENCE_S + 10
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "no end in sight"
