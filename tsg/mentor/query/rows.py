"""Rows of code: where a command may start, and which were printed by one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.mentor.code import Code

_HEREDOC = re.compile(r"(?<!<)<<-?\s*(?P<quote>['\"\\]?)(?P<word>[A-Za-z_]\w*)")
_GOES_ON = re.compile(r"(?:\\|\||&&|`|,|[({\[])\s*$")


def starts_of_statements(code: Code) -> Iterator[tuple[int, str]]:
    """Lines and rows at which a command may start: not inside quotes, here-documents, nor a command's own lines."""
    quote, until, goes_on = "", "", False
    for at, row in code.rows:
        bare = row.strip()
        if until:
            until = "" if bare == until else until
            continue
        if not quote and (not bare or bare.startswith("#")):
            goes_on = goes_on and not bare
            continue
        if not quote and not goes_on:
            yield at, row
        was = quote
        quote = _open_quote(row, quote)
        goes_on = _GOES_ON.search(row) is not None and not (bare in "{[" and not was)
        if not quote and (found := _HEREDOC.search(row)):
            until = found["word"]


def _open_quote(row: str, quote: str) -> str:
    """The quote that is open at a row's end; an apostrophe inside a word is none."""
    escaped = False
    for i, c in enumerate(row):
        if escaped:
            escaped = False
        elif c == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if c == quote else quote
        elif c == "#" and (i == 0 or row[i - 1].isspace()):
            return ""
        elif c == '"' or (c == "'" and not (0 < i < len(row) - 1 and row[i - 1].isalpha() and row[i + 1].isalpha())):
            quote = c
    return quote


_STATES = (
    r"true|false|yes|no|ok|pong|running|ready|notready|active|inactive|failed|activating|enabled|disabled|masked"
    r"|static"
    r"|healthy|unhealthy|degraded|up|down|open|closed|passed|started|stopped|online|offline|success|succeeded|pending"
    r"|idle\*?|drain(?:ed|ing)?\*?|unknown|none|null|<none>|\(none\)|HEALTH_\w+\b.*"
)
_PRINTED = re.compile(
    rf"""\s*(?:
      \d{{4}}-\d\d-\d\d[T ]\d\d:\d\d | \[?\d\d:\d\d:\d\d | \[\s*\d+\.\d+\]\s       # a log
    | [A-Z][a-z]{{2}}\s+\d{{1,2}}\s\d\d:\d\d:\d\d\s | [IWEF]\d{{4}}\s\d\d:\d\d | \[[A-Z]{{3,5}}\]\s
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


def is_printed(row: str, following: str) -> bool:
    """Whether a row that stands where a command could start is what one printed."""
    bare = row.strip()
    if not bare or len(bare) > 1000:
        return False
    if bare in {"{", "["}:
        return re.match(r"\s*(?:\"[^\"]+\"\s*:|[{\[]\s*$|\"[^\"]*\",?\s*$|\{\s*\")", following) is not None
    if bare in {"true", "false"} and following.strip():
        return False
    return _PRINTED.match(bare) is not None
