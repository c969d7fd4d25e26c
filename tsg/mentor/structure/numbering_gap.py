"""The numbers of steps skip one, or one occurs twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from dag.model import Span
from tsg.findings import Fix, Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View


@check(
    "numbering-gap",
    Category.STRUCTURE,
    Severity.WARNING,
    "the numbers of steps skip one, or one occurs twice",
    "The reader looks for the missing step, and references by number lead astray.",
)
def numbering_gap(view: View) -> Iterator[Issue]:
    refers = _refers_by_number(view)
    for chain in _chains(view):
        numbers = [n for n, _, _ in chain]
        if len(set(numbers)) == 1:
            continue
        for (before, _, _), (number, line, listed) in pairwise(chain):
            if number == before + 1 or (number == 1 and before >= 1) or (before == 0 and number == 1):
                continue
            what = f"step {number} follows step {before}" if number != before else f"two steps have the number {number}"
            if number < before and not listed:
                what = f"step {number} stands after step {before}"
            fix = _renumbered(view, chain) if not refers and listed else None
            yield Issue(line, what, "number the steps one after another, and mend what refers to them", fix)
            break


def _chains(view: View) -> Iterator[list[tuple[int, int, bool]]]:
    """Numbers of sibling steps with their lines; items of one list, then headings under one parent."""
    for part in view.parts:
        lists: dict[object, list[tuple[int, int, bool]]] = {}
        seen: set[tuple[int, Span]] = set()
        last_key: object = None
        for f in part.flow:
            for depth, item in enumerate(f.block.items):
                if item.number is None or (item.list_id, item.lines) in seen:
                    continue
                seen.add((item.list_id, item.lines))
                key: object = item.list_id
                if (
                    depth == 0
                    and item.list_id not in lists
                    and last_key in lists
                    and item.number == lists[last_key][-1][0] + 2
                ):
                    key = last_key
                lists.setdefault(key, []).append((item.number, item.lines.first, True))
                if depth == 0:
                    last_key = key
        yield from lists.values()
    headings: dict[tuple[int, tuple[int, ...]], list[tuple[int, int, bool]]] = {}
    for part in view.parts:
        if part.number:
            chain = headings.setdefault((part.section.level, part.above), [])
            number = int(part.number.rstrip("abcdefghijklmnopqrstuvwxyz"))
            if part.number.isdigit() or not chain or chain[-1][0] != number:
                chain.append((number, part.section.lines.first, False))
    for chain in headings.values():
        if not any(n >= 1000 for n, _, _ in chain):
            yield chain


_BY_NUMBER = re.compile(r"\b(?:steps?|items?|points?|no\.?|number)\s*#?\d|#\d\b", re.IGNORECASE)


def _refers_by_number(view: View) -> bool:
    return any(_BY_NUMBER.search(p.text) for part in view.parts for p in part.proses)


def _renumbered(view: View, chain: Sequence[tuple[int, int, bool]]) -> Fix | None:
    """The list's numbers counted on from its first. None where widths change, which would move the indent."""
    first, last = chain[0][1], chain[-1][1]
    lines = list(view.source[first - 1 : last])
    number = chain[0][0]
    for n, line, _ in chain:
        found = re.match(r"(\s*(?:>\s*)?)(\d+)([.)]\s)", lines[line - first])
        if found is None or int(found[2]) != n or len(str(number)) != len(found[2]):
            return None
        lines[line - first] = f"{found[1]}{number}{lines[line - first][found.end(2) :]}"
        number += 1
    return Fix(first, last, "\n".join(lines))
