"""`stepfleet serve` as a process on a real socket: it says where it is, streams, and stops without cutting work off."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.doors.conftest import bearer
from tests.doors.pushing import alert, pushing, served
from tests.plugins.http_target import Seen, http_target, says


def journalled(folder: Path) -> list[str]:
    conn = sqlite3.connect(f"file:{folder}/journal.db?mode=ro", uri=True)
    try:
        return [kind for (kind,) in conn.execute("SELECT kind FROM run_event ORDER BY seq")]
    finally:
        conn.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_asked_to_stop_it_lets_an_action_in_flight_reach_its_outcome(
    tmp_path: Path, number: signal.Signals
) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(seen: Seen, writer: Any) -> None:
        arrived.set()
        await go_on.wait()
        await says(200, {"pushed": True})(seen, writer)

    async with http_target(slowly) as target, served(pushing(tmp_path, target)) as server:
        await alert(server.http)
        await asyncio.wait_for(arrived.wait(), 20)
        stopping = asyncio.create_task(server.stop(number))
        await asyncio.sleep(1.0)
        assert not stopping.done(), "it ended under its action"
        go_on.set()
        code = await stopping
        requests = len(target.seen)
    assert code == 0, server.said
    assert "Traceback" not in server.said
    assert requests == 1
    kinds = journalled(tmp_path)
    assert kinds[kinds.index("intent") :][:3] == ["intent", "applied", "verified"]


async def test_the_second_signal_ends_it_at_once_and_the_next_process_asks_what_happened(tmp_path: Path) -> None:
    arrived, never = asyncio.Event(), asyncio.Event()

    async def silent(_seen: Seen, _writer: Any) -> None:
        arrived.set()
        await never.wait()

    async with http_target(silent) as target, served(pushing(tmp_path, target)) as server:
        await alert(server.http)
        await asyncio.wait_for(arrived.wait(), 20)
        server.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(1.0)
        code = await server.stop()
        never.set()
    assert code == -signal.SIGTERM
    assert journalled(tmp_path)[-1] == "intent"


async def test_a_reader_of_events_does_not_keep_it_from_stopping(tmp_path: Path) -> None:
    async with http_target(says(200)) as target, served(pushing(tmp_path, target, rung="approve")) as server:
        run_id = await alert(server.http)
        kinds: list[str] = []
        path = f"/runs/{run_id}/events"
        async with server.http.stream("GET", path, headers=bearer("vera")) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    kinds.append(json.loads(line[5:])["kind"])
                if kinds and kinds[-1] == "parked":
                    break
            async with asyncio.timeout(8):
                assert await server.stop() == 0
    assert kinds[0] == "run_opened"
    assert "approval_asked" in kinds


async def test_events_arrive_as_they_happen_until_the_run_ends(tmp_path: Path) -> None:
    async with http_target(says(200)) as target, served(pushing(tmp_path, target, rung="approve")) as server:
        run_id = await alert(server.http)
        seqs: list[int] = []
        asked: list[str] = []
        async with (
            asyncio.timeout(20),
            server.http.stream("GET", f"/runs/{run_id}/events", headers=bearer("vera")) as stream,
        ):
            async for line in stream.aiter_lines():
                if not line.startswith("data:"):
                    continue
                event = json.loads(line[5:])
                seqs.append(event["seq"])
                if event["kind"] == "parked":
                    said = await server.http.post(f"/runs/{run_id}/approve", json={}, headers=bearer("olga"))
                    asked.append(said.json()["call"]["action"])
        await server.stop()
    assert seqs == list(range(len(seqs)))
    assert asked == ["http_call"]
    assert journalled(tmp_path)[-1] == "run_ended"
    assert len(journalled(tmp_path)) == len(seqs)
