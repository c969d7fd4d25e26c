"""A plan's value as one piece of plain text, for the languages that bind their values themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from plugins.errors import BadArguments

MAX_VALUE = 4096  # characters


def plain_text(name: str, values: Mapping[str, Any]) -> str:
    """The value as people write it: `3`, not `3.0`; `true`, not `True`.

    Raises: BadArguments when there is none, when it is a document or no number, too long, or no Unicode text.
    """
    if name not in values:
        raise BadArguments(f"no value is named '{name}'", hint="declare it as an input or produce it in a step before")
    match values[name]:
        case bool() as value:
            return "true" if value else "false"
        case str() as value:
            text = value
        case int() as value:
            text = str(value)
        case float() as value if math.isfinite(value):
            text = str(int(value)) if value.is_integer() else repr(value)
        case value:
            raise BadArguments(f"'{name}' is {_kind(value)} and no plain text", hint="bind a text or a number")
    if len(text) > MAX_VALUE:
        raise BadArguments(f"'{name}' has {len(text):,} characters", hint=f"at most {MAX_VALUE:,} are bound")
    try:
        text.encode()
    except UnicodeEncodeError as exc:  # half a surrogate pair
        raise BadArguments(f"'{name}' is no text: {exc}", hint="look at where it comes from") from exc
    return text


def _kind(value: Any) -> str:
    return f"{value}" if isinstance(value, float) else "missing" if value is None else "a document"
