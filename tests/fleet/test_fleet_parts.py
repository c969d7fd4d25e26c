"""The fleet's parts without a fleet: seats and queues, the ledger, the model, child processes."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from pathlib import Path

import pytest

from examples.fleet.config import GatewayConfig
from examples.fleet.errors import ChildFailed, StateDamaged
from examples.fleet.ledger import Ledger, Migration, Operation
from examples.fleet.placement import Seats, choose
from examples.fleet.processes import Child
from examples.fleet.tiny_gguf import tiny_model
from plugins.serving.llamacpp import sha256_file


@pytest.mark.parametrize(
    ("replicas", "chosen"),
    [
        pytest.param({}, None, id="no replica takes sessions: nowhere"),
        pytest.param({"b": Seats([None]), "a": Seats([None])}, "a", id="equal: the first name"),
        pytest.param({"a": Seats(["x", None]), "b": Seats([None, None])}, "b", id="the most free slots"),
        pytest.param(
            {"a": Seats(["x"], deque("yz")), "b": Seats(["x"], deque("y"))}, "b", id="all full: the shortest queue"
        ),
    ],
)
def test_where_a_new_session_goes(replicas: dict[str, Seats], chosen: str | None) -> None:
    assert choose(replicas) == chosen


def test_a_free_slot_goes_to_the_one_who_waits_longest() -> None:
    seats = Seats(["x", "y"], deque(["first", "second"]))
    assert seats.admit() is None
    seats.release(1)
    assert seats.admit() == ("first", 1)
    assert seats.admit() is None
    assert list(seats.waiting) == ["second"]


def test_a_reserved_slot_is_not_given_away() -> None:
    seats = Seats([None])
    assert seats.take("move k") == 0
    seats.waiting.append("s")
    assert seats.admit() is None
    seats.hand_over(0, "s2")
    assert (seats.busy, seats.empty) == (1, False)


RUNNING = Migration(key="k", session="s", source="a", target="b", status="running")


async def test_what_ran_when_the_process_ended_is_failed_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    await Ledger(path).append(RUNNING, Operation(key="o", name="d", status="running"))
    again = Ledger(path)
    await again.settle_interrupted()
    for record in (Ledger(path).migrations["k"], Ledger(path).operations["o"]):
        assert record.status == "failed"
        assert record.error is not None
        assert record.error.code == "gateway_restarted"


async def test_a_record_that_was_cut_by_a_crash_never_was(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    await Ledger(path).append(RUNNING)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"type":"migration","key":"half')
    assert set(Ledger(path).migrations) == {"k"}
    assert path.read_bytes() == whole


async def test_a_ledger_with_a_strange_line_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(RUNNING.model_dump_json() + "\nnonsense\n")
    with pytest.raises(StateDamaged, match=r"ledger\.jsonl:2: not a record of this gateway"):
        Ledger(path)


async def test_a_disk_that_takes_no_more_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    await ledger.append(RUNNING)

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("examples.fleet.ledger.os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        await ledger.append(RUNNING.model_copy(update={"key": "lost"}))
    assert set(ledger.migrations) == set(Ledger(path).migrations) == {"k"}


def test_the_model_has_the_same_bytes_wherever_it_is_made(tmp_path: Path) -> None:
    here, there = (tiny_model(tmp_path / folder) for folder in ("one", "two"))
    other = tiny_model(tmp_path / "one", seed=1)
    assert sha256_file(here) == sha256_file(there) != sha256_file(other)
    assert here.stat().st_size == other.stat().st_size < 3_000_000
    assert [p.suffix for p in here.parent.iterdir()] == [".gguf"] * 2  # nothing half-written beside them


async def test_a_child_that_ends_before_it_is_ready_shows_its_last_words(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "raise SystemExit('no such model')"]
    child = await Child.start("the child", program, log=tmp_path / "log")

    async def never() -> bool:
        return False

    with pytest.raises(ChildFailed, match="the child ended with code 1: no such model") as failed:
        await child.ready(never, within_s=10)
    assert str(tmp_path / "log") in failed.value.hint


async def test_a_child_that_is_late_is_an_error_and_can_be_stopped(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = await Child.start("the child", [sys.executable, "-c", deaf], log=tmp_path / "log")

    async def never() -> bool:
        return False

    with pytest.raises(ChildFailed, match="not ready within 0.5 s"):
        await child.ready(never, within_s=0.5)
    await child.stop(grace_s=0.1)
    assert not child.alive
    await child.stop()  # harmless to repeat


async def test_a_child_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    parent = f"""
import asyncio, pathlib, sys
from examples.fleet.processes import Child
async def main():
    program = [sys.executable, "-c", "import time; time.sleep(60)"]
    child = await Child.start("c", program, log=pathlib.Path({str(tmp_path / "log")!r}))
    print(child.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).resolve().parents[2]
    )
    assert process.stdout is not None
    orphan = Path("/proc") / (await process.stdout.readline()).decode().strip()
    assert orphan.exists()
    process.kill()
    await process.wait()
    async with asyncio.timeout(5):
        while orphan.exists() and (orphan / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", ["../a", "A", "", "a b", "a" * 33])
def test_a_replicas_name_is_a_folder_name_and_a_label(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        GatewayConfig(state_dir=Path("s"), cache_dir=Path("c"), replicas=({"name": name},))  # type: ignore[arg-type]
