"""How close a run comes to its plan's critical path, and what running side by side saves."""

from __future__ import annotations

import random
from statistics import median, quantiles
from typing import Any

from rich.progress import track

from bench.engines import seconds_on_disk
from bench.plans import plan, reading
from dag.model import Edge, Kind, Plan, Step
from dag.order import critical_path

GOAL = 1.05
SHORTEST_PATH_S = 0.5
PLANS = 200


def run() -> dict[str, Any]:
    seeds = _seeds_of_long_paths(PLANS)
    measured = {seed: _ratios(seed) for seed in track(seeds, "random plans")}
    over = [r[0] for r in measured.values()]
    outliers = [seed for seed, (ratio, _) in measured.items() if ratio > GOAL]
    again = [max(over)] if not outliers else [_ratios(seed)[0] for seed in outliers]
    verdict = "met" if max(over) <= GOAL else "met when measured again" if max(again) <= GOAL else "MISSED"
    return {
        "title": "Run time over critical path",
        "verdict": f"Goal: at most {GOAL} on plans without exclusive actions whose path is at least "
        f"{SHORTEST_PATH_S * 1000:.0f} ms: {verdict} (worst {max(over):.3f}; {len(outliers)} of {PLANS} above the goal"
        + (f", measured again: worst {max(again):.3f}" if outliers else "")
        + ").",
        "conditions": f"{PLANS} seeded random plans of 30 sleeping queries (20 to 200 ms each) over the SQLite "
        "journal, one after the other.",
        "rows": [
            _spread("run over critical path", over),
            _spread("sequential over run", [r[1] for r in measured.values()]),
        ],
    }


def _spread(name: str, figures: list[float]) -> dict[str, Any]:
    return {
        "figure": name,
        "median": round(median(figures), 3),
        "95th percentile": round(quantiles(figures, n=20)[-1], 3),
        "least": round(min(figures), 3),
        "most": round(max(figures), 3),
    }


def _seeds_of_long_paths(count: int) -> list[int]:
    seeds: list[int] = []
    seed = 0
    while len(seeds) < count:
        if critical_path(*random_plan(seed))[1] >= SHORTEST_PATH_S:
            seeds.append(seed)
        seed += 1
    return seeds


def _ratios(seed: int) -> tuple[float, float]:
    """The run's time over the critical path's, and the sum of all steps' over the run's."""
    made, durations = random_plan(seed)
    took_s = seconds_on_disk(made)
    return took_s / critical_path(made, durations)[1], sum(durations.values()) / took_s


def random_plan(seed: int, n: int = 30) -> tuple[Plan, dict[str, float]]:
    """A DAG of `n` sleeping reads; each waits for one to three of those before it."""
    rng = random.Random(seed)
    durations = {f"s{i}": rng.uniform(0.02, 0.2) for i in range(n)}
    steps: list[Step] = [reading(name, seconds) for name, seconds in durations.items()]
    edges: list[Edge] = []
    for i in range(n):
        before = rng.sample(range(i), k=min(i, rng.randint(0 if i < 4 else 1, 3)))
        edges += [Edge(f"s{b}", f"s{i}") for b in before] or [Edge("START", f"s{i}")]
    ends = {s.id for s in steps} - {e.source for e in edges}
    steps.append(Step("join", "join", Kind.CHECK, ()))
    edges += [Edge(e, "join") for e in sorted(ends)] + [Edge("join", "END.resolved")]
    return plan(steps, edges, f"random-{seed}"), {**durations, "join": 0.0}
