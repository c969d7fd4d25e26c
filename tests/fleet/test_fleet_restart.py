"""A gateway that is killed: its replicas go with it, and what it had promised is settled at its restart."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from examples.fleet.client import StreamBroken
from examples.fleet.config import ReplicaSpec
from examples.fleet.errors import FleetError
from examples.fleet.fleet import Fleet, FleetOptions
from tests.fleet.fleet_harness import until

CHECKOUT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.asyncio(loop_scope="session")


def options(folder: Path, **more: object) -> FleetOptions:
    two = (ReplicaSpec(name="a"), ReplicaSpec(name="b"))
    return FleetOptions(state_dir=folder, replicas=two, tokens_per_s=100, faults=True, **more)  # type: ignore[arg-type]


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_a_move_cut_by_the_gateways_death_is_settled_as_failed(tmp_path: Path, prompt: list[int]) -> None:
    async with Fleet(options(tmp_path)) as fleet:
        address = fleet.url
        async with fleet.client() as client:
            await client.request("POST", "/admin/replicas", {"name": "d"}, key="add d")
            await client.request("POST", "/admin/replicas/b/drain")
            await client.fault("slow_copy", seconds=20)
            answer, task = client.start(prompt, 500, "a")

            async def started() -> bool:
                return bool(answer.arrivals)

            await until(started, within_s=5)
            move = asyncio.create_task(client.migrate("cut", answer.session, "a", "d"))

            async def running() -> bool:
                status, record = await client.request("GET", "/admin/migrations/cut")
                return status == 200 and record["status"] == "running" and bool(list(files()))

            def files() -> list[Path]:
                return list(tmp_path.glob("replicas/*/slots/*.bin"))

            await until(running, within_s=5)
            replicas = children(fleet.gateway.pid)
            fleet.gateway.signal(signal.SIGKILL)
            with pytest.raises(StreamBroken):
                await task
            (lost,) = await asyncio.gather(move, return_exceptions=True)
            assert isinstance(lost, Exception)
            await fleet.gateway.wait()
        assert len(replicas) == 3

        async def all_gone() -> bool:
            return all(map(gone, replicas))

        await until(all_gone, within_s=5)

        await fleet.start_gateway()
        assert fleet.url == address
        async with fleet.client() as client:
            status, record = await client.request("GET", "/admin/migrations/cut")
            assert (status, record["status"], record["error"]["code"]) == (200, "failed", "gateway_restarted")
            status, body = await client.migrate("cut", answer.session, "a", "d")
            assert (status, body["error"]["code"]) == (409, "gateway_restarted")
            states = {n: r["state"] for n, r in (await client.replicas()).items()}
            assert states == {"a": "up", "b": "draining", "d": "up"}  # as it was left
            assert (await client.request("POST", "/admin/replicas", {"name": "d"}, key="add d"))[0] == 200
            assert files() == []


async def test_a_stopped_gateway_tells_its_clients_and_leaves_no_process(tmp_path: Path, prompt: list[int]) -> None:
    async with Fleet(options(tmp_path)) as fleet, fleet.client() as client:
        processes = [fleet.gateway.pid, *children(fleet.gateway.pid)]
        answer, task = client.start(prompt, 500)

        async def started() -> bool:
            return bool(answer.arrivals)

        await until(started, within_s=5)
        os.kill(fleet.gateway.pid, signal.SIGTERM)
        await task
        assert answer.error is not None
        assert answer.error["code"] == "shutting_down"
        assert await fleet.gateway.wait() == 0
        assert all(map(gone, processes))
        assert not (tmp_path / "gateway.address").exists()
    assert not (tmp_path / "fleet.json").exists()


async def test_two_fleets_cannot_share_a_folder(tmp_path: Path) -> None:
    async with Fleet(options(tmp_path)) as fleet:
        with pytest.raises(FleetError, match="a fleet runs in .* already"):
            async with Fleet(options(tmp_path)):
                pass
        assert (tmp_path / "fleet.json").exists()
        assert fleet.gateway.alive
    async with Fleet(options(tmp_path)):  # free again
        pass


async def test_the_command_starts_a_fleet_says_where_and_stops_all_of_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    arguments = ["up", "--dir", str(state), "--replicas", "2", "--no-monitoring", "--json"]
    up = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "examples.fleet", *arguments, stdout=asyncio.subprocess.PIPE, cwd=CHECKOUT
    )
    assert up.stdout is not None
    card = json.loads(await up.stdout.readline())
    assert card == json.loads((state / "fleet.json").read_text())
    processes = [card["pids"]["gateway"], *children(card["pids"]["gateway"])]
    load = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "examples.fleet.load", "--dir", str(state),
        "pin", "--replica", "b", "--sessions", "3", "--max-tokens", "12",
        stdout=asyncio.subprocess.PIPE, cwd=CHECKOUT,
    )  # fmt: skip
    told, _ = await load.communicate()
    assert json.loads(told) == {"sessions": 3, "lost": 0, "tokens": 36}
    up.send_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        assert await up.wait() == 0
    assert len(processes) == 3
    assert all(map(gone, processes))
