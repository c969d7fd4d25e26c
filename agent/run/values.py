"""Named values of a run: small ones inline in the journal, large ones, and those that hold secrets, by reference.

A typed condition and a later call need what was read as it was read; an event holds only what may be shown of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from agent.redact import redacted, redacted_value, safe_text
from agent.run.journal import SAMPLE_ITEMS, SMALL_BYTES, Journal, compact, keep_artifact
from agent.run.store import Lease
from plugins.base import Result
from plugins.errors import PluginError

MAX_VALUE_BYTES = 64 * 1024 * 1024  # larger answers are refused: a step's result is evidence, not a dump
SAMPLE_CHARS = 500
DEEPEST = 500  # levels; what is nested deeper is left to the encoder to refuse

Stored = Mapping[str, Any]


def store(journal: Journal, lease: Lease, result: Result) -> Stored:
    """Turn a result into what the journal keeps; a large one is queued as an artifact before its event.

    Raises: PluginError when it is no JSON or larger than MAX_VALUE_BYTES.
    """
    if _is_longer(result.value, MAX_VALUE_BYTES):  # not even written out: it might not fit into memory twice
        raise _too_long()
    try:
        body = compact(result.value).encode()
    except (TypeError, ValueError) as exc:
        raise PluginError(f"the answer is not JSON: {exc}", hint="this is a defect of the plugin") from exc
    facts: dict[str, Any] = {"type": str(result.type), "as_of": result.as_of.isoformat()}
    if result.unit:
        facts["unit"] = result.unit
    if result.evidence:
        facts["evidence"] = redacted(result.evidence)
    if len(body) <= SMALL_BYTES:
        shown = redacted_value(result.value)
        if shown == result.value:
            return {"value": result.value, **facts}
    else:
        shown = redacted_value(_sample(result.value))
    if len(body) > MAX_VALUE_BYTES:
        raise _too_long()
    sha256 = hashlib.sha256(body).hexdigest()

    def keep(conn: Connection) -> None:
        keep_artifact(conn, lease.run_id, sha256, body)

    journal.write_soon(keep, durable=False, alone=False, under=lease)  # without it, its event is not written either
    return {"artifact": sha256, "bytes": len(body), "sample": shown, **facts}


def _is_longer(value: Any, limit: int) -> bool:
    """Whether `value` takes more than `limit` bytes as JSON even if no character of it needs an escape."""
    size = 0
    todo: list[Iterator[Any]] = [iter((value,))]
    while todo and len(todo) <= DEEPEST and size <= limit:
        match next(todo[-1], todo):
            case item if item is todo:
                todo.pop()
            case str(text):
                size += len(text) + 2
            case dict(entries):
                size += sum(len(str(k)) + 4 for k in entries)
                todo.append(iter(entries.values()))
            case list(items) | tuple(items):
                size += len(items)
                todo.append(iter(items))
            case _:
                size += 1
    return size > limit


def _too_long() -> PluginError:
    return PluginError(
        f"the answer has more than {MAX_VALUE_BYTES:,} bytes",
        hint="aggregate in the query (max by, topk) or narrow its range",
    )


def load(journal: Journal, stored: Stored) -> Any:
    """The value itself. Reads the database for an artifact: call it off the event loop then."""
    return journal.artifact(stored["artifact"]) if "artifact" in stored else stored["value"]


def load_all(journal: Journal, values: Mapping[str, Stored], names: Iterable[str]) -> dict[str, Any]:
    """Those of `names` that have a value."""
    return {n: load(journal, values[n]) for n in names if n in values}


def preview(stored: Stored) -> Any:
    """What people and the model see of a value: itself, or a sample of a large one."""
    return stored["sample"] if "artifact" in stored else stored["value"]


def _sample(value: Any) -> Any:
    match value:
        case list():
            return [_sample(v) for v in value[:SAMPLE_ITEMS]]
        case Mapping():
            return {k: _sample(v) for k, v in list(value.items())[:20]}
        case str():
            return safe_text(value, SAMPLE_CHARS) if len(value) > SAMPLE_CHARS else value
        case _:
            return value
