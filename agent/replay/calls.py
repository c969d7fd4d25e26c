"""A call as it is made: its plugin, and its arguments with every value in its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from dag.model import Call, Plan, Step, canonical_json
from plugins.base import PLACEHOLDER, bind
from plugins.errors import PluginError
from plugins.registry import Plugin, Registry


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of the engine. `step` declares it; `key` is the execution that asks.

    A re-read for another step's branch has another key. `bind` is the name that the guide gives the result.
    """

    key: str
    step: str
    plugin: str
    bind: str | None
    arguments: Mapping[str, Any]

    @property
    def identity(self) -> str:
        return identity(self.plugin, self.arguments)

    def __str__(self) -> str:
        given = ", ".join(f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in self.arguments.items())
        return f"{self.plugin}({given})"


def identity(plugin: str, arguments: Mapping[str, Any]) -> str:
    """What makes two calls the same one."""
    return f"{plugin} {canonical_json(_finite(arguments))}"


def as_made(plugin: Plugin, args: BaseModel, values: Mapping[str, Any]) -> dict[str, Any]:
    """A query's arguments for people and for comparing: what it binds itself is filled in as text."""
    plain: dict[str, Any] = args.model_dump(mode="json", exclude_unset=True)
    return filled(plain, values) if getattr(plugin, "binds_values", False) else plain


def declared(registry: Registry, call: Call, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments that a plan's query call has under these values; None where it cannot be made."""
    plugin = registry.plugin(call.plugin)
    try:
        itself = getattr(plugin, "binds_values", False)
        args = plugin.Args.model_validate(dict(call.arguments) if itself else bind(dict(call.arguments), values))
    except (PluginError, ValidationError):
        return None
    return as_made(plugin, args, values)


def calls_of(step: Step) -> tuple[Call, ...]:
    """What a step asks, its guide's verification included."""
    return (*step.calls, *(step.verify.calls if step.verify else ()))


def place_of(
    plan: Plan, registry: Registry, key: str, plugin: str, arguments: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[str, str | None]:
    """The step that declares a query call, and the name it binds. The asking step comes first."""
    here = key.partition("@")[0]
    for step in sorted(plan.steps, key=lambda s: s.id != here):
        for call in calls_of(step):
            if call.plugin == plugin and declared(registry, call, values) == arguments:
                return step.id, call.bind
    return here, None


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """An argument tree with its `{{ name }}` as text; a name without a value stays as it is."""
    match value:
        case str():
            return PLACEHOLDER.sub(lambda m: _text(values[m[1]]) if m[1] in values else m[0], value)
        case Mapping():
            return {k: filled(v, values) for k, v in value.items()}
        case list() | tuple():
            return [filled(v, values) for v in value]
        case _:
            return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _finite(value: Any) -> Any:
    """NaN and infinity have no spelling in canonical JSON; two calls with them may be the same nevertheless."""
    match value:
        case float() if value != value or value in (float("inf"), float("-inf")):
            return repr(value)
        case Mapping():
            return {str(k): _finite(v) for k, v in value.items()}
        case list() | tuple():
            return [_finite(v) for v in value]
        case _:
            return value
