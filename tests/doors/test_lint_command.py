"""lint: which guides are read, what is wanted of what they say, how it is printed, and the exit code."""

from __future__ import annotations

import json
import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from agent.doors.atomic import replace_file
from agent.doors.cli import app
from agent.doors.findings_formats import github, sarif, text
from agent.doors.lint_files import MANY
from agent.errors import StepfleetError
from tests.doors.sarif_log import LOG
from tests.doors.test_terminal import ROOT, stepfleet
from tsg.findings import Finding, Fix, Severity

GUIDE = """\
# The queue is slow

## Steps

1. Look at the broker.

   ```
   kubectl get pods -n queue
   ```

2. Restart it if the latency is high.
4. Tell the owners of the queue.
"""

Lint = Callable[..., Result]


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lint:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slow.md").write_text(GUIDE)
    return lambda *arguments: CliRunner().invoke(app, ["lint", *map(str, arguments)])


def codes(done: Result) -> set[str]:
    return {f["code"] for f in json.loads(done.stdout)["findings"]}


# -- which guides


def test_a_folder_is_read_with_its_folders_and_without_hidden_ones_and_packages(lint: Lint, tmp_path: Path) -> None:
    for name in ("a", "a/b", ".git", "node_modules/x", ".venv/y"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "one.md").write_text(GUIDE)
    done = lint(".", "--json")
    assert {f["path"] for f in json.loads(done.stdout)["findings"]} == {"slow.md", "a/one.md", "a/b/one.md"}
    assert json.loads(done.stdout)["files"] == 3


def test_a_hidden_folder_that_is_named_is_read(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "one.md").write_text(GUIDE)
    assert json.loads(lint(".hidden", "--json").stdout)["files"] == 1


def test_a_guide_that_is_named_in_three_ways_is_read_once(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "link.md").symlink_to("slow.md")
    assert json.loads(lint("slow.md", tmp_path / "slow.md", ".", "--json").stdout)["files"] == 1


def test_progress_of_many_guides_is_shown_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    for n in range(MANY):
        (tmp_path / f"{n}.md").write_text("# Words\n")
    terminal, its_end = pty.openpty()
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-m", "agent.doors.cli", "lint", "."]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=its_end, check=False, timeout=60
    )
    os.close(its_end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert "reading" in shown
    assert f"{MANY} guide(s)" in shown
    assert b"reading" not in done.stdout
    assert "reading" not in stepfleet("lint", ".", cwd=tmp_path).stderr


# -- exit codes


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["slow.md"], 0, id="warnings are no error"),
        pytest.param(["slow.md", "--fail-on", "warning"], 1, id="unless they fail"),
        pytest.param(["slow.md", "--fail-on", "warning", "--select", "untagged-fence"], 0, id="a remark is no warning"),
        pytest.param(["slow.md", "--fail-on", "info", "--select", "untagged-fence"], 1, id="unless remarks fail"),
        pytest.param(["slow.md", "none.md"], 2, id="a guide that is not there"),
        pytest.param(["empty"], 2, id="a folder without guides"),
        pytest.param(["slow.md", "--format", "xml"], 2, id="a format that there is not"),
        pytest.param(["slow.md", "--fail-on", "never"], 2, id="a severity that there is not"),
        pytest.param(["slow.md", "--json", "--format", "sarif"], 2, id="two formats"),
        pytest.param(["slow.md", "--json", "--format", "json"], 0, id="one format, said twice"),
        pytest.param(["slow.md", "--diff", "--json"], 2, id="a difference in a format of findings"),
        pytest.param(["slow.md", "--diff", "--review"], 2, id="a difference and a review"),
    ],
)
def test_the_exit_code(lint: Lint, tmp_path: Path, arguments: list[str], code: int) -> None:
    (tmp_path / "empty").mkdir()
    assert lint(*arguments).exit_code == code


def test_what_can_be_read_is_shown_beside_what_cannot(lint: Lint) -> None:
    done = lint("none.md", "slow.md", "--json")
    assert {"file-unreadable", "numbering-gap"} <= codes(done)


