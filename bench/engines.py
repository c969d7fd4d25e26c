"""Engines to measure: over the real SQLite journal, and over one in memory that costs next to nothing."""

from __future__ import annotations

import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, cast

from agent.gate.gate import Gate
from agent.gate.policy import Policy
from agent.run.engine import Engine, Limits
from agent.run.events import Event, EventKind
from agent.run.intake import Intake
from agent.run.journal import Journal
from agent.run.schema import RunRow
from agent.run.store import Lease
from bench.plans import registry
from dag.model import Plan
from dag.serial import to_json

LIMITS = Limits(calls_per_plugin=5_000, tasks=10_000)


class NoGuides:
    def plan_for(self, alert: Any) -> tuple[None, str]:
        return None, "none"


class MemoryJournal:
    """Keeps events in a list: what is left is the scheduler's own cost."""

    place = "memory"

    def __init__(self, plan: Plan) -> None:
        now = datetime.now(UTC)
        opened = {"guide": plan.guide, "plan_digest": plan.digest, "inputs": {}, "alert": {}}
        self.kept = [Event(0, EventKind.RUN_OPENED, now, payload=opened)]
        self.row = RunRow(
            id="r",
            source="bench",
            group_key="bench",
            guide=plan.guide,
            title=plan.title,
            guide_sha256=plan.guide_sha256,
            plan_digest=plan.digest,
            plan=json.dumps(to_json(plan, pairs=False)),
            opened_at=now,
            deadline_at=now + timedelta(hours=1),
        )

    def run(self, run_id: str) -> RunRow:
        return self.row

    def acquire(self, run_id: str, owner: str) -> Lease:
        return Lease(run_id, 1, cast(Any, None))

    def release(self, lease: Lease, *, left: bool = False) -> None:
        pass

    def events(self, run_id: str, since: int = 0) -> list[Event]:
        return list(self.kept)

    def commands(self, run_id: str, after: Any) -> list[Any]:
        return []

    def append(self, lease: Lease, events: list[Event], changed: Any = None) -> Future[None]:
        self.kept += events
        done: Future[None] = Future()
        done.set_result(None)
        return done


@contextmanager
def sqlite_journal() -> Iterator[Journal]:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(f"sqlite:///{folder}/journal.db")
        try:
            yield journal
        finally:
            journal.close()


def engine_over(journal: Any) -> Engine:
    return Engine(journal, registry(), Gate(Policy(), journal), limits=LIMITS)


def seconds_in_memory(plan: Plan, repeats: int = 1) -> float:
    """Median wall seconds of one run, the plan being loaded: plans are loaded once, runs are many."""

    async def go() -> float:
        engine = engine_over(None)
        times = []
        for _ in range(repeats + 1):
            engine.journal = cast(Any, MemoryJournal(plan))
            times.append(await _timed(engine, "r"))
        return median(times[1:])

    return asyncio.run(go())


def seconds_on_disk(plan: Plan, repeats: int = 1) -> float:
    """The same over the SQLite journal, every run a new one in the same file."""

    async def go(journal: Journal) -> float:
        engine, intake = engine_over(journal), Intake(journal, NoGuides(), run_deadline_s=3600)
        times = [await _timed(engine, await intake.open(plan, {}, by="bench")) for _ in range(repeats + 1)]
        return median(times[1:])

    with sqlite_journal() as journal:
        return asyncio.run(go(journal))


async def _timed(engine: Engine, run_id: str) -> float:
    gc.collect()
    began = time.perf_counter()
    advanced = await engine.advance(run_id)
    seconds = time.perf_counter() - began
    assert advanced is not None
    assert advanced.outcome == "resolved", advanced
    return seconds
