"""What a durable no-op step costs here and as a node of langgraph over its SQLite checkpointer."""

from __future__ import annotations

from typing import Any

from bench.engines import seconds_on_disk
from bench.langgraphs import channel_per_step, one_channel, seconds
from bench.plans import fan_out, ladder
from dag.model import Plan

GOAL = 7.0
# As it comes, every superstep synced to the disk before the next begins; then what gives up more and more of that.
FULL, NORMAL = "sync", "sync, NORMAL"
MODES = {FULL: ("sync", "FULL"), NORMAL: ("sync", "NORMAL"), "async": ("async", "NORMAL"), "exit": ("exit", "NORMAL")}


def run() -> dict[str, Any]:
    plans = [(f"chain of {n}", ladder(n, 1), r) for n, r in ((100, 3), (500, 1))]
    plans += [(f"{n} steps, 10 wide", ladder(n, 10), r) for n, r in ((10, 9), (100, 5), (1_000, 1))]
    plans += [(f"fan-out of {n:,}", fan_out(n), r) for n, r in ((100, 5), (1_000, 1))]
    rows = [_row(*p) for p in plans]
    return {
        "title": "Against langgraph",
        "verdict": f"Goal: a step costs at least {GOAL:g} times less than a node of langgraph that has each superstep "
        f"on file before the next (durability `sync`). With the saver as it comes: {_verdict(rows, FULL)}. With "
        f"`synchronous=NORMAL` on its side too: {_verdict(rows, NORMAL)}.",
        "conditions": "The same graph of no-op steps in the same process, SQLite files with a write-ahead log. "
        "langgraph: compiled once, nodes that return their own key, `SqliteSaver` as it comes (`synchronous=FULL`) or "
        "at NORMAL; of one reduced channel and a channel per node the quicker counts, for each mode. Ours, as it "
        "comes: the whole engine with a plugin call per step and a started and a succeeded event for each, at NORMAL "
        "for reads, which a power cut may take back, and FULL for the run's end; events that nothing waits for are "
        "written together within 5 ms. `async` writes beside the next superstep, `exit` only at the end: neither "
        "has a finished superstep on file when the process dies. Medians; one warm-up run each.",
        "rows": rows,
    }


def _verdict(rows: list[dict[str, Any]], mode: str) -> str:
    short = [f"{r['plan']}: {r[f'{mode} over ours']}" for r in rows if r[f"{mode} over ours"] < GOAL]
    return "met" if not short else f"MISSED in {len(short)} of {len(rows)} ({'; '.join(short)})"


def _row(name: str, plan: Plan, repeats: int) -> dict[str, Any]:
    steps = len(plan.steps)
    ours = seconds_on_disk(plan, max(repeats, 3)) / steps * 1_000
    row: dict[str, Any] = {"plan": name, "ours, ms per step": round(ours, 3)}
    for mode, (durability, synchronous) in MODES.items():
        builds = (one_channel, channel_per_step)
        theirs = min(seconds(plan, b, durability, repeats, synchronous=synchronous) for b in builds) / steps * 1_000
        row[f"{mode}, ms per step"] = round(theirs, 3)
        row[f"{mode} over ours"] = round(theirs / ours, 1)
    return row
