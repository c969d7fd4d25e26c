"""What judgement may cost: bounds per step and per run, checked before every request."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent.model.llm import BudgetExceeded
from agent.run.judge import Usage

CHARS_PER_TOKEN = 4  # the estimator: byte-pair tokenizers give 3.5 to 4.5 on English; used when nothing is reported
MIN_ANSWER_TOKENS = 64  # less room than this cannot hold a letter and a reason
MAX_ANSWER_TOKENS = 512  # an option and 300 characters of reason need about 120; the rest is for wordy models
REMEMBERED_RUNS = 1_024


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in any currency."""

    prompt: float = 0.0
    completion: float = 0.0

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / 1_000_000


FREE = Price()


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds on requests, tokens (prompt and completion together), seconds of waiting for the model, and money."""

    calls: int
    tokens: int
    seconds: float
    cost: float = math.inf

    def minus(self, spent: Usage) -> Budget:
        """What is left; never below zero."""
        tokens = spent.prompt_tokens + spent.completion_tokens
        return Budget(
            max(0, self.calls - spent.calls),
            max(0, self.tokens - tokens),
            max(0.0, self.seconds - spent.seconds),
            max(0.0, self.cost - spent.cost),
        )

    def within(self, other: Budget) -> Budget:
        """The tighter of both, bound by bound."""
        return Budget(
            min(self.calls, other.calls),
            min(self.tokens, other.tokens),
            min(self.seconds, other.seconds),
            min(self.cost, other.cost),
        )

    def as_usage(self) -> Usage:
        """The whole of it, spent; what has no bound is not counted."""
        return Usage(self.calls, self.tokens, 0, self.seconds, cost=0.0 if math.isinf(self.cost) else self.cost)

    def refusal(self, prompt_tokens: int, price: Price = FREE) -> str | None:
        """Say why a request with that long a prompt may not be made, or None when it may."""
        if self.calls < 1:
            return "no calls are left"
        if self.tokens < prompt_tokens + MIN_ANSWER_TOKENS:
            return f"{self.tokens} tokens are left and the prompt alone takes about {prompt_tokens}"
        if self.seconds <= 0:
            return "no time is left"
        if (least := price.of(prompt_tokens, MIN_ANSWER_TOKENS)) > self.cost:
            return f"{self.cost:.4f} of money is left and the shortest answer costs {least:.4f}"
        return None


def estimate_tokens(chars: int) -> int:
    """Tokens of a text of that many characters, rounded up."""
    return -(-chars // CHARS_PER_TOKEN)


class Meter:
    """Counts one question's requests against its budget. Time is read from `clock` (seconds, monotonic)."""

    def __init__(self, budget: Budget, clock: Callable[[], float] = time.monotonic, price: Price = FREE) -> None:
        self._budget = budget
        self._price = price
        self._clock = clock
        self._began = clock()
        self._spent = Usage()

    @property
    def left_s(self) -> float:
        return max(0.0, self._budget.seconds - (self._clock() - self._began))

    @property
    def usage(self) -> Usage:
        s = self._spent
        return replace(s, seconds=self._clock() - self._began)

    def left(self) -> Budget:
        return self._budget.minus(self.usage)

    def open_call(self, prompt_chars: int) -> int:
        """Admit one request and return how many completion tokens it may ask for.

        Raises: BudgetExceeded, and then nothing may be sent.
        """
        prompt_tokens = estimate_tokens(prompt_chars)
        left = self.left()
        if why := left.refusal(prompt_tokens, self._price):
            raise BudgetExceeded(f"the model's budget for this step is used up: {why}", usage=self.usage)
        self._spent += Usage(calls=1)
        return min(MAX_ANSWER_TOKENS, left.tokens - prompt_tokens, self._affordable(left.cost, prompt_tokens))

    def _affordable(self, money: float, prompt_tokens: int) -> int:
        """How many completion tokens the money buys after the prompt."""
        if math.isinf(money) or not self._price.completion:
            return MAX_ANSWER_TOKENS
        return int((money - self._price.of(prompt_tokens, 0)) * 1_000_000 / self._price.completion)

    def charge(self, prompt_tokens: int, completion_tokens: int, *, estimated: bool = False) -> None:
        cost = self._price.of(prompt_tokens, completion_tokens)
        self._spent += Usage(0, prompt_tokens, completion_tokens, 0.0, estimated, cost)


class RunLedger:
    """What each run has spent and what its steps in flight may still spend.

    A step reserves its whole budget before it asks and settles afterwards, so that steps judged at the
    same time cannot together exceed the run's. `spent_before` gives what a run had spent when this
    process first hears of it: a resumed run does not start with a full purse.
    """

    def __init__(self, run: Budget, spent_before: Callable[[str], Usage] = lambda _run_id: Usage()) -> None:
        self._run = run
        self._spent_before = spent_before
        self._spent: OrderedDict[str, Usage] = OrderedDict()
        self._reserved: dict[str, Usage] = {}

    def reserve(self, run_id: str, step: Budget) -> Budget:
        """Set aside up to `step` of what the run has left, and return what was granted (perhaps nothing)."""
        if run_id not in self._spent:
            self._spent[run_id] = self._spent_before(run_id)
        self._spent.move_to_end(run_id)
        while len(self._spent) > REMEMBERED_RUNS:
            self._spent.popitem(last=False)
        held = self._reserved.get(run_id, Usage())
        granted = step.within(self._run.minus(self._spent[run_id] + held))
        self._reserved[run_id] = held + granted.as_usage()
        return granted

    def settle(self, run_id: str, granted: Budget, spent: Usage) -> None:
        """Give back what was reserved and book what was spent."""
        held, back = self._reserved.pop(run_id), granted.as_usage()
        rest = Usage(
            held.calls - back.calls,
            held.prompt_tokens - back.prompt_tokens,
            0,
            held.seconds - back.seconds,
            cost=max(0.0, held.cost - back.cost),
        )
        if rest.calls or rest.prompt_tokens:
            self._reserved[run_id] = rest
        self._spent[run_id] = self._spent.get(run_id, Usage()) + spent
