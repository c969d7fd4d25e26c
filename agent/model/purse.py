"""What all questions of one command may cost together, though several are asked at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from agent.model.budget import Budget
from agent.model.llm import BudgetExceeded
from agent.run.judge import Usage


class Purse:
    """Hands out shares of `whole`, none larger than `each`; what a share did not spend comes back for others.

    Shares that are out count as spent, so that the whole is never exceeded.
    """

    def __init__(self, whole: Budget, each: Budget) -> None:
        self._left, self._each = whole, each
        self._out = 0
        self._back = asyncio.Condition()

    async def take(self, prompt_tokens: int) -> Budget:
        """A share for a prompt that long; waits while others may give back what it needs.

        Raises: BudgetExceeded when nothing is left that could come back.
        """
        async with self._back:
            share = self._each.within(self._left)
            while (why := share.refusal(prompt_tokens)) is not None:
                if not self._out:
                    bounds = "run_max_calls, run_max_tokens, run_max_s and run_max_cost of [llm]"
                    raise BudgetExceeded(f"{why}, of what {bounds} allow one command")
                await self._back.wait()
                share = self._each.within(self._left)
            self._left = self._left.minus(share.as_usage())
            self._out += 1
            return share

    async def give_back(self, share: Budget, spent: Usage) -> None:
        """Return a share after its use; each share once."""
        async with self._back:
            rest = share.minus(spent)
            self._left = replace(
                self._left,
                calls=self._left.calls + rest.calls,
                tokens=self._left.tokens + rest.tokens,
                seconds=self._left.seconds + rest.seconds,
                cost=self._left.cost + rest.cost,
            )
            self._out -= 1
            self._back.notify_all()
