"""A running service knows guides as they are in the folder, soon after they change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import service as service_module
from agent.service import build_service
from telemetry.alerts import Alert, AlertStatus
from tests.doors.conftest import GUIDE, settings_in


def alert(name: str) -> Alert:
    return Alert(name, AlertStatus.FIRING, "f", datetime(2026, 1, 1, tzinfo=UTC))


async def test_a_guide_that_is_pushed_is_compiled_and_a_bad_one_hides_no_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path
    monkeypatch.setattr(service_module, "REFRESH_S", 0.05)
    async with build_service(settings_in(folder)) as running:
        assert running.library.plan_for(alert("Cold"))[0] is None
        (folder / "guides" / "cold.md").write_text(GUIDE.replace("[Hot]", "[Cold]"))
        (folder / "guides" / "bad.md").write_text("---\ntitle: [\n---\n# Bad\n")
        async with asyncio.timeout(10):
            while running.library.plan_for(alert("Cold"))[0] is None:
                await asyncio.sleep(0.05)
        assert running.library.plan_for(alert("Hot"))[0] is not None
        assert any(f.path == "bad.md" for f in running.library.findings)
