"""`stepfleet test`: what it prints, its exit codes, and the files it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from junitparser import JUnitXml
from typer.testing import CliRunner

from agent.doors.cli import app

GUIDE = """---
title: Look once
inputs: [{name: lamp, type: string, from: labels.lamp, default: green}]
---
# Look once

## Is it green?

If `lamp == "green"`, go to [Resolved](#resolved); otherwise go to [Look by hand](#look-by-hand).

## Look by hand

By hand: walk to the rack and look at the lamp.

## Resolved

It is well.
"""

SCENARIOS = """scenarios:
  - name: a green lamp
    expect: {outcome: resolved}
  - name: a red lamp
    alert: {labels: {lamp: red}}
    people: [{step: look-by-hand, says: done}]
    expect: {outcome: resolved, ran: [look-by-hand]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "look.md").write_text(GUIDE)
    (tmp_path / "look.test.yaml").write_text(SCENARIOS)
    (tmp_path / "stepfleet.toml").write_text("[journal]\nurl = 'sqlite:///journal.db'\n[library]\npath = '.'\n")
    return tmp_path


def outcome_of(folder: Path, *words: str) -> tuple[int, str]:
    config = str(folder / "stepfleet.toml")
    done = CliRunner().invoke(app, ["--config", config, "test", str(folder / "look.md"), *words])
    return done.exit_code, done.output


def test_scenarios_that_hold_exit_with_0_and_leave_no_journal(folder: Path) -> None:
    code, said = outcome_of(folder)
    assert code == 0, said
    assert "a green lamp" in said
    assert "2 of 2 steps" in said.replace("\n", " ")
    assert not (folder / "journal.db").exists()


def test_one_that_does_not_hold_exits_with_1_and_says_where(folder: Path) -> None:
    (folder / "look.test.yaml").write_text(SCENARIOS.replace("outcome: resolved}", "outcome: escalated}"))
    code, said = outcome_of(folder)
    assert code == 1
    assert "FAILED" in said
    assert "look.test.yaml:3: a green lamp: expected outcome escalated, it came to resolved" in said


def test_json_has_findings_paths_and_coverage(folder: Path) -> None:
    (folder / "look.test.yaml").write_text(SCENARIOS.replace("outcome: resolved}", "outcome: escalated}"))
    code, said = outcome_of(folder, "--json")
    document = json.loads(said)
    assert (code, document["ok"]) == (1, False)
    first, second = document["guides"][0]["scenarios"]
    assert first["findings"][0]["line"] == 3
    assert first["findings"][0]["message"] == "expected outcome escalated, it came to resolved"
    assert second["ok"]
    assert second["path"] == ["is-it-green", "look-by-hand"]
    assert document["guides"][0]["coverage"]["steps_missed"] == []


def test_junit_has_a_case_for_each_scenario_and_the_text_of_each_failure(folder: Path) -> None:
    (folder / "look.test.yaml").write_text(
        "answers: []\n" + SCENARIOS.replace("outcome: resolved}", "outcome: escalated}")
    )
    file = folder / "junit.xml"
    assert outcome_of(folder, "--junit", str(file))[0] == 1
    (suite,) = JUnitXml.fromfile(str(file))
    assert (suite.tests, suite.failures) == (2, 1)
    first, second = suite
    assert (first.name, second.name) == ("a green lamp", "a red lamp")
    assert "look.test.yaml:4: expected outcome escalated" in first.result[0].message
    assert not second.result


def test_a_junit_file_that_cannot_be_written_is_an_error(folder: Path) -> None:
    code, said = outcome_of(folder, "--junit", str(folder / "none" / "junit.xml"))
    assert code == 2
    assert "cannot be written" in said


def test_k_selects_by_name_and_a_name_that_none_has_is_an_error(folder: Path) -> None:
    code, said = outcome_of(folder, "-k", "RED", "--json")
    assert code == 0
    assert [s["name"] for s in json.loads(said)["guides"][0]["scenarios"]] == ["a red lamp"]
    code, said = outcome_of(folder, "-k", "blue")
    assert code == 2
    assert "no scenario's name contains 'blue'" in said


def test_too_little_coverage_exits_with_1(folder: Path) -> None:
    assert outcome_of(folder, "-k", "green", "--fail-under", "10")[0] == 0
    code, said = outcome_of(folder, "-k", "green", "--fail-under", "90")
    assert code == 1
    assert "less than the 90 % wanted" in said.replace("\n", " ")
    assert "no scenario comes to look-by-hand" in said.replace("\n", " ")


def test_a_file_that_cannot_be_read_exits_with_2_and_names_the_line(folder: Path) -> None:
    (folder / "look.test.yaml").write_text(SCENARIOS + "    expct: 1\n")
    code, said = outcome_of(folder)
    assert code == 2
    assert "look.test.yaml:8: 'expct' is not known here; did you mean 'expect'?" in said


def test_scenarios_of_a_guide_that_is_not_there_exit_with_2(folder: Path) -> None:
    (folder / "other.test.yaml").write_text(SCENARIOS)
    done = CliRunner().invoke(app, ["test", str(folder / "other.test.yaml")])
    assert done.exit_code == 2
    assert "other.md" in done.output


def test_a_guide_that_does_not_compile_exits_with_2(folder: Path) -> None:
    (folder / "look.md").write_text(GUIDE.replace("(#resolved)", "(#nowhere)"))
    assert outcome_of(folder)[0] == 2
