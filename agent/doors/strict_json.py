"""JSON as it leaves through any door: ASCII, null for what is no number, and without secrets.

A value of the fleet may hold what JSON has no word for: NaN, an infinity, half a surrogate pair. It must
not make a whole report unreadable. Redaction is here, and in `escape` for text, so that no door can forget it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from agent.redact import redacted_value


def dumps(document: Any, indent: int | None = None) -> str:
    """Write a document; only one that cannot be written as it is costs a second look."""
    document = redacted_value(document)
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(document, allow_nan=False, indent=indent, separators=separators)
    except ValueError:
        return json.dumps(_finite(document), allow_nan=False, indent=indent, separators=separators)


def _finite(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case Mapping():
            return {k: _finite(v) for k, v in value.items()}
        case list() | tuple():
            return [_finite(v) for v in value]
        case _:
            return value
