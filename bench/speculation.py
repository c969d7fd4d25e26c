"""What reading ahead of undecided branches gains over the same run without it, and what it wastes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any, ClassVar

from agent.catalogue import PluginCatalogue
from agent.gate.gate import Gate
from agent.gate.policy import Policy
from agent.run.engine import Engine
from agent.run.events import Event, EventKind
from agent.run.intake import Intake
from agent.run.judge import Judgement, Question
from agent.run.speculation import Speculation
from bench.engines import NoGuides, sqlite_journal
from bench.plans import Sleep, SleepArgs, plan, reading
from dag.model import START, Call, Condition, Edge, EdgeKind, Effect, Kind, Plan, Step, ValueType
from dag.order import critical_path
from plugins.base import CallContext, Cost, Observation, Result, Verdict
from plugins.registry import Registry
from tsg.compile import compile_guide
from tsg.parse import parse_guide

GUIDES = Path(__file__).parent.parent / "examples" / "guides"
SEEDS = 30
GUIDE_SEEDS = 8
SIDE_BY_SIDE = 1
DECISION_S = {"a model, 300 ms": 0.3, "computed, 0 ms": 0.0}


class Change:
    """An action that takes the time it is told and changes nothing."""

    name: ClassVar[str] = "change"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[SleepArgs]] = SleepArgs
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("thing:x",)
    reversible: ClassVar[bool] = True
    idempotent: ClassVar[bool] = True

    def blast_radius(self, args: Any) -> int:
        return 1

    async def precheck(self, args: Any, ctx: CallContext) -> Mapping[str, Any]:
        return {}

    async def apply(self, args: Any, key: str, ctx: CallContext) -> Result:
        await asyncio.sleep(args.seconds)
        return Result(1.0, ValueType.SCALAR, datetime.now(UTC))

    async def observe(self, args: Any, key: str, ctx: CallContext) -> Observation:
        return Observation.HAPPENED

    async def verify(self, args: Any, before: Mapping[str, Any], ctx: CallContext) -> Verdict:
        return Verdict(True, "slept")

    async def compensate(self, args: Any, key: str, ctx: CallContext) -> Verdict:
        return Verdict(True, "nothing to undo")


@dataclass
class Seeded:
    """Takes the same branch of a step whenever it is asked, and leaves loops in their first pass."""

    plan: Plan
    seed: int
    seconds: float
    asked: list[str] = field(default_factory=list)

    async def judge(self, question: Question) -> Judgement:
        self.asked.append(question.step_id)
        await asyncio.sleep(self.seconds)
        loops = {e.id for e in self.plan.edges if e.kind is EdgeKind.LOOP}
        onward = sorted(o.edge for o in question.options if o.edge not in loops)
        chosen = random.Random(f"{self.seed} {question.step_id}").choice(onward)
        return Judgement(chosen, "seeded", by="model:scripted")


@dataclass(frozen=True)
class Case:
    """A plan to run, the seed of its branches, and what stands in for its plugins."""

    plan: Plan
    seed: int
    decisions: str
    stand_ins: Registry

    @property
    def group(self) -> str:
        return self.plan.title


@dataclass(frozen=True)
class Outcome:
    end: str
    seconds: float
    events: list[Event]
    asked: list[str]

    def steps(self, kind: EventKind) -> list[str]:
        return [e.key.step for e in self.events if e.kind is kind and e.key is not None]


def run() -> dict[str, Any]:
    cases = list(_cases())
    measured = asyncio.run(_measure(cases))
    groups = dict.fromkeys((c.group, c.decisions) for c in cases)
    rows = [_row(g, [m for c, m in zip(cases, measured, strict=True) if (c.group, c.decisions) == g]) for g in groups]
    gains = [r for r in rows if r["3 in 4 runs at most"] < 1]
    idle = [_said(r) for r in rows if r not in gains]
    slowest = max(r["most speculative / plain"] for r in rows)
    return {
        "title": "Reading ahead of undecided branches",
        "verdict": (f"No gain that 3 in 4 runs show on {'; '.join(idle)}. " if idle else "")
        + (f"Gains on {'; '.join(_said(r) for r in gains)}. " if gains else "It gains nowhere. ")
        + f"The worst single run took {slowest} times the plain one.",
        "conditions": f"Simulated durations: queries and actions sleep a seeded 50 to 300 ms, a judge sleeps and takes "
        "a seeded branch. Example guides: compiled with the installed plugins, which sleepers of the same cost "
        "replace; names, effects and order are kept, each verification and repetition is left out, all conditions "
        f"are judged; {GUIDE_SEEDS} seeds each. Random plans: {SEEDS} of four stages, each a read, one beside it, "
        "and two arms that meet again; some reads consume, some arms write. Medians; sequential and critical path are "
        f"sums over the path taken, decisions included. Default budget, SQLite journals, {SIDE_BY_SIDE} runs at once. "
        "Plain / critical path shows what else held the runs up: a shared machine is "
        "loaded. Both runs of a plan take the same path to the same outcome.",
        "rows": rows,
    }


def _said(row: dict[str, Any]) -> str:
    return f"{row['plans']} ({row['decisions']}: {row['speculative / plain']} of the plain run's time at the median)"


def _row(group: tuple[str, str], found: list[dict[str, float]]) -> dict[str, Any]:
    quarters = quantiles([m["speculative"] / m["plain"] for m in found], n=4)
    ratios = ("sequential", "plain", "critical path")
    return {
        "plans": group[0],
        "decisions": group[1],
        "runs": len(found),
        **{f"speculative / {r}": round(median(m["speculative"] / m[r] for m in found), 3) for r in ratios},
        "3 in 4 runs at least": round(quarters[0], 3),
        "3 in 4 runs at most": round(quarters[2], 3),
        "most speculative / plain": round(max(m["speculative"] / m["plain"] for m in found), 3),
        "plain / critical path": round(median(m["plain"] / m["critical path"] for m in found), 3),
        "calls in vain": f"{sum(m['in vain'] for m in found) / sum(m['calls'] for m in found):.0%}",
        "s of reads dropped per run": round(sum(m["dropped"] for m in found) / len(found), 3),
    }


# -- measuring --------------------------------------------------------------------------------


async def _measure(cases: list[Case]) -> list[dict[str, float]]:
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    await _go(cases[0], Speculation())  # warm-up

    async def one(case: Case) -> dict[str, float]:
        async with places:
            ahead = await _go(case, Speculation()) if case.seed % 2 else None  # neither is always the first
            plain = await _go(case, None)
            return _figures(case, plain, ahead or await _go(case, Speculation()))

    return await asyncio.gather(*map(one, cases))


async def _go(case: Case, speculation: Speculation | None) -> Outcome:
    made = case.plan
    rule = {"action": "*", "rung": "auto", "guides": [made.guide_sha256], "max_per_hour": 1000, "max_blast_radius": 10}
    judge = Seeded(made, case.seed, DECISION_S[case.decisions])
    with sqlite_journal() as journal:
        gate = Gate(Policy.model_validate({"rule": [rule]}), journal)
        engine = Engine(journal, case.stand_ins, gate, judge=judge, speculation=speculation)
        inputs = {i.name: i.default if i.default is not None else "x" for i in made.inputs}
        run_id = await Intake(journal, NoGuides(), run_deadline_s=3600).open(made, inputs, by="bench")
        began = time.perf_counter()
        advanced = await engine.advance(run_id)
        seconds = time.perf_counter() - began
        assert advanced is not None
        assert advanced.outcome is not None, advanced
        return Outcome(str(advanced.outcome), seconds, journal.events(run_id), judge.asked)


def _figures(case: Case, plain: Outcome, ahead: Outcome) -> dict[str, float]:
    done = set(plain.steps(EventKind.STEP_SUCCEEDED))
    assert (plain.end, done) == (ahead.end, set(ahead.steps(EventKind.STEP_SUCCEEDED))), case.plan.title
    takes = {s: _seconds(case.plan.by_id[s]) for s in done}
    for step in plain.asked:
        takes[step] = takes.get(step, 0.0) + DECISION_S[case.decisions]
    ends = {START, *done}
    edges = tuple(e for e in case.plan.edges if e.source in ends and e.target in done)
    taken = replace(case.plan, steps=tuple(s for s in case.plan.steps if s.id in done), edges=edges)
    dropped = ahead.steps(EventKind.READ_DROPPED)
    in_vain = sum(len(case.plan.by_id[s].calls) for s in dropped)
    drops = [e.payload["seconds"] for e in ahead.events if e.kind is EventKind.READ_DROPPED]
    return {
        "sequential": sum(takes.values()),
        "plain": plain.seconds,
        "speculative": ahead.seconds,
        "critical path": critical_path(taken, takes)[1] + takes.get(START, 0.0),
        "in vain": in_vain,
        "calls": in_vain + sum(len(case.plan.by_id[s].calls) for s in done),
        "dropped": sum(drops),
    }


def _seconds(step: Step) -> float:
    """The calls of a step are made side by side."""
    return max((c.arguments["seconds"] for c in step.calls), default=0.0)


# -- plans ------------------------------------------------------------------------------------


def _cases() -> Iterator[Case]:
    installed = Registry.installed({})
    for decisions in DECISION_S:
        for path in sorted(GUIDES.glob("*.md")):
            guide = compile_guide(parse_guide(path.read_text(encoding="utf-8"), path.name), PluginCatalogue(installed))
            for seed in range(GUIDE_SEEDS):
                yield Case(_asleep(guide.plan, seed), seed, decisions, _sleepers(guide.plan, installed))
        for seed in range(SEEDS):
            yield Case(random_plan(seed), seed, decisions, Registry.of(Sleep(), Change()))


def _sleepers(made: Plan, installed: Registry) -> Registry:
    """A sleeper for each query of the plan, which may come early and costs as the real one does."""
    names = sorted({c.plugin for s, c in made.calls() if s.kind is not Kind.ACTION})
    kept = {
        n: {"name": n, "speculative": q.speculative, "cost": getattr(q, "cost", Cost.MODERATE)}
        for n in names
        for q in [installed.query(n)]
    }
    return Registry.of(Change(), *(type("Sleeper", (Sleep,), members)() for members in kept.values()))


def _asleep(made: Plan, seed: int) -> Plan:
    rng = random.Random(seed)
    steps = tuple(
        replace(s, calls=tuple(_sleeping(s, c, rng) for c in s.calls), verify=None, for_each=None, retries=0)
        for s in made.steps
    )
    edges = tuple(
        replace(e, condition=replace(e.condition, cel=None, names=(), for_s=0.0)) if e.condition else e
        for e in made.edges
    )
    return replace(made, steps=steps, edges=edges, types=dict.fromkeys(made.types, ValueType.SCALAR))


def _sleeping(step: Step, call: Call, rng: random.Random) -> Call:
    plugin = "change" if step.kind is Kind.ACTION else call.plugin
    return replace(
        call, plugin=plugin, arguments={"seconds": rng.uniform(0.05, 0.3)}, version="1", result=ValueType.SCALAR
    )


def random_plan(seed: int, stages: int = 4) -> Plan:
    """Stages of a read whose answer decides which of two arms follows; the arms meet in the next stage's read."""
    rng = random.Random(seed)
    steps: list[Step] = []
    edges: list[Edge] = []

    def add(name: str, sources: list[str], consumes: tuple[str, ...] = (), *, writes: bool = False) -> None:
        step = reading(name, rng.uniform(0.05, 0.3))
        if writes:
            call = replace(step.calls[0], plugin="change")
            effect = Effect(writes=frozenset({"thing:x"}))
            step = replace(step, kind=Kind.ACTION, calls=(call,), effect=effect, risky=True)
        steps.append(replace(step, consumes=consumes))
        edges.extend(Edge(s, name) for s in sources)

    before = [START]
    for i in range(stages):
        add(f"ask{i}", before)
        add(f"beside{i}", before)
        ends = [f"beside{i}"]
        for arm in "lr":
            name = f"{arm}{i}"
            add(name, [], (f"ask{i}",) if rng.random() < 0.3 else (), writes=rng.random() < 0.2)
            edges.append(Edge(f"ask{i}", name, Condition(f"case {arm}"), EdgeKind.COND))
            if rng.random() < 0.5:
                add(f"{name}b", [name])
                name = f"{name}b"
            ends.append(name)
        before = ends
    steps.append(Step("join", "join", Kind.CHECK, ()))
    edges += [*(Edge(e, "join") for e in before), Edge("join", "END.resolved")]
    return plan(steps, edges, "random plans")
