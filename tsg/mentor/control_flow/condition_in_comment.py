"""A condition that stands only in a comment of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Command, Does, Language
from tsg.findings import Severity
from tsg.mentor.code import Code, Comment
from tsg.mentor.deeds import acts
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Prose, View
from tsg.mentor.wording import CONDITION, content_words, shortened

LONGEST = 400  # characters of a comment that are read
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
# The same beside a change, where fewer words will do: nobody describes a change's output.
_LIMITS = re.compile(
    r"^\W*(?:(?:and|but|run|use|do|execute|apply|this|it|is|needed|meant|continue|go on|proceed) )*(?:"
    r"(?:only|solely|exclusively)\b|if\b(?!\s*\[)|when(?:ever)?\b|unless\b|provided\b|providing\b|assuming\b"
    r"|as long as\b"
    r"|while\b|where\b|in case\b|once\b(?! (?:a|an|per|every|more|again)\b)|(?:otherwise|else)\b(?! known)"
    r"|should (?:the|it|this)\b"
    r"|(?:not|never|do not|don't) (?:on|for|in|if|when|while|during|with|run|do|use|execute|to be|before"
    r"|without|needed)\b"
    r"|skip\b|stop (?:here|now)?\b|(?:needs|requires|with|after|given) (?:the )?(?:consent|approval|agreement"
    r"|permission|ok)\b"
    r"|after\b[^,]{0,60}\b(?:has|have|is|are|was|agreed|approved|confirmed)\b)"
    r"|\bonly\W*$|\bonly (?:if|when|while|after|once|on|for|in|with|where|as long as)\b"
    r"|\bmust (?:not )?be\b[^.]{0,60}\bbefore\b"
    r"|\b(?:before you (?:do|run)|must have (?:agreed|approved|confirmed))\b",
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
        said = [(c, text) for run, below in _above_code(code) for c, text in _conditions(code, run, below)]
        for comment, text in (*said, *_trailing(code)):
            if not _is_said_above(view, code, text):
                yield Issue(
                    comment.line,
                    f"the condition '{shortened(text)}' stands only in a comment",
                    "write it as a sentence above a fence of its own",
                )


def _conditions(code: Code, run: list[Comment], below: str) -> Iterator[tuple[Comment, str]]:
    """The comment among a run of them that limits what stands below."""
    text = " ".join(c.text for c in run)[:LONGEST]
    if _ASKS.search(text) or _BRANCHES.match(below):
        return
    if _IN_COMMENT.search(text) and not _KNOWN_AS.search(text):
        yield next((c for c in reversed(run) if _IN_COMMENT.search(c.text)), run[0]), text
    elif any(s.lines.first == run[-1].line + 1 and acts(s) for s in code.statements):
        found = next((c for c in reversed(run) if _LIMITS.search(c.text)), None)
        if found is not None:
            yield found, found.text


def _is_said_above(view: View, code: Code, text: str) -> bool:
    """Whether a sentence before the code states the same condition."""
    words = content_words(text) - {"only"}
    step = view.step_of(code)
    flow = step.flow if step is not None and not step.by_heading else view.parts[code.section].flow
    return bool(words) and any(
        CONDITION.search(s.text) and len(words & content_words(s.text)) * 2 > len(words)
        for f in flow
        if isinstance(f, Prose) and f.lines.last < code.lines.first
        for s in f.sentences
    )


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


def _trailing(code: Code) -> Iterator[tuple[Comment, str]]:
    """Comments behind a command."""
    ends = {s.lines.last: s for s in code.statements if s.command.does is not Does.NOTHING}
    for remark in code.read.parts:
        if isinstance(remark, Command) or remark.prose or (statement := ends.get(remark.lines.first)) is None:
            continue
        if _OPENS.match(remark.text) or (acts(statement) and _LIMITS.search(remark.text[:LONGEST])):
            yield Comment(remark.lines.first, remark.text), remark.text


_OPENS = re.compile(r"(?:only|if|when|unless|in case|not needed|skip|run only|use only)\b", re.IGNORECASE)
_KNOWN_AS = re.compile(r"\botherwise (?:known|called)\b", re.IGNORECASE)
