"""The fault campaign, a small one: `make campaign` goes through thousands of kill points."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS = 220
# The seed of a case that shows each damage, and what it is seen by; a campaign that sees none would prove nothing.
SEEN_BY = {
    "sends-again-without-asking": (3, ("effects",)),
    "believes-it-happened": (2, ("no request of it arrived",)),
    "takes-a-new-key": (2, ("does not intend",)),
    "acts-before-the-journal": (2, ("does not intend",)),
    "swaps-results": (2, ("was given what",)),
    "checks-no-fence": (1, ("a process ended with 1", "effects", "was written under fence")),
    "begins-after-the-end": (96, ("ended the run",)),
    "verifies-nothing": (10, ("and its target shows no effect",)),
    "undoes-again": (10, ("was undone 2 times",)),
    "joins-too-soon": (3, ("no path taken leads to it", "could not before")),
    "takes-one-way-only": (6, ("no path taken leads to it", "was left by")),
    "writes-side-by-side": (18, ("was done with it",)),
    "asks-nobody": (11, ("nobody approved it",)),
    "takes-late-approvals": (26, ("had run out",)),
    "takes-answers-to-old-questions": (16, ("took an answer to 0",)),
    "forgets-to-end": (2, ("neither ended nor waits",)),
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
    assert {"resolved", "escalated", "waits: failure"} <= tally["ends"].keys()
    assert {"approval", "manual step", "judged branch", "loop", "clock jump"} <= tally["plans_with"].keys()


@pytest.mark.parametrize("damage", sorted(SEEN_BY))
def test_a_damaged_engine_is_seen(damage: str) -> None:
    seed, signs = SEEN_BY[damage]
    done = campaign("--kills=500", "--cases=20", f"--seed={seed}", "--stop-at-first", f"--break={damage}")
    assert done.returncode == 1, done.stdout + done.stderr
    found = done.stdout.partition("violations\n")[2]
    assert any(sign in found for sign in signs), done.stdout


def test_every_damage_has_its_sign() -> None:
    from tests.campaign.breakages import BREAKAGES

    assert BREAKAGES.keys() == SEEN_BY.keys()
