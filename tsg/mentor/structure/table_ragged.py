"""A table's row has more or fewer cells than its head."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View


@check(
    "table-ragged",
    Category.STRUCTURE,
    Severity.WARNING,
    "a table's row has more or fewer cells than its head",
    "Cells are dropped or shift under the wrong head when the page is rendered.",
)
def table_ragged(view: View) -> Iterator[Issue]:
    inside = {line for c in view.codes for line in range(c.lines.first, c.lines.last + 1)}
    lines = view.source
    at = 0
    while at + 1 < len(lines):
        head, rule = lines[at].strip(), lines[at + 1].strip()
        if (
            at + 1 in inside
            or "|" not in head
            or not re.fullmatch(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?", rule)
            or ("|" not in rule and "-" not in rule)
        ):
            at += 1
            continue
        width = _cells(head)
        ruled = _cells(rule)
        if ruled != width:
            if "|" in rule:
                yield Issue(
                    at + 2, f"the rule has {ruled} cells, the head {width}", "give every row as many cells as the head"
                )
                at += 2
                continue
            at += 1
            continue
        at += 2
        while at < len(lines) and "|" in lines[at] and lines[at].strip():
            if _cells(lines[at].strip()) != width:
                yield Issue(
                    at + 1,
                    f"the row has {_cells(lines[at].strip())} cells, the head {width}",
                    "give every row as many cells as the head; write \\| for a bar inside a cell",
                )
            at += 1


def _cells(row: str) -> int:
    bare = re.sub(r"\\\|", "", row)
    bare = bare.removeprefix("|")
    bare = bare.removesuffix("|")
    return bare.count("|") + 1
