"""The plan's JSON form: the one owner of its names, both ways, exact to the digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any, TypeVar

from dag.effects import parallel_pairs
from dag.errors import CycleError, PlanError
from dag.model import (
    Call,
    Condition,
    Edge,
    EdgeKind,
    Effect,
    Input,
    Join,
    Kind,
    Plan,
    Span,
    Step,
    ValueType,
    Verify,
)

FORMAT = "stepfleet-plan/1"
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def to_json(plan: Plan, *, pairs: bool = True) -> dict[str, Any]:
    """The plan as a JSON document. `pairs=False` leaves out `parallel_pairs`, which grows with n squared."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "guide": plan.guide,
        "guide_sha256": plan.guide_sha256,
        "title": plan.title,
        "digest": plan.digest,
        "inputs": [_fields(i) for i in plan.inputs],
        "steps": [_step(s) for s in plan.steps],
        "edges": [_edge(e) for e in plan.edges],
        "alternatives": [sorted(a) for a in plan.alternatives],
        "simultaneous": [sorted(g) for g in plan.simultaneous],
        "types": {n: str(t) for n, t in sorted(plan.types.items())},
    }
    if pairs:
        try:
            document["parallel_pairs"] = [list(p) for p in parallel_pairs(plan)]
        except CycleError:  # a plan that is shown for its defects has no order
            document["parallel_pairs"] = []
    return document


def from_json(document: Any) -> Plan:
    """Read a plan back. Raises PlanError naming the JSON path that is wrong, or a digest that does not fit."""
    root = _Reader(document, "$")
    if root.get("format", str) != FORMAT:
        raise PlanError(f"$.format: this is no {FORMAT}", hint="compile the guide again")
    plan = Plan(
        guide=root.get("guide", str),
        guide_sha256=root.get("guide_sha256", str),
        title=root.get("title", str),
        inputs=root.each("inputs", _read_input),
        steps=root.each("steps", _read_step),
        edges=root.each("edges", _read_edge),
        alternatives=tuple(frozenset(g) for g in root.groups("alternatives")),
        simultaneous=tuple(frozenset(g) for g in root.groups("simultaneous")),
        types={n: _enum(ValueType, t, f"$.types.{n}") for n, t in root.get("types", dict).items()},
    )
    if root.get("digest", str) != plan.digest:
        raise PlanError("$.digest: the plan does not have this digest", hint="it was edited; compile the guide again")
    return plan


# -- writing ----------------------------------------------------------------------------------


def _fields(value: Any) -> dict[str, Any]:
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}


def _plain(value: Any) -> Any:
    match value:
        case StrEnum():
            return str(value)
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple():
            return [_plain(v) for v in value]
        case _:
            return value


def _lines(spans: Iterable[Span]) -> list[list[int]]:
    return [[s.first, s.last] for s in spans]


def _flat(spans: Iterable[Span]) -> list[int]:
    return sorted({n for s in spans for n in range(s.first, s.last + 1)})


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "reads": None if effect.reads is None else sorted(effect.reads),
        "writes": None if effect.writes is None else sorted(effect.writes),
    }


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "text": condition.text,
        "lines": _lines(condition.lines),
        "cel": condition.cel,
        "names": list(condition.names),
        "for_s": condition.for_s,
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "plugin": call.plugin,
        "arguments": _plain(call.arguments),
        "bind": call.bind,
        "lines": _lines(call.lines),
        "timeout_s": call.timeout_s,
        "version": call.version,
        "result": str(call.result),
    }


def _step(step: Step) -> dict[str, Any]:
    verify = step.verify
    return {
        "id": step.id,
        "title": step.title,
        "kind": str(step.kind),
        "lines": _lines(step.lines),
        "consumes": list(step.consumes),
        "produces": list(step.produces),
        "risky": step.risky,
        "risk": step.risk,
        "calls": [_call(c) for c in step.calls],
        "effect": _effect(step.effect),
        "join": str(step.join),
        "for_each": step.for_each,
        "optional": step.optional,
        "timeout_s": step.timeout_s,
        "retries": step.retries,
        "verify": None
        if verify is None
        else {
            "calls": [_call(c) for c in verify.calls],
            "condition": _condition(verify.condition),
            "within_s": verify.within_s,
        },
        "undo": step.undo,
        "text": step.text,
    }


def _edge(edge: Edge) -> dict[str, Any]:
    condition = edge.condition
    return {
        "from": edge.source,
        "to": edge.target,
        "condition": condition.text if condition else None,
        "condition_lines": _flat(condition.lines) if condition else [],
        "type": str(edge.kind),
        "id": edge.id,
        "typed": _condition(condition) if condition else None,
        "default": edge.default,
        "bound": edge.bound,
        "otherwise": edge.otherwise,
        "lines": _lines(edge.lines),
    }


# -- reading ----------------------------------------------------------------------------------


