"""Reading a JSON document whose every complaint names the JSON path."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from dag.errors import PlanError
from dag.model import Span

AGAIN = "compile the guide again"
MOST_WHOLE = 2**63  # whole numbers beyond it are no seconds
_KINDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class Reader:
    """A JSON object and its path, so that every complaint says where."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise PlanError(f"{path}: an object is expected, this is {_shown(value)}", hint=AGAIN)
        self.value, self.path = value, path

    def get(self, key: str, kind: type[T]) -> T:
        value = self._of(key)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value) if abs(value) < MOST_WHOLE else None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self._wrong(key, _KINDS[kind])
        if isinstance(value, float) and not math.isfinite(value):
            raise self._wrong(key, _KINDS[kind])
        return value

    def maybe(self, key: str, kind: type[T]) -> T | None:
        return None if self._of(key) is None else self.get(key, kind)

    def any(self, key: str) -> Any:
        return self._of(key)

    def child(self, key: str) -> Reader:
        return Reader(self._of(key), f"{self.path}.{key}")

    def each(self, key: str, read: Callable[[Reader], T]) -> tuple[T, ...]:
        return tuple(read(Reader(v, f"{self.path}.{key}[{i}]")) for i, v in enumerate(self.get(key, list)))

    def names(self, key: str) -> tuple[str, ...]:
        items = self.get(key, list)
        if not all(isinstance(i, str) for i in items):
            raise self._wrong(key, "a list of texts")
        return tuple(items)

    def groups(self, key: str) -> list[list[str]]:
        groups = self.get(key, list)
        if not all(isinstance(g, list) and all(isinstance(i, str) for i in g) for g in groups):
            raise self._wrong(key, "a list of lists of step ids")
        return groups

    def spans(self, key: str) -> tuple[Span, ...]:
        spans = self.get(key, list)
        for span in spans:
            if not (isinstance(span, list) and len(span) == 2 and all(type(n) is int for n in span)):
                raise self._wrong(key, "pairs of line numbers")
            if not 1 <= span[0] <= span[1]:
                raise self._wrong(key, "first and last lines, from 1 on,")
        return tuple(Span(first, last) for first, last in spans)

    def choice(self, key: str, kind: type[E]) -> E:
        return enum(kind, self._of(key), f"{self.path}.{key}")

    def _of(self, key: str) -> Any:
        if key not in self.value:
            raise PlanError(f"{self.path}.{key}: missing", hint=AGAIN)
        return self.value[key]

    def _wrong(self, key: str, wanted: str) -> PlanError:
        shown = _shown(self.value[key])
        return PlanError(f"{self.path}.{key}: {wanted} is expected, this is {shown}", hint=AGAIN)


def _shown(value: Any) -> str:
    """A wrong value in a message, cut; it may be anything."""
    try:
        return json.dumps(value)[:60]
    except (TypeError, ValueError, RecursionError):
        return type(value).__name__


def enum(kind: type[E], value: Any, path: str) -> E:
    try:
        return kind(value)
    except ValueError:
        wanted = ", ".join(kind)
        raise PlanError(f"{path}: one of {wanted} is expected, this is {_shown(value)}", hint=AGAIN) from None
