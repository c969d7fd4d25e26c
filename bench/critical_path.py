"""How close a run comes to its plan's critical path, and what running side by side saves."""

from __future__ import annotations

import random
from statistics import median
from typing import Any

from bench.engines import seconds_on_disk
from bench.plans import plan, reading
from dag.model import Edge, Kind, Plan, Step
from dag.order import critical_path

GOAL = 1.05
SHORTEST_PATH_S = 0.5
SEEDS = range(8)


def run() -> dict[str, Any]:
    rows = [_row(seed) for seed in SEEDS]
    over = [r["run over critical path"] for r in rows]
    verdict = "met" if max(over) <= GOAL else "MISSED"
    return {
        "title": "Run time over critical path",
        "verdict": f"Goal: at most {GOAL} on plans without exclusive actions whose path is at least "
        f"{SHORTEST_PATH_S * 1000:.0f} ms: {verdict} (median {median(over)}, worst {max(over)}).",
        "conditions": "Seeded random plans of 30 sleeping queries (20 to 250 ms each) over the SQLite journal.",
        "rows": rows,
    }


def _row(seed: int) -> dict[str, Any]:
    made, durations = random_plan(seed)
    _, path_s = critical_path(made, durations)
    assert path_s >= SHORTEST_PATH_S
    took_s = seconds_on_disk(made)
    return {
        "seed": seed,
        "critical path ms": round(path_s * 1000),
        "run over critical path": round(took_s / path_s, 3),
        "sequential over run": round(sum(durations.values()) / took_s, 2),
    }


def random_plan(seed: int, n: int = 30) -> tuple[Plan, dict[str, float]]:
    """A DAG of `n` sleeping reads; each waits for one to three of those before it."""
    rng = random.Random(seed)
    durations = {f"s{i}": rng.uniform(0.02, 0.25) for i in range(n)}
    steps: list[Step] = [reading(name, seconds) for name, seconds in durations.items()]
    edges: list[Edge] = []
    for i in range(n):
        before = rng.sample(range(i), k=min(i, rng.randint(0 if i < 4 else 1, 3)))
        edges += [Edge(f"s{b}", f"s{i}") for b in before] or [Edge("START", f"s{i}")]
    ends = {s.id for s in steps} - {e.source for e in edges}
    steps.append(Step("join", "join", Kind.CHECK, ()))
    edges += [Edge(e, "join") for e in sorted(ends)] + [Edge("join", "END.resolved")]
    return plan(steps, edges, f"random-{seed}"), {**durations, "join": 0.0}