class _Reader:
    """A JSON object and its path, so that every complaint says where."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise PlanError(f"{path}: an object is expected, this is {type(value).__name__}")
        self.value, self.path = value, path

    def get(self, key: str, kind: type[T]) -> T:
        value = self._of(key)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)  # type: ignore[return-value]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise PlanError(f"{self.path}.{key}: {kind.__name__} is expected, this is {json.dumps(value)[:60]}")
        return value

    def maybe(self, key: str, kind: type[T]) -> T | None:
        return None if self._of(key) is None else self.get(key, kind)

    def any(self, key: str) -> Any:
        return self._of(key)

    def child(self, key: str) -> _Reader:
        return _Reader(self._of(key), f"{self.path}.{key}")

    def each(self, key: str, read: Callable[[_Reader], T]) -> tuple[T, ...]:
        return tuple(read(_Reader(v, f"{self.path}.{key}[{i}]")) for i, v in enumerate(self.get(key, list)))

    def names(self, key: str) -> tuple[str, ...]:
        items = self.get(key, list)
        if not all(isinstance(i, str) for i in items):
            raise PlanError(f"{self.path}.{key}: a list of texts is expected")
        return tuple(items)

    def groups(self, key: str) -> list[list[str]]:
        groups = self.get(key, list)
        if not all(isinstance(g, list) and all(isinstance(i, str) for i in g) for g in groups):
            raise PlanError(f"{self.path}.{key}: a list of lists of step ids is expected")
        return groups

    def spans(self, key: str) -> tuple[Span, ...]:
        try:
            return tuple(Span(first, last) for first, last in self.get(key, list))
        except (TypeError, ValueError) as exc:
            raise PlanError(f"{self.path}.{key}: pairs of line numbers are expected") from exc

    def enum(self, key: str, kind: type[E]) -> E:
        return _enum(kind, self._of(key), f"{self.path}.{key}")

    def _of(self, key: str) -> Any:
        if key not in self.value:
            raise PlanError(f"{self.path}.{key}: missing")
        return self.value[key]


def _enum(kind: type[E], value: Any, path: str) -> E:
    try:
        return kind(value)
    except ValueError:
        raise PlanError(f"{path}: one of {', '.join(kind)} is expected, this is {json.dumps(value)[:60]}") from None


def _read_input(r: _Reader) -> Input:
    return Input(
        name=r.get("name", str),
        type=r.enum("type", ValueType),
        source=r.maybe("source", str),
        default=r.any("default"),
        required=r.get("required", bool),
    )


def _read_effect(r: _Reader) -> Effect:
    reads, writes = r.any("reads"), r.any("writes")
    return Effect(
        reads=None if reads is None else frozenset(r.names("reads")),
        writes=None if writes is None else frozenset(r.names("writes")),
    )


def _read_condition(r: _Reader) -> Condition:
    return Condition(
        text=r.get("text", str),
        lines=r.spans("lines"),
        cel=r.maybe("cel", str),
        names=r.names("names"),
        for_s=r.get("for_s", float),
    )


def _read_call(r: _Reader) -> Call:
    return Call(
        plugin=r.get("plugin", str),
        arguments=r.get("arguments", dict),
        bind=r.maybe("bind", str),
        lines=r.spans("lines"),
        timeout_s=r.maybe("timeout_s", float),
        version=r.get("version", str),
        result=r.enum("result", ValueType),
    )


def _read_verify(r: _Reader) -> Verify:
    return Verify(
        calls=r.each("calls", _read_call),
        condition=_read_condition(r.child("condition")),
        within_s=r.get("within_s", float),
    )


def _read_step(r: _Reader) -> Step:
    return Step(
        id=r.get("id", str),
        title=r.get("title", str),
        kind=r.enum("kind", Kind),
        lines=r.spans("lines"),
        calls=r.each("calls", _read_call),
        consumes=r.names("consumes"),
        produces=r.names("produces"),
        effect=_read_effect(r.child("effect")),
        risky=r.get("risky", bool),
        risk=r.get("risk", str),
        join=r.enum("join", Join),
        for_each=r.maybe("for_each", str),
        optional=r.get("optional", bool),
        timeout_s=r.get("timeout_s", float),
        retries=r.get("retries", int),
        verify=None if r.any("verify") is None else _read_verify(r.child("verify")),
        undo=r.maybe("undo", str),
        text=r.get("text", str),
    )


def _read_edge(r: _Reader) -> Edge:
    return Edge(
        source=r.get("from", str),
        target=r.get("to", str),
        condition=None if r.any("typed") is None else _read_condition(r.child("typed")),
        kind=r.enum("type", EdgeKind),
        default=r.get("default", bool),
        bound=r.maybe("bound", int),
        otherwise=r.get("otherwise", bool),
        lines=r.spans("lines"),
    )
