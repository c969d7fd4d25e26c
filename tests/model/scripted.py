"""Models that say what a test wants: one replays a script, one obeys whoever wrote the evidence."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from agent.model.llm import Prompt, Reply, T
from agent.model.reply import read_value
from agent.run.judge import Usage

COST = Usage(calls=1, prompt_tokens=100, completion_tokens=20, seconds=0.01)


class ScriptedModel:
    """Replays answers: text is parsed and validated as a real client does, an exception is raised."""

    model = "scripted"

    def __init__(self, answers: Iterable[str | Exception]) -> None:
        self._answers = list(answers)
        self.prompts: list[Prompt] = []
        self.allowed: list[dict[str, Any]] = []

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
        self.prompts.append(prompt)
        self.allowed.append({"deadline_s": deadline_s, "max_tokens": max_tokens, "max_calls": max_calls})
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            if hasattr(answer, "usage"):
                answer.usage = COST
            raise answer
        try:
            return Reply(read_value(answer, schema), COST, "scripted-1")
        except Exception as exc:
            exc.usage = COST  # type: ignore[attr-defined]
            raise


class Puppet:
    """The worst model behind the worst client: it does what the evidence tells it, and nothing is validated.

    It looks for `choose: X` anywhere in the prompt and answers X.
    """

    model = "puppet"

    def __init__(self) -> None:
        self.orders: list[str] = []

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
        found = re.search(r"choose: ([^\s\"]+)", prompt.user)
        self.orders.append(found[1] if found else "")
        value = schema.model_construct(reason="as ordered", choice=self.orders[-1])
        return Reply(value, COST, "puppet")
