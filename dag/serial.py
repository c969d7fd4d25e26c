"""The plan's JSON form: the one owner of its names, both ways, exact to the digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any

from dag.effects import parallel_pairs
from dag.errors import CycleError, PlanError
from dag.model import (
    START,
    TERMINALS,
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
from dag.reader import AGAIN, Reader, enum

FORMAT = "stepfleet-plan/1"


def to_json(plan: Plan, *, pairs: bool = True) -> dict[str, Any]:
    """The plan as a JSON document. `pairs=False` leaves out `parallel_pairs`, which grows with n squared."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "guide": plan.guide,
        "guide_sha256": plan.guide_sha256,
        "title": plan.title,
        "digest": plan.digest,
        "inputs": [_fields(i) for i in plan.inputs],
        "steps": [step_to_json(s) for s in plan.steps],
        "edges": [_edge(e) for e in plan.edges],
        "alternatives": [sorted(a) for a in plan.alternatives],
        "simultaneous": [sorted(g) for g in plan.simultaneous],
        "types": {n: str(t) for n, t in sorted(plan.types.items())},
        "speculation": plan.speculation,
    }
    if pairs:
        try:
            document["parallel_pairs"] = [list(p) for p in parallel_pairs(plan)]
        except CycleError:  # a plan that is shown for its defects has no order
            document["parallel_pairs"] = []
    return document


def from_json(document: Any) -> Plan:
    """Read a plan back. Raises PlanError naming the JSON path that is wrong, or a digest that does not fit.

    `parallel_pairs`, an edge's `id` and its shown `condition` follow from the rest and are not read.
    """
    root = Reader(document, "$")
    if root.get("format", str) != FORMAT:
        raise PlanError(f"$.format: this is no {FORMAT}", hint=AGAIN)
    steps, edges = root.each("steps", _read_step), root.each("edges", _read_edge)
    groups = {key: root.groups(key) for key in ("alternatives", "simultaneous")}
    _check_ids(steps, edges, groups)
    types = root.get("types", dict)
    plan = Plan(
        guide=root.get("guide", str),
        guide_sha256=root.get("guide_sha256", str),
        title=root.get("title", str),
        inputs=root.each("inputs", _read_input),
        steps=steps,
        edges=edges,
        alternatives=tuple(frozenset(g) for g in groups["alternatives"]),
        simultaneous=tuple(frozenset(g) for g in groups["simultaneous"]),
        types={n: enum(ValueType, t, f"$.types.{n}") for n, t in types.items()},
        speculation=root.get("speculation", bool) if "speculation" in document else True,
    )
    if root.get("digest", str) != _digest(plan):
        raise PlanError("$.digest: the plan does not have this digest", hint=f"it was edited; {AGAIN}")
    return plan


def _digest(plan: Plan) -> str:
    try:
        return plan.digest
    except ValueError as exc:
        raise PlanError(f"$: it holds a number that JSON does not have ({exc})", hint=AGAIN) from exc
    except RecursionError:
        raise PlanError("$.steps: arguments are nested too deeply", hint=AGAIN) from None


def _check_ids(steps: Sequence[Step], edges: Sequence[Edge], groups: Mapping[str, Sequence[Sequence[str]]]) -> None:
    known: set[str] = set()
    for i, step in enumerate(steps):
        if step.id in known or step.id == START or step.id in TERMINALS:
            raise PlanError(f"$.steps[{i}].id: '{step.id}' is reserved or used twice", hint=AGAIN)
        known.add(step.id)
    for i, edge in enumerate(edges):
        if edge.source not in known and edge.source != START:
            raise PlanError(f"$.edges[{i}].from: no step is '{edge.source}'", hint=AGAIN)
        if edge.target not in known and edge.target not in TERMINALS:
            raise PlanError(f"$.edges[{i}].to: no step and no ending is '{edge.target}'", hint=AGAIN)
    for key, listed in groups.items():
        for i, group in enumerate(listed):
            for name in group:
                if name not in known:
                    raise PlanError(f"$.{key}[{i}]: no step is '{name}'", hint=AGAIN)


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


def step_to_json(step: Step) -> dict[str, Any]:
    """One step of the document."""
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


def _read_input(r: Reader) -> Input:
    return Input(
        name=r.get("name", str),
        type=r.choice("type", ValueType),
        source=r.maybe("source", str),
        default=r.any("default"),
        required=r.get("required", bool),
    )


def _read_effect(r: Reader) -> Effect:
    reads, writes = r.any("reads"), r.any("writes")
    return Effect(
        reads=None if reads is None else frozenset(r.names("reads")),
        writes=None if writes is None else frozenset(r.names("writes")),
    )


def _read_condition(r: Reader) -> Condition:
    return Condition(
        text=r.get("text", str),
        lines=r.spans("lines"),
        cel=r.maybe("cel", str),
        names=r.names("names"),
        for_s=r.get("for_s", float),
    )


def _read_call(r: Reader) -> Call:
    return Call(
        plugin=r.get("plugin", str),
        arguments=r.get("arguments", dict),
        bind=r.maybe("bind", str),
        lines=r.spans("lines"),
        timeout_s=r.maybe("timeout_s", float),
        version=r.get("version", str),
        result=r.choice("result", ValueType),
    )


def _read_verify(r: Reader) -> Verify:
    return Verify(
        calls=r.each("calls", _read_call),
        condition=_read_condition(r.child("condition")),
        within_s=r.get("within_s", float),
    )


def _read_step(r: Reader) -> Step:
    return Step(
        id=r.get("id", str),
        title=r.get("title", str),
        kind=r.choice("kind", Kind),
        lines=r.spans("lines"),
        calls=r.each("calls", _read_call),
        consumes=r.names("consumes"),
        produces=r.names("produces"),
        effect=_read_effect(r.child("effect")),
        risky=r.get("risky", bool),
        risk=r.get("risk", str),
        join=r.choice("join", Join),
        for_each=r.maybe("for_each", str),
        optional=r.get("optional", bool),
        timeout_s=r.get("timeout_s", float),
        retries=r.get("retries", int),
        verify=None if r.any("verify") is None else _read_verify(r.child("verify")),
        undo=r.maybe("undo", str),
        text=r.get("text", str),
    )


def _read_edge(r: Reader) -> Edge:
    return Edge(
        source=r.get("from", str),
        target=r.get("to", str),
        condition=None if r.any("typed") is None else _read_condition(r.child("typed")),
        kind=r.choice("type", EdgeKind),
        default=r.get("default", bool),
        bound=r.maybe("bound", int),
        otherwise=r.get("otherwise", bool),
        lines=r.spans("lines"),
    )
