"""`python -m tests.campaign --kills N`: random plans under `kill -9`, and other faults; see docs/fault-campaign.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import Progress

from tests.campaign.breakages import BREAKAGES
from tests.campaign.driver import Campaign
from tests.campaign.tally import Tally

APART = 1_000_000  # seeds of one job from those of the next


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kill points to go through")
    parser.add_argument("--seed", type=int, default=1, help="of the first case; each next one is one higher")
    parser.add_argument("--cases", type=int, help="stop after so many cases, however many kills they had")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the kill points")
    parser.add_argument("--break", dest="breakage", choices=sorted(BREAKAGES), help="damage the engine first")
    parser.add_argument("--stop-at-first", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tally there after each case")
    asked = parser.parse_args()
    tally = _shared(asked) if asked.jobs > 1 else _alone(asked)
    print(tally.text(asked.seed))
    return 1 if tally.violations else 0


def _alone(asked: argparse.Namespace) -> Tally:
    campaign, tally, seed = (
        Campaign(BREAKAGES.get(asked.breakage), stops_at_first=asked.stop_at_first),
        Tally(),
        asked.seed,
    )
    with Progress(disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("kill points", total=asked.kills)
        while tally.kills < asked.kills and (asked.cases is None or tally.cases < asked.cases):
            campaign.case(seed, tally)
            progress.update(task, completed=tally.kills)
            seed += 1
            if asked.json:
                asked.json.write_text(json.dumps(tally.to_json(), indent=2) + "\n")
            if tally.violations and asked.stop_at_first:
                break
    return tally


def _shared(asked: argparse.Namespace) -> Tally:
    """Every job is a process of its own: a warm parent must have no threads when it forks."""
    with TemporaryDirectory() as base, Progress(disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("kill points", total=asked.kills)
        files = [Path(base) / f"{i}.json" for i in range(asked.jobs)]
        each = -(-asked.kills // asked.jobs)
        jobs = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.campaign"),
                    *(f"--kills={each}", f"--seed={asked.seed + i * APART}", f"--json={file}"),
                ],
                stdout=subprocess.DEVNULL,
            )
            for i, file in enumerate(files)
        ]
        while any(job.poll() is None for job in jobs):
            time.sleep(1.0)
            progress.update(task, completed=_sum(files).kills)
        tally = _sum(files)
        tally.violations += [f"a job ended with {j.returncode}" for j in jobs if j.returncode not in (0, 1)]
    if asked.json:
        asked.json.write_text(json.dumps(tally.to_json(), indent=2) + "\n")
    return tally


def _sum(files: list[Path]) -> Tally:
    tally = Tally()
    for file in files:
        try:
            tally += Tally.from_json(json.loads(file.read_text()))
        except (OSError, ValueError):
            continue  # it is being written
    return tally


if __name__ == "__main__":
    raise SystemExit(main())
