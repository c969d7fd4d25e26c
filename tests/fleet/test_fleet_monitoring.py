"""A hot replica, seen by a real Prometheus and told by a real Alertmanager."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from examples.fleet.debian import find_program
from examples.fleet.errors import ToolMissing
from examples.fleet.files import project_cache
from examples.fleet.fleet import Fleet, FleetOptions
from examples.fleet.load import long_sessions
from examples.fleet.observability import TEMPLATES, Webhook
from tests.fleet.fleet_harness import until

in_the_loop = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def webhook() -> AsyncIterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """An address that takes notifications, and what came: the Authorization header and the body."""
    calls: list[tuple[str, dict[str, Any]]] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:])}
        body = await reader.readexactly(int(headers["content-length"]))
        calls.append((headers.get("authorization", ""), json.loads(body)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks/alertmanager", calls


@pytest.fixture(scope="module")
def _programs() -> None:
    try:
        for package in ("prometheus", "prometheus-alertmanager"):
            find_program(project_cache(), package, package)
    except ToolMissing as missing:
        pytest.skip(f"{missing} ({missing.hint})")


@in_the_loop
@pytest.mark.usefixtures("_programs")
async def test_sessions_pinned_to_one_replica_raise_the_hotspot_alert(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hook-secret")
    async with webhook() as (url, calls):
        options = FleetOptions(
            state_dir=tmp_path / "state", monitoring=True, webhook=Webhook(url, token), tokens_per_s=10
        )
        async with Fleet(options) as fleet, fleet.client() as client, httpx.AsyncClient(trust_env=False) as http:
            card = json.loads((options.state_dir / "fleet.json").read_text())
            pinned = await long_sessions(client, replica="a", sessions=4, max_tokens=1500)

            async def query(expression: str) -> list[dict[str, Any]]:
                reply = await http.get(f"{card['prometheus']}/api/v1/query", params={"query": expression})
                return list(reply.json()["data"]["result"])

            async def scraped() -> bool:
                series = await query('vllm:num_requests_waiting{replica="a"}')
                return bool(series) and series[0]["value"][1] == "2"

            await until(scraped, within_s=15)

            async def told() -> Any:
                return calls

            await until(told, within_s=25)
            for _, task in pinned:
                task.cancel()
    authorization, notification = calls[0]
    assert authorization == "Bearer hook-secret"
    assert notification["version"] == "4"
    (alert,) = notification["alerts"]
    assert alert["status"] == "firing"
    assert {k: alert["labels"][k] for k in ("alertname", "fleet", "replica")} == {
        "alertname": "ReplicaHotspot",
        "fleet": "demo",
        "replica": "a",
    }


WAITING, FREE, UP = "vllm:num_requests_waiting", "fleet_slots_free", "fleet_replica_up"


@pytest.mark.usefixtures("_programs")
@pytest.mark.parametrize(
    ("series", "alert", "replica"),
    [
        pytest.param(
            {(WAITING, "a"): 2, (FREE, "a"): 0, (FREE, "b"): 1},
            "ReplicaHotspot",
            "a",
            id="some wait on one replica while another has room: a hot spot",
        ),
        pytest.param(
            {(WAITING, "a"): 2, (FREE, "a"): 0, (FREE, "b"): 0},
            "FleetSaturated",
            None,
            id="some wait and there is no room anywhere: the fleet is full",
        ),
        pytest.param(
            {(UP, "a"): 0, (UP, "b"): 1, (FREE, "b"): 2, (WAITING, "b"): 0},
            "ReplicaUnhealthy",
            "a",
            id="one does not answer: it is unhealthy",
        ),
        pytest.param({(UP, "a"): 1, (FREE, "a"): 2, (WAITING, "a"): 0}, None, None, id="all is well: no alert"),
    ],
)
def test_the_rules_tell_these_fleets_apart(
    tmp_path: Path, series: dict[tuple[str, str], int], alert: str | None, replica: str | None
) -> None:
    labels = {"fleet": "demo", "severity": "page"} | ({"replica": replica} if replica else {})
    inputs = [
        {"series": f'{name}{{fleet="demo", replica="{at}", instance="gateway", job="fleet"}}', "values": f"{value}x20"}
        for (name, at), value in series.items()
    ]
    expected = [
        {"eval_time": "10s", "alertname": name, "exp_alerts": [{"exp_labels": labels}] if name == alert else []}
        for name in ("ReplicaHotspot", "FleetSaturated", "ReplicaUnhealthy")
    ]
    rules = yaml.safe_load((TEMPLATES / "rules.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        del rule["annotations"]  # words, not decisions
    (tmp_path / "rules.yml").write_text(json.dumps(rules))
    case = {"interval": "1s", "input_series": inputs, "alert_rule_test": expected}
    whole = {"rule_files": ["rules.yml"], "evaluation_interval": "1s", "tests": [case]}
    (tmp_path / "case.yml").write_text(json.dumps(whole))
    program = find_program(project_cache(), "prometheus", "prometheus").path.with_name("promtool")
    done = subprocess.run(
        [program, "test", "rules", tmp_path / "case.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def test_a_program_that_cannot_be_had_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="not on PATH, and without apt-get") as missing:
        find_program(tmp_path, "prometheus", "prometheus")
    assert "install prometheus" in missing.value.hint
