"""A bench for engine tests: a real journal on disk, scripted plugins, a plan in a few lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict

from agent.gate.gate import Gate
from agent.gate.policy import Policy
from agent.run.advance import Advanced
from agent.run.engine import Engine, Limits
from agent.run.events import Event, EventKind
from agent.run.intake import Intake
from agent.run.journal import Journal, say
from agent.run.judge import Judge
from agent.run.shape import Shape
from agent.run.speculation import Speculation
from agent.run.state import RunState
from dag.model import Call, Condition, Edge, EdgeKind, Effect, Kind, Plan, Step, ValueType
from plugins.base import Args, CallContext, Observation, Result, Verdict
from plugins.registry import Registry


class AnyArgs(Args):
    model_config = ConfigDict(extra="allow", frozen=True)


@dataclass
class Script:
    """What the scripted query and action do, and what was asked of them."""

    answers: dict[str, Any] = field(default_factory=dict)
    delays_s: dict[str, float] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)  # idempotency keys, as the target counts them
    undone: list[str] = field(default_factory=list)
    pushing: int = 0  # actions in `apply` now, and at most so far
    most_pushing: int = 0
    apply: Callable[[str], Any] | None = None
    seen: Observation | None = None  # None: the target answers from `applied`
    verdict: Verdict = field(default_factory=lambda: Verdict(True, "the target shows it"))


class ScriptedQuery:
    name: ClassVar[str] = "look"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = AnyArgs
    result: ClassVar[ValueType] = ValueType.VECTOR
    speculative: ClassVar[bool] = True

    def __init__(self, script: Script) -> None:
        self.script = script

    async def run(self, args: Any, ctx: CallContext) -> Result:
        what = args.model_extra["what"]
        self.script.calls.append(what)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(self.script.delays_s.get(what, 0))
        self.script.spans[what] = (began, loop.time())
        answer = self.script.answers.get(what, 1.0)
        if callable(answer):
            answer = answer()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        value = [{"labels": {}, "value": float(answer)}] if isinstance(answer, int | float) else answer
        return Result(value, ValueType.VECTOR, datetime.now(UTC), evidence=f"look at {what}")


class ScriptedAction:
    name: ClassVar[str] = "push"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = AnyArgs
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("thing:{what}",)
    reversible: ClassVar[bool] = True
    idempotent: ClassVar[bool] = True

    def __init__(self, script: Script) -> None:
        self.script = script

    def blast_radius(self, args: Any) -> int:
        return 1

    async def precheck(self, args: Any, ctx: CallContext) -> Mapping[str, Any]:
        return {"pushed": len(self.script.applied)}

    async def apply(self, args: Any, key: str, ctx: CallContext) -> Result:
        self.script.pushing += 1
        self.script.most_pushing = max(self.script.most_pushing, self.script.pushing)
        try:
            await asyncio.sleep(self.script.delays_s.get("push", 0))
        finally:
            self.script.pushing -= 1
        if self.script.apply is not None:
            answer = self.script.apply(key)
            if asyncio.iscoroutine(answer):
                await answer
        elif key not in self.script.applied:
            self.script.applied.append(key)
        return Result({"ok": True}, ValueType.DYN, datetime.now(UTC), evidence="pushed")

    async def observe(self, args: Any, key: str, ctx: CallContext) -> Observation:
        if self.script.seen is not None:
            return self.script.seen
        return Observation.HAPPENED if key in self.script.applied else Observation.NOT_HAPPENED

    async def verify(self, args: Any, before: Mapping[str, Any], ctx: CallContext) -> Verdict:
        return self.script.verdict

    async def compensate(self, args: Any, key: str, ctx: CallContext) -> Verdict:
        self.script.undone.append(key)
        return Verdict(True, "pulled back")


class OnceOnlyAction(ScriptedAction):
    """The same target, without idempotency keys: pushing twice pushes twice."""

    name: ClassVar[str] = "push_once"
    idempotent: ClassVar[bool] = False
    reversible: ClassVar[bool] = False


def query(id_: str, *, what: str | None = None, **kw: Any) -> Step:
    call = Call("look", {"what": what or id_}, bind=id_, result=ValueType.VECTOR)
    return replace(Step(id_, id_, Kind.QUERY, (), calls=(call,), produces=(id_,), timeout_s=5.0), **kw)


def action(id_: str, *, plugin: str = "push", what: str = "x", **kw: Any) -> Step:
    call = Call(plugin, {"what": what}, bind=id_)
    effect = Effect(writes=frozenset({f"thing:{what}"}))
    base = Step(id_, id_, Kind.ACTION, (), calls=(call,), produces=(id_,), effect=effect, risky=True, timeout_s=1.0)
    return replace(base, **kw)


def check(id_: str, **kw: Any) -> Step:
    return replace(Step(id_, id_, Kind.CHECK, ()), **kw)


def manual(id_: str) -> Step:
    return Step(id_, id_, Kind.MANUAL, (), text="Do it by hand.")


def when(source: str, target: str, cel: str, *names: str, **kw: Any) -> Edge:
    condition = Condition(cel, cel=cel, names=names, for_s=kw.pop("for_s", 0.0))
    return Edge(source, target, condition, kw.pop("kind", EdgeKind.COND), **kw)


def judged(source: str, target: str, words: str) -> Edge:
    return Edge(source, target, Condition(words), EdgeKind.COND)


def default(source: str, target: str) -> Edge:
    return Edge(source, target, kind=EdgeKind.IMPLICIT, default=True)


def plan_of(*parts: Step | Edge, **kw: Any) -> Plan:
    steps = tuple(p for p in parts if isinstance(p, Step))
    edges = tuple(p for p in parts if isinstance(p, Edge))
    types = {n: c.result for s in steps for c in s.calls if (n := c.bind)}
    return Plan("guide.md", "0" * 64, (), steps, edges, title="Test", types=types, **kw)


ALLOW = Policy.model_validate(
    {
        "rule": [
            {
                "action": "*",
                "rung": "auto",
                "guides": ["0" * 64],
                "max_per_hour": 1_000,
                "max_blast_radius": 10,
            }
        ]
    }
)


@dataclass
class Bench:
    """One journal and engine; `restart` throws the engine away as a crash does, and keeps the journal."""

    path: Path
    script: Script
    policy: Policy = ALLOW
    judge: Judge | None = None
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    speculation: Speculation | None = None
    url: str | None = None  # another journal than the file
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        self.journal = Journal(self.url or f"sqlite:///{self.path}", lease_s=3.0)
        self.restart()

    def restart(self) -> None:
        registry = Registry.of(ScriptedQuery(self.script), ScriptedAction(self.script), OnceOnlyAction(self.script))
        self.gate = Gate(self.policy, self.journal, self.clock)
        self.engine = Engine(
            self.journal,
            registry,
            self.gate,
            judge=self.judge,
            limits=self.limits,
            speculation=self.speculation,
            owner="test",
            clock=self.clock,
        )

    async def open(self, plan: Plan, **how: Any) -> str:
        return await Intake(self.journal, NoGuides(), run_deadline_s=3600, clock=self.clock).open(
            plan, {}, by="tester", **how
        )

    async def run(self, plan: Plan) -> tuple[Advanced, RunState]:
        return await self.go_on(await self.open(plan), plan)

    async def go_on(self, run_id: str, plan: Plan) -> tuple[Advanced, RunState]:
        advanced = await asyncio.wait_for(self.engine.advance(run_id), 30)
        assert advanced is not None
        return advanced, self.state(run_id, plan)

    def state(self, run_id: str, plan: Plan) -> RunState:
        state = RunState(Shape(plan))
        for event in self.journal.events(run_id):
            state.apply(event)
        return state

    def kinds(self, run_id: str) -> list[EventKind]:
        return [e.kind for e in self.journal.events(run_id)]

    def last(self, run_id: str, kind: EventKind) -> Event:
        return [e for e in self.journal.events(run_id) if e.kind is kind][-1]

    async def say(self, run_id: str, kind: str, **payload: Any) -> None:
        await self.journal.write(lambda conn: say(conn, run_id, kind, payload, self.clock()))


class NoGuides:
    def plan_for(self, alert: Any) -> tuple[None, str]:
        return None, "no guides in this test"
