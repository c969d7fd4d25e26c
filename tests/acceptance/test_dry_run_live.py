"""`stepfleet dry-run --live` on a live fleet: it asks what reads, shows what it would take, and changes nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from examples.fleet.fleet import Fleet, FleetOptions
from examples.fleet.load import long_sessions
from tests.acceptance.test_killed_server import ROOT, settings, until_scraped


@pytest.mark.timeout(120)
async def test_it_shows_the_answers_and_the_branch_and_moves_nobody(tmp_path: Path) -> None:
    async with Fleet(FleetOptions(state_dir=tmp_path / "fleet", monitoring=True)) as fleet, fleet.client() as client:
        pinned = await long_sessions(client, replica="a", sessions=5, max_tokens=1500)
        config = settings(tmp_path, fleet)
        await until_scraped(fleet.card()["prometheus"])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent.doors.cli", "--config", str(config)),
            *("dry-run", "replica-hotspot", "-i", "replica=a", "--live", "--json"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        moved = [s["moves"] for s in await client.sessions()]
        for _, task in pinned:
            task.cancel()
        await asyncio.gather(*(task for _, task in pinned), return_exceptions=True)
    document = json.loads(out)
    steps = {s["id"]: s for s in document["steps"]}
    assert process.returncode == 0
    assert [v["value"] for v in steps["waiting-at-this-replica"]["answers"]["hot"]] == [3.0]
    assert steps["plan-the-moves"]["answers"]["plan"]["moves"]
    onward = {b["leads_to"]: b["live"] for b in steps["is-it-still-a-hotspot"]["branches"] if b["live"]}
    assert onward["is-it-one-client"].startswith("true")
    assert onward["END.not_applicable"].startswith("false")
    assert set(moved) == {0}
    assert not (tmp_path / "journal.db").exists()
