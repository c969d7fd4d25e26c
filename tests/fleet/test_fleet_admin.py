"""The gateway's interface as docs/fleet-api.md promises it: who may ask, keys, draining, size, figures."""

from __future__ import annotations

import asyncio
import stat
from typing import Any

import httpx
import pytest

from examples.fleet.client import FleetClient
from examples.fleet.errors import FleetError
from examples.fleet.fleet import Fleet
from tests.fleet.fleet_harness import Reference, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

READS = [
    ("GET", "/admin/replicas"),
    ("GET", "/admin/sessions"),
    ("GET", "/admin/migrations/k"),
    ("GET", "/admin/operations/k"),
]
CHANGES = [
    ("POST", "/admin/migrations"),
    ("POST", "/admin/replicas"),
    ("POST", "/admin/replicas/a/drain"),
    ("POST", "/admin/replicas/a/undrain"),
    ("DELETE", "/admin/replicas/a"),
    ("POST", "/admin/faults"),
]
BODIES: dict[str, Any] = {
    "/admin/migrations": {"session": "s", "source": "a", "target": "b"},
    "/admin/replicas": {"name": "z"},
    "/admin/faults": {"kind": "kill", "replica": "a"},
}


@pytest.mark.parametrize(("method", "path"), READS + CHANGES)
@pytest.mark.parametrize("token", ["", "wrong", "ключ"], ids=["no token", "a wrong token", "not even ASCII"])
async def test_without_a_valid_token_nothing_is_told_and_nothing_done(
    fleet: Fleet, method: str, path: str, token: str
) -> None:
    async with httpx.AsyncClient(base_url=fleet.url, trust_env=False) as http:
        headers = {b"Authorization": f"Bearer {token}".encode()} if token else {}
        reply = await http.request(method, path, json=BODIES.get(path), headers=headers)
    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_the_token_that_reads_changes_nothing(fleet: Fleet, method: str, path: str) -> None:
    async with fleet.client(token=fleet.read_token) as reader:
        status, body = await reader.request(method, path, BODIES.get(path), key="k")
        assert (status, body["error"]["code"]) == (403, "read_only")
        assert set(await reader.replicas()) == {"a", "b", "c", "odd"}


async def test_tokens_and_slot_folders_are_for_their_owner_only(fleet: Fleet) -> None:
    def mode(path: Any) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(fleet.state_dir / "tokens" / "change") == 0o600
    assert mode(fleet.state_dir / "replicas" / "a" / "api-key") == 0o600
    assert mode(fleet.state_dir / "replicas" / "a" / "slots") == 0o700


async def test_another_host_name_is_not_answered(fleet: Fleet) -> None:
    async with httpx.AsyncClient(base_url=fleet.url, trust_env=False) as http:
        assert (await http.get("/healthz", headers={"Host": "evil.example"})).status_code == 400
        assert (await http.get("/healthz")).status_code == 200


async def test_a_replica_tells_everything_the_interface_names(client: FleetClient) -> None:
    replica = (await client.replicas())["a"]
    assert set(replica) == {
        "name", "url", "state", "slots_total", "slots_busy", "waiting", "kv_tokens_used",
        "kv_tokens_total", "model_sha256", "build", "kv_layout",
    }  # fmt: skip
    assert replica["url"].startswith("http://127.0.0.1:")
    assert (replica["state"], replica["slots_total"], replica["kv_tokens_total"]) == ("up", 2, 8192)


async def test_a_session_tells_everything_the_interface_names(client: FleetClient, prompt: list[int]) -> None:
    answer, task = client.start(prompt, 24, "b")
    await task
    session = await client.session(answer.session)
    assert session.pop("age_s") > 0
    assert session == {
        "id": answer.session, "replica": "b", "slot": None, "state": "done", "prompt_tokens": 400,
        "generated_tokens": 24, "max_tokens": 24, "moves": 0,
    }  # fmt: skip
    assert session in [{k: v for k, v in s.items() if k != "age_s"} for s in await client.sessions("b")]
    assert answer.session not in [s["id"] for s in await client.sessions("a")]


async def test_a_stream_begins_with_its_place_and_ends_with_its_sum(
    client: FleetClient, prompt: list[int], reference: Reference
) -> None:
    events = [e async for e in client.events(prompt, 10, "c")]
    assert events[0] == {"session": events[0]["session"], "replica": "c"}
    assert [t for e in events[1:-1] for t in e["tokens"]] == await reference(prompt, 10)
    assert events[-1] == {"done": True, "generated": 10, "moves": 0}


