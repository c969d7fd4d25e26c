"""Sessions that are moved while they stream: exact tokens, reused KV, nothing lost, whatever breaks."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from examples.fleet.client import Answer, FleetClient
from examples.fleet.fleet import Fleet
from examples.fleet.load import background, random_prompt
from tests.fleet.fleet_harness import Reference, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def flowing(answer: Answer, *, tokens: int = 8) -> None:
    async def enough() -> bool:
        return len(answer.tokens) >= tokens

    await until(enough, within_s=10)


async def a_free_neighbour(client: FleetClient, session: str) -> tuple[str, str]:
    """Where the session is, and another equal replica with a free slot."""

    async def pair() -> tuple[str, str] | None:
        here = (await client.session(session))["replica"]
        replicas = await client.replicas()
        free = [n for n in "abc" if n != here and replicas[n]["slots_busy"] < replicas[n]["slots_total"]]
        return (here, free[0]) if free else None

    found: tuple[str, str] = await until(pair, within_s=10)
    return found


def slot_files(fleet: Fleet) -> list[Path]:
    return list(fleet.state_dir.glob("replicas/*/slots/*"))


async def the_file_is_there(fleet: Fleet, replica: str) -> None:
    """The slot file has left the source; with a slow copy the move stands still here."""

    async def there() -> bool:
        return any(fleet.state_dir.glob(f"replicas/{replica}/slots/*.bin"))

    await until(there, within_s=10)


async def replaced(client: FleetClient, name: str, key: str) -> None:
    """A dead replica is taken out and started anew."""

    async def removed() -> bool:
        return (await client.request("DELETE", f"/admin/replicas/{name}"))[0] == 200

    await until(removed, within_s=10)
    assert (await client.request("POST", "/admin/replicas", {"name": name}, key=key))[0] == 201


async def test_twenty_of_twenty_moves_under_load_are_invisible_in_the_tokens(
    fleet: Fleet, client: FleetClient, reference: Reference
) -> None:
    rng = random.Random(20)
    prompts = [random_prompt(rng, rng.randint(200, 500)) for _ in range(3)]
    answers = [client.start(p, 500) for p in prompts]
    crowd = asyncio.create_task(background(client, seed=7, rate_per_s=1.0, for_s=4))
    records: list[dict[str, Any]] = []
    for answer, _ in answers:
        await flowing(answer)
    while len(records) < 20:
        answer = answers[len(records) % 3][0]
        here, there = await a_free_neighbour(client, answer.session)
        status, record = await client.migrate(f"twenty-{len(records)}", answer.session, here, there)
        assert status == 200, record
        records.append(record)
    wholes = [await reference(p, 500) for p in prompts]
    for (answer, task), whole in zip(answers, wholes, strict=True):
        await task
        assert answer.done
        assert answer.tokens == whole
    assert sum(a.moves for a, _ in answers) == 20
    assert all(r["cache_tokens"] == r["kv_tokens"] > 200 for r in records)
    assert all(r["evaluated_tokens"] <= 2 for r in records)
    assert all(0 < r["gap_s"] < 1 for r in records)
    assert all(a.done for a in await crowd)
    assert slot_files(fleet) == []


@pytest.mark.parametrize("damage", ["corrupt_copy", "truncate_copy"])
async def test_a_slot_file_damaged_on_its_way_leaves_the_session_on_its_source(
    fleet: Fleet, client: FleetClient, prompt: list[int], reference: Reference, damage: str
) -> None:
    await client.fault(damage)
    answer, task = client.start(prompt, 120, "a")
    await flowing(answer)
    status, body = await client.migrate(damage, answer.session, "a", "b")
    assert (status, body["error"]["code"]) == (409, "corrupt_copy")
    assert (await client.session(answer.session))["replica"] == "a"
    await task
    assert answer.tokens == await reference(prompt, 120)
    assert (answer.replicas, answer.moves) == (["a"], 0)
    assert slot_files(fleet) == []


async def test_a_target_that_hangs_at_the_restore_leaves_the_session_on_its_source(
    fleet: Fleet, client: FleetClient, prompt: list[int], reference: Reference
) -> None:
    await client.fault("hang_restore", seconds=3)
    answer, task = client.start(prompt, 150, "a")
    await flowing(answer)
    status, body = await client.migrate("hang", answer.session, "a", "b")
    assert (status, body["error"]["code"]) == (409, "restore_failed")
    await task
    assert answer.tokens == await reference(prompt, 150)
    assert answer.replicas == ["a"]

    async def thawed() -> bool:
        return bool((await client.replicas())["b"]["state"] == "up")

    await until(thawed, within_s=10)


async def test_a_target_killed_inside_the_move_leaves_the_session_on_its_source(
    fleet: Fleet, client: FleetClient, prompt: list[int], reference: Reference
) -> None:
    await client.fault("slow_copy", seconds=1.5)
    answer, task = client.start(prompt, 150, "a")
    await flowing(answer)
    move = asyncio.create_task(client.migrate("target dies", answer.session, "a", "b"))
    await the_file_is_there(fleet, "b")
    await client.fault("kill", replica="b")
    status, body = await move
    assert (status, body["error"]["code"]) == (409, "restore_failed")
    await task
    assert answer.tokens == await reference(prompt, 150)
    assert answer.replicas == ["a"]
    assert (await client.replicas())["b"]["state"] == "down"
    await replaced(client, "b", "b again")


async def test_a_source_killed_once_its_kv_is_out_has_moved_its_session(
    fleet: Fleet, client: FleetClient, prompt: list[int], reference: Reference
) -> None:
    await client.fault("slow_copy", seconds=1.5)
    answer, task = client.start(prompt, 150, "a")
    await flowing(answer)
    move = asyncio.create_task(client.migrate("source dies", answer.session, "a", "b"))
    await the_file_is_there(fleet, "b")
    await client.fault("kill", replica="a")
    status, record = await move
    assert (status, record["status"]) == (200, "done")
    assert record["cache_tokens"] == record["kv_tokens"]
    await task
    assert answer.tokens == await reference(prompt, 150)
    assert answer.replicas == ["a", "b"]
    await replaced(client, "a", "a again")


async def test_a_killed_replica_loses_no_session_neither_running_nor_waiting(
    fleet: Fleet, client: FleetClient, reference: Reference
) -> None:
    rng = random.Random(3)
    prompts = [random_prompt(rng, 150) for _ in range(3)]
    answers = [client.start(p, 120, "c") for p in prompts]  # two slots: the third waits
    await flowing(answers[0][0])
    await client.fault("kill", replica="c")
    for (answer, task), tokens in zip(answers, prompts, strict=True):
        await task
        assert answer.done
        assert answer.tokens == await reference(tokens, 120)
        assert "c" not in answer.replicas[1:]
    await replaced(client, "c", "c again")


async def test_a_frozen_replica_loses_no_session(
    fleet: Fleet, client: FleetClient, prompt: list[int], reference: Reference
) -> None:
    answer, task = client.start(prompt, 100, "c")
    await flowing(answer)
    await client.fault("freeze", replica="c", seconds=4)
    await task
    assert answer.tokens == await reference(prompt, 100)
    assert answer.replicas[0] == "c"
    assert answer.replicas[1] in ("a", "b")


async def test_a_waiting_session_is_only_placed_anew(
    fleet: Fleet, client: FleetClient, prompt: list[int], reference: Reference
) -> None:
    first = [client.start(prompt[:50], 200, "a") for _ in range(2)]
    for answer, _ in first:
        await flowing(answer)
    answer, task = client.start(prompt, 40, "a")

    async def waits() -> bool:
        return bool(answer.session) and (await client.session(answer.session))["state"] == "waiting"

    await until(waits, within_s=5)
    assert (await client.replicas())["a"]["waiting"] == 1
    status, record = await client.migrate("placed anew", answer.session, "a", "b")
    assert (status, record["kv_tokens"], record["file_bytes"]) == (200, 0, 0)
    await task
    assert answer.replicas == ["b"]
    assert answer.tokens == await reference(prompt, 40)
    await asyncio.gather(*(t for _, t in first))


async def test_other_weights_are_refused_as_a_target(fleet: Fleet, client: FleetClient, prompt: list[int]) -> None:
    answer, task = client.start(prompt, 150, "a")
    await flowing(answer)
    status, body = await client.migrate("other weights", answer.session, "a", "odd")
    assert (status, body["error"]["code"]) == (409, "fingerprint")
    assert "model_sha256" in body["error"]["message"]
    await task


async def test_a_full_target_is_refused(fleet: Fleet, client: FleetClient, prompt: list[int]) -> None:
    tasks = [client.start(prompt[:40], 200, "b") for _ in range(2)]
    answer, task = client.start(prompt, 200, "a")
    for started, _ in (*tasks, (answer, task)):
        await flowing(started, tokens=1)
    status, body = await client.migrate("full", answer.session, "a", "b")
    assert (status, body["error"]["code"]) == (409, "no_free_slot")
    await asyncio.gather(task, *(t for _, t in tasks))


async def test_two_moves_at_once_cannot_take_the_same_slot(
    fleet: Fleet, client: FleetClient, prompt: list[int], reference: Reference
) -> None:
    filler, filling = client.start(prompt[:40], 200, "b")
    pair = [client.start(prompt, 200, "a") for _ in range(2)]
    for started, _ in ((filler, filling), *pair):
        await flowing(started, tokens=1)
    replies = await asyncio.gather(
        *(client.migrate(f"race-{i}", answer.session, "a", "b") for i, (answer, _) in enumerate(pair))
    )
    assert sorted(status for status, _ in replies) == [200, 409]
    for answer, task in pair:
        await task
        assert answer.tokens == await reference(prompt, 200)
    await filling


async def test_one_session_is_moved_by_one_request_at_a_time(
    fleet: Fleet, client: FleetClient, prompt: list[int]
) -> None:
    await client.fault("slow_copy", seconds=1.0)
    answer, task = client.start(prompt, 80, "a")
    await flowing(answer)
    first = asyncio.create_task(client.migrate("first", answer.session, "a", "b"))
    await the_file_is_there(fleet, "b")
    assert (await client.session(answer.session))["state"] == "moving"
    status, body = await client.migrate("second", answer.session, "a", "c")
    assert (status, body["error"]["code"]) == (409, "busy")
    assert (await first)[0] == 200
    await task


async def test_a_client_that_leaves_frees_its_slot(fleet: Fleet, client: FleetClient, prompt: list[int]) -> None:
    answer, task = client.start(prompt, 3000, "a")
    await flowing(answer)
    task.cancel()

    async def gone() -> bool:
        return bool((await client.session(answer.session))["state"] == "failed")

    await until(gone, within_s=5)
