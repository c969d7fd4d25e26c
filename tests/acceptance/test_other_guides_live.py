"""The other example guides on a live fleet: every change is approved by a person, made, and verified."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from agent.gate.principals import Principal
from agent.replay.replay import replay
from agent.report import Report, report
from agent.run.state import RunStatus
from agent.service import Service, build_service
from agent.settings import Settings
from examples.fleet.fleet import Fleet, FleetOptions
from examples.fleet.load import long_sessions

GUIDES = Path(__file__).resolve().parents[2] / "examples" / "guides"
OLGA = Principal("olga", frozenset({"operator"}))


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    async with Fleet(FleetOptions(state_dir=tmp_path / "fleet", monitoring=True, faults=True)) as running:
        yield running


def service_over(fleet: Fleet, folder: Path) -> Service:
    card = fleet.card()
    return build_service(
        Settings.model_validate(
            {
                "journal": {"url": f"sqlite:///{folder}/journal.db"},
                "library": {"path": GUIDES},
                "policy": {"file": GUIDES / "policy.toml"},
                "plugins": {
                    "promql": {"url": card["prometheus"]},
                    "serving": {
                        "url": card["gateway"],
                        "fleet": "demo",
                        "read_token_file": card["tokens"]["read"],
                        "write_token_file": card["tokens"]["change"],
                    },
                },
            }
        )
    )


async def run_with_approvals(service: Service, guide: str, inputs: dict[str, str]) -> tuple[Report, int]:
    """Run a guide to its end; olga approves whatever is asked. Returns the report and how often she was asked."""
    asked = 0
    async with service:
        run_id = await service.start_run(guide, inputs, by="test")
        while (await asyncio.wait_for(service.wait(run_id), 120)).status is RunStatus.PARKED:
            await service.approve(run_id, OLGA)
            asked += 1
        view = await service.run_view(run_id)
        replayed = await asyncio.to_thread(replay, view, service.journal, service.registry)
    assert replayed.same, (replayed.differences, replayed.missing)
    return report(view.row, view.plan, view.events), asked


async def until_prometheus_says(fleet: Fleet, query: str) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
        url = f"{fleet.card()['prometheus']}/api/v1/query"
        while not (await http.get(url, params={"query": query})).json()["data"]["result"]:
            await asyncio.sleep(0.2)


@pytest.mark.timeout(180)
async def test_a_dead_replica_gets_a_spare_in_its_place_once_a_person_agrees(fleet: Fleet, tmp_path: Path) -> None:
    async with fleet.client() as client:
        await client.fault("kill", replica="b")
        await until_prometheus_says(fleet, 'fleet_replica_up{replica="b"} == 0')
        made, asked = await run_with_approvals(
            service_over(fleet, tmp_path), "replica-unhealthy", {"fleet": "demo", "replica": "b"}
        )
    assert made.outcome == "resolved", "\n".join(m.what for m in made.timeline)
    assert asked == 1
    assert [(c.action, c.outcome, c.approved_by) for c in made.changed] == [("replica_add", "verified", ["olga"])]


@pytest.mark.timeout(180)
async def test_a_saturated_fleet_gets_a_replica_and_the_queue_is_spread(fleet: Fleet, tmp_path: Path) -> None:
    async with fleet.client() as client:
        pinned = []
        for name in ("a", "b", "c"):
            pinned += await long_sessions(client, replica=name, sessions=2, max_tokens=1500)
        pinned += await long_sessions(client, replica="a", sessions=2, max_tokens=1500, seed=7)
        await until_prometheus_says(fleet, "sum(vllm:num_requests_waiting) > 0 and sum(fleet_slots_free) == 0")
        made, asked = await run_with_approvals(service_over(fleet, tmp_path), "fleet-saturated", {"fleet": "demo"})
        for _, task in pinned:
            task.cancel()
        await asyncio.gather(*(task for _, task in pinned), return_exceptions=True)
    assert made.outcome == "resolved", "\n".join(m.what for m in made.timeline)
    assert asked == len(made.changed)
    assert (made.changed[0].action, made.changed[0].outcome) == ("replica_add", "verified")
