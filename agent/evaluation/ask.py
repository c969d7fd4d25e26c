"""Putting the cases to whoever answers: a model behind an endpoint, or a baseline that looks at nothing."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent.evaluation.cases import ABSTAIN, Case
from agent.evaluation.score import Answer
from agent.model.executor import ModelJudge
from agent.model.llm import LLM, ModelError, Prompt, Rejected, Reply, T, Unreachable
from agent.model.prompt import UNDECIDED, Choice
from agent.model.settings import LlmSettings
from agent.run.judge import Judge, Judgement, Question

GIVE_UP = (Unreachable, Rejected)  # of the first question: nobody is there, or nobody who understands us


class NotRun(Exception):
    """A model that cannot be asked; the message says why."""


class Progress(Protocol):
    """Hears of each answer."""

    def __call__(self, answer: Answer) -> None: ...


@dataclass
class _Heard:
    """An LLM that is listened to during one question: a judgement alone does not tell an abstention from a failure.

    Only a valid answer that says so is an abstention. A budget that refuses before anything is asked raises
    nothing here, so the absence of an error proves nothing.
    """

    llm: LLM
    error: ModelError | None = None
    abstained: bool = False

    def has_abstained(self) -> bool:
        return self.abstained

    @property
    def model(self) -> str:
        return self.llm.model

    async def ask(
        self,
        prompt: Prompt,
        schema: type[T],
        *,
        deadline_s: float,
        max_tokens: int,
        max_calls: int = 4,
        max_cost: float = math.inf,
    ) -> Reply[T]:
        self.error, self.abstained = None, False
        try:
            reply = await self.llm.ask(
                prompt, schema, deadline_s=deadline_s, max_tokens=max_tokens, max_calls=max_calls, max_cost=max_cost
            )
        except ModelError as exc:
            self.error = exc
            raise
        self.abstained = isinstance(reply.value, Choice) and reply.value.choice == UNDECIDED
        return reply


async def ask_model(
    llm: LLM, settings: LlmSettings, cases: Sequence[Case], *, repeat: int, progress: Progress
) -> list[Answer]:
    """Each case `repeat` times, one after another: latencies are the endpoint's own. Raises NotRun."""
    answers: list[Answer] = []
    for _ in range(repeat):
        for case in cases:
            # A budget for each case: one that talks too long must not silence the rest.
            heard = _Heard(llm)
            judge = ModelJudge.from_settings(heard, settings)
            answer = await _answer(judge, case, heard.has_abstained)
            if not answers and isinstance(heard.error, GIVE_UP):
                raise NotRun(str(heard.error)) from heard.error
            answers.append(answer)
            progress(answer)
    return answers


async def ask_baseline(judge: Judge, cases: Sequence[Case], *, repeat: int) -> list[Answer]:
    """The same of somebody who costs nothing and cannot fail."""
    return [await _answer(judge, case, lambda: True) for _ in range(repeat) for case in cases]


async def _answer(judge: Judge, case: Case, abstained: Callable[[], bool]) -> Answer:
    began = time.perf_counter()
    judgement = await judge.judge(case.question)
    seconds = time.perf_counter() - began
    undecided = judgement.edge is None
    choice = case.leads_to[judgement.edge] if judgement.edge is not None else ABSTAIN
    return Answer(case, choice, judgement.reason, judgement.usage, seconds, failed=undecided and not abstained())


@dataclass
class AlwaysAbstains:
    """What a run does without a model: it takes the guide's default, or asks a person."""

    async def judge(self, question: Question) -> Judgement:
        return Judgement(None, "", by="baseline")


@dataclass
class Dice:
    """Any branch, or none, with equal chance; the same in every evaluation."""

    rng: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - a baseline

    async def judge(self, question: Question) -> Judgement:
        await asyncio.sleep(0)
        return Judgement(self.rng.choice([None, *(o.edge for o in question.options)]), "", by="baseline")
