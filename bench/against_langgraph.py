"""What a durable no-op step costs here and as a node of langgraph over its SQLite checkpointer."""

from __future__ import annotations

from typing import Any

from bench.engines import seconds_on_disk
from bench.langgraphs import DURABILITIES, channel_per_step, one_channel, seconds
from bench.plans import fan_out, ladder
from dag.model import Plan

GOAL = 7.0
COMPARED = "sync"  # every superstep is on file before the next begins: the mode that keeps what was done


def run() -> dict[str, Any]:
    plans = [(f"{n} steps, 10 wide", ladder(n, 10), r) for n, r in ((10, 9), (100, 5), (1_000, 1))]
    plans += [(f"fan-out of {n:,}", fan_out(n), r) for n, r in ((100, 5), (1_000, 1))]
    rows = [_row(*p) for p in plans]
    ratios = {r["plan"]: r[f"{COMPARED} over ours"] for r in rows}
    short = [f"{name}: {ratio}" for name, ratio in ratios.items() if ratio < GOAL]
    verdict = "met" if not short else f"MISSED ({'; '.join(short)})"
    return {
        "title": "Against langgraph",
        "verdict": f"Goal: a step costs at least {GOAL:g} times less than a node of langgraph under durability "
        f"`{COMPARED}`, which has each superstep on file before the next: {verdict}.",
        "conditions": "The same graph of no-op steps in the same process, SQLite files with a write-ahead log and "
        "`synchronous=NORMAL` on both sides. langgraph: compiled once, nodes that return their own key, `SqliteSaver`; "
        "of one reduced channel and a channel per node the quicker counts, for each mode. Ours: the whole engine with "
        "a plugin call per step and a started and a succeeded event for each. `async` writes beside the next "
        "superstep, `exit` only at the end: neither has a finished superstep on file when the process dies. "
        "Medians; one warm-up run each.",
        "rows": rows,
    }


def _row(name: str, plan: Plan, repeats: int) -> dict[str, Any]:
    steps = len(plan.steps)
    ours = seconds_on_disk(plan, max(repeats, 3)) / steps * 1_000
    row: dict[str, Any] = {"plan": name, "ours, ms per step": round(ours, 3)}
    for mode in DURABILITIES:
        theirs = min(seconds(plan, build, mode, repeats) for build in (one_channel, channel_per_step)) / steps * 1_000
        row[f"{mode}, ms per step"] = round(theirs, 3)
        row[f"{mode} over ours"] = round(theirs / ours, 1)
    return row
