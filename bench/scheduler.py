"""What the engine itself costs per step, and whether that stays flat as plans grow."""

from __future__ import annotations

from typing import Any

from bench.engines import seconds_in_memory, seconds_on_disk
from bench.plans import fan_out, ladder

GOAL_MS = 0.2
SIZES = (10, 100, 1_000, 5_000)
REPEATS = 5


def run() -> dict[str, Any]:
    rows = []
    for n in SIZES:
        plan = ladder(n, width=min(n, 10))
        rows.append(_row(f"{n} steps, 10 wide", n, plan))
    rows.append(_row("fan-out of 1,000", 1_000, fan_out(1_000)))
    worst = max(r["ms per step, SQLite journal"] for r in rows if r["steps"] >= 100)
    verdict = "met" if worst <= GOAL_MS else "MISSED"
    return {
        "title": "Scheduler",
        "verdict": f"Goal: at most {GOAL_MS} ms per no-op step with the SQLite journal, flat in n: {verdict} "
        f"({worst} ms at worst from 100 steps on; 10 steps show the fixed cost of opening and ending a run).",
        "conditions": f"No-op queries through the whole engine: plugin call, events, fold; median of {REPEATS} runs. "
        "The plan is loaded, as it is for all runs of a guide but the first.",
        "rows": rows,
    }


def _row(name: str, steps: int, plan: Any) -> dict[str, Any]:
    memory = seconds_in_memory(plan, REPEATS)
    disk = seconds_on_disk(plan, REPEATS)
    return {
        "plan": name,
        "steps": steps,
        "ms per step, no journal": round(memory / steps * 1_000, 3),
        "ms per step, SQLite journal": round(disk / steps * 1_000, 3),
        "journal over none": round(disk / memory, 2),
    }
