"""Whatever the plan: reading ahead changes how long a run takes, never what it finds, decides or does."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.run.events import Event, EventKind
from agent.run.speculation import Speculation
from dag.model import Edge, Plan, Step
from plugins.base import Cost
from tests.run.engine_bench import Bench, Script, action, check, plan_of, query, when

GENEROUS = Speculation(calls={Cost.MODERATE: 1_000}, at_once=50)


def random_plan(rng: random.Random, n: int) -> tuple[Plan, Script]:
    """Reads, decisions and a few writes; each goes on to later ones, often on a condition over its own answer.

    All end in one join: a run that races to several endings may stop with more or fewer steps behind it.
    """
    steps: list[Step] = []
    for i in range(n):
        name, kind = f"s{i}", rng.random()
        if kind < 0.15:
            steps.append(action(name, what=rng.choice("xy")))
        elif kind < 0.3:
            steps.append(check(name))
        else:
            earlier = [s.id for s in steps if s.produces and s.calls[0].plugin == "look"]
            consumes = tuple(rng.sample(earlier, k=1)) if earlier and rng.random() < 0.2 else ()
            steps.append(query(name, consumes=consumes))
    edges: list[Edge] = []
    for i, step in enumerate(steps):
        later = [s.id for s in steps[i + 1 :]]
        targets = rng.sample(later, k=min(len(later), rng.randint(1, 3)))
        conditional = step.id in step.produces and step.calls[0].plugin == "look" and rng.random() < 0.7
        for j, target in enumerate(targets):
            if conditional:
                edges.append(when(step.id, target, f"max({step.id}) > {float(j)}", step.id))
            else:
                edges.append(Edge(step.id, target))
        if conditional:
            edges.append(when(step.id, "join", f"!(max({step.id}) > 0.0)", step.id, otherwise=True))
    entered = {e.target for e in edges}
    edges += [Edge("START", s.id) for s in steps if s.id not in entered]
    leaving = {e.source for e in edges}
    join = check("join")
    edges += [Edge(s.id, "join") for s in steps if s.id not in leaving] + [Edge("join", "END.resolved")]
    script = Script(
        answers={s.id: rng.uniform(-1, 3) for s in steps},
        delays_s={s.id: rng.choice([0, 0, 0.002, 0.006]) for s in steps},
    )
    return plan_of(*steps, join, *edges), script


async def run(plan: Plan, script: Script, speculation: Speculation | None, folder: Path) -> list[Event]:
    bench = Bench(folder / "journal.db", script, speculation=speculation)
    try:
        run_id = await bench.open(plan)
        await bench.go_on(run_id, plan)
        return bench.journal.events(run_id)
    finally:
        bench.journal.close()


def found(events: list[Event]) -> dict[str, object]:
    """What a run says, times left out."""
    answers = {
        str(e.key): {n: v["value"] for n, v in e.payload.get("values", {}).items()}
        for e in events
        if e.kind is EventKind.STEP_SUCCEEDED
    }
    taken = {str(e.key): sorted(e.payload["taken"]) for e in events if e.kind is EventKind.BRANCHED}
    intents = sorted(str(e.key) for e in events if e.kind is EventKind.INTENT)
    parked = {str(e.key): e.payload["why"] for e in events if e.kind is EventKind.PARKED}
    ended = [e.payload["outcome"] for e in events if e.kind is EventKind.RUN_ENDED]
    return {"ended": ended, "parked": parked, "answers": answers, "taken": taken, "intents": intents}


@given(seed=st.integers(0, 2**32), n=st.integers(3, 14))
@settings(max_examples=60, deadline=None)
def test_a_run_is_the_same_with_and_without(seed: int, n: int) -> None:
    plan, script = random_plan(random.Random(seed), n)
    with TemporaryDirectory() as a, TemporaryDirectory() as b:
        plain = asyncio.run(run(plan, replace(script, calls=[], spans={}, applied=[]), None, Path(a)))
        ahead = asyncio.run(run(plan, replace(script, calls=[], spans={}, applied=[]), GENEROUS, Path(b)))
    assert EventKind.READ_AHEAD not in {e.kind for e in plain}
    assert found(ahead) == found(plain)


@given(seed=st.integers(0, 2**32), n=st.integers(3, 14))
@settings(max_examples=40, deadline=None)
def test_each_read_ahead_is_used_once_or_dropped_once(seed: int, n: int) -> None:
    plan, script = random_plan(random.Random(seed), n)
    with TemporaryDirectory() as folder:
        events = asyncio.run(run(plan, script, GENEROUS, Path(folder)))
    begun = Counter(str(e.key) for e in events if e.kind is EventKind.READ_AHEAD)
    used = Counter(str(e.key) for e in events if e.kind is EventKind.STEP_SUCCEEDED and "ahead_s" in e.payload)
    dropped = Counter(str(e.key) for e in events if e.kind is EventKind.READ_DROPPED)
    assert used + dropped == begun
    assert set(begun.values()) <= {1}
    assert not begun.keys() & {s.id for s in plan.steps if s.effect.is_write}


@given(seed=st.integers(0, 2**32), n=st.integers(3, 14))
@settings(max_examples=40, deadline=None)
def test_no_read_is_taken_over_a_write(seed: int, n: int) -> None:
    """An answer that counts was never begun before, or beside, an action that began before its step."""
    plan, script = random_plan(random.Random(seed), n)
    with TemporaryDirectory() as folder:
        events = asyncio.run(run(plan, script, GENEROUS, Path(folder)))
    begun = {str(e.key): e.seq for e in events if e.kind is EventKind.READ_AHEAD}
    started = {str(e.key): e.seq for e in events if e.kind is EventKind.STEP_STARTED}
    intents = [e.seq for e in events if e.kind is EventKind.INTENT]
    for e in events:
        if e.kind is EventKind.STEP_SUCCEEDED and "ahead_s" in e.payload:
            key = str(e.key)
            assert not [i for i in intents if begun[key] < i < started[key]]
