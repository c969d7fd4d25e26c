"""A delete, drain, reset or --force as a plain next step, without condition, confirmation or backup near."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.deeds import is_severe
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, View
from tsg.mentor.wording import ACT, lead_verb, shortened

_GUARDS = re.compile(
    r"\b(?:if|when|whenever|unless|only|once|in case|until|after (?:you|the|it|that|this|having|\w+ing)|provided"
    r"|as long as|confirm\w*|make sure|ensure|be sure|verify|check|double-?check|approv\w*|agree\w*|permission"
    r"|consent|sign[- ]?off|ask|warn\w*|warning|caution|careful\w*|danger\w*|back(?:ed)?[ -]?up|snapshot|dry[- ]run"
    r"|dump|exported|lose|data loss"
    r"|two-person|second (?:person|pair)|maintenance window|last resort|no longer (?:needed|used|wanted|referenced)"
    r"|(?:stale|unused|orphaned|expired|stuck|dead|broken|failed|faulty|hung|affected|crash\w*|evicted|unhealthy|corrupt\w*)"
    r"|for (?:a|an|each|every|any) \w+ (?:that|which|with|in)|that (?:is|are|has|have|hangs?|fails?|failed|shows?) "
    r"|depending on|in (?:this|that|the) case)\b|⚠|❗|🚨|\[!(?:WARNING|CAUTION|IMPORTANT)\]",
    re.IGNORECASE,
)
_SAVES = re.compile(
    r"\b(?:back ?up|backup|snapshot|dump|confirm\w*|approv\w*|sign-?off|cordon|export)\b"
    r"|> *\S+\.(?:ya?ml|json|bak|sql)",
    re.IGNORECASE,
)
_IN_CODE_GUARD = re.compile(
    r"^\s*(?:if|\[\[?|test|while)\b|&&|\|\||read -p|--dry-run|\bbackup|\bdump\b|snapshot|pg_dump|"
    r"tar c|cp -|etcdctl.*snapshot save|-WhatIf|\bBEGIN\b|--interactive|\brm -i\b|"
    r"-Confirm(?!:\$?false)|> *\S+\.(?:ya?ml|json|bak|sql)",
    re.IGNORECASE | re.MULTILINE,
)


@check(
    "destructive-without-guard",
    Category.CONTROL_FLOW,
    Severity.ERROR,
    "a delete, drain, reset or --force as a plain next step, without condition, confirmation or backup near",
    "It will be carried out by somebody who was only reading along.",
)
def destructive_without_guard(view: View) -> Iterator[Issue]:
    for part in view.working if not view.native else ():
        for at, code in enumerate(part.flow):
            if not isinstance(code, Code) or not code.is_run or (code.inline and not _is_ordered(code, part, at)):
                continue
            for statement in code.statements:
                if not is_severe(statement) or _is_guarded(view, part, at, code, statement):
                    continue
                yield Issue(
                    statement.lines.first,
                    f"'{shortened(statement.text)}' destroys or interrupts something, and nothing says when it may be "
                    f"done",
                    "put a condition or a confirmation before it, and a backup where data is lost",
                )
                break


def _is_ordered(code: Code, part: Part, at: int) -> bool:
    """Whether a sentence tells to run an inline command."""
    prose = next((f for f in reversed(part.flow[:at]) if isinstance(f, Prose) and f.block is code.block), None)
    return (
        prose is not None
        and any(
            code.body in s.text
            and (
                lead_verb(s.text) in ACT
                or re.match(r"\W*(?:then |next,? )?(?:run|execute|use|issue|do|with)\b|\W*`", s.text, re.IGNORECASE)
            )
            for s in prose.sentences
        )
        and not prose.block.quoted
    )


def _is_guarded(view: View, part: Part, at: int, code: Code, statement: Statement) -> bool:
    """Whether a condition, a warning, a confirmation or a backup stands right before it, or the plan decides on it."""
    if _IN_CODE_GUARD.search(_before_in(code, statement)) or _GUARDS.search(statement.comment):
        return True
    step = view.step_of(code)
    own = step.flow if step is not None and not step.by_heading else ()
    near: list[str] = [f.text for f in own if isinstance(f, Prose) and f.lines.first <= code.lines.first]
    for f in reversed(part.flow[:at]):
        if isinstance(f, Code):
            if f.inline:
                continue
            if _SAVES.search(f.body):
                return True
            break
        if not own or f in own:
            near.append(f.text)
    if not near or len(" ".join(near)) < 8:
        near.append(part.title)
    if _is_case(part.title) or any(_is_case(view.parts[i].title) for i in part.above):
        return True
    return bool(_GUARDS.search("\n".join(near))) or _is_saved_before(view, part, code) or _is_decided(view, statement)


def _is_case(title: str) -> bool:
    return bool(
        re.match(
            r"\W*(?:\d+[a-z]?\W+)?(?:if|when|in case|option|alternative|scenario|case|for)\b", title, re.IGNORECASE
        )
    )


def _is_saved_before(view: View, part: Part, code: Code) -> bool:
    """Whether the step or section right before saves what may be lost, or gets it approved."""
    step = view.step_of(code)
    if step is not None and not step.by_heading:
        before = [s for s in view.step_at.get(part.index, ()) if not s.by_heading and s.lines.last < step.lines.first]
        if before:
            return bool(_SAVES.search(before[-1].text + " ".join(c.body for c in before[-1].codes)))
    first = next((f for f in part.flow if isinstance(f, Code) and not f.inline), None)
    return bool(part.index and first is code and _SAVES.search(view.parts[part.index - 1].title))


def _is_decided(view: View, statement: Statement) -> bool:
    """Whether the compiled plan takes the step that holds it under a condition that its own lines say."""
    if view.plan is None:
        return False
    line = statement.lines.first
    holding = [s for s in view.plan.steps if any(span.first <= line <= span.last for span in s.lines)]
    return any(
        edge.target == step.id and not edge.otherwise and step.lines[0].first <= edge.condition.lines[0].first <= line
        for step in holding
        for edge in view.plan.edges
        if edge.condition is not None
    )


def _before_in(code: Code, statement: Statement) -> str:
    return "\n".join(s.text for s in code.statements if s.lines.first < statement.lines.first) + "\n" + statement.text
