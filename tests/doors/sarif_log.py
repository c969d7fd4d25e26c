"""What lint writes of SARIF 2.1.0, as a schema: nothing else may stand in a log.

Source: SARIF 2.1.0 (OASIS), sections 3.4, 3.11, 3.13, 3.14, 3.19, 3.27, 3.29, 3.30, 3.49 and 3.55 to 3.57.
"""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string", "minLength": 1}
MESSAGE = {"properties": {"text": TEXT, "markdown": TEXT}, "required": ["text"]}
LINE = {"type": "integer", "minimum": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
ARTIFACT = {
    "properties": {"uri": {"type": "string", "pattern": r"^[A-Za-z0-9._~!$&'()*+,;=:@%/-]+$"}, "uriBaseId": TEXT},
    "required": ["uri"],
}
RULE = {
    "properties": {
        "id": TEXT,
        "name": {"type": "string", "pattern": r"^\w+$"},
        "shortDescription": MESSAGE,
        "fullDescription": MESSAGE,
        "help": MESSAGE,
        "defaultConfiguration": {"properties": {"level": LEVEL}},
        "properties": {"properties": {"category": TEXT, "tags": {"items": TEXT, "uniqueItems": True, "minItems": 1}}},
    },
    "required": ["id", "shortDescription", "fullDescription", "help", "defaultConfiguration", "properties"],
}
REGION = {"properties": {"startLine": LINE, "startColumn": LINE, "endLine": LINE}, "required": ["startLine"]}
CHANGE = {
    "properties": {
        "artifactLocation": ARTIFACT,
        "replacements": {
            "items": {
                "properties": {
                    "deletedRegion": REGION,
                    "insertedContent": {"properties": {"text": {"type": "string"}}},
                },
                "required": ["deletedRegion"],
            },
            "minItems": 1,
        },
    },
    "required": ["artifactLocation", "replacements"],
}
LOCATION = {"properties": {"physicalLocation": {"properties": {"artifactLocation": ARTIFACT, "region": REGION}}}}
RESULT = {
    "properties": {
        "ruleId": TEXT,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": MESSAGE,
        "locations": {"items": LOCATION, "minItems": 1},
        "partialFingerprints": {"additionalProperties": TEXT, "minProperties": 1},
        "fixes": {
            "items": {
                "properties": {"description": MESSAGE, "artifactChanges": {"items": CHANGE, "minItems": 1}},
                "required": ["artifactChanges"],
            }
        },
    },
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
}
DRIVER = {
    "properties": {"name": TEXT, "version": TEXT, "rules": {"items": RULE, "uniqueItems": True}},
    "required": ["name", "rules"],
}
_LOG = {
    "properties": {
        "$schema": {"const": "https://json.schemastore.org/sarif-2.1.0.json"},
        "version": {"const": "2.1.0"},
        "runs": {
            "items": {
                "properties": {
                    "tool": {"properties": {"driver": DRIVER}, "required": ["driver"]},
                    "originalUriBaseIds": {
                        "additionalProperties": {"properties": {"uri": TEXT, "description": MESSAGE}}
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"items": RESULT},
                },
                "required": ["tool", "results"],
            },
            "minItems": 1,
        },
    },
    "required": ["version", "runs"],
}


def _closed(schema: Any) -> Any:
    """The schema with every object's properties being all that it may have."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {
        key: {name: _closed(part) for name, part in value.items()} if key == "properties" else _closed(value)
        for key, value in schema.items()
    }
    if "properties" in inner or "additionalProperties" in inner:
        inner = {"additionalProperties": False, **inner, "type": "object"}
    return {**inner, "type": "array"} if "items" in inner else inner


LOG = _closed(_LOG)
