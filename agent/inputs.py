"""A run's inputs: where each value comes from, and what happens when it does not come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from agent.errors import StepfleetError
from dag.model import Input, ValueType
from telemetry.alerts import Alert


class MissingInput(StepfleetError):
    """The alert does not give an input that the guide needs."""


def bind_inputs(
    declared: Sequence[Input], given: Mapping[str, str], alert: Alert | None, now: datetime
) -> dict[str, Mapping[str, Any]]:
    """Every declared input's value: what a person gave, else the alert's, else the default.

    Raises: MissingInput naming the input and where it should come from; for a value of the wrong type too.
    """
    bound: dict[str, Mapping[str, Any]] = {}
    unknown = given.keys() - {i.name for i in declared}
    if unknown:
        known = ", ".join(i.name for i in declared) or "none"
        raise MissingInput(f"the guide declares no input '{min(unknown)}' (it declares: {known})")
    for item in declared:
        raw = given.get(item.name, _from_alert(item, alert))
        raw = item.default if raw is None else raw
        if raw is not None:
            bound[item.name] = inline(_typed(item, raw), item.type, now)
        elif item.required:
            raise MissingInput(f"input '{item.name}' has no value: expected from {item.source or 'a person'}")
    return bound


def _from_alert(item: Input, alert: Alert | None) -> str | None:
    if alert is None or item.source is None:
        return None
    part, _, name = item.source.partition(".")
    table = {"labels": alert.labels, "annotations": alert.annotations}.get(part, {})
    return table.get(name)


def _typed(item: Input, raw: Any) -> Any:
    try:
        if item.type is ValueType.SCALAR:
            return float(raw)
        if item.type is ValueType.BOOL:
            return raw if isinstance(raw, bool) else {"true": True, "false": False}[str(raw).lower()]
    except (ValueError, KeyError) as exc:
        raise MissingInput(f"input '{item.name}': '{raw}' is no {item.type}") from exc
    return str(raw) if item.type is ValueType.STRING else raw


def inline(value: Any, type_: ValueType, as_of: datetime) -> Mapping[str, Any]:
    """A small value as the journal keeps it."""
    return {"value": value, "type": str(type_), "as_of": as_of.isoformat()}
