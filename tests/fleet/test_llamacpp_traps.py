"""What a llama.cpp server does quietly, shown on a real one, and what its client does about it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from examples.fleet.config import ReplicaSpec
from examples.fleet.supervisor import Replica
from plugins.errors import TargetUnreachable
from plugins.serving.llamacpp import (
    ContextFull,
    Launch,
    MoveFailed,
    MoveFault,
    ServerRefused,
    SlotServer,
    UnknownSlot,
    copy_file,
    move_kv,
)
from tests.fleet.fleet_harness import Reference, Servers, servers

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def trio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Two servers with the same weights, and one with others."""
    specs = (ReplicaSpec(name="a"), ReplicaSpec(name="b"), ReplicaSpec(name="odd", seed=1))
    async with servers(tmp_path_factory.mktemp("trio"), *specs) as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _empty_slots(trio: Servers) -> None:
    for replica in trio.values():
        for slot in (0, 1):
            await replica.server.erase(slot)


@pytest.fixture
def a(trio: Servers) -> SlotServer:
    return trio["a"].server


@pytest.fixture
def b(trio: Servers) -> SlotServer:
    return trio["b"].server


def raw(replica: Replica) -> httpx.AsyncClient:
    """The bare wire, past everything the client checks."""
    key = (replica.server.slot_dir.parent / "api-key").read_text()
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=replica.server.url, headers=headers, trust_env=False, timeout=120)


@asynccontextmanager
async def decoding(replica: Replica, prompt: list[int]) -> AsyncIterator[None]:
    """A slot 0 that decodes for a while; its answer is waited for however slow the machine is."""
    body = {"prompt": prompt, "n_predict": 2500, "id_slot": 0, "ignore_eos": True}
    async with raw(replica) as wire:
        answer = asyncio.create_task(wire.post("/completion", json=body))
        while not (await replica.server.slot(0)).is_processing:
            await asyncio.sleep(0.005)
        yield
        (await answer).raise_for_status()


def no_files_left(*replicas: SlotServer) -> bool:
    return not any(any(r.slot_dir.iterdir()) for r in replicas)


async def held(server: SlotServer, slot: int) -> int:
    return (await server.slot(slot)).tokens


async def test_an_unknown_slot_id_acts_on_another_slot_so_it_is_refused_here(
    trio: Servers, a: SlotServer, prompt: list[int]
) -> None:
    await a.complete(prompt, 4, 1)
    async with raw(trio["a"]) as wire:
        reply = await wire.post("/slots/5?action=erase", json={})
    assert reply.status_code == 200
    assert reply.json()["id_slot"] == 5
    assert await held(a, 1) == 0  # what it really erased
    for call in (a.erase(5), a.save(-1, "x.bin"), a.restore(2, "x.bin"), a.complete(prompt, 4, 7)):
        with pytest.raises(UnknownSlot, match="has no slot"):
            await call


async def test_a_streamed_answer_leaves_token_ids_out_so_chunks_are_not_streamed(
    trio: Servers, a: SlotServer, prompt: list[int], reference: Reference
) -> None:
    body = {"prompt": prompt, "n_predict": 120, "id_slot": 0, "temperature": 0, "top_k": 1}
    body |= {"ignore_eos": True, "return_tokens": True, "stream": True}
    async with raw(trio["a"]) as wire, wire.stream("POST", "/completion", json=body) as reply:
        lines = [json.loads(line[6:]) async for line in reply.aiter_lines() if line.startswith("data: {")]
    streamed = [t for line in lines for t in line.get("tokens", [])]
    whole = await reference(prompt, 120)
    assert 0 < len(streamed) < len(whole)

    chunks = [chunk async for chunk in a.stream(prompt, 120, 1, chunk_tokens=7)]
    assert [t for c in chunks for t in c.tokens] == whole
    assert all(c.evaluated == 1 for c in chunks[1:])


