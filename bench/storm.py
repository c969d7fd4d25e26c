"""A storm of alerts from several Alertmanagers into a real `stepfleet serve`, with `kill -9` in its midst."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.guides import ASK
from examples.fleet.processes import free_port

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("east", "west", "north", "south")
GROUPS, POSTS, PER_POST = 50, 5, 10  # of each source: 50 groups of 50 alerts, in five bursts; 10,000 in all
SENDERS = 4  # connections of each source
PAUSE_S = 0.5  # before a sender comes again, as Alertmanager does after a 503 or a lost connection


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        seen = asyncio.run(storm(Path(folder)))
    lost, doubled = len(seen.lost()), len(seen.doubled())
    taken = sum(a["202"] for a in seen.answers.values())
    return {
        "title": "A storm of alerts",
        "verdict": f"{seen.alerts:,} alerts in {taken:,} notifications became {len(seen.runs)} runs, "
        f"{round(taken / seen.seconds)} notifications a second, over a `kill -9` and a restart: "
        f"{lost} accepted alerts lost, {doubled} heard twice.",
        "conditions": f"{len(SOURCES)} sources with equal group keys and {SENDERS} connections each, in {POSTS} "
        "bursts; the server, its senders and the journal on one disk share "
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}. At most 50 runs of a team and 100 in all may "
        "wait; a sender comes again after a 503 or a lost connection. Every answer 202 is durable before it is given. "
        "SIGKILL after a third of the answers.",
        "rows": [
            {
                "source": source,
                "202": answers["202"],
                "503": answers["503"],
                "no answer": answers["no answer"],
                "median, ms": round(statistics.median(seen.seconds_to_202[source]) * 1_000, 1),
                "99th percentile, ms": round(statistics.quantiles(seen.seconds_to_202[source], n=100)[98] * 1_000, 1),
            }
            for source, answers in sorted(seen.answers.items())
        ],
    }


@dataclass
class Seen:
    """What the senders were answered, and what the journal holds afterwards. An alert is (source, fingerprint)."""

    answers: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # by source
    seconds_to_202: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sent: dict[tuple[str, str], str] = field(default_factory=dict)  # the group key of each alert that got a 202
    runs: dict[str, tuple[str, str]] = field(default_factory=dict)  # source and group key of each run
    heard: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # source, fingerprint, group key of its run
    seconds: float = 0.0

    @property
    def alerts(self) -> int:
        return len(self.sent)

    def lost(self) -> list[tuple[str, str]]:
        """Accepted, and heard by no run of their source and group."""
        return [
            (source, print_) for (source, print_), group in self.sent.items() if not self.heard[source, print_, group]
        ]

    def doubled(self) -> list[tuple[str, str, str]]:
        """Heard more than once, or by a run that is not theirs."""
        own = {(*alert, group) for alert, group in self.sent.items()}
        return [alert for alert, times in self.heard.items() if times > 1 or alert not in own]


async def storm(folder: Path, *, most: int = 100, most_of_a_team: int = 50) -> Seen:
    """Send it all, kill and restart the server on the way, and read the journal when every alert has been heard."""
    port = free_port()
    tokens = {source: secrets.token_urlsafe(24) for source in SOURCES}
    config = _settings(folder, port, tokens, most, most_of_a_team)
    seen, began = Seen(), time.perf_counter()
    third = len(SOURCES) * GROUPS * POSTS // 3
    async with _serving(config) as first:
        sources = [asyncio.create_task(_source(seen, port, name, token)) for name, token in tokens.items()]
        while sum(a["202"] for a in seen.answers.values()) < third:  # noqa: ASYNC110 - answers of four tasks
            await asyncio.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        await first.wait()
    async with _serving(config):
        await asyncio.wait_for(asyncio.gather(*sources), 300)
        seen.seconds = time.perf_counter() - began
        while _unheard(folder):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.2)
    _read(folder, seen)
    return seen


async def _source(seen: Seen, port: int, name: str, token: str) -> None:
    """One Alertmanager: burst after burst, each group's next alerts."""
    headers = {"Authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=SENDERS)
    address = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=address, headers=headers, limits=limits, trust_env=False, timeout=60) as http:
        for burst in range(POSTS):
            async with asyncio.TaskGroup() as group:
                for n in range(GROUPS):
                    group.create_task(_send(seen, http, name, f"group-{n}", _alerts(n, burst)))


async def _send(seen: Seen, http: httpx.AsyncClient, source: str, group: str, alerts: list[dict[str, Any]]) -> None:
    note = {"version": "4", "groupKey": group, "status": "firing", "receiver": "r", "alerts": alerts}
    while True:
        began = time.perf_counter()
        try:
            answer = await http.post("/webhooks/alertmanager", json=note)
        except httpx.TransportError:
            seen.answers[source]["no answer"] += 1
        else:
            seen.answers[source][str(answer.status_code)] += 1
            if answer.status_code == 202:
                seen.seconds_to_202[source].append(time.perf_counter() - began)
                seen.sent |= {(source, a["fingerprint"]): group for a in alerts}
                return
            if answer.status_code != 503:
                raise AssertionError(f"{answer.status_code}: {answer.text}")
        await asyncio.sleep(PAUSE_S)


def _alerts(group: int, burst: int) -> list[dict[str, Any]]:
    first = (group * POSTS + burst) * PER_POST
    return [
        {
            "status": "firing",
            "labels": {"alertname": "Hot", "team": f"team-{group % 3}", "n": str(n)},
            "startsAt": "2026-01-01T00:00:00Z",
            "fingerprint": f"{n:016x}",
        }
        for n in range(first, first + PER_POST)
    ]


def _settings(folder: Path, port: int, tokens: dict[str, str], most: int, most_of_a_team: int) -> Path:
    (folder / "guides").mkdir()
    (folder / "guides" / "ask.md").write_text(ASK)
    parts = [
        "[journal]\nurl = 'sqlite:///journal.db'\n[library]\npath = 'guides'",
        f"[api]\nport = {port}\nmax_queued = {most}\nmax_queued_per_team = {most_of_a_team}",
    ]
    for name, token in tokens.items():
        (folder / name).write_text(token)
        parts.append(f"[[principals]]\nname = '{name}'\nroles = ['webhook']\ntoken = {{file = '{name}'}}")
    file = folder / "stepfleet.toml"
    file.write_text("\n".join(parts) + "\n")
    return file


@asynccontextmanager
async def _serving(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent.doors.cli", "--config", str(config), "serve", "--json"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), 60)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def asked(journal: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of a journal that another process writes."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=10)) as conn:
        return conn.execute(query).fetchall()


def _unheard(folder: Path) -> int:
    """Alerts that were said to a run and are not yet in its journal."""
    said = "SELECT count(*) FROM run_command"
    heard = "SELECT count(*) FROM run_event WHERE kind = 'alert_joined'"
    return int(asked(folder / "journal.db", f"SELECT ({said}) - ({heard})")[0][0])


def _read(folder: Path, seen: Seen) -> None:
    seen.runs = {
        run: (source.removeprefix("alertmanager/"), group)
        for run, source, group in asked(folder / "journal.db", "SELECT id, source, group_key FROM run")
    }
    told = "SELECT run_id, payload FROM run_event WHERE kind IN ('run_opened', 'alert_joined')"
    for run, payload in asked(folder / "journal.db", told):
        source, group = seen.runs[run]
        facts = json.loads(payload)
        for alert in facts.get("alert", facts)["alerts"]:
            seen.heard[source, alert["fingerprint"], group] += 1
