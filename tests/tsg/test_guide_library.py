"""Which guide fits an alert, and what a change in the folder changes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tsg.catalogue import Catalogue
from tsg.findings import LibraryError
from tsg.library import Library


@dataclass(frozen=True)
class Alarm:
    """An alert as matching sees it."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def write(folder: Path, name: str, alerts: str, body: str = "By hand: ask.") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\nalerts: {alerts}\n---\n\n## Ask\n\n{body}\n\n## Resolved\n\nOver.\n")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "any.md", '[{alertname: "~.*"}]')
    write(tmp_path, "hot.md", "[Hot, Warm]")
    write(tmp_path, "serving/hot.md", '[{alertname: Hot, team: "~serv.*"}]')
    write(tmp_path, "serving/hot-a.md", "[{alertname: Hot, team: serving, replica: a}]")
    return tmp_path


@pytest.mark.parametrize(
    ("alarm", "name"),
    [
        pytest.param(Alarm("Hot"), "hot.md", id="a name is narrower than a pattern"),
        pytest.param(Alarm("Warm"), "hot.md", id="any of a guide's names"),
        pytest.param(Alarm("Hot", {"team": "serving"}), "serving/hot.md", id="a label more is narrower"),
        pytest.param(Alarm("Hot", {"team": "preserving"}), "hot.md", id="a pattern matches whole values"),
        pytest.param(Alarm("Hot", {"team": "serving", "replica": "a"}), "serving/hot-a.md", id="exact beats pattern"),
        pytest.param(Alarm("Cold"), "any.md", id="a pattern where nothing else fits"),
        pytest.param(Alarm("Cold", {"alertname": "Hot"}), "any.md", id="a label cannot pose as the alert's name"),
    ],
)
def test_the_most_specific_guide_wins(folder: Path, catalogue: Catalogue, alarm: Alarm, name: str) -> None:
    match = Library.load(folder, catalogue).match(alarm)
    assert match.guide is not None
    assert (match.guide.name, match.candidates) == (name, (name,))


def test_no_guide_is_an_answer_with_a_reason(tmp_path: Path, catalogue: Catalogue) -> None:
    match = Library.load(tmp_path, catalogue).match(Alarm("Hot"))
    assert (match.guide, match.reason) == (None, "no guide names the alert 'Hot' with these labels")


def test_a_tie_is_reported_and_not_guessed(folder: Path, catalogue: Catalogue) -> None:
    write(folder, "warm.md", "[Warm]")
    match = Library.load(folder, catalogue).match(Alarm("Warm"))
    assert match.guide is None
    assert match.candidates == ("hot.md", "warm.md")
    assert match.reason == "hot.md, warm.md fit 'Warm' equally well; add a label to the alerts of one"


def test_a_bad_guide_is_shown_and_does_not_hide_a_good_one(folder: Path, catalogue: Catalogue) -> None:
    write(folder, "serving/hot-a.md", "[{alertname: Hot, replica: a}]", "```action nothing\n```")
    (folder / "noise.md").write_bytes(b"\xff\xfe")
    library = Library.load(folder, catalogue)
    match = library.match(Alarm("Hot", {"replica": "a"}))
    assert match.guide is not None
    assert match.guide.name == "hot.md"
    assert "serving/hot-a.md fits and cannot run: line 7: no action is named 'nothing'" in match.reason
    assert {f.path for f in library.findings} >= {"serving/hot-a.md", "noise.md"}


def test_an_alert_whose_only_guide_is_bad_gets_none_and_the_reason(tmp_path: Path, catalogue: Catalogue) -> None:
    write(tmp_path, "hot.md", "[Hot]", "```action nothing\n```")
    match = Library.load(tmp_path, catalogue).match(Alarm("Hot"))
    assert match.guide is None
    assert "hot.md fits and cannot run" in match.reason


def test_only_what_changed_is_compiled_anew(folder: Path, catalogue: Catalogue) -> None:
    library = Library.load(folder, catalogue)
    before = {e.name: e for e in library.entries}
    assert not library.refresh()
    (folder / "any.md").touch()
    assert not library.refresh(), "a new time with the same content is no change"
    write(folder, "hot.md", "[Hot]")
    write(folder, "new.md", "[New]")
    (folder / "serving/hot.md").unlink()
    change = library.refresh()
    assert (change.added, change.changed, change.removed) == (("new.md",), ("hot.md",), ("serving/hot.md",))
    assert library.get("any.md") is before["any.md"]
    assert library.get("new") is not None
    assert library.get("hot-a") is not None, "a bare name is enough where it is the only one"


def test_hidden_folders_and_a_repositorys_own_pages_are_no_guides(folder: Path, catalogue: Catalogue) -> None:
    write(folder, ".git/hot.md", "[Hot]")
    write(folder, "README.md", "[Hot]")
    assert {e.name for e in Library.load(folder, catalogue).entries} == {
        "any.md",
        "hot.md",
        "serving/hot.md",
        "serving/hot-a.md",
    }


def test_a_folder_that_is_not_there_is_an_error_with_a_hint(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(LibraryError, match="no such folder") as missing:
        Library.load(tmp_path / "none", catalogue)
    assert missing.value.hint


def test_a_checkout_names_its_commit(folder: Path, catalogue: Catalogue) -> None:
    git = folder / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs/heads/main").write_text("5" * 40 + "\n")
    assert Library.load(folder, catalogue).revision() == "5" * 40
    (git / "refs/heads/main").unlink()
    (git / "packed-refs").write_text(f"# pack-refs\n{'6' * 40} refs/heads/main\n")
    assert Library.load(folder, catalogue).revision() == "6" * 40


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("a" * 30 + "!", id="a value that a slow pattern would choke on"),
        pytest.param("a" * 10_000, id="a very long value"),
    ],
)
def test_matching_stays_quick_whatever_the_alert_says(tmp_path: Path, catalogue: Catalogue, value: str) -> None:
    write(tmp_path, "slow.md", '[{alertname: Hot, label: "~a*a*a*a*b"}]')
    library = Library.load(tmp_path, catalogue)
    start = time.perf_counter()
    assert library.match(Alarm("Hot", {"label": value})).guide is None
    assert time.perf_counter() - start < 1.0
