"""A command that opens an editor, a shell or a prompt."""

from __future__ import annotations

from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.query.shared import shell_statements
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View


@check(
    "interactive-command",
    Category.QUERY,
    Severity.WARNING,
    "a command that opens an editor, a shell or a prompt",
    "What follows is typed into another program; a run, or a paste, stops there.",
)
def interactive_command(view: View) -> Iterator[Issue]:
    for _, statement in shell_statements(view):
        if what := statement.command.interactive:
            yield Issue(
                statement.lines.first,
                f"the command waits for a person ({what})",
                "give the command to run inside: `kubectl exec POD -- df -h`; patch instead of edit",
            )
