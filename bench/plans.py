"""Plans and a stand-in plugin that the measurements share. The plugin sleeps; it stands for a remote call."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, ClassVar

from dag.model import Call, Edge, Effect, Kind, Plan, Step, ValueType
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


class LatchArgs(Args):
    opens: bool = False


class Latch:
    """A query that waits until another call of the same run opens it: a change that takes as long as what it bars."""

    name: ClassVar[str] = "latch"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = LatchArgs
    result: ClassVar[ValueType] = ValueType.SCALAR
    speculative: ClassVar[bool] = False

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Event] = {}

    async def run(self, args: Any, ctx: CallContext) -> Result:
        opened = self._open.setdefault(ctx.run_id, asyncio.Event())
        if args.opens:
            opened.set()
        else:
            await opened.wait()
            del self._open[ctx.run_id]
        return Result(1.0, ValueType.SCALAR, datetime.now(UTC))


def registry() -> Registry:
    return Registry.of(Sleep(), Latch())


def reading(name: str, seconds: float = 0.0, *, effect: Effect = Effect()) -> Step:  # noqa: B008 - frozen
    return _calling(name, Call("sleep", {"seconds": seconds}, bind=name, result=ValueType.SCALAR), effect)


def _calling(name: str, call: Call, effect: Effect) -> Step:
    return Step(name, name, Kind.QUERY, (), calls=(call,), produces=(name,), effect=effect, timeout_s=60.0)


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


def one_change(waiting: int, beside: int) -> Plan:
    """A change that lasts until `beside` reads in ranks of 10 are done, and `waiting` reads of what it changes."""
    change, touched = Effect(writes=frozenset({"thing:x"})), Effect(reads=frozenset({"thing:x"}))
    steps = [_calling("change", Call("latch", {}, bind="change", result=ValueType.SCALAR), change)]
    steps += [reading(f"w{i}", effect=touched) for i in range(waiting)]
    edges = [Edge("START", s.id) for s in steps]
    steps += [reading(f"b{i}") for i in range(beside)]
    edges += [Edge("START" if i < 10 else f"b{i - 10}", f"b{i}") for i in range(beside)]
    opens = Call("latch", {"opens": True}, bind="open", result=ValueType.SCALAR)
    edges += [Edge(f"b{i}", "open") for i in range(beside - 10, beside)]
    return _closed(
        [*steps, _calling("open", opens, Effect())],
        [*edges, *(Edge(s.id, "join") for s in steps[: waiting + 1])],
        len(steps),
        f"change-{waiting}",
    )


def one_at_a_time(n: int) -> Plan:
    """`n` changes of one thing, all ready at once."""
    steps = [reading(f"s{i}", effect=Effect(writes=frozenset({"thing:x"}))) for i in range(n)]
    return _closed(steps, [Edge("START", s.id) for s in steps], 0, f"exclusive-{n}")


def _closed(steps: list[Step], edges: list[Edge], last_rank: int, title: str) -> Plan:
    join = Step("join", "join", Kind.CHECK, ())
    closing = [Edge(s.id, "join") for s in steps[max(0, last_rank) :]]
    return plan([*steps, join], [*edges, *closing, Edge("join", "END.resolved")], title)
