"""A real Prometheus that scrapes this process once a second, started once and stopped by its own id."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.telemetry.real_prometheus import Scraped, scraped_prometheus


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scraped(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scraped]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    async with scraped_prometheus(folder) as running:
        yield running