async def test_other_weights_take_foreign_kv_without_a_word_so_the_fingerprint_is_compared(
    trio: Servers, a: SlotServer, prompt: list[int]
) -> None:
    odd = trio["odd"].server
    await a.complete(prompt, 8, 0)
    await a.save(0, "foreign.bin")
    os.link(a.slot_dir / "foreign.bin", odd.slot_dir / "foreign.bin")
    assert (await odd.restore(0, "foreign.bin"))[0] == len(prompt) + 7
    for server in (a, odd):
        (server.slot_dir / "foreign.bin").unlink()
    await odd.erase(0)

    with pytest.raises(MoveFailed, match="model_sha256") as refused:
        await move_kv(a, 0, odd, 0)
    assert refused.value.code is MoveFault.FINGERPRINT
    assert await held(odd, 0) == 0


async def test_another_number_of_slots_is_another_layout(tmp_path: Path, a: SlotServer, prompt: list[int]) -> None:
    await a.complete(prompt, 4, 0)
    async with servers(tmp_path, ReplicaSpec(name="wide"), slots=3) as running:
        with pytest.raises(MoveFailed, match="kv_layout") as refused:
            await move_kv(a, 0, running["wide"].server, 0)
    assert refused.value.code is MoveFault.FINGERPRINT


def flip(content: bytearray) -> None:
    content[len(content) // 2] ^= 1


def cut(content: bytearray) -> None:
    del content[-100:]


@pytest.mark.parametrize(
    ("damage", "the_server_says"),
    [
        pytest.param(flip, 200, id="one flipped bit, which the server restores without a word"),
        pytest.param(cut, 400, id="a short file, for which the server empties the slot"),
    ],
)
async def test_a_damaged_copy_is_found_before_the_server_sees_it(
    trio: Servers,
    a: SlotServer,
    b: SlotServer,
    prompt: list[int],
    damage: Callable[[bytearray], None],
    the_server_says: int,
) -> None:
    async def damaging(here: Path, there: Path) -> None:
        await copy_file(here, there)
        content = bytearray(there.read_bytes())
        damage(content)
        there.write_bytes(content)

    await a.complete(prompt, 8, 0)
    await b.complete(prompt[:50], 2, 0)
    with pytest.raises(MoveFailed, match="sha256") as refused:
        await move_kv(a, 0, b, 0, copy=damaging)
    assert refused.value.code is MoveFault.CORRUPT_COPY
    assert await held(a, 0) == len(prompt) + 7
    assert await held(b, 0) == 51  # untouched
    assert no_files_left(a, b)

    await a.save(0, "x.bin")
    await damaging(a.slot_dir / "x.bin", b.slot_dir / "x.bin")
    async with raw(trio["b"]) as wire:
        reply = await wire.post("/slots/0?action=restore", json={"filename": "x.bin"})
    assert reply.status_code == the_server_says
    assert await held(b, 0) == (len(prompt) + 7 if the_server_says == 200 else 0)
    for server in (a, b):
        (server.slot_dir / "x.bin").unlink()


async def test_a_busy_target_would_block_the_restore_so_it_is_refused(
    trio: Servers, a: SlotServer, b: SlotServer, prompt: list[int]
) -> None:
    await a.complete(prompt, 4, 0)
    async with decoding(trio["b"], prompt):
        with pytest.raises(MoveFailed, match="is decoding") as refused:
            await move_kv(a, 0, b, 0)
    assert refused.value.code is MoveFault.BUSY


async def test_a_source_that_does_not_stop_is_waited_for_only_so_long(
    trio: Servers, a: SlotServer, b: SlotServer, prompt: list[int]
) -> None:
    async with decoding(trio["a"], prompt):
        with pytest.raises(MoveFailed, match="did not stop") as refused:
            await move_kv(a, 0, b, 0, idle_s=0.05)
    assert refused.value.code is MoveFault.BUSY


async def test_asking_for_no_token_would_give_one_so_it_is_an_error(a: SlotServer, prompt: list[int]) -> None:
    with pytest.raises(ValueError, match="emits one token even when asked for none"):
        await a.complete(prompt, 0, 0)


async def test_an_answer_that_outgrows_the_context_would_stop_early_so_it_is_refused(
    trio: Servers, a: SlotServer, prompt: list[int]
) -> None:
    long = (prompt * 11)[:4090]
    body = {"prompt": long, "n_predict": 20, "id_slot": 0, "ignore_eos": True, "return_tokens": True}
    async with raw(trio["a"]) as wire:
        reply = (await wire.post("/completion", json=body)).json()
    assert (len(reply["tokens"]), reply["truncated"]) == (6, True)
    with pytest.raises(ContextFull, match=r"4090 \+ 20 tokens do not fit the 4096"):
        await a.complete(long, 20, 0)


async def test_an_empty_slot_saves_as_a_success_so_it_is_not_moved(a: SlotServer, b: SlotServer) -> None:
    with pytest.raises(MoveFailed, match="0 tokens saved") as refused:
        await move_kv(a, 0, b, 0)
    assert refused.value.code is MoveFault.SAVE_FAILED
    assert no_files_left(a, b)


async def test_a_target_that_hangs_at_the_restore_is_left_behind_in_time(
    trio: Servers, a: SlotServer, b: SlotServer, prompt: list[int], reference: Reference
) -> None:
    async def freezing(here: Path, there: Path) -> None:
        await copy_file(here, there)
        trio["b"].child.signal(signal.SIGSTOP)

    first = await a.complete(prompt, 8, 0)
    try:
        with pytest.raises(MoveFailed, match="did not answer in time") as refused:
            await move_kv(a, 0, b, 0, copy=freezing)
    finally:
        trio["b"].child.signal(signal.SIGCONT)
    assert refused.value.code is MoveFault.RESTORE_FAILED
    assert no_files_left(a, b)
    rest = await a.complete([*prompt, *first.tokens], 8, 0)
    assert [*first.tokens, *rest.tokens] == await reference(prompt, 16)


async def test_the_engine_is_named_by_who_started_it_because_build_info_holds_no_release(
    trio: Servers, a: SlotServer
) -> None:
    async with raw(trio["a"]) as wire:
        assert (await wire.get("/props")).json()["build_info"] == "b0-unknown"
    assert (await a.fingerprint()).build.startswith("xllamacpp 2")


async def test_without_the_key_nothing_but_health_is_answered(trio: Servers, a: SlotServer) -> None:
    launch = Launch("", "", "")
    async with SlotServer(a.url, api_key="wrong", slot_dir=a.slot_dir, launch=launch) as stranger:
        assert await stranger.healthy()
        with pytest.raises(ServerRefused, match="401") as refused:
            await stranger.slots()
    assert refused.value.status == 401


async def test_nobody_there_is_not_a_refusal(tmp_path: Path) -> None:
    launch = Launch("", "", "")
    async with SlotServer("http://127.0.0.1:9", api_key="k", slot_dir=tmp_path, launch=launch) as nobody:
        assert not await nobody.healthy()
        with pytest.raises(TargetUnreachable, match="127.0.0.1:9/slots"):
            await nobody.slots()


@pytest.mark.parametrize("reply", [[], {}, {"total_slots": "many"}], ids=["a list", "nothing in it", "words"])
async def test_an_answer_of_another_shape_is_an_error_of_the_server(tmp_path: Path, reply: Any) -> None:
    """A fault no real server shows: something else listens at its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps(reply).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}"
    async with (
        other,
        SlotServer(url, api_key="k", slot_dir=tmp_path, launch=Launch("", "", "")) as server,
    ):
        with pytest.raises(ServerRefused, match="something else than a props"):
            await server.fingerprint()


async def test_kv_moved_at_any_point_is_used_and_the_tokens_are_those_of_an_unmoved_run(
    a: SlotServer, b: SlotServer, prompt: list[int], reference: Reference
) -> None:
    whole = await reference(prompt, 160)
    for cut_at in range(1, 160, 31):
        for server in (a, b):
            await server.erase(0)
        first = await a.complete(prompt, cut_at, 0)
        moved = await move_kv(a, 0, b, 0)
        rest = await b.complete([*prompt, *first.tokens], 160 - cut_at, 0)
        assert [*first.tokens, *rest.tokens] == whole
        assert moved.kv_tokens == rest.cached == len(prompt) + cut_at - 1
        assert rest.evaluated == 1
        assert moved.file_bytes > 1000 * moved.kv_tokens
        assert no_files_left(a, b)
