"""The page of checks names every check, and only those there are."""

from __future__ import annotations

import re
from pathlib import Path

from tsg.findings import Code

PAGE = Path(__file__).parents[2] / "docs" / "guide-checks.md"


def test_every_code_has_a_section() -> None:
    documented = re.findall(r"^## ([a-z][a-z0-9-]+)$", PAGE.read_text(), re.MULTILINE)
    assert documented == sorted(documented)
    assert set(documented) == {str(c) for c in Code}
