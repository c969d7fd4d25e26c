"""Reading ahead: starts reads whose branch is undecided, and hands over or drops what they answer.

A read ahead is no part of the run until its step wants it: it moves nothing, it gives no name a value, and an
action never waits for it. Any action that begins voids all of them, since what was read before a change says
nothing about after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agent.run.events import EventKind, StepKey
from agent.run.speculation import Speculation, changes_things, costs, is_free
from agent.run.state import Status
from dag.model import START
from plugins.base import Result
from plugins.errors import PluginError

if TYPE_CHECKING:
    from agent.run.advance import Advance

Results = dict[str, Result]
SHARE = 4  # reads ahead take at most one in this many of a plugin's places


@dataclass(slots=True)
class _Early:
    """One step that is read ahead, and what its answer rests on. Times are the loop's."""

    task: asyncio.Task[Results]
    began: float
    rests_on: Mapping[str, Any]
    intents: int
    ended: float | None = None
    wanted: bool = False  # its step has started and takes the answer

    @property
    def seconds(self) -> float:
        return (self.ended or _now()) - self.began


class Ahead:
    """The reads ahead of one run in this process. Without a budget it starts none."""

    def __init__(self, advance: Advance, budget: Speculation | None) -> None:
        self.advance = advance
        self.state, self.shape = advance.state, advance.shape
        self.budget = budget or Speculation(at_once=0)
        self._possible = set(advance.engine.speculable(self.shape)) if budget and self.state.may_read_ahead else set()
        self._early: dict[StepKey, _Early] = {}
        self._waiting: dict[StepKey, None] = {}
        self._moved: dict[StepKey, None] = {}
        if self._possible:
            self._moved = dict.fromkeys((StepKey(START), *self.state.steps))
            self.state.on_move = self._note

    def pick_up(self) -> None:
        """What a dead process was reading ahead has no answer."""
        for key in sorted(self.state.ahead.open):
            self.advance.emit(EventKind.READ_DROPPED, key, reason="the process that read it ended", seconds=0.0)

    # -- starting -----------------------------------------------------------------------------

    def go_on(self) -> None:
        """Drop what has lost its worth; start what has become free, as far as the budget goes."""
        self._tidy()
        while self._moved:
            self._look_behind(self._moved.popitem()[0])
        for key in list(self._waiting):
            if sum(e.ended is None for e in self._early.values()) >= self.budget.at_once:
                return
            if not self._is_free(key):
                del self._waiting[key]  # it comes again when something before it moves
            elif self._is_within_budget(key):
                del self._waiting[key]
                self._start(key)

    def _note(self, key: StepKey) -> None:
        self._moved[key] = None

    def _look_behind(self, key: StepKey) -> None:
        if key != self.shape.first(key.step):
            return
        for link in self.shape.forward[key.step]:
            target = self.shape.first(link.target)
            if link.target in self._possible:
                if self._is_free(target):
                    self._waiting[target] = None
            elif self.state.status_of(target) is Status.PENDING:
                step = self.advance.plan.by_id.get(link.target)
                if step is not None and not step.calls and not changes_things(step):
                    self._look_behind(target)  # a mere decision: what comes after it may be free

    def _is_free(self, key: StepKey) -> bool:
        return is_free(key, self.shape, self.state, {k: e.ended is not None for k, e in self._early.items()})

    def _is_within_budget(self, key: StepKey) -> bool:
        step, engine = self.advance.plan.by_id[key.step], self.advance.engine
        spent = self.state.ahead
        if spent.seconds + sum(e.seconds for e in self._early.values()) >= self.budget.seconds:
            return False
        if any(spent.calls[c] + n > self.budget.calls.get(c, 0) for c, n in costs(step, engine.registry).items()):
            return False
        most = engine.limits.calls_per_plugin // SHARE
        return all(engine.ahead_calls[c.plugin] < most for c in step.calls)

    def _start(self, key: StepKey) -> None:
        self._possible.discard(key.step)  # read ahead once: what failed or lost its worth is read when it is due
        step = self.advance.plan.by_id[key.step]
        self.advance.emit(EventKind.READ_AHEAD, key, costs=costs(step, self.advance.engine.registry))
        task = asyncio.get_running_loop().create_task(self._read(key), name=f"ahead: {key}")
        rests_on = {n: self.state.values[n] for n in step.consumes}
        self._early[key] = _Early(task, _now(), rests_on, self.state.intents)
        task.add_done_callback(lambda t: self._answered(key, t))

    async def _read(self, key: StepKey) -> Results:
        step, calls = self.advance.plan.by_id[key.step], self.advance.engine.ahead_calls
        calls.update(c.plugin for c in step.calls)
        try:
            ctx = self.advance.context(key, deadline_s=step.timeout_s, loaded=await self.advance.load(step.consumes))
            return await self.advance.engine.reader.read(replace(step, retries=0), step.calls, ctx)
        finally:
            calls.subtract(c.plugin for c in step.calls)

    def _answered(self, key: StepKey, task: asyncio.Task[Results]) -> None:
        if not task.cancelled():
            task.exception()  # taken, so that asyncio does not report it: dropping it says it
        if key in self._early:
            self._early[key].ended = _now()
            self._note(key)
            self.advance.wake()

    # -- handing over, dropping ---------------------------------------------------------------

    async def take(self, key: StepKey) -> tuple[Results, float] | None:
        """What was read ahead for a step that now runs, and how long it took; None: it is to be read anew."""
        early = self._early.get(key)
        if early is None:
            return None
        early.wanted = True
        if not self._worthless(key, early):
            await asyncio.wait({early.task})
        if reason := self._worthless(key, early):
            self._drop(key, reason)
            return None
        del self._early[key]
        return early.task.result(), early.seconds

    def drop_all(self, reason: str) -> None:
        for key in list(self._early):
            self._drop(key, reason)

    async def close(self) -> None:
        """Stop what is still read. What it was is not journalled: the next process says that it was lost."""
        tasks = [early.task for early in self._early.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _tidy(self) -> None:
        for key, early in list(self._early.items()):
            if self.state.status_of(key) in (Status.SKIPPED, Status.CANCELLED):
                self._drop(key, "its branch was not taken")
            elif not early.wanted and (reason := self._worthless(key, early)):
                self._drop(key, reason)

    def _worthless(self, key: StepKey, early: _Early) -> str:
        """Why what was read ahead may no longer stand for a read made now; empty when it may."""
        if early.intents != self.state.intents:
            return "an action began after it"
        if early.rests_on != {n: self.state.values.get(n) for n in early.rests_on}:
            return "what it was asked with has changed"
        if early.task.cancelled():
            return "it was cut off"
        if early.task.done() and (error := early.task.exception()) is not None:
            return f"it failed: {error}"
        if early.ended is not None and _now() - early.began > self.budget.max_age_s:
            return f"it is older than {self.budget.max_age_s:g} s"
        return ""

    def _drop(self, key: StepKey, reason: str) -> None:
        early = self._early.pop(key)
        early.task.cancel()
        known: dict[str, Any] = {}
        if early.task.done() and not early.task.cancelled() and early.task.exception() is None:
            try:
                known = self.advance.keep(early.task.result())
            except PluginError as exc:
                reason = f"{reason}; {exc}"
        self.advance.emit(EventKind.READ_DROPPED, key, reason=reason, seconds=round(early.seconds, 3), values=known)


def _now() -> float:
    return asyncio.get_running_loop().time()
