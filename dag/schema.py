"""The JSON Schema of a plan's document: what `docs/plan.schema.json` publishes."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from dag.model import EdgeKind, Join, Kind, ValueType
from dag.serial import FORMAT

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_SECONDS: Schema = {"type": "number", "description": "seconds"}
_NAMES: Schema = {"type": "array", "items": _TEXT}
_GROUPS: Schema = {"type": "array", "items": {"type": "array", "items": _TEXT, "uniqueItems": True}}
_SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_LINE: Schema = {"type": "integer", "minimum": 1}


def plan_schema() -> Schema:
    """JSON Schema (draft 2020-12) of what `dag.serial.to_json` writes; every key is written, none is extra."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stepfleet plan",
        "description": "A troubleshooting guide compiled to steps and edges: `stepfleet compile GUIDE --json`.",
        **_object(
            {
                "format": {"const": FORMAT},
                "guide": _said(_TEXT, "path of the guide"),
                "guide_sha256": _said(_TEXT, "sha256 of the guide's text"),
                "title": _TEXT,
                "digest": _said(
                    _SHA256, "sha256 over steps, edges, arguments, conditions, effects, timeouts, versions"
                ),
                "inputs": _each("input"),
                "steps": _each("step"),
                "edges": _each("edge"),
                "alternatives": _said(_GROUPS, "steps of which one is meant"),
                "simultaneous": _said(_GROUPS, "steps that a sentence of the guide names as simultaneous"),
                "types": {"type": "object", "additionalProperties": _one_of(ValueType)},
                "parallel_pairs": _said(
                    {"type": "array", "items": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}},
                    "queries and actions that may run at the same time",
                ),
                "speculation": _said({"type": "boolean"}, "may its reads start before their branch is decided"),
            },
            optional=("parallel_pairs", "speculation"),
        ),
        "$defs": _definitions(),
    }


def _definitions() -> dict[str, Schema]:
    return {
        "lines": _said(
            {"type": "array", "items": {"type": "array", "prefixItems": [_LINE, _LINE], "minItems": 2, "maxItems": 2}},
            "first and last lines of the guide, from 1, inclusive",
        ),
        "input": _object(
            {
                "name": _TEXT,
                "type": _one_of(ValueType),
                "source": _said(_or_null(_TEXT), "path into the alert, e.g. labels.replica"),
                "default": {},
                "required": _FLAG,
            }
        ),
        "call": _call(),
        "effect": _object(
            {
                "reads": _said(_or_null(_NAMES), "resource keys; null: unknown"),
                "writes": _said(_or_null(_NAMES), "resource keys; null: unknown"),
            }
        ),
        "condition": _object(
            {
                "text": _said(_TEXT, "the guide's words"),
                "lines": _ref("lines"),
                "cel": _said(_or_null(_TEXT), "null: judged, not computed"),
                "names": _NAMES,
                "for_s": _said(_SECONDS, "seconds it must hold without a break"),
            }
        ),
        "verify": _object(
            {"calls": _each("call"), "condition": _ref("condition"), "within_s": _SECONDS},
        ),
        "step": _step(),
        "edge": _edge(),
    }


def _call() -> Schema:
    return _object(
        {
            "plugin": _TEXT,
            "arguments": {"type": "object"},
            "bind": _said(_or_null(_TEXT), "the name its result is bound to"),
            "lines": _ref("lines"),
            "timeout_s": _or_null(_SECONDS),
            "version": _said(_TEXT, "the plugin's"),
            "result": _one_of(ValueType),
        }
    )


def _step() -> Schema:
    return _object(
        {
            "id": _TEXT,
            "title": _TEXT,
            "kind": _said(
                _one_of(Kind),
                "query reads, action changes, check decides on what is there, manual needs a person",
            ),
            "lines": _ref("lines"),
            "consumes": _NAMES,
            "produces": _NAMES,
            "risky": _FLAG,
            "risk": _said(_TEXT, "why it is risky"),
            "calls": _each("call"),
            "effect": _ref("effect"),
            "join": _said(_one_of(Join), "starts after all its edges are decided, or with the first one taken"),
            "for_each": _or_null(_TEXT),
            "optional": _FLAG,
            "timeout_s": _SECONDS,
            "retries": {"type": "integer"},
            "verify": _or_null(_ref("verify")),
            "undo": _said(_or_null(_TEXT), "the guide's words for taking it back"),
            "text": _said(_TEXT, "the step's own prose"),
        }
    )


def _edge() -> Schema:
    return _object(
        {
            "from": _said(_TEXT, "a step's id, or START"),
            "to": _said(_TEXT, "a step's id, or END.resolved, END.escalate, END.not_applicable"),
            "condition": _said(_or_null(_TEXT), "the guide's words"),
            "condition_lines": {"type": "array", "items": _LINE},
            "type": _one_of(EdgeKind),
            "id": _TEXT,
            "typed": _said(_or_null(_ref("condition")), "the condition as it is decided"),
            "default": _said(_FLAG, "taken when the step's conditions cannot be decided"),
            "bound": _said(_or_null({"type": "integer"}), "how often a loop edge may be taken"),
            "otherwise": _said(_FLAG, "the complement of its siblings"),
            "lines": _ref("lines"),
        }
    )


def _object(properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key in properties if key not in optional],
        "additionalProperties": False,
    }


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(members: type[StrEnum]) -> Schema:
    return {"enum": [str(m) for m in members]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _each(name: str) -> Schema:
    return {"type": "array", "items": _ref(name)}
