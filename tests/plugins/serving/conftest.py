"""The stages of the serving actions' tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from examples.fleet.config import ReplicaSpec
from examples.fleet.fleet import Fleet, FleetOptions
from tests.plugins.serving.fake_gateway import FakeGateway, demo
from tests.plugins.serving.serving_stage import FakeStage, RealStage, Stage


@pytest.fixture
def gateway() -> FakeGateway:
    return demo()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def real_fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    options = FleetOptions(
        state_dir=tmp_path_factory.mktemp("serving"),
        replicas=(*(ReplicaSpec(name=n) for n in ("a", "b", "c")), ReplicaSpec(name="odd", seed=1)),
        max_replicas=5,
        tokens_per_s=40,
        call_timeout_s=3.0,
    )
    async with Fleet(options) as fleet:
        yield fleet


@pytest_asyncio.fixture(loop_scope="session")
async def real_stage(request: pytest.FixtureRequest, real_fleet: Fleet) -> AsyncIterator[Stage]:
    async with real_fleet.client() as client:
        stage = RealStage(real_fleet, client, request.node.nodeid)
        try:
            yield stage
        finally:
            await stage.leave()


@pytest.fixture(params=["in memory", "llama.cpp"])
def stage(request: pytest.FixtureRequest) -> Stage:
    if request.param == "in memory":
        return FakeStage(demo())
    real: Stage = request.getfixturevalue("real_stage")
    return real
