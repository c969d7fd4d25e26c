"""Runs on several workers over a real PostgreSQL: killed workers, a killed database, storms at two doors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from examples.fleet.postgres import Postgres
from tests.doors.notifications import firing, notification, send
from tests.doors.pushing import GUIDE, ROOT, alert, pushing, served
from tests.plugins.http_target import Seen, Target, http_target, says

LEASE_S = 2
OBSERVED = GUIDE.replace(
    '```http as=pushed timeout=20s\nPOST {url}/button\n\n{{"speed": "slow"}}\n```',
    "```action http_call as=pushed timeout=2s\nmethod: POST\nurl: {url}/button\nstatus_url: {url}/done/{{key}}\n```",
)
BLIND = GUIDE.replace("timeout=20s", "timeout=2s")
assert OBSERVED != GUIDE


class Button:
    """A target that counts what was done, by key, and answers only when it is let go."""

    def __init__(self) -> None:
        self.pushed: Counter[str] = Counter()
        self.arrived, self.go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, seen: Seen, writer: Any) -> None:
        if seen.method == "GET":
            key = seen.path.rpartition("/")[2]
            await says(200 if self.pushed[key] else 404, {"status": "done"})(seen, writer)
            return
        self.pushed[seen.headers["idempotency-key"]] += 1
        self.arrived.set()
        await self.go_on.wait()
        await says(200, {"pushed": True})(seen, writer)


class Worker:
    """One `stepfleet worker` process."""

    def __init__(self, process: asyncio.subprocess.Process, owner: str) -> None:
        self.process, self.owner = process, owner

    async def end(self, number: signal.Signals) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        await asyncio.wait_for(self.process.communicate(), 40)
        assert self.process.returncode is not None
        return self.process.returncode


@contextlib.asynccontextmanager
async def workers(config: Path, count: int) -> AsyncIterator[list[Worker]]:
    started: list[Worker] = []
    try:
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "agent.doors.cli", "--config", str(config), "worker", "--json"),
                cwd=ROOT,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            started.append(Worker(process, ""))
            assert process.stdout is not None
            started[-1].owner = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))["worker"]
        yield started
    finally:
        for worker in started:
            await worker.end(signal.SIGKILL)


def rows(database: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as conn:
        return conn.execute(query, values).fetchall()  # type: ignore[call-overload, no-any-return]


def kinds(database: str, run_id: str) -> list[str]:
    return [k for (k,) in rows(database, "SELECT kind FROM run_event WHERE run_id = %s ORDER BY seq", run_id)]


async def until(database: str, run_id: str, *wanted: str) -> list[str]:
    """Wait until the run's journal ends with one of these kinds."""
    seen: list[str] = []
    try:
        async with asyncio.timeout(60):
            while not seen or seen[-1] not in wanted:
                await asyncio.sleep(0.05)
                with contextlib.suppress(psycopg.OperationalError):  # it may be down on purpose
                    seen = kinds(database, run_id)
    except TimeoutError:
        pytest.fail(f"none of {wanted}: {seen}")
    return seen


def shared(folder: Path, target: Target, database: str, guide: str) -> Path:
    return pushing(folder, target, guide=guide, journal=f"url = '{database}'\nlease_s = {LEASE_S}")


