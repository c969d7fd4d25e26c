"""`kill -9` of `stepfleet serve` in the middle of its action: the run goes on, and nothing is done twice."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from examples.fleet.fleet import Fleet, FleetOptions
from examples.fleet.load import long_sessions
from tests.doors.notifications import firing, notification

ROOT = Path(__file__).resolve().parents[2]
HOT = {"alertname": "ReplicaHotspot", "fleet": "demo", "replica": "a"}
WEBHOOK, OPERATOR = "webhook-token-0123456789", "operator-token-0123456789"


def settings(folder: Path, fleet: Fleet) -> Path:
    for name, token in (("webhook", WEBHOOK), ("operator", OPERATOR)):
        (folder / name).write_text(token)
    card = fleet.card()
    q = json.dumps
    file = folder / "stepfleet.toml"
    file.write_text(
        "\n".join(
            [
                "[journal]\nurl = 'sqlite:///journal.db'",
                f"[library]\npath = {q(str(ROOT / 'examples' / 'guides'))}",
                f"[policy]\nfile = {q(str(ROOT / 'examples' / 'guides' / 'policy.toml'))}",
                "[api]\nport = 0",
                "[[principals]]\nname = 'am'\nroles = ['webhook']\ntoken = {file = 'webhook'}",
                "[[principals]]\nname = 'op'\nroles = ['operator']\ntoken = {file = 'operator'}",
                f"[plugins.promql]\nurl = {q(card['prometheus'])}",
                f"[plugins.serving]\nurl = {q(card['gateway'])}\nfleet = 'demo'",
                f"read_token_file = {q(card['tokens']['read'])}\nwrite_token_file = {q(card['tokens']['change'])}",
            ]
        )
    )
    return file


class Server:
    """One `stepfleet serve` process."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process = process
        self.address = address

    @classmethod
    async def start(cls, config: Path) -> Server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent.doors.cli", "--config", str(config), "serve", "--json"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        assert "address" in said, said
        return cls(process, said["address"])

    async def kill(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        await asyncio.wait_for(self.process.communicate(), 30)  # closes its pipe, too


def events(journal: Path) -> list[tuple[str, str, str]]:
    conn = sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=10)
    try:
        return conn.execute("SELECT kind, step_key, payload FROM run_event ORDER BY seq").fetchall()
    finally:
        conn.close()


def kinds(journal: Path) -> list[str]:
    return [kind for kind, _, _ in events(journal)]


async def until_journalled(journal: Path, kind: str, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            while kind not in kinds(journal):
                await asyncio.sleep(0.002)
    except TimeoutError:
        pytest.fail(f"no {kind} within {within_s:g} s: {events(journal)}")


async def until_scraped(prometheus: str) -> None:
    """Wait until Prometheus has seen the queue."""
    query = {"query": 'vllm:num_requests_waiting{replica="a"} > 0'}
    async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
        while not (await http.get(f"{prometheus}/api/v1/query", params=query)).json()["data"]["result"]:
            await asyncio.sleep(0.2)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("intent", id="right after the intent"),
        pytest.param("applied", id="right after the outcome"),
        pytest.param("step_succeeded", id="between two reads"),
    ],
)
async def test_the_run_goes_on_and_no_session_moves_twice(tmp_path: Path, moment: str) -> None:
    async with Fleet(FleetOptions(state_dir=tmp_path / "fleet", monitoring=True)) as fleet, fleet.client() as client:
        pinned = await long_sessions(client, replica="a", sessions=5, max_tokens=1500)
        config, journal = settings(tmp_path, fleet), tmp_path / "journal.db"
        await until_scraped(fleet.card()["prometheus"])
        first = await Server.start(config)
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(
                f"{first.address}/webhooks/alertmanager",
                json=notification(firing(labels=HOT)),
                headers={"Authorization": f"Bearer {WEBHOOK}"},
            )
        assert answer.status_code == 202, answer.text
        run_id = answer.json()["accepted"][0]["run_id"]
        await until_journalled(journal, moment, 60)
        await first.kill(signal.SIGKILL)
        at_death = kinds(journal)
        assert "run_ended" not in at_death
        second = await Server.start(config)
        await until_journalled(journal, "run_ended", 150)
        async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {OPERATOR}"}) as http:
            report = (await http.get(f"{second.address}/runs/{run_id}/report")).json()
        await second.kill(signal.SIGTERM)
        moved = {s["id"]: s["moves"] for s in await client.sessions()}
        for _, task in pinned:
            task.cancel()
        await asyncio.gather(*(task for _, task in pinned), return_exceptions=True)
    assert report["outcome"] == "resolved", report["reason"]
    assert kinds(journal).count("intent") == 1
    assert kinds(journal)[: len(at_death)] == at_death
    assert max(moved.values()) == 1
    # The fleet is gone by now: the journal alone explains the run, death and all.
    replayed = subprocess.run(
        [sys.executable, "-m", "agent.doors.cli", "--config", str(config), "replay", run_id, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert json.loads(replayed.stdout)["outcome"] == {"recorded": "resolved", "replayed": "resolved"}
