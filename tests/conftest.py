"""What every test starts from: no setting and no key of the machine's own."""

from __future__ import annotations

import os

import hypothesis  # noqa: F401 - its plugin would import it while the summary is written, too late to fail well
import pytest

AMBIENT = ("STEPFLEET_", "OPENAI_", "ANTHROPIC_", "LANGSMITH_", "LANGCHAIN_")


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(AMBIENT) and name not in ("STEPFLEET_CORPUS", "STEPFLEET_CACHE"):
            monkeypatch.delenv(name)
