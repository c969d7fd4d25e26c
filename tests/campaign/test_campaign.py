"""The fault campaign, a small one: `make campaign` goes through thousands of kill points."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS = 220
# What each damage is seen by; a campaign that sees none of them would prove nothing.
SEEN_BY = {
    "sends-again-without-asking": ("effects",),
    "believes-it-happened": ("no request of it arrived",),
    "takes-a-new-key": ("does not intend",),
    "acts-before-the-journal": ("does not intend",),
    "swaps-results": ("was given what",),
    "checks-no-fence": ("a process ended with 1", "effects", "was written under fence"),
    "forgets-to-end": ("neither ended nor waits",),
}


def campaign(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.campaign", *options], capture_output=True, text=True, cwd=ROOT, timeout=900
    )


def test_nothing_twice_nothing_lost_nothing_stuck(tmp_path: Path) -> None:
    done = campaign(f"--kills={KILLS}", "--jobs=2", f"--json={tmp_path / 'tally.json'}")
    assert done.returncode == 0, done.stdout + done.stderr
    tally = json.loads((tmp_path / "tally.json").read_text())
    assert tally["kill_points"] >= 200
    killed = tally["killed_at"]
    assert {"before a commit", "after a commit", "before the request", "after the request"} <= killed.keys()
    assert {"database locked", "disk full", "two processes resumed one run"} <= tally["other_faults"].keys()
    assert {"resolved", "asks about a failure", "asks what an action did"} <= tally["ends"].keys()


@pytest.mark.parametrize("damage", sorted(SEEN_BY))
def test_a_damaged_engine_is_seen(damage: str) -> None:
    done = campaign("--kills=500", "--cases=15", "--stop-at-first", f"--break={damage}")
    assert done.returncode == 1, done.stdout + done.stderr
    found = done.stdout.partition("violations\n")[2]
    assert any(sign in found for sign in SEEN_BY[damage]), done.stdout


def test_every_damage_has_its_sign() -> None:
    from tests.campaign.breakages import BREAKAGES

    assert BREAKAGES.keys() == SEEN_BY.keys()
