"""Plugins of which only the facts are real: names, arguments, effects. What they answer comes from a world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from agent.replay.calls import Asked, as_made, calls_of, place_of
from dag.model import Plan
from plugins.base import Action, CallContext, Observation, Query, Result, Verdict
from plugins.registry import Plugin, Registry

_QUERY_FACTS = ("name", "version", "Args", "result", "speculative", "binds_values", "cost")
_ACTION_FACTS = (
    "name",
    "version",
    "Args",
    "reads",
    "writes",
    "reversible",
    "idempotent",
    "blast_radius",
    "bind_arguments",
)


class World(Protocol):
    """What stands in for the fleet. Each method answers as the plugin's own would, and may take virtual time."""

    async def answer(self, asked: Asked, ctx: CallContext) -> Result:
        """Raises: PluginError, for a read that fails and for one that nobody knows the answer to."""

    async def precheck(self, asked: Asked) -> Mapping[str, Any]: ...

    async def apply(self, asked: Asked) -> Result: ...

    async def observe(self, asked: Asked) -> Observation: ...

    async def verify(self, asked: Asked) -> Verdict: ...

    async def compensate(self, asked: Asked) -> Verdict: ...


def stand_ins(plan: Plan, installed: Registry, world: World) -> Registry:
    """A registry of what the plan calls; nothing in it reaches a target.

    Raises: PluginError when a plugin that the plan calls is not installed.
    """
    made: dict[str, Plugin] = {}
    for name in {call.plugin for step in plan.steps for call in calls_of(step)}:
        real = installed.plugin(name)
        if isinstance(real, Action):
            made[name] = cast(Action, _StandInAction(real, world))
        else:
            made[name] = cast(Query, _StandInQuery(real, world, plan, installed))
    return Registry.of(*made.values())


class _StandInQuery:
    def __init__(self, real: Query, world: World, plan: Plan, installed: Registry) -> None:
        _take_facts(self, real, _QUERY_FACTS)
        self._real, self._world, self._plan, self._installed = real, world, plan, installed

    async def run(self, args: Any, ctx: CallContext) -> Result:
        arguments = as_made(self._real, args, ctx.values)
        name = self._real.name
        step, bind = place_of(self._plan, self._installed, ctx.step_key, name, arguments, ctx.values)
        return await self._world.answer(Asked(ctx.step_key, step, name, bind, arguments), ctx)


class _StandInAction:
    def __init__(self, real: Action, world: World) -> None:
        _take_facts(self, real, _ACTION_FACTS)
        self._name, self._world = real.name, world

    def _asked(self, args: Any, ctx: CallContext) -> Asked:
        step = ctx.step_key.partition("@")[0]
        return Asked(ctx.step_key, step, self._name, None, args.model_dump(mode="json"))

    async def precheck(self, args: Any, ctx: CallContext) -> Mapping[str, Any]:
        return await self._world.precheck(self._asked(args, ctx))

    async def apply(self, args: Any, key: str, ctx: CallContext) -> Result:
        return await self._world.apply(self._asked(args, ctx))

    async def observe(self, args: Any, key: str, ctx: CallContext) -> Observation:
        return await self._world.observe(self._asked(args, ctx))

    async def verify(self, args: Any, before: Mapping[str, Any], ctx: CallContext) -> Verdict:
        return await self._world.verify(self._asked(args, ctx))

    async def compensate(self, args: Any, key: str, ctx: CallContext) -> Verdict:
        return await self._world.compensate(self._asked(args, ctx))


def _take_facts(stand_in: object, real: object, names: tuple[str, ...]) -> None:
    for name in names:
        if hasattr(real, name):
            setattr(stand_in, name, getattr(real, name))
