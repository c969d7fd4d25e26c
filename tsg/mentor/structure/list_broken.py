"""An unindented block between two items ends the list, and the numbers start again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tsg.findings import Fix, Severity
from tsg.guide import Item
from tsg.mentor.code import Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Prose, View


@check(
    "list-broken",
    Category.STRUCTURE,
    Severity.INFO,
    "an unindented block between two items ends the list, and the numbers start again",
    "A renderer shows other numbers than the text refers to, and a tool sees several lists.",
)
def list_broken(view: View) -> Iterator[Issue]:
    for part in view.parts:
        flow = [f for f in part.flow if not (isinstance(f, Code) and f.inline)]
        last: Item | None = None
        between: list[Prose | Code] = []
        for f in flow:
            outer = f.block.items[0] if f.block.items else None
            if outer is None:
                between.append(f)
                continue
            if outer.number is None:
                if between and _is_split(last, between):
                    between.append(f)
                else:
                    last, between = None, []
                continue
            if last is not None and outer.list_id != last.list_id and between and _continues(last, outer, between):
                code = next((b for b in between if isinstance(b, Code)), None)
                line = (code or between[0]).lines.first
                fix = _indented(view, last, between) if all(isinstance(b, Code) and b.fence for b in between) else None
                yield Issue(
                    line,
                    f"the block ends the numbered list; item {outer.number} starts a new one",
                    f"indent it to the text of item {last.number}",
                    fix,
                )
            last, between = outer, []


def _continues(last: Item, outer: Item, between: Sequence[Prose | Code]) -> bool:
    if last.number is None or outer.number is None:
        return False
    if outer.number == last.number + 1:
        return len(between) <= 4 or _is_split(last, between)
    if outer.number != 1 or last.number < 1:
        return False
    return all(isinstance(b, Code) for b in between) and between[0].lines.first <= last.lines.last + 1


def _is_split(last: Item | None, between: Sequence[Prose | Code]) -> bool:
    """Whether a fence stands right below an item, and not indented to it."""
    return last is not None and isinstance(between[0], Code) and between[0].lines.first <= last.lines.last + 1


def _indented(view: View, item: Item, between: Sequence[Prose | Code]) -> Fix | None:
    """The fences moved to the item's text. None where a line is less indented than its fence, or holds tabs."""
    found = re.match(r"(\s*\d+[.)]\s+)\S", view.source[item.lines.first - 1])
    if found is None or any(b.block.quoted for b in between):
        return None
    width = len(found[1].expandtabs(4))
    first, last = between[0].lines.first, between[-1].lines.last
    lines = view.source[first - 1 : last]
    if any("\t" in line for line in lines) or any(
        not b.fence or not b.fence.closed for b in between if isinstance(b, Code)
    ):
        return None
    return Fix(first, last, "\n".join(" " * width + line if line.strip() else line for line in lines))
