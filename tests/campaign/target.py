"""The counting target: a file that every request is appended to, and plugins that read from and push to it.

An append is one system call, so a request has either arrived or not, whenever its sender dies. What counts as
an effect follows from the log: an idempotent target does a key once, the other one each time it is asked.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from agent.run.journal import SMALL_BYTES
from dag.model import ValueType
from plugins.base import Args, CallContext, Observation, Result, Verdict
from plugins.errors import ApplyFailed, PluginError, TargetUnreachable
from tests.campaign.cases import LATE_S, Case, PushFault, ReadFault

Point = Callable[[str], None]  # told of each place where a process may die
LONGEST_PRECHECK_S = 0.05
MEGABYTE = "x" * 2**20


class LookArgs(Args):
    step: str


class PushArgs(Args):
    step: str
    thing: str


class Log:
    """The target's own record of what arrived; `deed` is push or undo."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def arrive(self, deed: str, step: str, key: str) -> None:
        line = json.dumps({"deed": deed, "step": step, "key": key}) + "\n"
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)

    def arrived(self, deed: str) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        return [a for a in map(json.loads, self.path.read_text().splitlines()) if a["deed"] == deed]

    def has(self, deed: str, key: str) -> bool:
        return any(a["key"] == key for a in self.arrived(deed))


class LookQuery:
    """Answers with the name of who asked, after as long and with such faults as its case says."""

    name: ClassVar[str] = "look"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = LookArgs
    result: ClassVar[ValueType] = ValueType.VECTOR
    speculative: ClassVar[bool] = True

    def __init__(self, case: Case) -> None:
        self.case = case
        self.tries: Counter[str] = Counter()

    async def run(self, args: Any, ctx: CallContext) -> Result:
        # A branch behind a change reads again what it rests on, under its own name.
        key = ctx.step_key if ctx.step_key.partition("@")[0] == args.step else args.step
        self.tries[key] += 1
        await asyncio.sleep(self.case.delay_s(key))
        labels = {"asked_by": key}
        if self.case.chance("large", key) < 0.1:
            labels["padding"] = "x" * 2 * SMALL_BYTES  # kept beside the journal, by reference
        value: Any = [{"labels": labels, "value": self.case.answer(key)}]
        match self.case.fault_of(key):
            case ReadFault.RAISES_ONCE if self.tries[key] == 1:
                raise PluginError("the source was away")
            case ReadFault.RAISES:
                raise ValueError("a defect of the plugin")
            case ReadFault.HANGS:
                await asyncio.sleep(3600)
            case ReadFault.ANSWERS_LATE:
                await _ignoring_cancellation(LATE_S)
            case ReadFault.HUGE:
                value = [MEGABYTE] * 5_120  # one string many times: 5 GB only for who writes it out
        return Result(value, ValueType.VECTOR, datetime.now(UTC))


async def _ignoring_cancellation(seconds: float) -> None:
    """Wait whatever anybody says, as a client library may that swallows its cancellation."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


@dataclass
class PushAction:
    """Pushes to a target that does each key once."""

    log: Log
    point: Point
    case: Case
    lost: set[str] = field(default_factory=set)

    name: ClassVar[str] = "push"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = PushArgs
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("thing:{thing}",)
    reversible: ClassVar[bool] = True
    idempotent: ClassVar[bool] = True

    def blast_radius(self, args: Any) -> int:
        return 1

    async def precheck(self, args: Any, ctx: CallContext) -> Mapping[str, Any]:
        # Meanwhile another branch may end the run.
        await asyncio.sleep(self.case.chance("precheck", ctx.step_key) * LONGEST_PRECHECK_S)
        return {}

    async def apply(self, args: Any, key: str, ctx: CallContext) -> Result:
        fault = self.case.pushes[args.step]
        await asyncio.sleep(self.case.delay_s(ctx.step_key))
        self.point("before the request")
        if fault is PushFault.REFUSED:
            raise ApplyFailed("no free slot")
        if fault is PushFault.LOST_BEFORE and key not in self.lost:
            self.lost.add(key)
            raise TargetUnreachable("connection refused")
        self.log.arrive("push", ctx.step_key, key)
        if fault is PushFault.ARRIVES_TWICE:
            self.log.arrive("push", ctx.step_key, key)
        self.point("after the request")
        if fault is PushFault.LOST_AFTER:
            raise TargetUnreachable("connection reset")
        if fault is PushFault.ANSWERS_LATE:
            await _ignoring_cancellation(LATE_S)
        return Result({"done": True}, ValueType.DYN, datetime.now(UTC), evidence="pushed")

    async def observe(self, args: Any, key: str, ctx: CallContext) -> Observation:
        if not self.case.observes:
            return Observation.UNKNOWN
        return Observation.HAPPENED if self.log.has("push", key) else Observation.NOT_HAPPENED

    async def verify(self, args: Any, before: Mapping[str, Any], ctx: CallContext) -> Verdict:
        if self.case.pushes[args.step] is PushFault.NO_HELP:
            return Verdict(False, "still waiting")
        arrived = ctx.step_key in {a["step"] for a in self.log.arrived("push")}
        return Verdict(arrived, "the target's log shows it" if arrived else "the target's log does not show it")

    async def compensate(self, args: Any, key: str, ctx: CallContext) -> Verdict:
        self.point("before the undo")
        self.log.arrive("undo", ctx.step_key, key)
        self.point("after the undo")
        return Verdict(True, "pulled back")


class PushOnceAction(PushAction):
    """The same at a target that knows no keys: each request counts."""

    name: ClassVar[str] = "push_once"
    idempotent: ClassVar[bool] = False
