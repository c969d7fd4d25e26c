"""Notifications as Alertmanager sends them, and their sending."""

from __future__ import annotations

from typing import Any

import httpx

from tests.doors.conftest import bearer

HOOK = "/webhooks/alertmanager"


def firing(n: int = 0, **over: Any) -> dict[str, Any]:
    """The `n`-th alert: another number is another fingerprint."""
    fields = {
        "status": "firing",
        "labels": {"alertname": "Hot", "n": str(n)},
        "annotations": {},
        "startsAt": "2026-01-01T00:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": f"{n:016x}",
    }
    return {**fields, **over}


def notification(*alerts: dict[str, Any], **over: Any) -> dict[str, Any]:
    return {"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "r", "alerts": list(alerts), **over}


async def send(http: httpx.AsyncClient, note: dict[str, Any]) -> httpx.Response:
    return await http.post(HOOK, json=note, headers=bearer("alertmanager"))
