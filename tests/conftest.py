"""What every test starts from: no setting and no key of the machine's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import uuid4

import hypothesis  # noqa: F401 - its plugin would import it while the summary is written, too late to fail well
import pytest

from examples.fleet.files import project_cache
from examples.fleet.postgres import Postgres, postgres

AMBIENT = ("STEPFLEET_", "OPENAI_", "ANTHROPIC_", "LANGSMITH_", "LANGCHAIN_")


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(AMBIENT) and name not in ("STEPFLEET_CORPUS", "STEPFLEET_CACHE"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A real PostgreSQL, shared by the session."""
    with postgres(project_cache()) as server:
        yield server


@pytest.fixture
def database(postgres_server: Postgres) -> str:
    """The URL of a new, empty database."""
    return new_database(postgres_server)


def new_database(server: Postgres) -> str:
    import psycopg

    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(server.url(), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
    return server.url(name)