# -- what is wanted


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        pytest.param(["--select", "numbering-gap"], {"numbering-gap"}, id="a code"),
        pytest.param(
            ["--select", "numbering-gap,untagged-fence"], {"numbering-gap", "untagged-fence"}, id="two by a comma"
        ),
        pytest.param(
            ["--select", "numbering-gap", "--select", "untagged-fence"],
            {"numbering-gap", "untagged-fence"},
            id="two by two options",
        ),
        pytest.param(["--select", "structure"], {"numbering-gap"}, id="a category"),
        pytest.param(["--select", "structure", "--ignore", "numbering-gap"], set(), id="ignoring is stronger"),
    ],
)
def test_codes_and_categories_are_chosen(lint: Lint, arguments: list[str], shown: set[str]) -> None:
    assert codes(lint("slow.md", "--json", *arguments)) == shown


def test_ignored_codes_are_left_out_and_all_else_stays(lint: Lint) -> None:
    everything = codes(lint("slow.md", "--json"))
    assert codes(lint("slow.md", "--json", "--ignore", "untagged-fence")) == everything - {"untagged-fence"}


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_an_unknown_code_names_the_nearest(lint: Lint, option: str) -> None:
    done = lint("slow.md", option, "numbring-gap")
    assert done.exit_code == 2
    assert f"{option}: there is no check 'numbring-gap'" in done.stderr
    assert "did you mean 'numbering-gap'?" in done.stderr


