"""The HTTP door: what it takes, what it refuses, and that it says why."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from agent.run.fair_queue import Lane
from agent.run.journal import Journal
from agent.service import Service
from tests.doors.conftest import bearer
from tests.doors.notifications import HOOK, firing, notification


async def post(http: httpx.AsyncClient, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await http.post(HOOK, content=content, headers={**bearer("alertmanager"), **headers})


async def start(http: httpx.AsyncClient, service: Service) -> str:
    run_id = str((await post(http, notification(firing()))).json()["accepted"][0]["run_id"])
    async with asyncio.timeout(10):
        await service.wait(run_id)
    return run_id


async def test_a_notification_is_answered_with_what_became_of_it(http: httpx.AsyncClient, service: Service) -> None:
    answer = await post(http, notification(firing()))
    assert answer.status_code == 202
    (accepted,) = answer.json()["accepted"]
    assert (accepted["decision"], accepted["guide"]) == ("started", "ask.md")
    assert service.journal.run(accepted["run_id"]) is not None


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        pytest.param(b"", 400, "", id="no body"),
        pytest.param(b"{not json", 400, "", id="no JSON"),
        pytest.param(notification(firing(), version="3"), 400, "version", id="a wrong version"),
        pytest.param({"version": "4", "groupKey": "x"}, 400, "alerts", id="no alerts field"),
        pytest.param(notification(), 400, "alert", id="an empty list of alerts"),
        pytest.param(b"[" * 100_000, 400, "", id="absurd nesting"),
        pytest.param(b"x" * (17 * 1024 * 1024), 413, "16,777,216 bytes", id="a body of 17 MiB"),
    ],
)
async def test_payloads_that_are_refused_say_why_and_start_nothing(
    http: httpx.AsyncClient, service: Service, body: Any, status: int, says: str
) -> None:
    answer = await post(http, body)
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]
    assert service.journal.runs() == []


async def test_five_megabytes_of_alerts_are_one_run(http: httpx.AsyncClient, service: Service) -> None:
    many = [firing(i, annotations={"text": "x" * 2_400}) for i in range(2_000)]
    answer = await post(http, notification(*many))
    assert len(json.dumps(notification(*many))) > 5_000_000
    assert answer.status_code == 202
    assert len(service.journal.runs()) == 1


async def test_unknown_fields_are_ignored(http: httpx.AsyncClient) -> None:
    answer = await post(http, notification(firing(novelty=1), notification_reason="new", routeLabels={}))
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no token"),
        pytest.param({"Authorization": "Bearer wrong-token-0123456789"}, id="a wrong token"),
        pytest.param({"Authorization": "Basic d2ViaG9vay10b2tlbg=="}, id="another scheme"),
        pytest.param(bearer("olga"), id="an operator is no webhook"),
    ],
)
async def test_who_may_not_post_alerts_is_told_before_the_body_is_read(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    read: list[bytes] = []

    async def body() -> Any:
        read.append(b"x")
        yield b"x"

    request = http.build_request("POST", HOOK, headers=headers, content=b"{}")
    answer = await http.send(request)
    assert answer.status_code == 401


async def test_a_journal_that_takes_no_writes_answers_503_so_that_the_sender_tries_again(
    http: httpx.AsyncClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agent.errors import JournalError

    async def full(*_: Any, **__: Any) -> None:
        raise JournalError("journal.db: database or disk is full", hint="free disk space")

    monkeypatch.setattr(Journal, "write", full)
    answer = await post(http, notification(firing()))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "10"
    assert "disk is full" in answer.json()["error"]["message"]


async def test_a_team_that_fills_its_share_of_the_queue_leaves_room_for_others(
    http: httpx.AsyncClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = service.settings.api.max_queued_per_team
    monkeypatch.setattr(service.dispatcher, "depths", lambda: {Lane("loud", "push.md"): most})
    loud, calm = (firing(n, labels={"alertname": "Hot", "team": t}) for n, t in enumerate(("loud", "calm")))
    answer = await post(http, notification(loud))
    assert answer.status_code == 503
    assert f"{most} runs of team 'loud' wait" in answer.json()["error"]["message"]
    assert (await post(http, notification(calm))).status_code == 202
    assert [run.team for run in service.journal.runs()] == ["calm"]


async def test_two_alertmanagers_may_use_the_same_group_key(http: httpx.AsyncClient) -> None:
    answers = [
        await post(http, notification(firing(n)), **bearer(who)) for n, who in enumerate(("alertmanager", "am2"))
    ]
    first, second = (a.json()["accepted"][0] for a in answers)
    assert (first["decision"], second["decision"]) == ("started", "started")
    assert first["run_id"] != second["run_id"]


async def test_under_pressure_it_answers_503_and_accepts_nothing(
    http: httpx.AsyncClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service.dispatcher), "waiting", property(lambda _: 1_000_000))
    answer = await post(http, notification(firing()))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "10"
    assert service.journal.runs() == []


@pytest.mark.parametrize(
    ("who", "method", "path", "status"),
    [
        pytest.param(None, "GET", "/runs", 401, id="nobody reads runs"),
        pytest.param("alertmanager", "GET", "/runs", 403, id="a webhook's token reads no runs"),
        pytest.param("alertmanager", "POST", "/runs/x/approve", 403, id="a webhook's token approves nothing"),
        pytest.param("vera", "GET", "/runs", 200, id="a viewer reads"),
        pytest.param("vera", "POST", "/kill-switch", 403, id="a viewer stops nothing"),
        pytest.param("olga", "GET", "/runs/none", 404, id="an unknown run is said so"),
        pytest.param("olga", "POST", "/runs/none/cancel", 404, id="an unknown run cannot be cancelled"),
        pytest.param(None, "GET", "/healthz", 200, id="health needs no token"),
        pytest.param(None, "GET", "/metrics", 200, id="metrics need no token"),
        pytest.param(None, "GET", "/openapi.json", 200, id="the interface describes itself"),
    ],
)
async def test_who_may_do_what(http: httpx.AsyncClient, who: str | None, method: str, path: str, status: int) -> None:
    body = {"engaged": True} if path == "/kill-switch" else {}
    answer = await http.request(
        method, path, headers=bearer(who) if who else {}, **({"json": body} if method == "POST" else {})
    )
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Host": "evil.example"}, 400, id="a foreign Host"),
        pytest.param({"Origin": "https://evil.example"}, 403, id="a foreign Origin"),
        pytest.param({"Host": "127.0.0.1:8080"}, 200, id="our own with a port"),
        pytest.param({"Host": "[::1]:8080"}, 200, id="our own in IPv6"),
    ],
)
async def test_pages_of_others_do_not_reach_us(http: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    assert (await http.get("/healthz", headers=headers)).status_code == status


async def test_a_person_answers_and_the_run_goes_on_to_its_end(http: httpx.AsyncClient, service: Service) -> None:
    run_id = await start(http, service)
    shown = (await http.get(f"/runs/{run_id}", headers=bearer("vera"))).json()
    assert shown["status"] == "parked"
    wrong = await http.post(f"/runs/{run_id}/answer", json={"answer": {"retry": True}}, headers=bearer("olga"))
    assert wrong.status_code == 409
    said = await http.post(f"/runs/{run_id}/answer", json={"answer": {"done": True}}, headers=bearer("olga"))
    assert said.json()["by"] == "olga"
    async with asyncio.timeout(10):
        await service.wait(run_id)
    made = (await http.get(f"/runs/{run_id}/report", headers=bearer("vera"))).json()
    assert made["outcome"] == "resolved"
    assert "# resolved" in (await http.get(f"/runs/{run_id}/report?format=md", headers=bearer("vera"))).text


async def test_nothing_to_approve_is_a_conflict_that_names_what_waits(
    http: httpx.AsyncClient, service: Service
) -> None:
    run_id = await start(http, service)
    answer = await http.post(f"/runs/{run_id}/approve", json={}, headers=bearer("olga"))
    assert answer.status_code == 409
    assert "manual" in answer.json()["error"]["message"]


async def test_an_approver_cannot_be_named_in_the_body(http: httpx.AsyncClient) -> None:
    answer = await http.post("/runs/x/approve", json={"by": "ann"}, headers=bearer("olga"))
    assert answer.status_code == 422


async def test_events_are_replayed_and_go_on_until_the_end(http: httpx.AsyncClient, service: Service) -> None:
    run_id = await start(http, service)
    await http.post(f"/runs/{run_id}/answer", json={"answer": {"done": True}}, headers=bearer("olga"))
    async with asyncio.timeout(10):
        await service.wait(run_id)
    answer = await http.get(f"/runs/{run_id}/events", headers=bearer("vera"))
    events = [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")]
    assert [e["seq"] for e in events] == list(range(len(events)))
    assert events[-1]["kind"] == "run_ended"
    again = await http.get(f"/runs/{run_id}/events", headers={**bearer("vera"), "Last-Event-ID": "2"})
    assert f"id: {len(events) - 1}" in again.text
    assert "id: 2\r\n" not in again.text


async def test_cancelling_ends_a_waiting_run(http: httpx.AsyncClient, service: Service) -> None:
    run_id = await start(http, service)
    await http.post(f"/runs/{run_id}/cancel", json={"reason": "false alarm"}, headers=bearer("olga"))
    async with asyncio.timeout(10):
        advanced = await service.wait(run_id)
    assert str(advanced.outcome) == "cancelled"


async def test_the_kill_switch_is_set_and_shown(http: httpx.AsyncClient) -> None:
    await http.post("/kill-switch", json={"engaged": True, "reason": "drill"}, headers=bearer("olga"))
    assert (await http.get("/kill-switch", headers=bearer("vera"))).json()["reason"] == "drill"
    assert (await http.get("/healthz")).json()["writes_stopped"] is True


async def test_rejections_and_decisions_are_counted(http: httpx.AsyncClient) -> None:
    await post(http, notification(firing()))
    await post(http, b"{")
    text = (await http.get("/metrics")).text
    assert 'stepfleet_alert_decisions_total{decision="started"} 1.0' in text
    assert 'stepfleet_notifications_rejected_total{reason="payload",source="alertmanager/alertmanager"} 1.0' in text
