"""Engines to measure: over the real SQLite journal, and over one in memory that costs next to nothing."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from agent.gate.gate import Gate
from agent.gate.policy import Policy
from agent.run.engine import Engine, Limits
from agent.run.events import Event, EventKind
from agent.run.intake import Intake
from agent.run.journal import Journal, Lease
from agent.run.schema import RunRow
from bench.plans import registry
from dag.model import Plan
from dag.serial import to_json

LIMITS = Limits(calls_per_plugin=5_000, tasks=10_000)


class NoGuides:
    def plan_for(self, alert: Any) -> tuple[None, str]:
        return None, "none"


class MemoryJournal:
    """Keeps events in a list: what is left is the scheduler's own cost."""

    path = Path("memory")

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

    def release(self, lease: Lease) -> None:
        pass

    def events(self, run_id: str, since: int = 0) -> list[Event]:
        return list(self.kept)

    def commands(self, run_id: str, after: Any) -> list[Any]:
        return []

    def append(self, lease: Lease, events: list[Event]) -> Future[None]:
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


def seconds_in_memory(plan: Plan) -> float:
    """Wall seconds from the first to the last event of one run."""
    journal = MemoryJournal(plan)
    return asyncio.run(_timed(engine_over(journal), "r", lambda: journal.kept))


def seconds_on_disk(plan: Plan) -> float:
    with sqlite_journal() as journal:

        async def go() -> float:
            run_id = await Intake(journal, NoGuides(), run_deadline_s=3600).open(plan, {}, by="bench")
            return await _timed(engine_over(journal), run_id, lambda: journal.events(run_id))

        return asyncio.run(go())


async def _timed(engine: Engine, run_id: str, events: Callable[[], list[Event]]) -> float:
    began = time.perf_counter()
    advanced = await engine.advance(run_id)
    seconds = time.perf_counter() - began
    assert advanced is not None
    assert advanced.outcome == "resolved", advanced
    assert sum(e.kind is EventKind.STEP_SUCCEEDED for e in events()) > 0
    return seconds
