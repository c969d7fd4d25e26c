"""Alertmanager's webhook, version 4: the payload turned into a `Notification`, or refused with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictStr, ValidationError

from telemetry.alerts import Alert, AlertStatus, Notification
from telemetry.errors import BadAlert

SOURCE = "alertmanager"
ZERO_YEAR = 1  # Go's zero time, 0001-01-01: "not set"
SENDER_HINT = "point an Alertmanager receiver's webhook_configs url here; its payload has version 4"

Labels = dict[StrictStr, StrictStr]
Time = Annotated[AwareDatetime, Field(strict=True)]  # a number is no time on this wire


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _AlertWire(_Wire):
    status: Literal["firing", "resolved"]
    labels: Labels
    annotations: Labels = {}
    startsAt: Time  # noqa: N815 - the wire's name
    endsAt: Time | None = None  # noqa: N815
    generatorURL: StrictStr = ""  # noqa: N815
    fingerprint: Annotated[StrictStr, Field(min_length=1)]


class _NotificationWire(_Wire):
    version: Literal["4"]
    groupKey: Annotated[StrictStr, Field(min_length=1)]  # noqa: N815
    truncatedAlerts: Annotated[int, Field(ge=0, strict=True)] = 0  # noqa: N815
    externalURL: StrictStr = ""  # noqa: N815
    alerts: Annotated[list[_AlertWire], Field(min_length=1)]


def parse_v4(body: bytes, source: str = SOURCE) -> Notification:
    """Read one webhook call of `source`. Each alert keeps its own status, whatever the group's is.

    Unknown fields are ignored, so that a newer Alertmanager is still understood. Times keep microseconds.
    Raises: BadAlert, and nothing else, for any bytes.
    """
    wire = _read(body)
    try:
        alerts = tuple(_alert(a) for a in wire.alerts)
    except OverflowError as exc:
        raise BadAlert(f"the notification holds a time that no calendar has: {exc}", hint=SENDER_HINT) from exc
    return Notification(source, wire.groupKey, alerts, wire.truncatedAlerts, wire.externalURL)


def _read(body: bytes) -> _NotificationWire:
    if not body.strip():
        raise BadAlert("the notification has no body", hint=SENDER_HINT)
    try:
        # Straight from the bytes: this parser bounds its depth and refuses half surrogates, which no store takes.
        return _NotificationWire.model_validate_json(body)
    except ValidationError as exc:
        problems = [_sentence(e["loc"], e["msg"]) for e in exc.errors(include_input=False, include_url=False)]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise BadAlert(f"{problems[0]}{more}", hint=SENDER_HINT) from exc


def _sentence(loc: tuple[int | str, ...], message: str) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
    return f"{where or 'the notification'}: {message}"


def _alert(wire: _AlertWire) -> Alert:
    status = AlertStatus(wire.status)
    ends_at = None if wire.endsAt is None or wire.endsAt.year == ZERO_YEAR else _utc(wire.endsAt)
    return Alert(
        name=wire.labels.get("alertname", ""),
        status=status,
        fingerprint=wire.fingerprint,
        starts_at=_utc(wire.startsAt),
        # A firing alert's endsAt is when it would expire without news, not when it ended.
        ends_at=ends_at if status is AlertStatus.RESOLVED else None,
        labels=wire.labels,
        annotations=wire.annotations,
        generator_url=wire.generatorURL,
    )


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)
