"""A command and its output in one fence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Does, Remark
from tsg.findings import Severity
from tsg.mentor.code import SHELLS, Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View

_NUMBERS_ONLY = re.compile(
    r"^\s*(?:[-+\d.]+%?\s*){1,6}$|^\s*(?:true|false|OK|PONG|Running|Ready|active|inactive|HEALTH_\w+)\s*$"
)


@check(
    "mixed-output",
    Category.QUERY,
    Severity.INFO,
    "a command and its output in one fence",
    "Pasted as a whole, the output is run as commands.",
)
def mixed_output(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if code.fence is not None and _is_mixed(code):
            yield Issue(
                code.lines.first,
                "a command and what it prints stand in one fence",
                "put the output into a fence of its own, tagged `text`",
            )


def _is_mixed(code: Code) -> bool:
    if code.language not in SHELLS or not code.statements:
        return False
    if any(isinstance(p, Remark) and p.prose for p in code.read.parts):
        return False
    first = code.statements[0].lines
    if any(span.first > first.first for span in code.read.output):
        return True
    if any(c.line > first.last and _REMARKED.match(c.text) for c in code.comments):
        return True
    return any(s.command.does is Does.UNKNOWN and _looks_printed(s.text) for s in code.statements[1:])


# What a command said, commented out.
_REMARKED = re.compile(
    r"\w+(?:\.\w+)*/[\w.-]+ \w+(?:ed|n)$|(?:pod|node|job)\S* \"|\d+ rows?|NAME\s{2,}|\{|\d+(?:\.\d+)?$"
)


def _looks_printed(row: str) -> bool:
    return bool(
        re.match(
            r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d|^\[?\d\d:\d\d:\d\d|^[a-z0-9-]+\s+\d/\d\s+\w+|^\S+\s+(?:Running|"
            r"Pending|CrashLoopBackOff|Ready|NotReady|Completed|Bound|Error)\b|^(?:HEALTH_|error:|Error |"
            r"Warning:|deployment\.apps/|pod/\S+ \w+ed|pod \"|node/\S+ \w+ed|/dev/\w+\s+\S+)|^\(\d+ rows?\)|"
            r"^-{3,}[+\s-]|^[\w ]+\|[\w ]+\||^[{\[]$|^\"[\w.-]+\"\s*:|^\w+(?:\s{2,}\w+){2,}\s*$",
            row,
        )
        or _NUMBERS_ONLY.match(row)
    )
