"""What the compiler needs to know of the things a guide can call.

The room declares it; the composition root hands in one built from the plugins installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from dag.model import Effect, ValueType


@dataclass(frozen=True, slots=True)
class CallFacts:
    """The facts of one query or action that a plan depends on.

    `arguments` is a JSON Schema of the arguments. `idempotent`, `reversible` and effects matter for
    actions only.
    """

    name: str
    version: str
    is_action: bool
    arguments: Mapping[str, Any] = field(default_factory=dict)
    result: ValueType = ValueType.DYN
    reversible: bool = False
    idempotent: bool = False


class Catalogue(Protocol):
    """Installed queries and actions, by name."""

    def names(self, *, actions: bool) -> tuple[str, ...]:
        """Sorted names, for "did you mean"."""
        ...

    def facts(self, name: str) -> CallFacts | None:
        """None when nothing of that name is installed."""
        ...

    def problems(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """What is wrong with these arguments, one sentence each; `{{ name }}` stands for any value."""
        ...

    def effect(self, name: str, arguments: Mapping[str, Any]) -> Effect:
        """The effect of a call, symbolic where an argument is `{{ name }}`."""
        ...


class AlertLike(Protocol):
    """All that matching needs to know of an alert."""

    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def annotations(self) -> Mapping[str, str]: ...
