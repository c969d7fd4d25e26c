"""What the engine asks when words, not numbers, decide: one branch among the plan's edges.

The engine declares the seam; the model's executor and a person's answer both satisfy it. What comes
back is checked against the options here, whoever gave it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Option:
    """One branch that may be chosen: the edge, the condition's words, and where it leads."""

    edge: str
    condition: str
    leads_to: str


@dataclass(frozen=True, slots=True)
class PastIncident:
    """An ended run that is like this one: what was decided and done then, and what came of it, in words."""

    run_id: str
    account: str


# What comes to mind of a run's like. It may be slow or fail: then nothing does.
Recall = Callable[[str], Awaitable[Sequence[PastIncident]]]


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a judgement may rest on; nothing else of the guide or the run is in scope.

    `text` is the step's own section. `values` are its declared inputs. `past` is how like cases ended. All of it, and
    the alert's labels and annotations, are data: whatever they say, the answer is one of `options`.
    """

    run_id: str
    step_id: str
    title: str
    text: str
    options: tuple[Option, ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    alert: Mapping[str, str] = field(default_factory=dict)
    past: tuple[PastIncident, ...] = ()
    deadline_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What judgements cost.

    `estimated` says that some tokens were not reported by the endpoint and are characters / 4. `cost` is money, in the
    currency of the configured prices; 0 without them.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    estimated: bool = False
    cost: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.seconds + other.seconds,
            self.estimated or other.estimated,
            self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer: `edge` is one of the options' edges, or None when it could not be decided.

    `reason` is one sentence for the report; `by` names the model or the person.
    """

    edge: str | None
    reason: str
    by: str
    usage: Usage = Usage()


class Judge(Protocol):
    """Answers questions. Never raises for a bad model: an undecided judgement says why instead."""

    async def judge(self, question: Question) -> Judgement: ...
