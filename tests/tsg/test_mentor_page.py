"""The Mentor's page and the registry of checks say the same."""

from __future__ import annotations

import re
from pathlib import Path

from tsg.mentor.codes import categories
from tsg.mentor.mentor import CHECKS
from tsg.mentor.registry import Category

PAGE = (Path(__file__).parents[2] / "docs" / "mentor.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([\w-]+)` \| (\w+) \| (.+?) \| (.+) \|$", re.MULTILINE)


def documented() -> dict[str, tuple[str, str, str, str]]:
    parts = re.split(r"^### `(.+)`$", PAGE, flags=re.MULTILINE)
    return {
        row[0]: (category, *(cell.replace("\\|", "|") for cell in row[1:]))
        for category, text in zip(parts[1::2], parts[2::2], strict=True)
        for row in ROW.findall(text)
    }


def test_the_page_has_every_check_with_its_category_severity_and_reason_and_no_other() -> None:
    assert documented() == {c.code: (str(c.category), str(c.severity), c.summary, c.why) for c in CHECKS.values()}


def test_every_category_has_a_check() -> None:
    assert {category for category, *_ in documented().values()} == set(Category)


def test_codes_and_categories_beside_the_checks_are_explained() -> None:
    others = {code for code, category in categories().items() if category in {"suppression", "model-review"}}
    assert all(f"`{word}`" in PAGE for word in {*others, *categories().values()})


def test_the_mends_that_the_page_names_are_those_that_checks_propose() -> None:
    proposing = {
        path.stem.replace("_", "-")
        for path in (Path(__file__).parents[2] / "tsg" / "mentor").rglob("*.py")
        if re.search(r"\bFix\([^)]", path.read_text(encoding="utf-8")) and path.parent.name != "mentor"
    }
    named = re.search(r"only what is mechanical: (.+?)\n\n", PAGE, flags=re.DOTALL)
    assert named
    assert proposing
    assert proposing < set(re.findall(r"`([\w-]+)`", named[1]))
