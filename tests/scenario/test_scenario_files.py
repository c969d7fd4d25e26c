"""A scenario file says only what is known, and every mistake in it is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.scenario.files import ScenarioError, files_at, read_scenarios

MINIMAL = """scenarios:
  - name: one
    expect: {outcome: resolved}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "g.test.yaml"


def wrong(file: Path, source: str) -> str:
    file.write_text(source)
    with pytest.raises(ScenarioError) as refused:
        read_scenarios(file)
    return str(refused.value).replace(f"{file}:", "")


def test_the_least_that_a_scenario_says_is_its_name_and_its_outcome(file: Path) -> None:
    file.write_text(MINIMAL)
    made = read_scenarios(file)
    assert made.guide == file.with_name("g.md")
    assert [s.expect.outcome for s in made.scenarios] == ["resolved"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("scenarios: [", "1: no YAML: expected the node content, but found '<stream end>'"),
        ("", "1: Input should be a valid dictionary or instance of ScenarioFile"),
        ("scenarios: []", "1: there is no scenario in it"),
        (MINIMAL + "    expct: 1\n", "4: 'expct' is not known here; did you mean 'expect'?"),
        (MINIMAL.replace("{outcome", "{outcom: x, outcome"), "3: 'outcom' is not known here; did you mean 'outcome'?"),
        (MINIMAL.replace("resolved", "fine"), "3: scenarios.0.expect.outcome: Input should be 'resolved', "),
        (MINIMAL + "    name: two\n", "4: 'name' is given twice"),
        (MINIMAL + MINIMAL.removeprefix("scenarios:\n"), "4: two scenarios are named 'one'"),
        (
            MINIMAL + "    answers:\n      - {gives: 1}\n",
            "5: scenarios.0.answers.0: say which reads it is for: step, as (the block's name) or query (the plugin)",
        ),
        (
            MINIMAL + "    answers:\n      - {as: a, gives: 1, fails: no answer}\n",
            "5: scenarios.0.answers.0: give exactly one of gives, fails, hangs, each, timeline (gives and fails given)",
        ),
        (
            MINIMAL + "    answers:\n      - as: a\n        each:\n          - {after_s: 1}\n",
            "7: scenarios.0.answers.0.each.0: give exactly one of gives, fails, hangs (none given)",
        ),
        (
            MINIMAL + "    answers:\n      - {as: a, timeline: [{from_s: 5, gives: 1}, {from_s: 1, gives: 2}]}\n",
            "5: scenarios.0.answers.0: the timeline goes back in time",
        ),
        (MINIMAL + "    actions:\n      - {applies: 1}\n", "5: scenarios.0.actions.0: say which change it is"),
        (
            MINIMAL + "    actions:\n      - {step: a}\n",
            "5: scenarios.0.actions.0: give exactly one of refuses, fails, applies, loses_answer (none given)",
        ),
        (MINIMAL + "    people:\n      - {says: approve}\n", "5: scenarios.0.people.0: name the step that waits"),
        (MINIMAL + "    people:\n      - {step: a}\n", "5: scenarios.0.people.0: give exactly one of says, choose"),
        (MINIMAL + "    at: 2026-01-01T00:00:00\n", "2: scenarios.0: at needs its zone, as in 2026-01-01T00:00:00Z"),
        (MINIMAL + "    alert: {}\n    inputs: {a: b}\n", "2: scenarios.0: an alert brings the inputs"),
        (MINIMAL.replace("resolved", "resolved, waits: [a]"), "3: scenarios.0.expect: a run that has ended waits for"),
        (MINIMAL.replace("resolved", "resolved, edges: [a-b]"), "3: scenarios.0.expect.edges.0: String should match"),
        (
            MINIMAL + "    answers:\n      - {as: a, gives: 2026-01-01}\n",
            "5: scenarios.0.answers.0.gives: no JSON value: Object of type date is not JSON serializable; quote a date",
        ),
        (
            MINIMAL + "    actions:\n      - {step: a, applies: .nan}\n",
            "5: scenarios.0.actions.0.applies: no JSON value",
        ),
        (MINIMAL + "    1: x\n", "4: '1' is no text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(file: Path, source: str, message: str) -> None:
    assert wrong(file, source).startswith(message)


def test_a_small_file_that_unfolds_without_end_is_refused(file: Path) -> None:
    layers = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert "more than 100,000 values" in wrong(file, "\n".join(["a0: &a0 [x, x]", *layers, MINIMAL]))


def test_all_that_is_wrong_is_told_at_once(file: Path) -> None:
    told = wrong(file, MINIMAL + "    expct: 1\n    peple: []\n")
    assert told.splitlines() == [
        "4: 'expct' is not known here; did you mean 'expect'?",
        "5: 'peple' is not known here; did you mean 'people'?",
    ]


def test_a_folder_means_all_scenario_files_in_it_each_once(tmp_path: Path, file: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    files = [tmp_path / "deep" / "a.test.yaml", file]
    for each in (*files, tmp_path / ".hidden" / "b.test.yaml"):
        each.write_text(MINIMAL)
    assert files_at([tmp_path, file]) == files


def test_a_guide_means_the_file_beside_it(tmp_path: Path, file: Path) -> None:
    guide = tmp_path / "g.md"
    guide.write_text("# G\n")
    with pytest.raises(ScenarioError, match="it has no scenarios"):
        files_at([guide])
    file.write_text(MINIMAL)
    assert files_at([guide]) == [file]


def test_a_folder_without_scenarios_and_a_path_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no scenario file in it"):
        files_at([tmp_path])
    with pytest.raises(ScenarioError, match="no such file or folder"):
        files_at([tmp_path / "none.md"])
