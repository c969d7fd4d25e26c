"""A declared input or parameter that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.data_flow.shared import declared_inputs
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View


@check(
    "unused-input",
    Category.DATA_FLOW,
    Severity.INFO,
    "a declared input or parameter that nothing uses",
    "Somebody looks it up for nothing, or the query that should use it forgot to.",
)
def unused_input(view: View) -> Iterator[Issue]:
    front = view.guide.front
    for declared in front.inputs:
        line = front.input_lines.get(declared.name, front.lines.first if front.lines else 1)
        if not _is_used(view, declared.name, line, front.lines.last if front.lines else 0):
            yield _unused(line, declared.name)
    for _, line, name in declared_inputs(view):
        if not _is_used(view, name.strip("<>{}$[]"), line, 0):
            yield _unused(line, name)


def _unused(line: int, name: str) -> Issue:
    return Issue(
        line,
        f"the input '{name.strip('<>{}$[]')}' is declared and nothing uses it",
        "use it in the query that needs it, or leave it out",
    )


def _is_used(view: View, name: str, line: int, after: int) -> bool:
    words = [w for w in re.split(r"[_-]|(?<=[a-z])(?=[A-Z])", name) if w]
    pattern = re.compile(
        r"(?<![A-Za-z0-9])" + r"[\s_-]?".join(map(re.escape, words)) + r"(?![A-Za-z0-9])", re.IGNORECASE
    )
    exact = re.compile(r"(?<![\w-])" + re.escape(name) + r"(?![\w-])")
    for at, text in enumerate(view.source, start=1):
        if at == line or at <= after or len(text) > 4000:
            continue
        if exact.search(text) or pattern.search(text):
            return True
    return False
