"""Random cases: a plan, what its queries answer, and what goes wrong; all of it from one seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from dag.model import Call, Condition, Edge, EdgeKind, Effect, Kind, Plan, Step, ValueType

THINGS = ("x", "y", "z")
LOOP_BOUND = 4


class Fault(StrEnum):
    """What a query does wrong."""

    NONE = "none"
    RAISES_ONCE = "raises once"  # a retry mends it
    RAISES = "raises"
    HANGS = "hangs"
    ANSWERS_LATE = "answers after its deadline"
    HUGE = "answers more than a value may hold"

    @property
    def fails(self) -> bool:
        return self not in (Fault.NONE, Fault.RAISES_ONCE)


@dataclass(frozen=True)
class Look:
    """One query: `answers` by pass of its loop."""

    answers: tuple[float, ...]
    delay_s: float
    fault: Fault = Fault.NONE
    late_s: float = 0.0

    def answer(self, key: str) -> float:
        """What the instance `step@pass` is told."""
        _, _, count = key.partition("@")
        return self.answers[min(int(count or 0), len(self.answers) - 1)]


@dataclass(frozen=True)
class Case:
    """`over`: by edge, the number that the answer of its source must exceed; `loops`: who repeats above its own."""

    seed: int
    plan: Plan
    looks: Mapping[str, Look]
    over: Mapping[tuple[str, str], float]
    loops: Mapping[str, float]
    observes: bool
    speculates: bool
    clock_jumps: Mapping[int, float] = field(default_factory=dict)  # by how many times the clock was read: seconds


def random_case(seed: int) -> Case:
    rng = random.Random(seed)
    steps = [_step(rng, i) for i in range(rng.randint(3, 12))]
    looks = {s.id: _look(rng) for s in steps if s.kind is Kind.QUERY}
    edges: list[Edge] = []
    over: dict[tuple[str, str], float] = {}
    loops: dict[str, float] = {}
    for i, step in enumerate(steps):
        targets = rng.sample([s.id for s in steps[i + 1 :]], k=min(len(steps) - i - 1, rng.randint(1, 3)))
        look = looks.get(step.id)
        if look is None:
            edges += [Edge(step.id, t) for t in targets]
        elif rng.random() < 0.2:
            loops[step.id] = rng.uniform(0, 1)
            looks[step.id] = replace(look, answers=_falling(rng), fault=Fault.NONE)
            edges += _loop(step.id, loops[step.id])
        elif rng.random() < 0.6:
            over |= {(step.id, t): rng.uniform(0, 1) for t in targets}
            edges += _branch(step.id, {t: over[step.id, t] for t in targets})
        else:
            edges += [Edge(step.id, t) for t in targets]
            if look.fault.fails:
                edges.append(Edge(step.id, "join", kind=EdgeKind.IMPLICIT, default=True))
    steps.append(Step("join", "join", Kind.CHECK, ()))
    entered, leaving = {e.target for e in edges if e.kind is not EdgeKind.LOOP}, {e.source for e in edges}
    edges += [Edge("START", s.id) for s in steps if s.id not in entered]
    edges += [Edge(s.id, "join") for s in steps[:-1] if s.id not in leaving]
    edges.append(Edge("join", "END.resolved"))
    plan = Plan(
        "campaign.md",
        "0" * 64,
        (),
        tuple(steps),
        tuple(edges),
        title=f"case {seed}",
        types={s.id: ValueType.VECTOR for s in steps if s.kind is Kind.QUERY},
    )
    jumps = {rng.randint(1, 60): rng.choice([-7200.0, -30.0, 30.0, 7200.0])} if rng.random() < 0.3 else {}
    return Case(seed, plan, looks, over, loops, rng.random() < 0.8, rng.random() < 0.5, jumps)


def _step(rng: random.Random, i: int) -> Step:
    name, kind = f"s{i}", rng.random()
    if kind < 0.3:
        thing, plugin = rng.choice(THINGS), rng.choice(["push", "push_once"])
        call = Call(plugin, {"step": name, "thing": thing}, bind=name)
        effect = Effect(writes=frozenset({f"thing:{thing}"}))
        return Step(
            name, name, Kind.ACTION, (), calls=(call,), produces=(name,), effect=effect, risky=True, timeout_s=0.1
        )
    if kind < 0.4:
        return Step(name, name, Kind.CHECK, ())
    call = Call("look", {"step": name}, bind=name, result=ValueType.VECTOR)
    return Step(name, name, Kind.QUERY, (), calls=(call,), produces=(name,), timeout_s=0.15, retries=1)


def _look(rng: random.Random) -> Look:
    fault = rng.choice([f for f in Fault if f is not Fault.NONE]) if rng.random() < 0.25 else Fault.NONE
    return Look((rng.uniform(0, 1),), rng.choice([0.0, 0.0, 0.001, 0.005, 0.02]), fault, late_s=rng.uniform(0.2, 0.4))


def _falling(rng: random.Random) -> tuple[float, ...]:
    """High a few times, then low: the loop is left inside its bound."""
    return (*[1.5] * rng.randint(0, LOOP_BOUND - 2), -1.0)


def _loop(step: str, above: float) -> list[Edge]:
    return [
        Edge(step, step, _condition(f"max({step}) > {above!r}", step), EdgeKind.LOOP, bound=LOOP_BOUND),
        Edge(step, "join", _condition(f"!(max({step}) > {above!r})", step), EdgeKind.COND, otherwise=True),
    ]


def _branch(step: str, over: Mapping[str, float]) -> list[Edge]:
    """To each target whose number the answer exceeds; to the join when it exceeds none, or is not there."""
    conditional = [Edge(step, t, _condition(f"max({step}) > {n!r}", step), EdgeKind.COND) for t, n in over.items()]
    none = _condition(f"!(max({step}) > {min(over.values(), default=-1.0)!r})", step)
    return [
        *conditional,
        Edge(step, "join", none, EdgeKind.COND, otherwise=True),
        Edge(step, "join", kind=EdgeKind.IMPLICIT, default=True),
    ]


def _condition(cel: str, name: str) -> Condition:
    return Condition(cel, cel=cel, names=(name,))
