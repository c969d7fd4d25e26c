"""A fence's tag and its content disagree: YAML or output tagged bash, SQL tagged text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.language import PLAIN, TAGS, Content, has_prompt, is_command
from tsg.mentor.query.shared import NAMES, all_commands, tag_of
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View

_FAMILY = {Content.POWERSHELL: Content.SHELL}


@check(
    "wrong-language",
    Category.QUERY,
    Severity.WARNING,
    "a fence's tag and its content disagree: YAML or output tagged bash, SQL tagged text",
    "Tools that read the tag run what nobody can run, or skip what should be run.",
)
def wrong_language(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if code.fence is None or not code.tag:
            continue
        content = code.content
        tag = TAGS.get(code.tag)
        if content is Content.UNKNOWN or (tag is None and code.tag not in PLAIN):
            continue
        if tag is None:  # text
            wrong = content in {Content.SQL, Content.PROMQL, Content.KQL} or (
                content is Content.SHELL and all_commands(code)
            )
        else:
            wrong = _disagree(code, tag, content)
        if wrong:
            yield Issue(
                code.lines.first,
                f"the fence is tagged '{code.tag}' and holds {NAMES[content]}",
                f"tag it `{tag_of(content)}`",
            )


def _disagree(code: Code, tag: Content, content: Content) -> bool:
    if _FAMILY.get(tag, tag) is _FAMILY.get(content, content):
        return (tag, content) == (Content.SHELL, Content.POWERSHELL) and not re.search(r"\bpwsh\b", code.body)
    if tag is Content.SHELL:
        if content is Content.OUTPUT:
            return not any(is_command(row) for _, row in code.rows)
        if content in {Content.YAML, Content.JSON}:
            return not any(is_command(row) and " " in row.strip() for _, row in code.rows[:40])
        return content in {Content.SQL, Content.PROMQL}
    if tag is Content.OUTPUT:
        return content in {Content.SQL} or (
            content is Content.SHELL and not has_prompt(code.rows[0][1]) and all_commands(code)
        )
    if tag is Content.YAML:
        return content in {Content.SHELL, Content.SQL, Content.JSON} and (content is not Content.JSON)
    if tag is Content.JSON:
        return content in {Content.SHELL, Content.SQL, Content.YAML}
    if tag is Content.SQL:
        return content in {Content.SHELL, Content.YAML, Content.JSON, Content.KQL}
    if tag is Content.KQL:
        return content in {Content.SHELL, Content.YAML, Content.JSON, Content.SQL}
    if tag is Content.PROMQL:
        return content in {Content.SHELL, Content.SQL, Content.JSON} or (
            content is Content.YAML and re.match(r"\s*(?:- )?(?:alert|record|groups|name)\s*:", code.body) is not None
        )
    return content in {Content.SHELL, Content.YAML} and tag in {Content.POWERSHELL}
