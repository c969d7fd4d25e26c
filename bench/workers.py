"""Several `stepfleet worker` processes over one PostgreSQL: runs a second, and how soon a killed one's run goes on."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg

from agent.service import build_service
from agent.settings import load_settings
from examples.fleet.files import project_cache
from examples.fleet.postgres import Postgres, postgres

WORKERS = (1, 2, 4)
RUNS = 100
STEPS = 6
LEASE_S = 2
KILLS = 2
READ = "## Look {n}\n\n```http as=look{n} timeout=10s\nGET {url}/look\n```\n\n"
PUSH = "## Push\n\n```http as=pushed timeout=3s\nPOST {url}/held\n```\n\n"
HEAD = "---\ntitle: Bench\n---\n# Bench\n\n"
ENDS = "If this fails, go to [Escalate](#escalate).\n\n## Resolved\n\nDone.\n\n## Escalate\n\nNot.\n"


def run() -> dict[str, Any]:
    with postgres(project_cache()) as server:
        rows = [asyncio.run(_row(server, n)) for n in WORKERS]
    return {
        "title": "Several workers",
        "verdict": f"{max(r['runs a second'] for r in rows)} runs a second at best; a killed worker's run went on "
        f"within {max(r['going on after a kill, worst s'] for r in rows)} s with a lease of {LEASE_S} s.",
        "conditions": f"PostgreSQL, the workers, the target and the measuring process share {os.cpu_count()} cores, "
        f"so more workers compete for them. {RUNS} runs of {STEPS} requests to a local target, opened at once; every "
        f"commit synchronous. Kill: SIGKILL of the run's owner in mid-action, median and worst of {KILLS}, until the "
        "next event of that run; with one worker another is started right after.",
        "rows": rows,
    }


async def _row(server: Postgres, count: int) -> dict[str, Any]:
    seconds = await _throughput(server, count)
    going_on = [await _recovery(server, count) for _ in range(KILLS)]
    return {
        "workers": count,
        "runs a second": round(RUNS / seconds, 1),
        "steps a second": round(RUNS * STEPS / seconds),
        "going on after a kill, median s": round(statistics.median(going_on), 2),
        "going on after a kill, worst s": round(max(going_on), 2),
    }


async def _throughput(server: Postgres, count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with _target() as (url, _):
            config, database = _settings(Path(folder), server, url, READ)
            async with _workers(config, count), build_service(load_settings(config), advance=False) as service:
                await asyncio.gather(*(service.start_run("bench", {}, by="bench") for _ in range(RUNS)))
                while _one(database, "SELECT count(*) FROM run WHERE outcome IS NULL"):  # noqa: ASYNC110 - as below
                    await asyncio.sleep(0.2)
            assert _one(database, "SELECT count(*) FROM run WHERE outcome = 'resolved'") == RUNS
            return float(_one(database, "SELECT extract(epoch FROM max(ended_at) - min(opened_at)) FROM run"))


async def _recovery(server: Postgres, count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with _target() as (url, held):
            config, database = _settings(Path(folder), server, url, PUSH)
            async with (
                _workers(config, count) as started,
                build_service(load_settings(config), advance=False) as service,
            ):
                run_id = await service.start_run("bench", {}, by="bench")
                await asyncio.wait_for(held.wait(), 30)
                owner = _one(database, "SELECT owner FROM lease")
                last = _one(database, "SELECT max(seq) FROM run_event")
                started[owner].kill()
                killed_at = time.time()
                if count == 1:
                    async with _workers(config, 1):
                        return await _next_event(database, run_id, last) - killed_at
                return await _next_event(database, run_id, last) - killed_at


async def _next_event(database: str, run_id: str, last: int) -> float:
    query = "SELECT extract(epoch FROM min(at)) FROM run_event WHERE run_id = %s AND seq > %s"
    async with asyncio.timeout(60):
        while (at := _one(database, query, run_id, last)) is None:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    return float(at)


def _one(database: str, query: str, *values: object) -> Any:
    with psycopg.connect(database) as conn:
        row = conn.execute(query, values).fetchone()  # type: ignore[call-overload]
    return row[0] if row else None


def _settings(folder: Path, server: Postgres, url: str, step: str) -> tuple[Path, str]:
    """A new database, a guide, a policy that allows it, and the settings that name them."""
    name = f"bench_{time.time_ns()}"
    with psycopg.connect(server.url(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    (folder / "guides").mkdir()
    steps = "".join(READ.format(n=n, url=url) for n in range(STEPS - 1))
    text = HEAD + steps + step.format(n=STEPS, url=url) + ENDS
    (folder / "guides" / "bench.md").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    (folder / "policy.toml").write_text(
        f'[[rule]]\naction = "http_call"\nrung = "auto"\nguides = ["{digest}"]\nmax_per_hour = 100000\n'
        "max_blast_radius = 1\n"
    )
    config = folder / "stepfleet.toml"
    config.write_text(
        f"[journal]\nurl = '{server.url(name)}'\nlease_s = {LEASE_S}\n[library]\npath = 'guides'\n"
        f"[policy]\nfile = 'policy.toml'\n[plugins.http]\nallow = ['{url.removeprefix('http://')}']\n"
    )
    return config, server.url(name)


@asynccontextmanager
async def _workers(config: Path, count: int) -> AsyncIterator[dict[str, asyncio.subprocess.Process]]:
    started: dict[str, asyncio.subprocess.Process] = {}
    try:
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "agent.doors.cli", "--config", str(config), "worker", "--json"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            assert process.stdout is not None
            started[json.loads(await process.stdout.readline())["worker"]] = process
        yield started
    finally:
        for process in started.values():
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.communicate()


@asynccontextmanager
async def _target() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Answers at once, except under /held, where it never does; the event says that such a request came."""
    held, over = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # a killed worker's connection
            writer.close()
            return
        if b" /held " in head:
            held.set()
            await over.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", held
    finally:
        over.set()
        server.close()
