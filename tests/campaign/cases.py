"""Random cases: a plan, what its plugins do and what people say; all of it from one seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dag.model import Edge, EdgeKind, Join, Kind, Plan, Terminal

DELAYS_S = (0.0, 0.0, 0.001, 0.005, 0.02)
LATE_S = 0.3  # beyond every deadline in a case

Key = tuple[str, tuple[int, ...]]  # a step and the passes of the loops around it, outermost first


class ReadFault(StrEnum):
    """What a query does wrong."""

    NONE = "none"
    RAISES_ONCE = "raises once"  # a retry mends it
    RAISES = "raises"
    HANGS = "hangs"
    ANSWERS_LATE = "answers after its deadline"
    HUGE = "answers with 5 GB"

    @property
    def fails(self) -> bool:
        return self not in (ReadFault.NONE, ReadFault.RAISES_ONCE)


class PushFault(StrEnum):
    """What an action's target, or the way to it, does wrong."""

    NONE = "none"
    REFUSED = "refuses"
    LOST_BEFORE = "loses the request once"
    LOST_AFTER = "loses the answer"
    ANSWERS_LATE = "answers after its deadline"
    ARRIVES_TWICE = "is sent the request twice"  # where keys are honoured only: no engine can help elsewhere
    NO_HELP = "shows no effect"  # not verified: to be undone

    @property
    def fails(self) -> bool:
        return self in (PushFault.REFUSED, PushFault.NO_HELP)


@dataclass(frozen=True)
class Loop:
    """`body` with `entry` first and `source`, which leads back to it, last."""

    body: tuple[str, ...]
    bound: int

    @property
    def entry(self) -> str:
        return self.body[0]

    @property
    def source(self) -> str:
        return self.body[-1]


@dataclass(frozen=True)
class Threshold:
    """What a computed edge asks: whether the answer of `step` is above `over`, or (`below`) is not."""

    step: str
    over: float
    below: bool = False


@dataclass(frozen=True)
class Case:
    """`asks`: by edge id. Everything that is not fixed by the plan follows from `chance`."""

    seed: int
    plan: Plan
    reads: Mapping[str, ReadFault]
    pushes: Mapping[str, PushFault]
    asks: Mapping[str, Threshold]
    loops: tuple[Loop, ...]
    observes: bool  # the target can say what happened
    speculates: bool
    has_judge: bool
    needs_approval: bool  # for pushes that count every time
    cancels: bool  # a person stops the run
    clock_jumps: Mapping[int, float] = field(default_factory=dict)  # by how many times the clock was read: seconds

    def chance(self, *what: object) -> float:
        """A number in [0, 1) that only the seed and `what` decide: the same in every process."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}|{what}".encode()).digest()[:6]) / 2**48

    def answer(self, key: str) -> float:
        """What the instance `step@passes` of a query is told."""
        return self.chance("answer", key)

    def delay_s(self, key: str) -> float:
        return DELAYS_S[int(self.chance("delay", key) * len(DELAYS_S))]

    def fault_of(self, key: str) -> ReadFault:
        """Inside a loop, a query fails in some of its passes."""
        step, _, passes = key.partition("@")
        return self.reads[step] if not passes or self.chance("fault", key) < 0.4 else ReadFault.NONE

    def judgement(self, key: str, options: Sequence[str]) -> str:
        """The edge that a person or a model chooses among `options`."""
        return sorted(options)[int(self.chance("judgement", key) * len(options))]

    def around(self, step: str) -> tuple[Loop, ...]:
        """The loops around a step, outermost first."""
        return tuple(sorted((lp for lp in self.loops if step in lp.body), key=lambda lp: -len(lp.body)))

    def traits(self) -> set[str]:
        """What is in the case: a campaign says how often it met what."""
        steps, edges = self.plan.steps, self.plan.edges
        conditions = [e.condition for e in edges if e.condition is not None]
        have = {
            "action": any(s.kind is Kind.ACTION for s in steps),
            "manual step": any(s.kind is Kind.MANUAL for s in steps),
            "optional step": any(s.optional for s in steps),
            "join any": any(s.join is Join.ANY for s in steps),
            "judged branch": any(c.cel is None for c in conditions),
            "computed branch": any(c.cel is not None for c in conditions),
            "stated default": any(e.default for e in edges),
            "early end": any(e.target in (Terminal.ESCALATE, Terminal.NOT_APPLICABLE) for e in edges),
            "loop": bool(self.loops),
            "loop in a loop": any(set(a.body) < set(b.body) for a in self.loops for b in self.loops),
            "approval": self.needs_approval,
            "cancelled by a person": self.cancels,
            "clock jump": bool(self.clock_jumps),
            "reads ahead": self.speculates,
            "target that cannot say": not self.observes,
        }
        wrong = {f"query {f}" for f in self.reads.values() if f is not ReadFault.NONE}
        wrong |= {f"target {f}" for f in self.pushes.values() if f is not PushFault.NONE}
        return {name for name, there in have.items() if there} | wrong


def is_loop(edge: Edge) -> bool:
    return edge.kind is EdgeKind.LOOP


def is_computed(edge: Edge) -> bool:
    return edge.condition is not None and edge.condition.cel is not None


def is_plain(edge: Edge) -> bool:
    """Taken whenever its source succeeds."""
    return edge.condition is None and not edge.default and not edge.otherwise


def show(key: Key) -> str:
    """A key as the journal writes it."""
    step, passes = key
    return f"{step}@{'.'.join(map(str, passes))}" if passes else step


def parse(key: str) -> Key:
    step, _, passes = key.partition("@")
    return step, tuple(map(int, passes.split("."))) if passes else ()
