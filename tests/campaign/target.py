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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from dag.model import ValueType
from plugins.base import Args, CallContext, Observation, Result, Verdict
from plugins.errors import PluginError
from tests.campaign.cases import Fault, Look

Point = Callable[[str], None]  # told of each place where a process may die


class LookArgs(Args):
    step: str


class PushArgs(Args):
    step: str
    thing: str


class Log:
    """The target's own record of what arrived."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def arrive(self, step: str, key: str) -> None:
        line = json.dumps({"step": step, "key": key}) + "\n"
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)

    def arrived(self) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def has(self, key: str) -> bool:
        return any(a["key"] == key for a in self.arrived())


class LookQuery:
    """Answers with the name of who asked, after as long and with such faults as its case says."""

    name: ClassVar[str] = "look"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = LookArgs
    result: ClassVar[ValueType] = ValueType.VECTOR
    speculative: ClassVar[bool] = True

    def __init__(self, looks: Mapping[str, Look]) -> None:
        self.looks = looks
        self.tries: Counter[str] = Counter()

    async def run(self, args: Any, ctx: CallContext) -> Result:
        look, key = self.looks[args.step], ctx.step_key
        self.tries[key] += 1
        await asyncio.sleep(look.delay_s)
        if look.fault is Fault.RAISES_ONCE and self.tries[key] == 1:
            raise PluginError("the source was away")
        if look.fault is Fault.RAISES:
            raise ValueError("a defect of the plugin")
        if look.fault is Fault.HANGS:
            await asyncio.sleep(3600)
        if look.fault is Fault.ANSWERS_LATE:
            await _ignoring_cancellation(look.late_s)
        value = [{"labels": {"asked_by": key}, "value": look.answer(key)}]
        if look.fault is Fault.HUGE:
            value = value * 2_000
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
    observes: bool  # whether the target can say what happened

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
        return {}

    async def apply(self, args: Any, key: str, ctx: CallContext) -> Result:
        self.point("before the request")
        self.log.arrive(ctx.step_key, key)
        self.point("after the request")
        return Result({"done": True}, ValueType.DYN, datetime.now(UTC), evidence="pushed")

    async def observe(self, args: Any, key: str, ctx: CallContext) -> Observation:
        if not self.observes:
            return Observation.UNKNOWN
        return Observation.HAPPENED if self.log.has(key) else Observation.NOT_HAPPENED

    async def verify(self, args: Any, before: Mapping[str, Any], ctx: CallContext) -> Verdict:
        arrived = ctx.step_key in {a["step"] for a in self.log.arrived()}
        return Verdict(arrived, "the target's log shows it" if arrived else "the target's log does not show it")

    async def compensate(self, args: Any, key: str, ctx: CallContext) -> Verdict:
        return Verdict(True, "nothing to undo")


class PushOnceAction(PushAction):
    """The same at a target that knows no keys: each request counts."""

    name: ClassVar[str] = "push_once"
    idempotent: ClassVar[bool] = False
    reversible: ClassVar[bool] = False
