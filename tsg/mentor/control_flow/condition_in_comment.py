"""A condition that stands only in a comment of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.language import Content
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.mentor.wording import shortened

_IN_COMMENT = re.compile(
    r"^\W*(?:\d+[.)]\s*)?(?:(?:only|just)\s+(?:run|do|use|execute|apply|needed|necessary|"
    r"required)?\s*(?:this\s+)?(?:if|when|after|once|on|for|in)\b|if\b(?!\s*\[)|when\b|unless\b|"
    r"in case\b|otherwise\b|else\b|for\s+(?!each\b|every\b|all\b|example|the\b)[\w -]{2,40}\s+(?:only|"
    r"mode|clusters?|nodes?|deployments?|environments?)\b|skip (?:this )?(?:if|unless|when)\b|"
    r"run (?:this )?(?:only )?(?:if|when)\b|use (?:this )?(?:only )?(?:if|when)\b|not needed if\b|"
    r"do (?:not|this only) .*\b(?:if|unless)\b|(?:on|after) failure\b|if needed\b|"
    r"as (?:a )?last resort)|\b(?:only if|only when|unless|if necessary|if needed|if (?:it|this|that|"
    r"the|any|there|no|still|disk|files?|not)\b)",
    re.IGNORECASE,
)


@check(
    "condition-in-comment",
    Category.CONTROL_FLOW,
    Severity.WARNING,
    "a condition that stands only in a comment of the code",
    "Pasted as a whole, the block runs whether the condition holds or not.",
)
def condition_in_comment(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if code.language not in {Content.SHELL, Content.SQL, Content.POWERSHELL} or not code.is_run:
            continue
        for statement in code.statements:
            if (
                statement.comment
                and _IN_COMMENT.search(statement.comment)
                and not re.match(
                    r"\W*(?:check|see|test|verify|show|look|determine|list|find|print|confirm|count)\s+(?:if|whether|"
                    r"when|that|for|the|why|which)\b",
                    statement.comment,
                    re.IGNORECASE,
                )
            ):
                if re.match(r"\s*(?:if|while|for)\b", statement.text) or re.search(
                    r"\b(?:check|see|verify|test|confirm|determine|tells?|shows?|returns?|prints?|"
                    r"output)\b[^,;]{0,30}\b(?:if|when)\b",
                    statement.comment,
                    re.IGNORECASE,
                ):
                    continue
                line = _comment_line(code, statement)
                yield Issue(
                    line,
                    f"the condition '{shortened(statement.comment)}' stands only in a comment",
                    "write it as a sentence above a fence of its own",
                )
        yield from _trailing(code)


def _comment_line(code: Code, statement: Statement) -> int:
    return next(
        (c.line for c in reversed(code.comments) if c.line < statement.lines.first and _IN_COMMENT.search(c.text)),
        statement.lines.first,
    )


def _trailing(code: Code) -> Iterator[Issue]:
    for statement in code.statements:
        found = re.search(r"\s(?:#|--)\s+(?P<said>[^'\"\n]{4,120})$", statement.text)
        if found and re.match(
            r"(?:only|if|when|unless|in case|not needed|skip|run only|use only)\b", found["said"], re.IGNORECASE
        ):
            yield Issue(
                statement.lines.last,
                f"the condition '{shortened(found['said'])}' stands only in a comment",
                "write it as a sentence above a fence of its own",
            )
