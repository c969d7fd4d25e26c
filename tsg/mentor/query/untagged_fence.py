"""A fence with commands and no language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Language
from tsg.findings import Fix, Severity
from tsg.mentor.code import RUNNABLE
from tsg.mentor.query.shared import NAMES, tag_of
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View


@check(
    "untagged-fence",
    Category.QUERY,
    Severity.INFO,
    "a fence with commands and no language",
    "Neither a reader's editor nor a tool can tell a command from its output.",
)
def untagged_fence(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if code.fence is None or code.tag or code.language not in NAMES.keys() & RUNNABLE:
            continue
        tag = "console" if code.is_prompted else tag_of(code.language)
        certain = code.is_bare and (
            (code.language is Language.SHELL and tag == "bash")
            or (code.language is Language.SQL and code.body.strip().endswith(";"))
        )
        fix = None
        source = view.source[code.lines.first - 1] if code.lines.first <= len(view.source) else ""
        if certain and re.fullmatch(r"\s*(?:`{3,}|~{3,})\s*", source):
            fix = Fix(code.lines.first, code.lines.first, source.rstrip() + tag)
        yield Issue(
            code.lines.first,
            f"the fence holds {NAMES[code.language]} and has no language",
            f"open it with ```{tag}",
            fix,
        )
