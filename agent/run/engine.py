"""The engine: what all runs of a process share, and the door to advancing one of them."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from agent.errors import UnknownRun
from agent.gate.gate import Gate
from agent.run.advance import Advance, Advanced
from agent.run.events import Event, StepKey
from agent.run.holding import Bells
from agent.run.journal import Journal
from agent.run.judge import Judge, Recall, Usage
from agent.run.parking import Rest
from agent.run.reads import Reader
from agent.run.schema import RunRow
from agent.run.shape import Shape
from agent.run.speculation import Speculation, speculable
from agent.run.state import RunStatus
from agent.run.store import Lease
from dag.serial import from_json
from plugins.registry import Registry

PLANS_KEPT = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one process's runs."""

    tasks: int = 1_000  # steps of one run at work at once
    calls_per_plugin: int = 32  # concurrent calls of one plugin, over all runs
    poll_s: float = 1.0  # how often a busy run looks for commands of other processes
    run_deadline_s: float = 86_400.0


Watcher = Callable[[str, Event], None]


class Engine:
    """What all runs of a process share."""

    def __init__(
        self,
        journal: Journal,
        registry: Registry,
        gate: Gate,
        *,
        judge: Judge | None = None,
        recall: Recall | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        limits: Limits = Limits(),
        speculation: Speculation | None = None,
        owner: str = "local",
        seed: int = 0,
        secret: Callable[[str], str] | None = None,
        watch: Watcher | None = None,
        may_start: Callable[[StepKey], bool] | None = None,
    ) -> None:
        self.journal = journal
        self.registry = registry
        self.gate = gate
        self.judge = judge
        self.recall = recall  # None: a judgement is told of no past
        self.now = clock
        self.limits = limits
        self.speculation = speculation  # None: no read starts before its branch is decided
        self.owner = owner
        self.secret = secret
        self.watch = watch
        self.may_start = may_start  # a replay keeps the recorded order; None: whatever is ready starts
        self._slots: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(limits.calls_per_plugin))
        self.reader = Reader(registry, self._slots.__getitem__, random.Random(seed))  # noqa: S311 - jitter
        self.bells = Bells()
        self.ahead_calls: Counter[str] = Counter()  # reads ahead at work, by plugin, over all runs
        self._live: dict[str, Advance] = {}
        self._shapes: OrderedDict[str, Shape] = OrderedDict()
        self._speculable: WeakKeyDictionary[Shape, frozenset[str]] = WeakKeyDictionary()

    async def advance(self, run_id: str) -> Advanced | None:
        """Take the run as far as it goes without a person; None when another process is at it.

        Raises: UnknownRun; JournalError and LeaseLost, after which nothing more of this run was started.
        """
        taken = await asyncio.to_thread(self._take, run_id)
        if taken is None:
            return None
        row, lease, events = taken
        left = True
        try:
            advance = Advance(self, lease, self._shape(row), events, row.deadline_at, Rest(row.parked, row.wake_at))
            self._live[run_id] = advance
            advanced = await advance.run()
            left = advanced.status is RunStatus.RUNNING
            return advanced
        finally:
            self._live.pop(run_id, None)
            await asyncio.to_thread(self.journal.release, lease, left=left)

    def _take(self, run_id: str) -> tuple[RunRow, Lease, list[Event]] | None:
        """Become the one who advances the run, off the event loop."""
        row = self.journal.run(run_id)
        if row is None:
            raise UnknownRun(f"no run '{run_id}' in {self.journal.place}", hint="see `stepfleet runs`")
        lease = self.journal.acquire(run_id, self.owner)
        if lease is None:
            return None
        try:
            return row, lease, self.journal.events(run_id)
        except BaseException:
            self.journal.release(lease, left=True)
            raise

    def usage(self, run_id: str) -> Usage:
        """What the judgements of a run at work in this process have cost so far."""
        live = self._live.get(run_id)
        return live.state.usage if live is not None else Usage()

    def _shape(self, row: RunRow) -> Shape:
        """The run's plan in its fixed shape; runs of one plan share what is computed once for it."""
        shape = self._shapes.get(row.plan_digest)
        if shape is None or shape.plan.guide_sha256 != row.guide_sha256:
            shape = self._shapes[row.plan_digest] = Shape(from_json(json.loads(row.plan)))
            if len(self._shapes) > PLANS_KEPT:
                self._shapes.popitem(last=False)
        return shape

    def speculable(self, shape: Shape) -> frozenset[str]:
        """The steps of a plan that may ever be read ahead, computed once for all its runs."""
        known = self._speculable.get(shape)
        if known is None:
            off = self.speculation.plugins_off if self.speculation else frozenset()
            known = self._speculable[shape] = speculable(shape, self.registry, off)
        return known

    def pause(self) -> None:
        """Leave all runs where they stand: reads stop, actions in flight reach their journalled outcome."""
        for advance in self._live.values():
            advance.pause()

    def poke(self, run_id: str) -> None:
        """Tell a run at work in this process that a command waits for it."""
        if run_id in self._live:
            self._live[run_id].poke()
