"""One finding for a section that lacks the same thing in every step: the author has one decision to make, not ten."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tsg.mentor.registry import Issue
from tsg.mentor.view import Part, View

GATHERED = frozenset({"missing-command"})
FEWEST = 4  # in one section
MOST_NAMED = 12  # lines that the message names


def gathered(view: View, issues: Iterable[Issue]) -> Iterator[Issue]:
    """Issues as they are; those of a section that holds no code at all as one, where they are many."""
    parts = [p for p in view.parts if p.section.level]
    firsts = [p.section.lines.first for p in parts]
    by_part: dict[int, list[Issue]] = {}
    for issue in issues:
        by_part.setdefault(bisect_right(firsts, issue.line) - 1, []).append(issue)
    for at, own in by_part.items():
        if at >= 0 and len(own) >= FEWEST and not _has_code(parts[at]):
            yield _one(own)
        else:
            yield from own


def _has_code(part: Part) -> bool:
    return bool(part.commands)


def _one(issues: list[Issue]) -> Issue:
    first, *others = sorted(issues, key=lambda i: i.line)
    lines = ", ".join(str(i.line) for i in others[:MOST_NAMED])
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    return replace(first, message=f"{first.message}; nor do lines {lines}{more}")
