"""A real Alertmanager keeps what stepfleet could not take, and brings it again until it can: once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.storm import asked
from examples.fleet.errors import ToolMissing
from examples.fleet.files import project_cache
from examples.fleet.observability import Webhook, start_monitoring
from examples.fleet.processes import free_port
from tests.doors.notifications import firing, notification, send
from tests.doors.pushing import pushing, served
from tests.plugins.http_target import Seen, http_target, says

PATIENCE_S = 90.0


@asynccontextmanager
async def alertmanager(folder: Path, url: str, token_file: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The real one, with `url` as its receiver, and a client of it."""
    folder.mkdir()
    try:
        monitoring = await start_monitoring(
            folder=folder,
            cache=project_cache(),
            logs=folder,
            gateway_url=f"http://127.0.0.1:{free_port()}",
            webhook=Webhook(url, token_file),
        )
    except ToolMissing as missing:
        pytest.skip(f"{missing} ({missing.hint})")
    try:
        async with httpx.AsyncClient(base_url=monitoring.alertmanager_url, trust_env=False) as http:
            yield http
    finally:
        await monitoring.stop()


async def fire(http: httpx.AsyncClient, **labels: str) -> None:
    alert = {"labels": {"alertname": "Hot", **labels}, "startsAt": datetime.now(UTC).isoformat()}
    answer = await http.post("/api/v2/alerts", json=[alert])
    answer.raise_for_status()


async def failed_posts(http: httpx.AsyncClient) -> float:
    """How often Alertmanager's webhook was not taken, by its own count."""
    text = (await http.get("/metrics")).text
    name = "alertmanager_notification_requests_failed_total"
    lines = [x for x in text.splitlines() if x.startswith(name) and 'integration="webhook"' in x]
    return sum(float(x.rsplit(" ", 1)[1]) for x in lines)


async def until(what: Any) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while not (seen := await what()):
            await asyncio.sleep(0.2)
        return seen


def arrivals(journal: Path, fleet: str) -> int:
    """How many notifications about the fleet's alert are journalled."""
    try:
        return len([b for (b,) in asked(journal, "SELECT body FROM intake") if f'"{fleet}"' in b])
    except sqlite3.OperationalError:
        return 0  # the journal is being made


async def test_what_came_while_the_service_was_down_arrives_once_it_is_up(tmp_path: Path) -> None:
    port = free_port()
    journal = tmp_path / "journal.db"
    async with http_target(says(200)) as target:
        config = pushing(tmp_path, target, port=port)
        url = f"http://127.0.0.1:{port}/webhooks/alertmanager"
        async with alertmanager(tmp_path / "am", url, tmp_path / "alertmanager") as http:
            await fire(http, fleet="early")
            await until(lambda: failed_posts(http))
            async with served(config):

                async def arrived() -> int:
                    return arrivals(journal, "early")

                await until(arrived)
                await asyncio.sleep(2.0)  # were it to come again, it would
                assert arrivals(journal, "early") == 1
                assert asked(journal, "SELECT count(*) FROM run") == [(1,)]


async def test_what_was_refused_under_pressure_arrives_when_there_is_room(tmp_path: Path) -> None:
    port = free_port()
    journal = tmp_path / "journal.db"
    room = asyncio.Event()

    async def slowly(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await room.wait()
        await says(200)(seen, writer)

    async with http_target(slowly) as target:
        config = pushing(tmp_path, target, port=port)
        text = config.read_text().replace("[api]\n", "[engine]\nruns_at_once = 1\n[api]\nmax_queued = 1\n")
        config.write_text(text)
        url = f"http://127.0.0.1:{port}/webhooks/alertmanager"
        async with served(config) as service, alertmanager(tmp_path / "am", url, tmp_path / "alertmanager") as http:
            for i in range(2):  # one at work, one in the queue: that is all there is room for
                answer = await send(service.http, notification(firing(i), groupKey=f"group-{i}"))
                assert answer.status_code == 202, answer.text
            await until(lambda: _is_full(service.http))
            await fire(http, fleet="late")
            await until(lambda: failed_posts(http))
            assert arrivals(journal, "late") == 0
            room.set()

            async def arrived() -> int:
                return arrivals(journal, "late")

            await until(arrived)
            await asyncio.sleep(2.0)
            assert arrivals(journal, "late") == 1
            assert asked(journal, "SELECT count(*) FROM run") == [(3,)]


async def _is_full(http: httpx.AsyncClient) -> bool:
    answer = await send(http, notification(firing(9), groupKey="group-9"))
    return answer.status_code == 503
