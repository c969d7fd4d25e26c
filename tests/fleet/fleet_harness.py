"""Real llama.cpp servers without a gateway, and patience with a limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from examples.fleet.client import FleetClient
from examples.fleet.config import GatewayConfig, ReplicaSpec
from examples.fleet.files import project_cache
from examples.fleet.supervisor import Replica

Reference = Callable[[list[int], int], Awaitable[list[int]]]
Servers = dict[str, Replica]


@asynccontextmanager
async def servers(folder: Path, *specs: ReplicaSpec, slots: int = 2) -> AsyncIterator[Servers]:
    """Replicas without a gateway, by name."""
    config = GatewayConfig(state_dir=folder, cache_dir=project_cache(), replicas=specs, slots=slots, call_timeout_s=2.0)
    config.logs_dir.mkdir(parents=True)
    running = {s.name: Replica(s, config) for s in specs}
    try:
        await asyncio.gather(*(r.start() for r in running.values()))
        yield running
    finally:
        await asyncio.gather(*(r.stop() for r in running.values()))


async def at_rest(client: FleetClient) -> bool:
    """Nothing runs, waits or is being cleaned, anywhere."""
    return not any(r["slots_busy"] or r["waiting"] for r in (await client.replicas()).values())


async def until(holds: Callable[[], Awaitable[Any]], *, within_s: float) -> Any:
    """Ask again and again; return the first truth. Raises: TimeoutError."""
    async with asyncio.timeout(within_s):
        while not (found := await holds()):
            await asyncio.sleep(0.03)
    return found
