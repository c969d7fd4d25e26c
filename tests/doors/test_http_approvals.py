"""People's words over HTTP: bound to the exact call, to a role, and to what the run asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.doors.api import create_app
from agent.service import Service, build_service
from agent.settings import load_settings
from tests.doors.conftest import bearer
from tests.doors.pushing import alert, pushing
from tests.doors.test_http_door import start
from tests.plugins.http_target import Target, http_target, says


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with http_target(says(200, {"pushed": True})) as running:
        yield running


@pytest.fixture
async def guarded(tmp_path: Path, target: Target) -> AsyncIterator[tuple[Service, httpx.AsyncClient, str]]:
    """A run that waits for approval of its one request."""
    settings = load_settings(pushing(tmp_path, target, rung="approve"))
    async with build_service(settings) as service:
        transport = httpx.ASGITransport(create_app(service, settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            run_id = await alert(client)
            async with asyncio.timeout(10):
                await service.wait(run_id)
            yield service, client, run_id


async def say(http: httpx.AsyncClient, run_id: str, who: str, **body: Any) -> httpx.Response:
    return await http.post(f"/runs/{run_id}/approve", json=body, headers=bearer(who))


async def outcome(service: Service, run_id: str) -> str:
    async with asyncio.timeout(10):
        return str((await service.wait(run_id)).outcome)


async def test_the_report_shows_the_exact_call_that_waits(guarded: Any, target: Target) -> None:
    _, http, run_id = guarded
    made = (await http.get(f"/runs/{run_id}/report", headers=bearer("vera"))).json()
    (waiting,) = made["waiting"]
    assert made["outcome"] == "waiting"
    assert waiting["why"] == "approval"
    assert waiting["ask"]["call"]["arguments"]["url"] == f"{target.url}/button"
    assert len(waiting["ask"]["digest"]) == 64
    assert target.seen == []


async def test_an_approval_is_recorded_under_the_tokens_name_and_the_call_is_made_once(
    guarded: Any, target: Target
) -> None:
    service, http, run_id = guarded
    said = await say(http, run_id, "olga", reason="seen it")
    assert said.status_code == 200, said.text
    assert said.json()["by"] == "olga"
    assert await outcome(service, run_id) == "resolved"
    again = await say(http, run_id, "olga")
    assert again.status_code == 409
    assert "waits for no such thing as an approval; waiting: nothing" in again.json()["error"]["message"]
    assert [s.method for s in target.seen] == ["POST"]
    made = (await http.get(f"/runs/{run_id}/report", headers=bearer("vera"))).json()
    assert made["changed"][0]["approved_by"] == ["olga"]


@pytest.mark.parametrize("who", [pytest.param("vera", id="a viewer"), pytest.param("alertmanager", id="a webhook")])
async def test_who_lacks_the_role_approves_nothing(guarded: Any, target: Target, who: str) -> None:
    _, http, run_id = guarded
    assert (await say(http, run_id, who)).status_code == 403
    assert target.seen == []


async def test_an_approval_of_another_call_than_the_one_that_waits_is_refused(guarded: Any, target: Target) -> None:
    service, http, run_id = guarded
    answer = await say(http, run_id, "olga", digest="0" * 64)
    assert answer.status_code == 409
    assert "waits with another call" in answer.json()["error"]["message"]
    digest = (await http.get(f"/runs/{run_id}/report", headers=bearer("vera"))).json()["waiting"][0]["ask"]["digest"]
    assert (await say(http, run_id, "olga", digest=digest[:12])).status_code == 200
    assert await outcome(service, run_id) == "resolved"


async def test_a_rejection_takes_the_stated_default_and_nothing_is_sent(guarded: Any, target: Target) -> None:
    service, http, run_id = guarded
    assert (await say(http, run_id, "olga", reject=True, reason="not now")).json()["rejected"] is True
    assert await outcome(service, run_id) == "escalated"
    assert target.seen == []
    text = (await http.get(f"/runs/{run_id}/report?format=md", headers=bearer("vera"))).text
    assert "rejected by olga" in text
    assert "default taken" in text


@pytest.mark.parametrize(
    ("answer", "says_"),
    [
        pytest.param({}, "exactly one", id="nothing"),
        pytest.param({"done": True, "retry": True}, "exactly one", id="two things at once"),
        pytest.param({"done": "yes"}, "done", id="a word for a truth"),
        pytest.param({"retry": False}, "retry", id="no retry"),
        pytest.param({"undone": True}, "undone", id="an unknown answer"),
    ],
)
async def test_an_answer_that_is_none_is_refused_before_it_is_recorded(
    http: httpx.AsyncClient, service: Service, answer: dict[str, Any], says_: str
) -> None:
    run_id = await start(http, service)
    said = await http.post(f"/runs/{run_id}/answer", json={"answer": answer}, headers=bearer("olga"))
    assert said.status_code == 422
    assert says_ in said.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers", [pytest.param({}, id="from nobody"), pytest.param(bearer("olga"), id="from an operator")]
)
async def test_a_long_body_of_a_command_is_not_read_to_its_end(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 10_000_000:
            read += 8_192
            yield b" " * 8_192

    answer = await http.post(
        "/runs/x/approve", content=endless(), headers={**headers, "Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    assert read < 100_000


@pytest.mark.parametrize("given", ["-1", "--5", "²", "1e3", "9" * 30, "x"])
async def test_a_last_event_id_that_is_none_means_from_the_first(
    http: httpx.AsyncClient, service: Service, given: str
) -> None:
    run_id = await start(http, service)
    await http.post(f"/runs/{run_id}/cancel", json={}, headers=bearer("olga"))
    async with asyncio.timeout(10):
        await service.wait(run_id)
    answer = await http.get(
        f"/runs/{run_id}/events", headers={**bearer("vera"), "Last-Event-ID": given.encode("latin-1")}
    )
    assert answer.status_code == 200
    first = next(line for line in answer.text.splitlines() if line.startswith("data:"))
    assert json.loads(first[5:])["kind"] == "run_opened"


async def test_the_interface_says_who_must_be_known_and_what_an_error_looks_like(http: httpx.AsyncClient) -> None:
    described = (await http.get("/openapi.json")).json()
    guarded_ = {
        path for path, methods in described["paths"].items() for m in methods.values() if m.get("security") is not None
    }
    assert set(described["paths"]) - guarded_ == {"/healthz", "/metrics"}
    schemas = described["components"]["schemas"]
    assert {"Report", "ApproveIn", "PersonsAnswer", "ProblemOut"} <= schemas.keys()
