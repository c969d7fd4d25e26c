"""A command and its output in one fence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Does, Language, Remark
from tsg.findings import Severity
from tsg.mentor.code import SHELLS, Code
from tsg.mentor.query.rows import is_printed, starts_of_statements
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View

_QUERIES = frozenset({Language.SQL, Language.PROMQL, Language.LOGQL, Language.KQL})


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
    if not code.statements or (code.language not in SHELLS and code.language not in _QUERIES):
        return False
    first = code.statements[0].lines
    if any(_SAID.match(c.text) for c in code.comments if c.line > first.first):
        return True
    if code.language in _QUERIES:
        return any(_TABLE.match(row) for at, row in code.rows if at > first.first)
    if any(c.line > first.last and _REMARKED.match(c.text) for c in code.comments):
        return True
    rows = dict(code.rows)
    if any(is_printed(row, rows.get(at + 1, "")) for at, row in starts_of_statements(code) if at > first.first):
        return True
    if any(isinstance(p, Remark) and p.prose for p in code.read.parts):
        return False
    if any(span.first > first.first for span in code.read.output):
        return True
    return any(s.command.does is Does.UNKNOWN and _UNKNOWN_ROW.match(s.text) for s in code.statements[1:])


# What a command said, commented out.
_REMARKED = re.compile(
    r"\w+(?:\.\w+)*/[\w.-]+ \w+(?:ed|n)$|(?:pod|node|job)\S* \"|\d+ rows?|NAME\s{2,}|\{|\d+(?:\.\d+)?$"
)
_SAID = re.compile(
    r"(?:=+>|-*>|→|⇒)\s*\S|(?:(?:sample|example|expected|typical)\s+)?(?:output|result|returns|prints"
    r"|printed)\s*(?:is\s*)?:",
    re.IGNORECASE,
)
# Borders of a table that a client of a database draws, and what it says below.
_TABLE = re.compile(
    r"\s*(?:\+[-=+]{3,}\+?|-{2,}(?:\+-+)+|-{3,}|\(\d+ rows?\)|\d+ rows? in set\b.*|(?:=+>|→)\s*\S.*)\s*$"
)
_UNKNOWN_ROW = re.compile(
    r"^[a-z0-9-]+\s+\d/\d\s+\w+|^\w+(?:\s{2,}\w+){2,}\s*$|^\S+\s+(?:Running|Pending|Ready|NotReady|Completed"
    r"|Bound|Error)\b"
)
