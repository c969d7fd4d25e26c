"""An alert as every source is turned into, and one notification of a group of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AlertStatus(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert instance. `(fingerprint, starts_at)` identifies it; annotations may change under it.

    `ends_at` is None while it fires. Times are aware and UTC.
    """

    name: str
    status: AlertStatus
    fingerprint: str
    starts_at: datetime
    ends_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    generator_url: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """What one webhook call says: a group of alerts from one source.

    `group_key` coalesces calls about the same incident; `truncated` counts alerts the sender left out.
    """

    source: str
    group_key: str
    alerts: tuple[Alert, ...]
    truncated: int = 0
    external_url: str = ""

    @property
    def firing(self) -> tuple[Alert, ...]:
        return tuple(a for a in self.alerts if a.status is AlertStatus.FIRING)
