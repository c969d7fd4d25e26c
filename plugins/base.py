"""What a step can call: two protocols, and the values that cross them.

A plugin is a class with a no-argument constructor or `from_settings(cls, settings)`; it is found by
the entry-point group `stepfleet.plugins` under its `name`. It is the only place that knows a wire format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from string import Formatter
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from dag.model import Effect, ValueType
from plugins.errors import BadArguments

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")


class Args(BaseModel):
    """Base of every plugin's arguments: unknown names are refused, values never change type silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Result:
    """What a query or an action found out.

    `value` is JSON-able; a VECTOR is `[{"labels": {str: str}, "value": float}]`, a SCALAR a float.
    `as_of` is the time of the oldest sample the value rests on (aware, UTC), not of the call.
    """

    value: Any
    type: ValueType
    as_of: datetime
    unit: str | None = None
    evidence: str = ""  # one line for people: the bound query, the address


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a call may know of the run that makes it.

    `values` are the plan's named values that the step consumes; `secret(name)` resolves a secret by
    reference; `newer_than` asks for samples taken after that time (the read-back of an effect).
    """

    run_id: str
    step_key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    deadline_s: float = 30.0
    newer_than: datetime | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    secret: Callable[[str], str] | None = None


class Observation(StrEnum):
    """What the target says about an action whose answer was lost."""

    HAPPENED = "happened"
    NOT_HAPPENED = "not_happened"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the effect holds, and what shows it."""

    ok: bool
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Cost(StrEnum):
    """What a read costs its source; how many may be spent on guesses is counted for each."""

    LIGHT = "light"  # a state that the target keeps at hand
    MODERATE = "moderate"  # a lookup or an aggregation in a shared store
    HEAVY = "heavy"  # a scan, a probe, anything that the target notices


@runtime_checkable
class Query(Protocol):
    """Reads; never changes anything. Idempotent, cancellable, may be started early.

    The engine binds `{{ name }}` in the arguments before it calls. A query language, which must bind inside
    its own syntax tree, sets the class attribute `binds_values = True` and finds the values in the context.
    The class attribute `cost`, moderate where there is none, says what one call costs the source.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    Args: ClassVar[type[Args]]
    result: ClassVar[ValueType]
    speculative: ClassVar[bool]  # may it start before its branch is decided?

    async def run(self, args: Any, ctx: CallContext) -> Result:
        """Raises: NoData (nothing fresh to decide on), TargetUnreachable, BadArguments."""
        ...


@runtime_checkable
class Action(Protocol):
    """Changes a target. At most once in effect; guarded, observed, verified and undone by the engine.

    `writes` and `reads` are effect templates over argument names, e.g. `("replica:{fleet}/{replica}",)`:
    the one source of both the compile-time (symbolic) and the run-time effect.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    Args: ClassVar[type[Args]]
    reads: ClassVar[tuple[str, ...]]
    writes: ClassVar[tuple[str, ...]]
    reversible: ClassVar[bool]
    idempotent: ClassVar[bool]  # the target honours the idempotency key

    def blast_radius(self, args: Any) -> int:
        """Units (replicas, sessions' worth of one replica, jobs) that stop serving while it runs."""
        ...

    async def precheck(self, args: Any, ctx: CallContext) -> Mapping[str, Any]:
        """Return the state before (JSON-able: kept in the journal). Raises PrecheckFailed: must not apply."""
        ...

    async def apply(self, args: Any, key: str, ctx: CallContext) -> Result:
        """Do it, once per `key`.

        Raises: ApplyFailed when the target says nothing changed; any other error leaves the outcome
        unknown and the engine asks `observe`.
        """
        ...

    async def observe(self, args: Any, key: str, ctx: CallContext) -> Observation:
        """Ask the target whether the action of `key` happened."""
        ...

    async def verify(self, args: Any, before: Mapping[str, Any], ctx: CallContext) -> Verdict:
        """Read the target back: does the effect hold?"""
        ...

    async def compensate(self, args: Any, key: str, ctx: CallContext) -> Verdict:
        """Undo the action of `key` as far as the target allows, and say what was undone."""
        ...


def effect_of(action: Action, arguments: Mapping[str, Any]) -> Effect:
    """Fill the action's effect templates from arguments; `{{ name }}` values stay symbolic.

    Raises: BadArguments when a template names an argument that is missing.
    """
    return Effect(
        reads=frozenset(_fill(action.name, t, arguments) for t in action.reads),
        writes=frozenset(_fill(action.name, t, arguments) for t in action.writes),
    )


def _fill(action: str, template: str, arguments: Mapping[str, Any]) -> str:
    names = [name for _, name, _, _ in Formatter().parse(template) if name]
    missing = [n for n in names if arguments.get(n) is None]
    if missing:
        raise BadArguments(
            f"action {action}: effect '{template}' needs the argument '{missing[0]}'",
            hint=f"write '{missing[0]}: ...' in the action block",
        )
    return template.format(**{n: str(arguments[n]) for n in names})


def bind(value: Any, values: Mapping[str, Any]) -> Any:
    """Replace `{{ name }}` in an argument tree by the plan's values.

    A string that is one placeholder becomes the value itself, with its type; a placeholder inside a
    longer string becomes its text (str, int, float and bool only).
    Query languages do not use this (`binds_values`): they bind inside their own syntax tree.

    Raises: BadArguments for an unknown name, or a document pasted into a string.
    """
    match value:
        case str():
            whole = PLACEHOLDER.fullmatch(value.strip())
            if whole:
                return _lookup(whole[1], values)
            return PLACEHOLDER.sub(lambda m: _as_text(m[1], _lookup(m[1], values)), value)
        case Mapping():
            return {k: bind(v, values) for k, v in value.items()}
        case list() | tuple():
            return [bind(v, values) for v in value]
        case _:
            return value


def placeholders(value: Any) -> tuple[str, ...]:
    """Names used as `{{ name }}` anywhere in an argument tree, in order of first use."""
    match value:
        case str():
            return tuple(dict.fromkeys(m[1] for m in PLACEHOLDER.finditer(value)))
        case Mapping():
            return tuple(dict.fromkeys(n for v in value.values() for n in placeholders(v)))
        case list() | tuple():
            return tuple(dict.fromkeys(n for v in value for n in placeholders(v)))
        case _:
            return ()


def _lookup(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise BadArguments(f"no value is named '{name}'", hint="declare it as an input or produce it in a step before")
    return values[name]


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise BadArguments(f"'{name}' is a document and cannot be pasted into a text", hint=f"use '{{{{ {name} }}}}' alone")
