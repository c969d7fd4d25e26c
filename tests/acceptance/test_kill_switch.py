"""The kill switch, thrown while several processes write: the next write of each of them is refused."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.acceptance.test_many_workers import Worker, workers
from tests.doors.conftest import bearer
from tests.doors.notifications import firing, notification, send
from tests.doors.pushing import pushing, served
from tests.plugins.http_target import Seen, http_target, says

PROMISED_S = 1.0  # the bound that the product promises, from the moment at which the switch was acknowledged
PUSHES, RUNS, BEFORE = 40, 12, 24
SECTION = """## Push {n}

```http as=pushed_{n} timeout=20s
POST {{url}}/button/{n}

{{{{"speed": "slow"}}}}
```

If this fails or cannot be decided, go to [Escalate](#escalate).

"""
GUIDE = (
    "---\ntitle: Push many buttons\nalerts: [Hot]\n---\n# Push many buttons\n\n"
    + "".join(SECTION.format(n=n) for n in range(PUSHES))
    + "## Resolved\n\nThey are pushed.\n\n## Escalate\n\nThey are not.\n"
)


class Clocked:
    """A target that notes when each request arrived, and takes a moment to answer."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.busy = asyncio.Event()

    async def __call__(self, seen: Seen, writer: Any) -> None:
        self.at.append(asyncio.get_running_loop().time())
        if len(self.at) >= BEFORE:
            self.busy.set()
        await asyncio.sleep(0.03)
        await says(200, {"pushed": True})(seen, writer)


@contextlib.asynccontextmanager
async def over_postgres(config: Path) -> AsyncIterator[tuple[list[httpx.AsyncClient], int]]:
    """Three workers, and a door that advances nothing."""
    started: list[Worker]
    async with workers(config, 3) as started, served(config, "--no-advance") as door:
        yield [door.http], len(started)


@contextlib.asynccontextmanager
async def over_sqlite(config: Path) -> AsyncIterator[tuple[list[httpx.AsyncClient], int]]:
    """Two servers of one machine on one file, each with runs of its own."""
    async with served(config) as one, served(config) as other:
        yield [one.http, other.http], 2


def owners_refused(rows: list[tuple[str, str]]) -> set[str]:
    """Which processes had a call refused."""
    return {owner for owner, kind in rows if kind == "refused"}


QUERY = "SELECT l.owner, e.kind FROM run_event e JOIN lease l ON l.run_id = e.run_id"
ENDED = "SELECT count(*) FROM run WHERE outcome IS NOT NULL"


@pytest.mark.parametrize("store", ["postgres", "sqlite"])
async def test_it_stops_the_next_write_of_every_process_within_a_second(
    tmp_path: Path, request: pytest.FixtureRequest, store: str
) -> None:
    database = request.getfixturevalue("database") if store == "postgres" else ""
    journal = f"url = '{database or 'sqlite:///journal.db'}'"

    def ask(query: str) -> list[Any]:
        if database:
            with psycopg.connect(database) as conn:
                return conn.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]
        with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as file:
            return file.execute(query).fetchall()

    clocked = Clocked()
    async with http_target(clocked) as target:
        config = pushing(tmp_path, target, guide=GUIDE, journal=journal, max_per_hour=100_000)
        async with (over_postgres if database else over_sqlite)(config) as (doors, processes):
            for nth in range(RUNS):
                sent = await send(doors[nth % len(doors)], notification(firing(nth), groupKey=f"g{nth}"))
                assert sent.status_code == 202, sent.text
            await asyncio.wait_for(clocked.busy.wait(), 60)
            word = {"engaged": True, "reason": "stop"}
            said = await doors[0].post("/kill-switch", json=word, headers=bearer("olga"))
            acknowledged = asyncio.get_running_loop().time()
            assert said.status_code == 200, said.text
            async with asyncio.timeout(60):
                while ask(ENDED)[0][0] < RUNS:
                    await asyncio.sleep(0.1)
            refused = owners_refused(ask(QUERY))
    late = [at - acknowledged for at in clocked.at if at > acknowledged]
    assert max(late, default=0.0) < PROMISED_S, late
    assert len(clocked.at) < PUSHES * RUNS, "it was thrown after the last write"
    assert len(refused) == processes
