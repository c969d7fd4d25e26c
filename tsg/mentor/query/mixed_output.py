"""A command and its output in one fence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Does, Language, Remark
from tsg.findings import Severity
from tsg.mentor.code import SHELLS, Code
from tsg.mentor.query.rows import starts_of_statements
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
    if any(_is_printed(row, rows.get(at + 1, "")) for at, row in starts_of_statements(code) if at > first.first):
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
    r"(?:=+>|-*>|→|⇒)\s*\S|(?:(?:sample|example|expected|typical)\s+)?(?:output|result|returns|prints|printed)\s*(?:is\s*)?:",
    re.IGNORECASE,
)
# Borders of a table that a client of a database draws, and what it says below.
_TABLE = re.compile(
    r"\s*(?:\+[-=+]{3,}\+?|-{2,}(?:\+-+)+|-{3,}|\(\d+ rows?\)|\d+ rows? in set\b.*|(?:=+>|→)\s*\S.*)\s*$"
)
_UNKNOWN_ROW = re.compile(
    r"^[a-z0-9-]+\s+\d/\d\s+\w+|^\w+(?:\s{2,}\w+){2,}\s*$|^\S+\s+(?:Running|Pending|Ready|NotReady|Completed|Bound|Error)\b"
)
_STATES = (
    r"true|false|yes|no|ok|pong|running|ready|notready|active|inactive|failed|activating|enabled|disabled|masked|static"
    r"|healthy|unhealthy|degraded|up|down|open|closed|passed|started|stopped|online|offline|success|succeeded|pending"
    r"|idle\*?|drain(?:ed|ing)?\*?|unknown|none|null|<none>|\(none\)|HEALTH_\w+\b.*"
)
_PRINTED = re.compile(
    rf"""\s*(?:
      \d{{4}}-\d\d-\d\d[T ]\d\d:\d\d | \[?\d\d:\d\d:\d\d | \[\s*\d+\.\d+\]\s       # a log
    | [A-Z][a-z]{{2}}\s+\d{{1,2}}\s\d\d:\d\d:\d\d\s | [IWEF]\d{{4}}\s\d\d:\d\d
    | [●○×✓✔✗✘]\s | (?:=+>|-->|->|→|⇒)\s*\S                                        # marks
    | \+[-=]{{2,}}[-=+]*\s*$ | \|.*\|\s*$ | -{{3,}}[-+\s]*$ | ={{3,}}[=+\s]*$ | -{{2,}}(?:\s+-{{2,}})+\s*$
    | \(\d+\ rows?\)                                            # tables
    | [A-Z][A-Z0-9_()%/-]*(?:\s{{2,}}[A-Z][A-Z0-9_()%/-]*(?:\ [A-Z]+)?)+\s*$
    | HTTP/\d(?:\.\d)?\s\d{{3}} | PING\s\S+\s\( | \d+\ bytes\sfrom\s | rtt\ min/avg | \d+\ packets\ transmitted
    | (?:error|Error|ERROR|fatal|panic|Warning|WARNING|INFO|FAILED|curl|ssh|Unable\ to)\s?(?::|\(|\ from\ server)
    | Filesystem\s+(?:Size|1K) | /dev/[\w/]+\s+[\d.]+[KMGTP]?\s | GPU\s\d+:\s | NVRM: | Mem:\s+\d | Swap:\s+\d
    | total\s\d+$ | [-dl][rwxsStT-]{{9}}[.+@]?\s
    | [\w.-]+(?:\.[\w.-]+)*/[\w.-]+\s(?:\w+ed|unchanged|drain\w*)\b.*$
    | \w+\s"[\w.-]+"\s(?:deleted|successfully|created|force|cordoned|uncordoned)
    | [a-z0-9][\w.-]*\s+\d+/\d+\s+\w+
    | (?:Waiting\ for|Successfully|Saved|Done[.!]|Completed)\b.*[.!]\s*$
    | \{{\s*"[^"]+"\s*:.*\}}\s*$ | \[\s*(?:\{{\s*)?".*\]\s*$
    | [A-Z]\w*=\S+(?:\s+[A-Z][\w/]*=\S*)+\s*$ | [A-Z]\w*=[A-Z]+[+*][A-Z]+\s*$
    | (?:[-+]?\d+(?:\.\d+)?%?[KMGT]?i?\s*){{1,6}}$
    | (?:Loaded|Active|Main\ PID|Status|State|Ready|Name|Namespace|Phase|Reason|Message|Type|Version)\s?:\s+\S
    | [a-z][\w.-]*:\s+[\d.]+\w*\s*$
    | (?i:{_STATES})\s*$
    )""",
    re.VERBOSE,
)


def _is_printed(row: str, following: str) -> bool:
    """Whether a row that stands where a command could start is what one printed."""
    bare = row.strip()
    if not bare or len(bare) > 1000:
        return False
    if bare in {"{", "["}:
        return re.match(r"\s*(?:\"[^\"]+\"\s*:|[{\[]\s*$|\"[^\"]*\",?\s*$|\{\s*\")", following) is not None
    if bare in {"true", "false"} and following.strip():
        return False
    return _PRINTED.match(bare) is not None
