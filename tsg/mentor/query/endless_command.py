"""A command that never ends: logs -f, get -w, watch, top, ping without a count."""

from __future__ import annotations

from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.command_forms import endless_form
from tsg.mentor.query.shared import forms
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View


@check(
    "endless-command",
    Category.QUERY,
    Severity.WARNING,
    "a command that never ends: logs -f, get -w, watch, top, ping without a count",
    "Nothing after it is ever reached, and nobody knows what was to be seen.",
)
def endless_command(view: View) -> Iterator[Issue]:
    for line, what in forms(view, endless_form):
        yield Issue(
            line,
            f"the command {what}",
            "bound it: `timeout 60 ...`, `--tail=200`, `-c 4`, `kubectl wait --timeout=60s`",
        )
