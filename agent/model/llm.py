"""The language model as the agent knows it: one question, one typed answer, or one typed error."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

from agent.errors import StepfleetError
from agent.run.judge import Usage

T = TypeVar("T", bound=BaseModel)

RAW_CHARS = 2_000  # of a useless answer, kept for the report and shown to the model when it corrects itself


class ModelError(StepfleetError):
    """The language model gave no usable answer.

    `usage` is what the attempt cost all the same; `raw` the start of what it said, when it said anything;
    `repaired` says that it was already asked to correct itself.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        hint: str = "",
        usage: Usage | None = None,
        raw: str = "",
        repaired: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.usage = usage or Usage()
        self.raw = raw[:RAW_CHARS]
        self.repaired = repaired


class Malformed(ModelError):
    """The answer is not the one JSON object that was asked for."""


class WrongSchema(ModelError):
    """The answer is JSON, and not of the schema that was asked for."""


class Refused(ModelError):
    """The model declined to answer."""


class Truncated(ModelError):
    """The answer was cut off by its length limit."""


class Empty(ModelError):
    """The answer holds nothing."""


class TooLarge(ModelError):
    """The answer is larger than any answer may be; it was not read to its end."""


class NotJson(ModelError):
    """The endpoint answered with something that is not the API's JSON, such as a web page."""


class ModelTimeout(ModelError):
    """The model did not answer before the deadline."""


class Transient(ModelError):
    """The same request may succeed later; `retry_after_s` is the wait the endpoint asks for, if it does."""

    def __init__(
        self,
        message: str | None = None,
        *,
        hint: str = "",
        usage: Usage | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, usage=usage)
        self.retry_after_s = retry_after_s


class Unreachable(Transient):
    """The endpoint could not be reached, broke the connection, or failed on its side."""


class RateLimited(Transient):
    """The endpoint asks to slow down."""


class Rejected(ModelError):
    """The endpoint understood the request and will not serve it: key, model name, or a parameter."""


class BudgetExceeded(ModelError):
    """The budget of calls, tokens or seconds is used up."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message after the first question."""

    role: Literal["assistant", "user"]
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is told. `system` is ours alone: no data of the fleet or the alert goes in there."""

    system: str
    user: str
    turns: tuple[Turn, ...] = ()

    @property
    def chars(self) -> int:
        return len(self.system) + len(self.user) + sum(len(t.text) for t in self.turns)

    def corrected(self, answer: str, demand: str) -> Prompt:
        """The same conversation after a useless `answer`, with what to do better."""
        said = Turn("assistant", answer or "(nothing)")
        return replace(self, turns=(*self.turns, said, Turn("user", demand)))

    def messages(self) -> list[dict[str, Any]]:
        """The conversation as the chat API wants it."""
        first = [{"role": "system", "content": self.system}, {"role": "user", "content": self.user}]
        return first + [{"role": t.role, "content": t.text} for t in self.turns]


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A validated answer, what it cost, and the model that says it gave it."""

    value: T
    usage: Usage
    model: str


class LLM(Protocol):
    """Asks a language model. Implementations validate what comes back and own every retry."""

    @property
    def model(self) -> str:
        """The configured model's name, for reports."""
        ...

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
        """Answer `prompt` with an instance of `schema`.

        Args:
            deadline_s: seconds for everything, waits between retries included.
            max_tokens: prompt and completion tokens of all requests together.
            max_calls: requests, retries and probing included.
            max_cost: money of all requests together, in the currency of the configured prices.
        Raises: a ModelError; its `usage` holds what was spent.
        """
        ...
