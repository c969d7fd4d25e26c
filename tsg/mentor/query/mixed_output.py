"""A command and its output in one fence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.language import Content, has_prompt, is_command
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View

_TABLE_HEAD = re.compile(
    r"^(?:NAME|NAMESPACE|NODE|LAST SEEN|UID|USER|PID|Filesystem|STATE|ID|HOST|REVISION|CONTAINER|"
    r"JOBID|PARTITION|ENDPOINT|MEMBER|READY|STATUS|TYPE|Name|total|Mode)(?:\s{2,}|\s+[A-Z][A-Z%-]+\b)"
)
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
    if code.content not in {Content.SHELL, Content.POWERSHELL} or "<<" in code.body:
        return False
    rows = [row for _, row in code.rows if row.strip()]
    if len(rows) > 3000:
        return False
    prompted = has_prompt(rows[0])
    held, commands, odd = False, 0, 0
    quote = (False, False)
    for row in rows:
        bare = row.strip()
        from_prompt = has_prompt(row)
        if held and not from_prompt:
            held = bare.endswith(("\\", "|", "&&", "`"))
            continue
        if bare.startswith("#"):
            odd += bool(commands and _REMARKED.match(bare))
            continue
        if from_prompt or (not prompted and is_command(row)):
            commands += 1
            held = (
                bare.endswith(("\\", "|", "&&", "`", "{", "(")) or bare.count("'") % 2 == 1 or bare.count('"') % 2 == 1
            )
        elif (commands and prompted) or (commands and (_TABLE_HEAD.match(bare) or _looks_printed(bare))):
            odd += 1
    del quote
    return commands >= 1 and odd >= 1


# What a command said, commented out.
_REMARKED = re.compile(
    r"#\s*(?:\w+(?:\.\w+)*/[\w.-]+ \w+(?:ed|n)$|(?:pod|node|job)\S* '|\d+ rows?|NAME\s{2,}|\{|\d+(?:\.\d+)?$)"
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