async def test_a_text_is_a_prompt_too(client: FleetClient) -> None:
    events = [e async for e in client.events("pack my box with five dozen liquor jugs", 5)]
    assert sum(len(e.get("tokens", [])) for e in events) == 5


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"prompt": [], "max_tokens": 5}, 422, "invalid", id="no prompt"),
        pytest.param({"prompt": [1], "max_tokens": 0}, 422, "invalid", id="no tokens"),
        pytest.param({"prompt": [1], "max_tokens": 5, "pn": "a"}, 422, "invalid", id="an unknown name"),
        pytest.param({"prompt": [1], "max_tokens": 4096}, 400, "too_long", id="more than a slot holds"),
        pytest.param({"prompt": [1], "max_tokens": 5, "pin": "q"}, 404, "unknown_replica", id="nowhere"),
    ],
)
async def test_a_session_that_cannot_be_is_refused_with_a_code(
    fleet: Fleet, body: dict[str, Any], status: int, code: str
) -> None:
    async with httpx.AsyncClient(base_url=fleet.url, trust_env=False) as http:
        reply = await http.post("/v1/sessions", json=body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


async def test_a_prompt_that_the_engine_refuses_ends_its_own_session_only(client: FleetClient) -> None:
    events = [e async for e in client.events([1, 100_000], 5, "a")]
    assert events[-1]["error"]["code"] == "refused"
    assert (await client.replicas())["a"]["state"] == "up"


async def test_the_same_key_moves_once(client: FleetClient, prompt: list[int]) -> None:
    answer, task = client.start(prompt, 150, "a")

    async def started() -> bool:
        return bool(answer.arrivals)

    await until(started, within_s=5)
    replies = await asyncio.gather(*(client.migrate("once/1", answer.session, "a", "b") for _ in range(4)))
    assert all(reply == replies[0] for reply in replies)
    status, record = replies[0]
    assert (status, record["status"]) == (200, "done")
    assert set(record) == {
        "key", "session", "source", "target", "status", "kv_tokens", "cache_tokens",
        "evaluated_tokens", "file_bytes", "gap_s",
    }  # fmt: skip
    assert await client.request("GET", "/admin/migrations/once/1") == (200, record)
    status, body = await client.migrate("once/1", answer.session, "b", "c")
    assert (status, body["error"]["code"]) == (422, "key_reused")
    await task
    assert (answer.moves, answer.replicas) == (1, ["a", "b"])


async def test_a_refused_move_is_kept_under_its_key(client: FleetClient, prompt: list[int]) -> None:
    for _ in range(2):
        status, body = await client.migrate("refused", "s-nobody", "a", "b")
        assert (status, body["error"]["code"]) == (409, "not_on_source")
    status, record = await client.request("GET", "/admin/migrations/refused")
    assert (status, record["status"], record["error"]["code"]) == (200, "failed", "not_on_source")


@pytest.mark.parametrize(
    ("source", "target", "status", "code"),
    [
        pytest.param("b", "c", 409, "not_on_source", id="it is elsewhere"),
        pytest.param("a", "q", 404, "unknown_replica", id="no such target"),
        pytest.param("a", "a", 422, "same_replica", id="it is there"),
    ],
)
async def test_a_move_that_makes_no_sense_is_refused(
    client: FleetClient, prompt: list[int], source: str, target: str, status: int, code: str
) -> None:
    answer, task = client.start(prompt, 100, "a")

    async def started() -> bool:
        return bool(answer.arrivals)

    await until(started, within_s=5)
    reply, body = await client.migrate(f"{source} to {target}", answer.session, source, target)
    assert (reply, body["error"]["code"]) == (status, code)
    await task


async def test_an_ended_session_is_finished(client: FleetClient, prompt: list[int]) -> None:
    answer, task = client.start(prompt, 4, "a")
    await task
    status, body = await client.migrate("too late", answer.session, "a", "b")
    assert (status, body["error"]["code"]) == (409, "finished")


async def test_a_key_never_seen_is_not_found(client: FleetClient) -> None:
    for path in ("/admin/migrations/never", "/admin/operations/never"):
        status, body = await client.request("GET", path)
        assert (status, body["error"]["code"]) == (404, "unknown_key")


async def test_a_change_without_a_key_is_refused(client: FleetClient) -> None:
    for path in ("/admin/migrations", "/admin/replicas"):
        status, body = await client.request("POST", path, BODIES[path])
        assert (status, body["error"]["code"]) == (400, "no_key")


async def test_a_draining_replica_takes_nothing_new_and_keeps_what_it_has(
    client: FleetClient, prompt: list[int], reference: Reference
) -> None:
    running = [client.start(prompt, 200, "a") for _ in range(2)]

    async def both_run() -> bool:
        return all(answer.arrivals for answer, _ in running)

    await until(both_run, within_s=5)
    waiting, wait_task = client.start(prompt, 12, "a")

    async def queued() -> bool:
        return bool((await client.replicas())["a"]["waiting"])

    await until(queued, within_s=5)
    for _ in range(2):  # declarative: repeating is harmless
        status, replica = await client.request("POST", "/admin/replicas/a/drain")
        assert (status, replica["state"]) == (200, "draining")
    with pytest.raises(FleetError, match="409.*draining"):
        await client.start(prompt, 5, "a")[1]
    await wait_task
    assert waiting.replicas != ["a"]  # placed anew
    for answer, task in running:
        await task
        assert answer.replicas == ["a"]
        assert answer.tokens == await reference(prompt, 200)
    status, replica = await client.request("POST", "/admin/replicas/a/undrain")
    assert (status, replica["state"]) == (200, "up")


async def test_a_draining_target_is_refused(client: FleetClient, prompt: list[int]) -> None:
    await client.request("POST", "/admin/replicas/b/drain")
    answer, task = client.start(prompt, 150, "a")

    async def started() -> bool:
        return bool(answer.arrivals)

    await until(started, within_s=5)
    status, body = await client.migrate("drained target", answer.session, "a", "b")
    assert (status, body["error"]["code"]) == (409, "draining")
    await client.request("POST", "/admin/replicas/b/undrain")
    await task


async def test_a_replica_is_added_once_per_key_and_removed_when_empty(client: FleetClient, prompt: list[int]) -> None:
    calls = (client.request("POST", "/admin/replicas", {"name": "d"}, key="add d") for _ in range(2))
    replies = await asyncio.gather(*calls)
    assert sorted(status for status, _ in replies) == [200, 201]
    assert all(replica["state"] == "up" for _, replica in replies)
    assert await client.request("GET", "/admin/operations/add d") == (
        200,
        {"key": "add d", "kind": "add", "name": "d", "status": "done"},
    )
    refusals = [
        ("another key", {"name": "d"}, 409, "exists"),
        ("add d", {"name": "e"}, 422, "key_reused"),
        ("one too many", {"name": "e"}, 409, "no_capacity"),
        ("not a name", {"name": "../e"}, 422, "invalid"),
    ]
    for key, body, status, code in refusals:
        got, reply = await client.request("POST", "/admin/replicas", body, key=key)
        assert (got, reply["error"]["code"]) == (status, code)

    _, task = client.start(prompt, 100, "d")

    async def busy() -> bool:
        return bool((await client.replicas())["d"]["slots_busy"])

    await until(busy, within_s=5)
    status, reply = await client.request("DELETE", "/admin/replicas/d")
    assert (status, reply["error"]["code"]) == (409, "not_empty")
    await task

    async def removed() -> bool:
        return (await client.request("DELETE", "/admin/replicas/d"))[0] == 200

    await until(removed, within_s=5)
    assert "d" not in await client.replicas()
    status, reply = await client.request("DELETE", "/admin/replicas/d")
    assert (status, reply["error"]["code"]) == (404, "unknown_replica")


async def test_the_figures_are_those_of_the_admin_interface(
    fleet: Fleet, client: FleetClient, prompt: list[int]
) -> None:
    async def figures() -> dict[str, float]:
        async with httpx.AsyncClient(base_url=fleet.url, trust_env=False) as http:
            lines = (await http.get("/metrics")).text.splitlines()
        rows = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    before = await figures()
    tasks = [client.start(prompt, 150, "a")[1] for _ in range(3)]

    async def queued() -> bool:
        return (await figures())['vllm:num_requests_waiting{fleet="demo",replica="a"}'] == 1

    await until(queued, within_s=5)
    await asyncio.sleep(0.6)  # a probe's turn
    now = await figures()
    labels = '{fleet="demo",replica="a"}'
    assert now[f"vllm:num_requests_running{labels}"] == 2
    assert now[f"fleet_slots_total{labels}"] == 2
    assert now[f"fleet_slots_free{labels}"] == 0
    assert now[f"fleet_replica_up{labels}"] == 1
    assert now[f"fleet_replica_draining{labels}"] == 0
    assert 800 / 8192 < now[f"vllm:kv_cache_usage_perc{labels}"] < 1000 / 8192
    await asyncio.gather(*tasks)
    after = await figures()
    tokens = "vllm:generation_tokens_total"
    assert sum(after[k] - before[k] for k in after if k.startswith(tokens)) == 450
    ended = 'fleet_sessions_total{fleet="demo",outcome="done"}'
    assert after[ended] - before[ended] == 3
    assert 'fleet_migrations_total{fleet="demo",outcome="failed"}' in after
