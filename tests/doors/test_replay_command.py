"""`stepfleet replay`: what it prints, its exit codes, and that it leaves everything as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.doors.cli import app

GUIDE = """---
title: Look once
inputs: [{name: lamp, type: string, default: green}]
---
# Look once

## Is it green?

If `lamp == "green"`, go to [Resolved](#resolved); otherwise go to [Look by hand](#look-by-hand).

## Look by hand

By hand: walk to the rack and look at the lamp.

## Resolved

It is well.
"""


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    """A run of the guide, as the command line makes it."""
    (tmp_path / "look.md").write_text(GUIDE)
    (tmp_path / "stepfleet.toml").write_text("[journal]\nurl = 'sqlite:///journal.db'\n[library]\npath = '.'\n")
    done = stepfleet(tmp_path, "run", "look", "--json")
    assert done[0] == 0, done[1]
    return str(json.loads(done[1])["run_id"])


def stepfleet(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["--config", str(folder / "stepfleet.toml"), *words])
    return done.exit_code, done.output


def test_a_run_is_replayed_and_the_journal_stays_as_it_is(tmp_path: Path, run_id: str) -> None:
    before = stepfleet(tmp_path, "show", run_id, "--json")
    code, said = stepfleet(tmp_path, "replay", run_id)
    assert code == 0, said
    assert "again on its own plan: the same run" in said.replace("\n", " ")
    assert stepfleet(tmp_path, "show", run_id, "--json") == before
    assert len(json.loads(stepfleet(tmp_path, "runs", "--json")[1])["runs"]) == 1


def test_a_changed_guide_shows_where_the_path_would_differ(tmp_path: Path, run_id: str) -> None:
    changed = tmp_path / "changed.md"
    changed.write_text(GUIDE.replace('"green"', '"blue"'))
    code, said = stepfleet(tmp_path, "replay", run_id, "--guide", str(changed), "--json")
    assert code == 1, said
    told = json.loads(said)
    assert told["outcome"] == {"recorded": "resolved", "replayed": "waiting"}
    assert {"what": "branch", "step": "is-it-green", "before": "END.resolved", "after": "look-by-hand"} in told[
        "differences"
    ]
    (missing,) = told["no_recorded_answer"]
    assert (missing["step"], missing["what"]) == ("look-by-hand", "person")
    code, said = stepfleet(tmp_path, "replay", run_id, "--guide", str(changed))
    assert code == 1
    assert "no recorded answer look-by-hand: person" in said


def test_what_cannot_be_replayed_is_said_with_a_way_on(tmp_path: Path, run_id: str) -> None:
    code, said = stepfleet(tmp_path, "replay", "none")
    assert code == 2
    assert "no run 'none'" in said
    code, said = stepfleet(tmp_path, "replay", run_id, "--guide", str(tmp_path / "missing.md"))
    assert code == 2
    assert "missing.md" in said


def test_it_costs_neither_a_model_nor_a_server() -> None:
    wanted = "import sys, agent.doors.replay_command; print({'torch', 'openai', 'langgraph'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", wanted], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr
