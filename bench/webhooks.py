"""How many webhook calls a second are answered, each only after it is durable in the journal."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from agent.doors.api import create_app
from agent.service import build_service
from agent.settings import Settings

CALLS = 1_000
AT_ONCE = (1, 16, 64)
TOKEN = "bench-token-0123456789"  # noqa: S105 - of a server that lives for a second


def run() -> dict[str, Any]:
    rows = [asyncio.run(_row(n)) for n in AT_ONCE]
    return {
        "title": "Webhook answers",
        "verdict": f"{max(r['answers a second'] for r in rows)} answers a second at best, all durable.",
        "conditions": f"{CALLS} notifications of new alerts without a guide, through the whole HTTP application in "
        "process (no socket), each journalled with FULL synchronisation before its answer.",
        "rows": rows,
    }


async def _row(at_once: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder) / "token"
        token.write_text(TOKEN)
        guides = Path(folder) / "guides"
        guides.mkdir()
        settings = Settings.model_validate(
            {
                "journal": {"url": f"sqlite:///{folder}/journal.db"},
                "library": {"path": guides},
                "principals": [{"name": "am", "roles": ["webhook"], "token": {"file": token}}],
            }
        )
        service = build_service(settings)
        async with service:
            transport = httpx.ASGITransport(create_app(service, settings))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                seconds = await _drive(http, at_once)
    return {"calls at once": at_once, "answers a second": round(CALLS / seconds)}


async def _drive(http: httpx.AsyncClient, at_once: int) -> float:
    turns = iter(range(CALLS))
    began = time.perf_counter()

    async def worker() -> None:
        for i in turns:
            answer = await http.post(
                "/webhooks/alertmanager", content=_body(i), headers={"Authorization": f"Bearer {TOKEN}"}
            )
            assert answer.status_code in (200, 202), answer.text

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return time.perf_counter() - began


def _body(i: int) -> bytes:
    alert = {
        "status": "firing",
        "labels": {"alertname": "Bench", "n": str(i)},
        "annotations": {},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": f"{i:016x}",
    }
    return json.dumps(
        {
            "version": "4",
            "groupKey": f"bench-{i}",
            "status": "firing",
            "receiver": "x",
            "truncatedAlerts": 0,
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "",
            "alerts": [alert],
        }
    ).encode()
