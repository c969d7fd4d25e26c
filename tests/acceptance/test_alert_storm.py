"""A storm of 10,000 alerts, with `kill -9` in its midst: what got a 2xx is journalled, once, in its group's run."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from examples.fleet.processes import free_port
from tests.doors.conftest import GUIDE
from tests.doors.notifications import firing, notification, send
from tests.doors.pushing import pushing, served
from tests.plugins.http_target import http_target, says

GROUPS, PER_POST, POSTS = 250, 20, 2  # of each group: 40 alerts in two posts
SENDERS = 16


def posts() -> list[dict[str, Any]]:
    return [
        notification(
            *(
                firing((g * POSTS + part) * PER_POST + i, labels={"alertname": "Hot", "team": f"team-{g % 3}"})
                for i in range(PER_POST)
            ),
            groupKey=f"group-{g}",
        )
        for part in range(POSTS)
        for g in range(GROUPS)
    ]


class Storm:
    """Senders that, as Alertmanager does, come again after a 503 or a refused connection."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.todo = posts()
        self.answers: Counter[str] = Counter()

    async def sender(self) -> None:
        async with httpx.AsyncClient(base_url=self.address, trust_env=False, timeout=20) as http:
            while self.todo:
                note = self.todo.pop(0)
                while not await self._sent(http, note):
                    await asyncio.sleep(0.1)

    async def _sent(self, http: httpx.AsyncClient, note: dict[str, Any]) -> bool:
        try:
            answer = await send(http, note)
        except httpx.TransportError:
            self.answers["no answer"] += 1
            return False
        self.answers[str(answer.status_code)] += 1
        assert answer.status_code in (202, 503), answer.text
        assert answer.status_code == 202 or int(answer.headers["retry-after"]) > 0
        return answer.status_code == 202


def asked(journal: Path, query: str) -> list[tuple[Any, ...]]:
    conn = sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=10)
    try:
        return conn.execute(query).fetchall()
    finally:
        conn.close()


async def test_a_storm_with_a_killed_server_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    port = free_port()
    journal = tmp_path / "journal.db"
    async with http_target(says(200)) as target:
        config = pushing(tmp_path, target, port=port)
        (tmp_path / "guides" / "push.md").write_text(GUIDE)  # it parks: the runs stay open for their alerts
        config.write_text(config.read_text().replace("[api]\n", "[api]\nmax_queued = 5\n"))
        storm = Storm(f"http://127.0.0.1:{port}")
        async with served(config) as first:
            senders = [asyncio.create_task(storm.sender()) for _ in range(SENDERS)]
            while storm.answers["202"] < 100:
                await asyncio.sleep(0.01)
            await first.stop(signal.SIGKILL)
        async with served(config):
            await asyncio.wait_for(asyncio.gather(*senders), 120)
            unheard = (
                "SELECT (SELECT count(*) FROM run_command) - (SELECT count(*) FROM run_event WHERE kind='alert_joined')"
            )
            while asked(journal, unheard) != [(0,)]:
                await asyncio.sleep(0.2)
    assert storm.answers["202"] == GROUPS * POSTS
    assert storm.answers["no answer"] > 0
    assert storm.answers["503"] > 0
    sent = {a["fingerprint"]: p["groupKey"] for p in posts() for a in p["alerts"]}
    assert len(sent) == 10_000
    runs = {group: run_id for run_id, group in asked(journal, "SELECT id, group_key FROM run")}
    assert len(asked(journal, "SELECT id FROM run")) == len(runs) == len(set(sent.values()))
    taken = Counter(a["fingerprint"] for (body,) in asked(journal, "SELECT body FROM intake") for a in json.loads(body))
    assert taken.keys() == sent.keys()
    folded: Counter[tuple[str, str]] = Counter()
    events = "SELECT run_id, payload FROM run_event WHERE kind IN ('run_opened', 'alert_joined')"
    for run_id, payload in asked(journal, events):
        facts = json.loads(payload)
        for alert in facts.get("alert", facts).get("alerts", ()):
            folded[alert["fingerprint"], run_id] += 1
    assert folded == {(fingerprint, runs[group]): 1 for fingerprint, group in sent.items()}
