"""The main job, whole: an alert fires, its guide runs, sessions move with their KV caches, the fix is verified."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agent.doors.demo import DemoOptions, demo

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of one `stepfleet demo`, run as a user runs it."""
    file = tmp_path_factory.mktemp("demo") / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "agent.doors.cli", "demo", "--json", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    document: dict[str, Any] = json.loads(file.read_text())
    return document


@pytest.mark.timeout(300)
def test_the_incident_is_verified_as_resolved(told: dict[str, Any]) -> None:
    assert told["outcome"] == "resolved"
    assert told["verified_resolved"] is True
    assert told["alert_cleared"] is True


def test_sessions_moved_with_their_caches_and_nothing_was_recomputed(told: dict[str, Any]) -> None:
    changed = told["changed"][0]
    assert (changed["action"], changed["outcome"]) == ("kv_migrate", "verified")
    moved = next(a["value"] for a in told["asked"] if a["name"] == "moved")
    carried = [m for m in moved["moves"] if m["kv_tokens"]]
    assert carried, moved
    assert all(m["cache_tokens"] == m["kv_tokens"] for m in carried)
    assert moved["evaluated_tokens"] <= 2 * len(carried)


def test_the_queries_ran_at_the_same_time(told: dict[str, Any]) -> None:
    starts = {m["step"]: m["at_s"] for m in told["timeline"] if m["what"] == "asks"}
    ends = {m["step"]: m["at_s"] for m in told["timeline"] if m["what"].startswith("answered")}
    first = ["waiting-requests", "waiting-at-this-replica", "free-slots"]
    assert max(starts[s] for s in first) <= min(ends[s] for s in first)


def test_no_model_was_asked_and_the_default_that_was_taken_is_named(told: dict[str, Any]) -> None:
    assert told["cost"]["model_calls"] == 0
    defaults = [d["step"] for d in told["decided"] if d["by"] == "default"]
    assert defaults == ["is-it-one-client"]


@pytest.mark.timeout(300)
def test_with_the_action_disabled_the_alert_stays_firing(capsys: pytest.CaptureFixture[str]) -> None:
    result = asyncio.run(demo(DemoOptions(act=False), Console(file=sys.stderr)))
    assert result.report.outcome == "escalated"
    assert result.report.changed == []
    assert [r.action for r in result.report.refused] == ["kv_migrate"]
    assert not result.alert_cleared
    assert not result.resolved
