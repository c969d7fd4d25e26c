"""The Mentor finds what was planted, says little where nothing is wrong, and is measured fairly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from tests.tsg.seeded.measure import Count, Measured, measure
from tests.tsg.seeded.planting import CHECKS, HERE, PlantingError, clean_guides, planted
from tsg.catalogue import Catalogue
from tsg.findings import Finding, Severity
from tsg.lint import check_guide, lint
from tsg.parse import parse_guide

GUIDES = clean_guides()
FLOOR = 0.65  # F1 of a check
WEAK = {"action-without-undo": 0.5}  # checks that do less well; take out what has been mended


@pytest.fixture(scope="module")
def measured(catalogue: Catalogue) -> Measured:
    return measure(
        GUIDES, planted(GUIDES), lambda text, name: lint(text, catalogue, path=str(HERE / "clean" / f"{name}.md"))
    )


def test_most_defects_are_found_and_little_else_is_said(measured: Measured) -> None:
    assert measured.overall.recall >= 0.86
    assert measured.overall.precision >= 0.88
    assert measured.overall.f1 >= 0.88


def test_defects_planted_later_are_found_too(catalogue: Catalogue) -> None:
    later = measure(
        GUIDES,
        planted(GUIDES, HERE / "fresh"),
        lambda text, name: lint(text, catalogue, path=str(HERE / "clean" / f"{name}.md")),
    )
    assert {p.code for p in planted(GUIDES, HERE / "fresh")} == {c for codes in CHECKS.values() for c in codes}
    assert later.overall.f1 >= 0.72


def test_clean_guides_are_left_in_peace(measured: Measured) -> None:
    assert measured.per_100_lines <= 0.6


@pytest.mark.parametrize("code", sorted(c for codes in CHECKS.values() for c in codes))
def test_each_check_finds_its_defects(measured: Measured, code: str) -> None:
    assert measured.counts[code].f1 >= WEAK.get(code, FLOOR), [m.where for m in measured.missed if m.code == code]


def test_every_check_has_five_defects_to_find_and_the_guides_share_them() -> None:
    plants = planted(GUIDES)
    assert (
        min(Counter({c: 0 for codes in CHECKS.values() for c in codes} | Counter(p.code for p in plants)).values()) >= 5
    )
    assert {p.plant.guide for p in plants} == set(GUIDES)


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_clean_guides_compile_without_an_error(catalogue: Catalogue, name: str) -> None:
    checked = check_guide(parse_guide(GUIDES[name], name), catalogue)
    assert checked.plan is not None
    assert [f for f in checked.findings if f.severity is Severity.ERROR] == []


CLEAN = {"g": "# G\n\n1. One `a`.\n2. Two `b`.\n3. Three `b`.\n"}
PLANT = {"guide": "g", "find": "Two `b`.", "put": "Two, perhaps.", "at": "perhaps", "note": "says why"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"guide": "h"}, r"clarity/vague-condition.yaml\[0\]: no clean guide is named h"),
        ({"find": "Four"}, r"\[0\]: 'find' occurs 0 times in g, not once"),
        ({"find": "`b`"}, r"\[0\]: 'find' occurs 2 times in g, not once"),
        ({"put": "Two `b`.", "at": "Two"}, r"\[0\]: 'put' is the same as 'find'"),
        ({"at": "maybe"}, r"\[0\]: 'at' occurs 0 times"),
        ({"put": "b b", "at": "b"}, r"\[0\]: 'at' occurs 2 times"),
        ({"to": "1. One"}, r"\[0\]: 'to' does not occur after 'at'"),
        ({"also": ["vague-condition"]}, r"\[0\]: 'also' names the expected code itself"),
        ({"line": 4}, r"\[0.line\] Extra inputs"),
        ({"note": ""}, r"\[0.note\] String should have at least 1"),
    ],
)
def test_a_plant_that_does_not_fit_is_refused_with_its_file_and_index(
    tmp_path: Path, change: Mapping[str, object], message: str
) -> None:
    with pytest.raises(PlantingError, match=message):
        planted(CLEAN, _file(tmp_path, "clarity", "vague-condition", {**PLANT, **change}))


@pytest.mark.parametrize(
    ("category", "code"), [("clarity", "dead-link"), ("style", "vague-condition"), ("clarity", "vague")]
)
def test_plants_of_no_known_check_are_refused(tmp_path: Path, category: str, code: str) -> None:
    with pytest.raises(PlantingError, match="no check of that category has this name"):
        planted(CLEAN, _file(tmp_path, category, code, PLANT))


def test_a_file_that_is_no_list_of_plants_is_refused(tmp_path: Path) -> None:
    folder = _file(tmp_path, "clarity", "vague-condition", PLANT)
    (folder / "clarity" / "vague-condition.yaml").write_text("- [", encoding="utf-8")
    with pytest.raises(PlantingError, match=r"clarity/vague-condition\.yaml: while parsing"):
        planted(CLEAN, folder)


def test_a_plant_knows_its_lines_and_those_of_the_clean_guide(tmp_path: Path) -> None:
    change = {"put": "Two,\n\n   perhaps, and\n\n   more.", "to": "and"}
    (plant,) = planted(CLEAN, _file(tmp_path, "clarity", "vague-condition", {**PLANT, **change}))
    assert plant.text.split("\n")[3:9] == ["2. Two,", "", "   perhaps, and", "", "   more.", "3. Three `b`."]
    assert plant.lines == range(5, 8)
    assert [plant.clean_line(n) for n in range(3, 10)] == [3, None, None, None, None, None, 5]
    assert plant.replaced == range(4, 5)


def test_what_was_cut_out_is_looked_for_where_it_should_have_stood(tmp_path: Path) -> None:
    change = {"find": "2. Two `b`.\n", "put": "", "at": "1. One", "to": "Three"}
    (plant,) = planted(CLEAN, _file(tmp_path, "clarity", "vague-condition", {**PLANT, **change}))
    assert plant.text == "# G\n\n1. One `a`.\n3. Three `b`.\n"
    assert plant.lines == range(2, 6)


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        ([], [(4, "vague-condition", "clarity")], Count(found=1)),
        ([], [(4, "vague-condition", "")], Count(found=1)),
        ([], [(5, "vague-condition", "clarity"), (4, "vague-condition", "clarity")], Count(found=1)),
        ([], [(4, "condition-open", "")], Count(found=1)),
        ([], [(4, "ambiguous-choice", "clarity")], Count(missed=1)),
        ([], [], Count(missed=1)),
        ([], [(1, "vague-condition", "clarity")], Count(missed=1, wrong=1)),
        ([], [(4, "dead-link", "structure")], Count(missed=1, wrong=1)),
        ([], [(4, "dead-link", "")], Count(missed=1)),
        ([(5, "vague-condition")], [(5, "vague-condition", "clarity")], Count(missed=1, wrong=1)),
        ([(4, "dead-link")], [(4, "dead-link", "structure")], Count(missed=1, wrong=1)),
    ],
    ids=[
        "found",
        "found by the parser",
        "found twice counts once",
        "found in the compiler's words",
        "what the defect justly raises besides is neither found nor wrong",
        "missed",
        "found somewhere else",
        "something else found",
        "the compiler's other findings do not count",
        "what the clean guide has is no find, and wrong once",
        "what the clean guide has on the replaced line is wrong once",
    ],
)
def test_findings_are_counted(
    tmp_path: Path, before: list[tuple[int, str]], after: list[tuple[int, str, str]], count: Count
) -> None:
    change = {"also": ["ambiguous-choice", "condition-open"]}
    folder = _file(tmp_path, "clarity", "vague-condition", {**PLANT, **change})
    found = measure(CLEAN, planted(CLEAN, folder), _lint([(*b, "clarity") for b in before], after))
    assert found.overall == count


def test_figures_are_shares_of_what_was_said_and_what_was_there() -> None:
    count = Count(found=6, missed=2, wrong=3)
    assert (count.recall, count.precision) == (6 / 8, 6 / 9)
    assert count.f1 == pytest.approx(2 * count.recall * count.precision / (count.recall + count.precision))
    assert (Count().recall, Count().precision, Count().f1) == (1.0, 1.0, 1.0)


def _file(folder: Path, category: str, code: str, plant: Mapping[str, object]) -> Path:
    path = folder / category / f"{code}.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump([dict(plant)]), encoding="utf-8")
    return folder


def _lint(
    clean: list[tuple[int, str, str]], after: list[tuple[int, str, str]]
) -> Callable[[str, str], tuple[Finding, ...]]:
    def findings(text: str, name: str) -> tuple[Finding, ...]:
        return tuple(
            Finding(name, line, code, Severity.WARNING, "", "", category)
            for line, code, category in (clean if text == CLEAN["g"] else after)
        )

    return findings
