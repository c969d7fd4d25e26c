"""A real Prometheus on loopback and the targets it scrapes: gauges of this process, set by the tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from examples.fleet.debian import find_program
from examples.fleet.errors import ToolMissing
from examples.fleet.files import project_cache
from examples.fleet.processes import Child, free_port

SCRAPE_S = 1.0
CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: fleet
    static_configs: [{{targets: ["127.0.0.1:{steady}"]}}]
  - job_name: flaky
    honor_timestamps: true
    static_configs: [{{targets: ["127.0.0.1:{dated}"]}}]
"""


@dataclass(frozen=True)
class Scraped:
    """A Prometheus and what it reads. `dated` serves one sample with a timestamp of its own, long ago."""

    url: str
    waiting: Gauge
    tokens: Counter
    dated: Dated


class Dated:
    """A target whose samples say themselves when they were taken, as a stuck exporter's would."""

    def __init__(self) -> None:
        self.text = ""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = self.text.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def scraped_prometheus(folder: Path) -> AsyncIterator[Scraped]:
    try:
        program = await asyncio.to_thread(find_program, project_cache(), "prometheus", "prometheus")
    except ToolMissing as missing:
        pytest.skip(f"{missing} ({missing.hint})")
    registry = CollectorRegistry()
    waiting = Gauge("waiting", "requests that wait", ["replica", "client"], registry=registry)
    tokens = Counter("tokens", "tokens generated", ["replica"], registry=registry)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    dated = Dated()
    slow_source = await asyncio.start_server(dated.serve, "127.0.0.1", 0)
    dated.port = slow_source.sockets[0].getsockname()[1]
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(steady=server.server_port, dated=dated.port))
    port = free_port()
    child = await Child.start(
        "prometheus",
        [
            program.path,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ],
        log=folder / "prometheus.log",
        cwd=program.cwd,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        waiting.labels("a", "x").set(3)
        waiting.labels("b", "x").set(1)
        tokens.labels("a").inc(0)
        await child.ready(lambda: _has(url, "waiting"), within_s=30)
        yield Scraped(url, waiting, tokens, dated)
    finally:
        await child.stop()
        slow_source.close()
        server.shutdown()
        server.server_close()
        thread.join()


async def _has(url: str, query: str) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=1.0) as http:
        try:
            reply = await http.get(f"{url}/api/v1/query", params={"query": query})
            return bool(reply.json()["data"]["result"])
        except (httpx.HTTPError, ValueError, KeyError):
            return False
