"""Running the read-only calls of a step: bounded, retried, never trusted to return in time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from dag.model import Call, Step
from plugins.base import CallContext, Result, bind
from plugins.errors import PluginError
from plugins.registry import Registry

T = TypeVar("T")
RETRY_FIRST_S = 0.2
RETRY_MOST_S = 5.0


class DeadlinePassed(PluginError):
    """The call did not answer before its deadline."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Calls queries. `slots` bounds how many calls of one plugin run at once, over all runs."""

    registry: Registry
    slots: Callable[[str], asyncio.Semaphore]
    jitter: random.Random

    async def read(self, step: Step, calls: tuple[Call, ...], ctx: CallContext) -> dict[str, Result]:
        """Run all calls at once and return their results by bound name (or by plugin, unbound).

        Raises: PluginError of the first call that failed for good; the others are cancelled.
        """
        if len(calls) == 1:
            result = await self._with_retries(step, calls[0], ctx)
            return {calls[0].bind or calls[0].plugin: result}
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._with_retries(step, call, ctx)) for call in calls]
        except* PluginError as failures:
            raise failures.exceptions[0] from None
        return {call.bind or call.plugin: task.result() for call, task in zip(calls, tasks, strict=True)}

    async def _with_retries(self, step: Step, call: Call, ctx: CallContext) -> Result:
        query = self.registry.query(call.plugin)
        deadline_s = call.timeout_s or step.timeout_s
        pause_s = RETRY_FIRST_S
        for attempt in range(step.retries + 1):
            try:
                itself = getattr(query, "binds_values", False)
                arguments = dict(call.arguments) if itself else bind(dict(call.arguments), ctx.values)
                args = query.Args.model_validate(arguments)
                asked = ctx if ctx.deadline_s == deadline_s else replace(ctx, deadline_s=deadline_s)
                async with self.slots(call.plugin):
                    return await within(query.run(args, asked), deadline_s, call.plugin)
            except PluginError:
                if attempt == step.retries:
                    raise
            except ValueError as exc:  # pydantic's ValidationError is one
                raise PluginError(f"{call.plugin}: {exc}", hint="mend the block's arguments") from exc
            except Exception as exc:
                if attempt == step.retries:
                    raise PluginError(f"{call.plugin} failed: {type(exc).__name__}: {exc}") from exc
            await asyncio.sleep(pause_s * (1 + self.jitter.random()))
            pause_s = min(pause_s * 2, RETRY_MOST_S)
        raise AssertionError("unreachable")


async def within(work: Awaitable[T], deadline_s: float, what: str) -> T:
    """Await `work` for at most `deadline_s`; what ignores its cancellation is left behind, not waited for.

    Raises: DeadlinePassed.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=deadline_s)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if done:
        return task.result()
    task.cancel()
    task.add_done_callback(_forget)
    raise DeadlinePassed(
        f"{what} did not answer within {deadline_s:g} s",
        hint="raise timeout= on the block, or mend the source",
    )


def _forget(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()  # taken, so that asyncio does not report it as never retrieved


def scoped(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Only what the step declares that it consumes."""
    return {n: values[n] for n in names if n in values}
