"""A delete, drain, reset or --force as a plain next step, without condition, confirmation or backup near."""

from __future__ import annotations

from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.control_flow.guards import is_guarded, is_ordered
from tsg.mentor.deeds import is_severe
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.mentor.wording import shortened


@check(
    "destructive-without-guard",
    Category.CONTROL_FLOW,
    Severity.ERROR,
    "a delete, drain, reset or --force as a plain next step, without condition, confirmation or backup near",
    "It will be carried out by somebody who was only reading along.",
)
def destructive_without_guard(view: View) -> Iterator[Issue]:
    for part in view.working:
        for code in part.flow:
            if not isinstance(code, Code) or not code.is_run or (code.inline and not is_ordered(code, part)):
                continue
            for statement in code.statements:
                if not is_severe(statement) or is_guarded(view, part, code, statement):
                    continue
                yield Issue(
                    statement.lines.first,
                    f"'{shortened(statement.text)}' destroys or interrupts something, and nothing says when it may be "
                    f"done",
                    "put a condition or a confirmation before it, and a backup where data is lost",
                )
                break
