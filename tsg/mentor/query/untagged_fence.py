"""A fence with commands and no language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Fix, Severity
from tsg.mentor.language import Content, has_prompt
from tsg.mentor.query.shared import NAMES, all_commands, tag_of
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
        if (
            code.fence is None
            or code.tag
            or code.content not in {Content.SHELL, Content.POWERSHELL, Content.SQL, Content.PROMQL, Content.KQL}
        ):
            continue
        tag = tag_of(code.content)
        if any(has_prompt(row) for _, row in code.rows):
            tag = "console"
        certain = (code.content is Content.SHELL and tag == "bash" and all_commands(code)) or (
            code.content is Content.SQL and code.body.strip().endswith(";")
        )
        fix = None
        source = view.source[code.lines.first - 1] if code.lines.first <= len(view.source) else ""
        if certain and re.fullmatch(r"\s*(?:`{3,}|~{3,})\s*", source):
            fix = Fix(code.lines.first, code.lines.first, source.rstrip() + tag)
        yield Issue(
            code.lines.first,
            f"the fence holds {NAMES[code.content]} and has no language",
            f"open it with ```{tag}",
            fix,
        )
