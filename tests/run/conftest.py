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
