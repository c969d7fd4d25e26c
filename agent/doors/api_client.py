"""A small client of stepfleet's own HTTP door, for the demo and for the commands that talk to a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from agent.errors import StepfleetError
from agent.report import Report
from agent.run.events import Event, EventKind
from agent.run.journal import parse_key
from dag.model import Plan
from dag.serial import from_json


class ApiClient:
    """Use as an async context manager. Raises StepfleetError for whatever the server refuses."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=10.0
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def is_up(self) -> bool:
        try:
            return (await self._http.get("/healthz")).status_code == 200
        except httpx.HTTPError:
            return False

    async def runs(self) -> list[dict[str, Any]]:
        return list((await self._get("/runs"))["runs"])

    async def plan(self, run_id: str) -> Plan:
        return from_json((await self._get(f"/runs/{run_id}"))["plan"])

    async def report(self, run_id: str) -> Report:
        return Report.from_json(await self._get(f"/runs/{run_id}/report"))

    async def _get(self, path: str) -> Any:
        answer = await self._http.get(path)
        if answer.status_code != 200:
            raise StepfleetError(f"{self.url}{path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    async def events(self, run_id: str) -> AsyncIterator[Event]:
        """Every event of the run from its first, until it ends."""
        async with self._http.stream("GET", f"/runs/{run_id}/events", timeout=None) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    yield _event(json.loads(line.removeprefix("data:")))


def _event(document: dict[str, Any]) -> Event:
    return Event(
        seq=document["seq"],
        kind=EventKind(document["kind"]),
        at=datetime.fromisoformat(document["at"]),
        key=parse_key(document["step"]) if document["step"] else None,
        attempt=document["attempt"],
        payload=document["payload"],
    )