def test_an_error_that_keeps_a_guide_from_running_is_never_left_out(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_bytes(b"# \xff\xfe\x00")
    done = lint("bad.md", "--json", "--select", "clarity", "--ignore", "file-not-text")
    assert codes(done) == {"file-not-text"}
    assert done.exit_code == 1


# -- settings


@pytest.mark.parametrize(
    ("section", "arguments", "is_shown"),
    [
        pytest.param('disable = ["untagged-fence"]', [], False, id="a code that the project does without"),
        pytest.param('disable = ["query"]', [], False, id="a category that it does without"),
        pytest.param(
            'disable = ["untagged-fence"]', ["--select", "untagged-fence"], True, id="the command line names it"
        ),
        pytest.param('disable = ["untagged-fence"]', ["--select", "query"], False, id="a category names no code"),
        pytest.param('per_file_ignores = {"slow.md" = ["untagged-fence"]}', [], False, id="by a file's name"),
        pytest.param('per_file_ignores = {"**/slow.md" = ["untagged-fence"]}', [], False, id="by a path"),
        pytest.param('per_file_ignores = {"./*.md" = ["untagged-fence"]}', [], False, id="by a path with a dot"),
        pytest.param('per_file_ignores = {"old/*" = ["untagged-fence"]}', [], True, id="another folder's glob"),
        pytest.param('per_file_ignores = {"fast.md" = ["untagged-fence"]}', [], True, id="another file's name"),
    ],
)
def test_the_settings_leave_out(lint: Lint, tmp_path: Path, section: str, arguments: list[str], is_shown: bool) -> None:
    (tmp_path / "stepfleet.toml").write_text(f"[mentor]\n{section}\n")
    assert ("untagged-fence" in codes(lint("slow.md", "--json", *arguments))) is is_shown


def test_globs_are_meant_from_where_the_settings_lie(
    lint: Lint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "a[b]"
    (home / "old" / "deep").mkdir(parents=True)
    (home / "old" / "deep" / "one.md").write_text(GUIDE)
    (home / "stepfleet.toml").write_text('[mentor]\nper_file_ignores = {"old/*" = ["structure"]}\n')
    monkeypatch.chdir(home / "old")
    done = CliRunner().invoke(app, ["--config", str(home / "stepfleet.toml"), "lint", "deep", "--json"])
    assert "untagged-fence" in codes(done)
    assert "numbering-gap" not in codes(done)


def test_the_project_says_how_grave_a_code_is(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "stepfleet.toml").write_text('[mentor]\nseverity = {untagged-fence = "error"}\n')
    assert lint("slow.md").exit_code == 1


@pytest.mark.parametrize(
    ("section", "says"),
    [
        pytest.param('disable = ["untaged-fence"]', "did you mean 'untagged-fence'?", id="a misspelt code"),
        pytest.param('severity = {untaged-fence = "info"}', "did you mean 'untagged-fence'?", id="of a severity"),
        pytest.param('severity = {query = "info"}', "[mentor] severity: there is no check 'query'", id="a category"),
        pytest.param('severity = {untagged-fence = "loud"}', "mentor.severity.untagged-fence", id="no severity"),
        pytest.param('per_file_ignores = {"a/*" = ["untaged-fence"]}', "per_file_ignores", id="of a file"),
        pytest.param('disabled = ["untagged-fence"]', "did you mean 'disable'?", id="a misspelt setting"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(lint: Lint, tmp_path: Path, section: str, says: str) -> None:
    (tmp_path / "stepfleet.toml").write_text(f"[mentor]\n{section}\n")
    done = lint("slow.md")
    assert done.exit_code == 2
    assert says in done.stderr


# -- mends

MENDED = GUIDE.replace("```\n   kubectl", "```bash\n   kubectl").replace("4. Tell", "3. Tell")


def test_fix_mends_the_file_and_keeps_its_rights_and_its_link(lint: Lint, tmp_path: Path) -> None:
    file = tmp_path / "slow.md"
    file.chmod(0o640)
    (tmp_path / "link.md").symlink_to("slow.md")
    done = lint("link.md", "--fix", "--json")
    assert file.read_text() == MENDED
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert (tmp_path / "link.md").is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.md", "slow.md"]
    assert {f["code"] for f in json.loads(done.stdout)["fixed"]} == {"untagged-fence", "numbering-gap"}
    assert not codes(done) & {"untagged-fence", "numbering-gap"}


def test_fix_does_nothing_the_second_time(lint: Lint, tmp_path: Path) -> None:
    lint("slow.md", "--fix")
    before = (tmp_path / "slow.md").stat()
    done = lint("slow.md", "--fix", "--json")
    assert json.loads(done.stdout)["fixed"] == []
    assert (tmp_path / "slow.md").stat().st_ino == before.st_ino


def test_fix_mends_only_what_is_chosen(lint: Lint, tmp_path: Path) -> None:
    lint("slow.md", "--fix", "--select", "numbering-gap")
    assert (tmp_path / "slow.md").read_text() == GUIDE.replace("4. Tell", "3. Tell")


def test_fix_leaves_what_is_silenced(lint: Lint, tmp_path: Path) -> None:
    silenced = GUIDE.replace(
        "4. Tell the owners.", "4. Tell the owners. <!-- stepfleet: ignore numbering-gap -- old -->"
    )
    silenced = silenced.replace("of the queue.", "of the queue. <!-- stepfleet: ignore numbering-gap -- as printed -->")
    (tmp_path / "slow.md").write_text(silenced)
    lint("slow.md", "--fix")
    assert (tmp_path / "slow.md").read_text() == silenced.replace("```\n   kubectl", "```bash\n   kubectl")


def test_what_was_mended_is_said_on_stderr(lint: Lint) -> None:
    assert "--fix mends up to 2" in lint("slow.md").stderr
    done = lint("slow.md", "--fix")
    assert "slow.md:12: mended numbering-gap" in done.stderr
    assert done.stderr.endswith("; 2 mended\n")


def test_nothing_is_written_without_fix(lint: Lint, tmp_path: Path) -> None:
    lint("slow.md")
    assert (tmp_path / "slow.md").read_text() == GUIDE


def test_a_file_that_was_changed_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_bytes(b"theirs")
    with pytest.raises(StepfleetError, match="was changed meanwhile"):
        replace_file(file, b"mine", b"ours")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"theirs"]


def test_a_file_that_cannot_be_written_is_told_and_keeps_no_other_from_its_mends(
    lint: Lint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path, was: bytes, now: bytes) -> None:
        if file.name == "a.md":
            raise StepfleetError("a.md cannot be written: the disk is full")
        replace_file(file, was, now)

    (tmp_path / "a.md").write_text(GUIDE)
    monkeypatch.setattr("agent.doors.lint_command.replace_file", full)
    done = lint("a.md", "slow.md", "--fix", "--json")
    assert done.exit_code == 2
    assert (tmp_path / "a.md").read_text() == GUIDE
    assert (tmp_path / "slow.md").read_text() == MENDED
    document = json.loads(done.stdout)
    assert {f["path"] for f in document["fixed"]} == {"slow.md"}
    assert {(f["path"], f["because"]) for f in document["not_fixed"]} == {
        ("a.md", "a.md cannot be written: the disk is full")
    }


# -- what mending would change


def test_diff_shows_what_fix_would_do_and_changes_nothing(lint: Lint, tmp_path: Path) -> None:
    done = lint("slow.md", "--diff", "--select", "numbering-gap")
    assert done.exit_code == 1
    assert done.stdout == (
        "--- a/slow.md\n+++ b/slow.md\n@@ -9,4 +9,4 @@\n    ```\n \n 2. Restart it if the latency is high.\n"
        "-4. Tell the owners of the queue.\n+3. Tell the owners of the queue.\n"
    )
    assert (tmp_path / "slow.md").read_text() == GUIDE
    assert lint("slow.md", "--diff", "--fix").stdout.count("\n+") == 3
    assert (tmp_path / "slow.md").read_text() == GUIDE


def test_diff_of_mended_guides_is_empty(lint: Lint) -> None:
    lint("slow.md", "--fix")
    done = lint("slow.md", "--diff")
    assert (done.exit_code, done.stdout) == (0, "")


def test_diff_tells_of_a_file_that_cannot_be_read(lint: Lint) -> None:
    done = lint("none.md", "slow.md", "--diff")
    assert done.exit_code == 2
    assert "none.md:1: error file-unreadable" in done.stderr
    assert "+++ b/slow.md" in done.stdout


def test_a_diff_on_a_terminal_does_not_steer_it(tmp_path: Path) -> None:
    (tmp_path / "slow.md").write_text(GUIDE.replace("Tell the", "Tell\x1b[2J the"))
    terminal, its_end = pty.openpty()
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    command = [sys.executable, "-m", "agent.doors.cli", "lint", "slow.md", "--diff"]
    subprocess.run(command, cwd=tmp_path, env=env, stdout=its_end, stderr=subprocess.DEVNULL, check=False, timeout=60)
    os.close(its_end)
    shown = os.read(terminal, 100_000)
    os.close(terminal)
    assert b"+3. Tell" in shown
    assert b"\x1b" not in shown
    assert "\x1b[2J" in stepfleet("lint", "slow.md", "--diff", cwd=tmp_path).stdout


# -- formats


def finding(**changed: Any) -> Finding:
    given: dict[str, Any] = {
        "path": "guides/a.md",
        "line": 3,
        "code": "numbering-gap",
        "severity": Severity.WARNING,
        "message": "step 4 follows step 2",
        "hint": "count on",
        "category": "structure",
        "why": "because",
    }
    return Finding(**{**given, **changed})


def test_text_has_two_lines_whatever_a_guide_says() -> None:
    shown = text(finding(path="a\n::error::b.md", message="one\n::error file=x::two\x1b[2J", hint="three\r\nfour"))
    assert len(shown.splitlines()) == 2
    assert "\x1b" not in shown
    assert not any(line.startswith("::") for line in shown.splitlines())


def test_json_holds_the_mend_and_the_reason(lint: Lint) -> None:
    (fence,) = json.loads(lint("slow.md", "--format", "json", "--select", "untagged-fence").stdout)["findings"]
    assert fence["fix"] == {"first": 7, "last": 7, "text": "   ```bash"}
    assert (fence["category"], fence["severity"], fence["line"]) == ("query", "info", 7)
    assert fence["why"]


def test_an_error_of_the_command_is_json_where_json_is_asked_for(lint: Lint) -> None:
    done = lint("slow.md", "--format", "json", "--select", "nothing-like-it-at-all")
    assert "there is no check" in json.loads(done.stdout)["error"]["message"]


def test_sarif_describes_each_rule_and_points_into_the_repository(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "on call").mkdir()
    (tmp_path / "on call" / "q%.md").write_text(GUIDE)
    log = json.loads(lint(tmp_path / "on call", "--format", "sarif").stdout)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({r["id"] for r in rules}) == len(rules) > 1
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["properties"]["category"]
        assert rule["defaultConfiguration"]["level"] in {"note", "warning", "error"}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"] == {"uri": "on%20call/q%25.md", "uriBaseId": "%SRCROOT%"}
        assert place["physicalLocation"]["region"]["startLine"] >= 1
        assert len(result["partialFingerprints"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([".", "--fail-on", "info"], id="findings with mends"),
        pytest.param(["none.md"], id="a file that is not there"),
        pytest.param(["slow.md", "--select", "P01"], id="nothing"),
    ],
)
def test_sarif_holds_what_the_standard_names_and_nothing_else(lint: Lint, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "a b[ü]{0}.md").write_text("# A\n\nSee [this](#no-where) of `x` {0}.\n")
    (tmp_path / "bad.md").write_bytes(b"\xff\xfe\x00")
    log = json.loads(lint(*arguments, "--format", "sarif").stdout)
    Draft202012Validator(LOG).validate(log)
    (run,) = log["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(ids)) == len(ids)
    assert all(ids[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    bases = {place["uriBaseId"] for r in run["results"] for place in artifacts(r) if "uriBaseId" in place}
    assert bases <= set(run["originalUriBaseIds"])


def artifacts(result: dict[str, Any]) -> list[dict[str, Any]]:
    changes = [change for fix in result.get("fixes", ()) for change in fix["artifactChanges"]]
    return [place["physicalLocation"]["artifactLocation"] for place in result["locations"]] + [
        change["artifactLocation"] for change in changes
    ]


def test_the_check_of_sarif_finds_what_is_missing_and_what_is_too_much(lint: Lint) -> None:
    log = json.loads(lint("slow.md", "--format", "sarif").stdout)
    validator = Draft202012Validator(LOG)
    assert validator.is_valid(log)
    spoils: list[Callable[[dict[str, Any]], Any]] = [
        lambda result: result.pop("message"),
        lambda result: result.update(messages="x"),
        lambda result: result["locations"][0]["physicalLocation"]["region"].update(startLine=0),
        lambda result: result["locations"][0]["physicalLocation"]["artifactLocation"].update(uri="on call.md"),
    ]
    for spoil in spoils:
        spoiled = json.loads(json.dumps(log))
        spoil(spoiled["runs"][0]["results"][0])
        assert not validator.is_valid(spoiled)


def test_a_guide_outside_the_working_folder_has_a_whole_uri(
    lint: Lint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    log = json.loads(lint("../slow.md", "--format", "sarif").stdout)
    (uri,) = {json.dumps(r["locations"][0]["physicalLocation"]["artifactLocation"]) for r in log["runs"][0]["results"]}
    assert json.loads(uri) == {"uri": f"file://{tmp_path}/slow.md"}


def prints(lint: Lint) -> set[str]:
    log = json.loads(lint("slow.md", "--format", "sarif").stdout)
    return {next(iter(r["partialFingerprints"].values())) for r in log["runs"][0]["results"]}


def test_fingerprints_stay_when_lines_move_and_differ_from_each_other(lint: Lint, tmp_path: Path) -> None:
    before = prints(lint)
    (tmp_path / "slow.md").write_text(GUIDE.replace("## Steps", "The broker of all orders.\n\n\n## Steps"))
    assert prints(lint) == before
    twins = [finding(line=3), finding(line=9)]
    log = sarif(twins, lambda _: "the same words")
    assert len({json.dumps(r["partialFingerprints"]) for r in log["runs"][0]["results"]}) == 2


def test_sarif_tells_the_mend(lint: Lint) -> None:
    log = sarif([finding(fix=Fix(3, 4, "3. a\n4. b"))], lambda _: "")
    (fix,) = log["runs"][0]["results"][0]["fixes"]
    (replacement,) = fix["artifactChanges"][0]["replacements"]
    assert replacement["deletedRegion"] == {"startLine": 3, "startColumn": 1, "endLine": 4}
    assert replacement["insertedContent"] == {"text": "3. a\n4. b"}


def test_github_gets_one_command_a_finding_with_its_words_escaped() -> None:
    hostile = finding(
        path="on,call:50%.md", message="one%\r\n::error::two", hint="", severity=Severity.INFO, code="numbering-gap"
    )
    assert list(github([finding(), hostile])) == [
        "::warning file=guides/a.md,line=3,title=numbering-gap::step 4 follows step 2. Hint: count on",
        "::notice file=on%2Ccall%3A50%25.md,line=3,title=numbering-gap::one%25%0D%0A::error::two",
    ]


def test_github_shows_a_guide_by_its_path_in_the_repository(lint: Lint, tmp_path: Path) -> None:
    done = lint(tmp_path / "slow.md", "--format", "github")
    assert done.stdout
    assert all(re.match(r"::(notice|warning|error) file=slow\.md,line=\d+,title=", s) for s in done.stdout.splitlines())
