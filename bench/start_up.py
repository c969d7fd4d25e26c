"""How long `stepfleet --help` takes, over an empty typer application with as many commands."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

GOAL = 1.5
REPEATS = 15
EMPTY = """
import typer
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
{commands}
app()
"""
COMMAND = """
@app.command()
def c{i}() -> None:
    "Do nothing."
"""


def run() -> dict[str, Any]:
    listed = subprocess.run(
        [sys.executable, "-c", "from agent.doors.cli import app; print(len(app.registered_commands))"],
        capture_output=True,
        text=True,
        check=True,
    )
    count = int(listed.stdout)
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY.format(commands="".join(COMMAND.format(i=i) for i in range(count))), encoding="utf-8")
        ours, theirs = [], []
        for _ in range(REPEATS):  # in turns, so that a busy moment meets both
            ours.append(_seconds([sys.executable, "-m", "agent.doors.cli", "--help"]))
            theirs.append(_seconds([sys.executable, str(empty), "--help"]))
    ratio = round(median(ours) / median(theirs), 2)
    return {
        "title": "Cold start",
        "verdict": f"Goal: `stepfleet --help` within {GOAL}x of an empty application: "
        f"{'met' if ratio <= GOAL else 'MISSED'} ({ratio}x).",
        "conditions": f"Equal options on both sides; both processes started {REPEATS} times in turns, "
        f"{count} commands each; medians.",
        "rows": [
            {
                "stepfleet --help ms": round(median(ours) * 1000),
                "empty typer application ms": round(median(theirs) * 1000),
                "ratio": ratio,
            }
        ],
    }


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began
