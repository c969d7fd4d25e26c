"""A risky step that nothing checks afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.deeds import is_change
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, View
from tsg.mentor.wording import shortened

_VERIFIES = re.compile(
    r"\b(?:verif(?:y|ies|ied|ication)|confirm(?:s|ed)?|check(?:s|ed)?|validat\w*|ensure|make sure|"
    r"should (?:now |then |be |show|return|report|drop|go|become|come|read|print|appear|disappear|"
    r"fall|recover|clear|resolve|start)|monitor|watch|observe|wait (?:until|for|till)|expect\w*|test|"
    r"see (?:that|whether|if)|until (?:it|the)|see\b|look (?:at|for)|comes? (?:back|up)|returns? to|"
    r"is (?:back|healthy|ready|running|gone)|resolved when|drops?|status|recover(?:y|ed|s)|"
    r"again healthy|compare|measure)\b",
    re.IGNORECASE,
)


@check(
    "action-without-verification",
    Category.CONTROL_FLOW,
    Severity.WARNING,
    "a risky step that nothing checks afterwards",
    "The guide goes on as if it had worked.",
)
def action_without_verification(view: View) -> Iterator[Issue]:
    if view.native:
        return
    deeds = [
        (p, f)
        for p in view.working
        for f in p.flow
        if isinstance(f, Code) and f.is_run and not f.inline and any(_is_deed(s) for s in f.statements)
    ]
    for i, (part, code) in enumerate(deeds):
        last = max((s for s in code.statements if _is_deed(s)), key=lambda s: s.lines.first)
        following = deeds[i + 1] if i + 1 < len(deeds) else None
        if _is_checked(view, part, code, last, following):
            continue
        yield Issue(
            last.lines.first,
            f"nothing checks whether '{shortened(last.text, 50)}' worked",
            "add what to look at afterwards, and what it should show",
        )


def _is_deed(statement: Statement) -> bool:
    """A change that a reader would want to see the effect of."""
    return is_change(statement) and not re.search(
        r"\b(?:mkdir|umount|ln|chmod \+x|label|annotate|create (?:ns|namespace|token))\b|\bmv\s|\bcp\s|"
        r"\btee\b|crash archive|kubectl\s+(?:\S+\s+)*uncordon|--dry-run",
        " ".join(statement.command.argv),
    )


def _is_checked(view: View, part: Part, code: Code, last: Statement, following: tuple[Part, Code] | None) -> bool:
    if any(
        s.lines.first > last.lines.last
        and (not is_change(s))
        and not re.match(r"(?:echo|cd|export|exit|sleep)\b", s.text)
        for s in code.statements
    ) or re.search(r"rollout status|--wait\b|--watch\b|kubectl wait", last.text):
        return True
    at = next(i for i, f in enumerate(part.flow) if f is code)
    step = view.step_of(code)
    for f in part.flow[at + 1 :]:
        if isinstance(f, Prose) and _VERIFIES.search(f.text):
            return True
        if isinstance(f, Code) and f.is_run and not f.inline:
            if any(is_change(s) for s in f.statements) and not all(is_change(s) for s in f.statements[-1:]):
                return True
            if not any(is_change(s) for s in f.statements):
                return True
            if following is not None and f is following[1] and following[0] is part and step is None:
                break
    if _branch_says(part, code):
        return True
    if _closes(part, at):
        return False
    for other in view.parts[part.index + 1 :]:
        if re.search(
            r"\b(?:verif\w*|validat\w*|confirm\w*|recover\w*|monitor\w*|resolution check|after(?:wards|math)?|"
            r"post-?checks?|check)\b",
            other.title,
            re.IGNORECASE,
        ):
            return True
    nxt = next((p for p in view.parts[part.index + 1 :] if p.flow and not p.is_background), None)
    if nxt is not None and not any(
        isinstance(f, Code) and f.is_run and any(_is_deed(s) for s in f.statements) for f in nxt.flow[:1]
    ):
        first = next((f for f in nxt.flow if isinstance(f, Prose)), None)
        reads = next((f for f in nxt.flow if isinstance(f, Code) and f.is_run), None)
        if (first is not None and _VERIFIES.search(first.text)) or (
            reads is not None and not any(is_change(s) for s in reads.statements)
        ):
            return True
    return False


_OVER = re.compile(
    r"\b(?:close|resolve|silence) (?:it|the|this)|(?:guide|procedure|runbook|incident|alert) "
    r"(?:ends|is (?:over|resolved|closed|done))"
    r"|nothing (?:else|more|further)|you are done|ends? here|is (?:done|over|finished)\b",
    re.IGNORECASE,
)
_ON = re.compile(r"\bgo (?:on )?(?:to|with)\b|\]\(|\b(?:continue|proceed)\b", re.IGNORECASE)


def _closes(part: Part, at: int) -> bool:
    """Whether the text right after a change says that all is over, and sends the reader to no other place."""
    for f in part.flow[at + 1 :]:
        if isinstance(f, Prose):
            for sentence in f.sentences:
                if _OVER.search(sentence.text):
                    return True
                if _ON.search(sentence.text) or any(p.target for p in f.block.pieces):
                    return False
    return False


def _branch_says(part: Part, code: Code) -> bool:
    """Whether the sentence before the command says how its effect shows."""
    before = next((f for f in reversed(part.flow) if isinstance(f, Prose) and f.lines.last < code.lines.first), None)
    return before is not None and bool(
        re.search(
            r"\b(?:and (?:verify|check|confirm|wait|watch|monitor)|until|then (?:verify|check|confirm|watch))\b",
            before.text,
            re.IGNORECASE,
        )
    )
