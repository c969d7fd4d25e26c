"""A condition that stands only in a comment of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Command, Does, Language
from tsg.findings import Severity
from tsg.mentor.code import Code, Comment
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

# A comment that tells what the command below finds out, or what the test below it is for.
_ASKS = re.compile(
    r"^\W*(?:check|see|test|verify|show|look|determine|list|find|print|confirm|count)\s+(?:if|whether|when|that|for|the"
    r"|why|which)\b"
    r"|\b(?:check|see|verify|test|confirm|determine|tells?|shows?|returns?|prints?|output)\b[^,;]{0,30}\b(?:if|when)\b",
    re.IGNORECASE,
)
_BRANCHES = re.compile(r"(?:if|while|for)\b")


@check(
    "condition-in-comment",
    Category.CONTROL_FLOW,
    Severity.WARNING,
    "a condition that stands only in a comment of the code",
    "Pasted as a whole, the block runs whether the condition holds or not.",
)
def condition_in_comment(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if code.language not in {Language.SHELL, Language.SQL, Language.POWERSHELL} or not code.is_run:
            continue
        for run, below in _above_code(code):
            said = " ".join(c.text for c in run)
            if _IN_COMMENT.search(said) and not _ASKS.search(said) and not _BRANCHES.match(below):
                line = next((c.line for c in reversed(run) if _IN_COMMENT.search(c.text)), run[0].line)
                yield Issue(
                    line,
                    f"the condition '{shortened(said)}' stands only in a comment",
                    "write it as a sentence above a fence of its own",
                )
        yield from _trailing(code)


def _above_code(code: Code) -> Iterator[tuple[list[Comment], str]]:
    """Comment lines that stand right above code, and its first line; those of a here-document are its text."""
    heredocs = (s.lines for s in code.statements if "<<" in s.text)
    quoted = {at for lines in heredocs for at in range(lines.first + 1, lines.last + 1)}
    comments = {c.line: c for c in code.comments if c.line not in quoted}
    run: list[Comment] = []
    for at, row in code.rows:
        if at in comments:
            run.append(comments[at])
            continue
        if run and row.strip():
            yield run, row.strip()
        run = []


def _trailing(code: Code) -> Iterator[Issue]:
    ends = {s.lines.last for s in code.statements if s.command.does is not Does.NOTHING}
    for remark in code.read.parts:
        if isinstance(remark, Command) or remark.prose or remark.lines.first not in ends:
            continue
        if re.match(r"(?:only|if|when|unless|in case|not needed|skip|run only|use only)\b", remark.text, re.IGNORECASE):
            yield Issue(
                remark.lines.first,
                f"the condition '{shortened(remark.text)}' stands only in a comment",
                "write it as a sentence above a fence of its own",
            )
