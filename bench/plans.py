"""Plans and a stand-in plugin that the measurements share. The plugin sleeps; it stands for a remote call."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, ClassVar

from dag.model import Call, Edge, Kind, Plan, Step, ValueType
from plugins.base import Args, CallContext, Result
from plugins.registry import Registry


class SleepArgs(Args):
    seconds: float = 0.0


class Sleep:
    """A query that takes the time it is told and answers 1."""

    name: ClassVar[str] = "sleep"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = SleepArgs
    result: ClassVar[ValueType] = ValueType.SCALAR
    speculative: ClassVar[bool] = True

    async def run(self, args: Any, ctx: CallContext) -> Result:
        if args.seconds:
            await asyncio.sleep(args.seconds)
        return Result(1.0, ValueType.SCALAR, datetime.now(UTC))


def registry() -> Registry:
    return Registry.of(Sleep())


def reading(name: str, seconds: float = 0.0) -> Step:
    call = Call("sleep", {"seconds": seconds}, bind=name, result=ValueType.SCALAR)
    return Step(name, name, Kind.QUERY, (), calls=(call,), produces=(name,), timeout_s=60.0)


def plan(steps: list[Step], edges: list[Edge], title: str) -> Plan:
    return Plan(f"{title}.md", "0" * 64, (), tuple(steps), tuple(edges), title=title)


def ladder(n: int, width: int) -> Plan:
    """`n` no-op reads in ranks of `width`, each after its upper neighbour; the last rank joins."""
    steps = [reading(f"s{i}") for i in range(n)]
    edges = [Edge("START" if i < width else f"s{i - width}", f"s{i}") for i in range(n)]
    return _closed(steps, edges, n - width, f"ladder-{n}")


def fan_out(n: int, seconds: float = 0.0) -> Plan:
    steps = [reading(f"s{i}", seconds) for i in range(n)]
    return _closed(steps, [Edge("START", s.id) for s in steps], 0, f"fan-{n}")


def _closed(steps: list[Step], edges: list[Edge], last_rank: int, title: str) -> Plan:
    join = Step("join", "join", Kind.CHECK, ())
    closing = [Edge(s.id, "join") for s in steps[max(0, last_rank) :]]
    return plan([*steps, join], [*edges, *closing, Edge("join", "END.resolved")], title)
