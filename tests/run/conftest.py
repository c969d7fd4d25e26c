"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.engine_bench import Bench, Script


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def bench(tmp_path: Path, script: Script) -> Iterator[Bench]:
    made = Bench(tmp_path / "journal.db", script)
    yield made
    made.journal.close()


@pytest.fixture(params=["sqlite", "postgres"])
def either_bench(request: pytest.FixtureRequest, tmp_path: Path, script: Script) -> Iterator[Bench]:
    """The same bench over each store."""
    url = None if request.param == "sqlite" else request.getfixturevalue("database")
    made = Bench(tmp_path / "journal.db", script, url=url)
    yield made
    made.journal.close()
