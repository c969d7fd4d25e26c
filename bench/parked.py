"""What a parked run costs the process that serves it, and how soon 10,000 of them are there again after a kill."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

FIRST, LAST = 1_000, 10_000
TRACED_LAST = 3_000  # tracing makes the filling several times as slow
REPEATS = 3
GOAL_BYTES = 1_000
GOAL_S = 5.0


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        full, traced, empty = (Path(place) / name for name in ("full", "traced", "empty"))
        for folder in (full, traced, empty):
            folder.mkdir()
        few, many = _filled(full, FIRST, LAST, "plain")
        traced_few, traced_many = _filled(traced, FIRST, TRACED_LAST, "traced")
        _restarted(empty)  # makes its journal
        over_none = [_restarted(empty) for _ in range(REPEATS)]
        over_many = [_restarted(_copy(full, Path(place) / f"again-{i}")) for i in range(REPEATS)]
    assert all(r["parked"] == LAST for r in over_many), "parked runs were lost"
    rss = (many["rss"] - few["rss"]) / (LAST - FIRST)
    python = (traced_many["traced"] - traced_few["traced"]) / (TRACED_LAST - FIRST)
    ready, going_on = (max(r[k] for r in over_many) for k in ("ready s", "answered run ended s"))
    met = {True: "met", False: "MISSED"}
    return {
        "title": "Parked runs",
        "verdict": f"Goal: a parked run takes under {GOAL_BYTES} bytes of the process: "
        f"{met[max(rss, python) < GOAL_BYTES]} ({rss:.0f} bytes of resident memory, {python:.0f} bytes traced). "
        f"Goal: {LAST:,} parked runs survive a restart in under {GOAL_S:.0f} s: {met[going_on < GOAL_S]} "
        f"(ready after {ready:.2f} s, an answered run at its end after {going_on:.2f} s, worst of {REPEATS}).",
        "conditions": f"Alerts through the intake and the engine, one run each of a guide with one manual step, "
        f"SQLite journal; {LAST:,} runs took {many['fill s']:.0f} s. Memory: slope between {FIRST:,} and {LAST:,} runs "
        f"of a live service; traced by tracemalloc in another process, between {FIRST:,} and {TRACED_LAST:,}. Restart: "
        "SIGKILL of the filling process, then from the start of a new Python process; its imports are counted. Each "
        "restart has its own copy of the killed process's journal.",
        "rows": [
            _row("no runs", over_none),
            _row(f"{LAST:,} parked runs", over_many),
        ],
    }


def _row(journal: str, restarts: list[dict[str, Any]]) -> dict[str, Any]:
    ends = [r["answered run ended s"] for r in restarts]
    return {
        "journal": journal,
        "ready, median s": round(median(r["ready s"] for r in restarts), 2),
        "ready, worst s": round(max(r["ready s"] for r in restarts), 2),
        "answered run ended, median s": "" if None in ends else round(median(ends), 2),
        "resident MB at ready": round(median(r["rss"] for r in restarts) / 1e6, 1),
    }


def _filled(folder: Path, first: int, last: int, how: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Figures at `first` and at `last` runs, of a process that is then killed."""
    process = subprocess.Popen(_command("fill", folder, str(first), str(last), how), stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        few, many = (json.loads(process.stdout.readline()) for _ in range(2))
        return few, many
    finally:
        process.kill()
        process.communicate()


def _restarted(folder: Path) -> dict[str, Any]:
    command = _command("restart", folder, repr(time.time()))
    facts: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return facts


def _copy(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to))


def _command(what: str, folder: Path, *rest: str) -> list[str]:
    return [sys.executable, "-m", "bench.parked_process", what, str(folder), *rest]
