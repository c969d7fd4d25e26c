"""What the engine itself costs per step, and whether that stays flat as plans grow."""

from __future__ import annotations

from typing import Any

from bench.engines import seconds_in_memory, seconds_on_disk
from bench.plans import fan_out, ladder, one_at_a_time, one_change

GOAL_MS = 0.2
SIZES = (10, 100, 1_000, 5_000)
REPEATS = 5
GOAL_PLANS = ("100 steps, 10 wide", "1000 steps, 10 wide", "5000 steps, 10 wide", "fan-out of 1,000")
ON_DISK = "ms per step, SQLite journal"


def run() -> dict[str, Any]:
    rows = []
    for n in SIZES:
        plan = ladder(n, width=min(n, 10))
        rows.append(_row(f"{n} steps, 10 wide", n, plan))
    rows.append(_row("fan-out of 1,000", 1_000, fan_out(1_000)))
    rows.append(_row("fan-out of 5,000", 5_000, fan_out(5_000)))
    rows.append(_row("1,000 reads wait for one change, 1,000 steps beside it", 2_002, one_change(1_000, 1_000)))
    rows.append(_row("1,000 changes of one thing, one at a time", 1_000, one_at_a_time(1_000)))
    cost = {r["plan"]: r[ON_DISK] for r in rows}
    worst = max(cost[name] for name in GOAL_PLANS)
    verdict = "met" if worst <= GOAL_MS else "MISSED"
    beyond = max((r for r in rows if r["plan"] not in GOAL_PLANS and r["steps"] >= 100), key=lambda r: r[ON_DISK])
    flatness = round(cost["5000 steps, 10 wide"] / cost["100 steps, 10 wide"], 2)
    return {
        "title": "Scheduler",
        "verdict": f"Goal: at most {GOAL_MS} ms per no-op step with the SQLite journal, flat in n: {verdict} "
        f"({worst} ms at worst on 10 wide plans of 100 to 5,000 steps and a fan-out of 1,000). A step of 5,000 costs "
        f"{flatness} times a step of 100. 10 steps show the fixed cost of opening and ending a run; of the harder "
        f"plans the worst is '{beyond['plan']}' with {beyond[ON_DISK]} ms.",
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
        ON_DISK: round(disk / steps * 1_000, 3),
        "journal over none": round(disk / memory, 2),
    }
