"""Real llama.cpp servers, alone and as a fleet; each starts in about a second and is stopped by its own id."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from examples.fleet.client import FleetClient
from examples.fleet.config import ReplicaSpec
from examples.fleet.fleet import Fleet, FleetOptions
from examples.fleet.load import random_prompt
from tests.fleet.fleet_harness import Reference, at_rest, servers, until


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reference(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reference]:
    """The tokens of a run that nobody disturbs, in one call on a server of its own."""
    turn = asyncio.Lock()
    async with servers(tmp_path_factory.mktemp("reference"), ReplicaSpec(name="reference")) as running:
        server = running["reference"].server

        async def tokens(prompt: list[int], n: int) -> list[int]:
            async with turn:
                await server.erase(0)
                return list((await server.complete(prompt, n, 0)).tokens)

        yield tokens


def options(folder: Path) -> FleetOptions:
    same = tuple(ReplicaSpec(name=n) for n in ("a", "b", "c"))
    return FleetOptions(
        state_dir=folder,
        replicas=(*same, ReplicaSpec(name="odd", seed=1)),  # the same shape, other weights
        tokens_per_s=100,
        call_timeout_s=2.0,
        faults=True,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    async with Fleet(options(tmp_path_factory.mktemp("fleet"))) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def client(fleet: Fleet) -> AsyncIterator[FleetClient]:
    """A client that may change the fleet; every test leaves the fleet at rest."""
    async with fleet.client() as client:
        yield client
        for name, replica in (await client.replicas()).items():
            if replica["state"] == "draining":
                await client.request("POST", f"/admin/replicas/{name}/undrain")
        await until(lambda: at_rest(client), within_s=20)


@pytest.fixture
def prompt(request: pytest.FixtureRequest) -> list[int]:
    """A long prompt, another one for each test: nothing is cached from the test before."""
    return random_prompt(random.Random(request.node.nodeid), 400)