@pytest.mark.parametrize(
    ("guide", "ends"),
    [
        pytest.param(OBSERVED, "run_ended", id="a target that can be asked"),
        pytest.param(BLIND, "parked", id="a target that cannot"),
    ],
)
async def test_a_killed_workers_action_is_done_once(tmp_path: Path, database: str, guide: str, ends: str) -> None:
    button = Button()
    async with http_target(button) as target:
        config = shared(tmp_path, target, database, guide)
        async with workers(config, 2) as both, served(config, "--no-advance") as door:
            run_id = await alert(door.http)
            await asyncio.wait_for(button.arrived.wait(), 30)
            ((owner,),) = rows(database, "SELECT owner FROM lease WHERE run_id = %s", run_id)
            (dead,) = [w for w in both if w.owner == owner]
            (alive,) = [w for w in both if w is not dead]
            await dead.end(signal.SIGKILL)
            at_death = kinds(database, run_id)
            after = await until(database, run_id, ends)
            ((heir,),) = rows(database, "SELECT owner FROM lease WHERE run_id = %s", run_id)
            button.go_on.set()
            assert await alive.end(signal.SIGTERM) == 0
    assert heir == alive.owner
    assert at_death[-1] == "intent"
    assert after[: len(at_death)] == at_death
    assert after.count("intent") == 1
    assert list(button.pushed.values()) == [1]
    if ends == "parked":
        assert "outcome_unknown" in after
    else:
        assert "applied" in after
        ((outcome,),) = rows(database, "SELECT outcome FROM run WHERE id = %s", run_id)
        assert outcome == "resolved"


async def test_a_worker_that_is_told_to_stop_finishes_its_action_and_hands_on(tmp_path: Path, database: str) -> None:
    button = Button()
    async with http_target(button) as target:
        config = shared(tmp_path, target, database, GUIDE)
        async with workers(config, 1) as (first,), served(config, "--no-advance") as door:
            run_id = await alert(door.http)
            await asyncio.wait_for(button.arrived.wait(), 30)
            stopping = asyncio.create_task(first.end(signal.SIGTERM))
            await asyncio.sleep(0.5)
            assert not stopping.done(), "it ended under its action"
            button.go_on.set()
            assert await stopping == 0
            assert "applied" in kinds(database, run_id)
            held = rows(database, "SELECT 1 FROM lease WHERE expires_at > clock_timestamp()")
            assert held == []
            async with workers(config, 1):
                after = await until(database, run_id, "run_ended")
    assert after.count("intent") == 1
    assert list(button.pushed.values()) == [1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["shut down", "crashed"])
async def test_a_restarted_database_doubles_nothing(
    tmp_path: Path, postgres_server: Postgres, database: str, number: signal.Signals
) -> None:
    button = Button()
    async with http_target(button) as target:
        config = shared(tmp_path, target, database, GUIDE)
        async with workers(config, 2), served(config, "--no-advance") as door:
            run_id = await alert(door.http)
            await asyncio.wait_for(button.arrived.wait(), 30)
            await asyncio.to_thread(postgres_server.stop, number)
            button.go_on.set()  # its outcome is written to a database that is not there
            await asyncio.sleep(0.5)
            await asyncio.to_thread(postgres_server.start)
            after = await until(database, run_id, "run_ended", "parked")
    assert after[-1] == "run_ended"
    assert (after.count("intent"), after.count("applied")) == (1, 1)
    assert list(button.pushed.values()) == [1]


async def test_a_storm_at_two_doors_folds_into_the_same_runs(tmp_path: Path, database: str) -> None:
    button = Button()
    groups = 5
    async with http_target(button) as target:
        config = shared(tmp_path, target, database, GUIDE)
        async with served(config) as one, served(config) as other:
            sent = [alert_of(door, g) for _ in range(8) for g in range(groups) for door in (one, other)]
            decided = await asyncio.gather(*sent)
            button.go_on.set()
            runs = [r for (r,) in rows(database, "SELECT id FROM run")]
            for run_id in runs:
                await until(database, run_id, "run_ended")
    assert len(runs) == groups
    assert Counter(decided)["started"] == groups
    assert set(decided) <= {"started", "joined", "duplicate"}
    assert sorted(button.pushed.values()) == [1] * groups


async def alert_of(door: Any, group: int) -> str:
    """Let the alert of a group fire at a door; what became of it."""
    answer = await send(door.http, notification(firing(group), groupKey=f"g{group}"))
    assert answer.status_code in (200, 202), answer.text
    return str(answer.json()["accepted"][0]["decision"])
