"""A command that never ends: logs -f, get -w, watch, top, ping without a count."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.query.shared import shell_statements
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View

_BOUNDED = re.compile(r"\btimeout\s+(?:-\S+\s+)*\d|\|\s*head\b|\bgrep\s+(?:-\S+\s+)*-m")


@check(
    "endless-command",
    Category.QUERY,
    Severity.WARNING,
    "a command that never ends: logs -f, get -w, watch, top, ping without a count",
    "Nothing after it is ever reached, and nobody knows what was to be seen.",
)
def endless_command(view: View) -> Iterator[Issue]:
    for code, statement in shell_statements(view):
        if (why := statement.command.endless) and not _is_bounded(code, statement):
            yield Issue(
                statement.lines.first,
                f"the command never ends: {why}",
                "bound it: `timeout 60 ...`, `--tail=200`, `-c 4`, `kubectl wait --timeout=60s`",
            )


def _is_bounded(code: Code, statement: Statement) -> bool:
    """Whether something ends it, or it runs in the background."""
    row = code.body.split("\n")[statement.lines.last - code.body_line].rstrip()
    return bool(_BOUNDED.search(statement.text)) or (row.endswith("&") and not row.endswith("&&"))
