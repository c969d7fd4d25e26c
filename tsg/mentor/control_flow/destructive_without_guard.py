"""A delete, drain, reset or --force as a plain next step, without condition, confirmation or backup near."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.command_forms import is_grave, is_severe
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, View
from tsg.mentor.wording import ACT, lead_verb, shortened

_GUARDS = re.compile(
    r"\b(?:if|when|whenever|only|once|unless|until|after|before|in case|confirm\w*|approv\w*|"
    r"permission|ask|agree\w*|make sure|ensure|verify|verified|check(?:ed)? that|backup|"
    r"back(?:ed)? up|back up|snapshot|dry[- ]run|dump|warning|caution|careful\w*|danger\w*|important|"
    r"irreversible|data loss|cannot be undone|destructive|lose|loses|lost|sign[- ]?off|two-person|"
    r"second (?:person|pair)|maintenance window|window|as a last resort|last resort|provided|"
    r"should be|no longer|safe|disruptive|for pods? that|that (?:are|is|were|has|have))\b|⚠|❗|🚨|"
    r"\[!(?:WARNING|CAUTION|IMPORTANT)\]",
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
                if not is_severe(statement.text) or _is_guarded(view, part, at, code, statement):
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
    grave = is_grave(statement.text)
    if _IN_CODE_GUARD.search(_before_in(code, statement)) or _GUARDS.search(statement.comment):
        return True
    near: list[str] = [part.title]
    passed = 0
    for f in reversed(part.flow[:at]):
        if isinstance(f, Code):
            if f.inline:
                continue
            passed += 1
            if passed > (0 if grave else 1):
                break
            if re.search(r"\b(?:dump|snapshot|backup|cordon)\b|> *\S+\.(?:ya?ml|json|bak|sql)", f.body, re.IGNORECASE):
                return True
            continue
        near.append(f.text)
    if re.search(
        r"\b(?:warning|caution|danger|data loss|irreversible|backup|back up|snapshot|confirm|approval|"
        r"approved)\b|⚠|\[!(?:WARNING|CAUTION)",
        part.text,
        re.IGNORECASE,
    ):
        return True
    step = view.step_of(code)
    if step is not None and not step.by_heading:
        near += [f.text for f in step.flow if isinstance(f, Prose) and f.lines.first <= code.lines.first]
        previous = [s for s in view.step_at.get(part.index, ()) if not s.by_heading and s.lines.last < step.lines.first]
        if previous and re.search(
            r"\b(?:confirm|approv\w*|back ?up|backup|snapshot|make sure|ensure|ask)\b", previous[-1].text, re.IGNORECASE
        ):
            return True
    if not grave:
        near += [view.parts[i].title for i in part.above if view.parts[i].section.level >= 2]
        near += [view.parts[i].text for i in part.above[-1:] if view.parts[i].section.level >= 2]
    if part.index and re.search(
        r"\b(?:back ?up|backup|snapshot|confirm|approval|sign-?off)\b", view.parts[part.index - 1].title, re.IGNORECASE
    ):
        return True
    return bool(_GUARDS.search("\n".join(near)))


def _before_in(code: Code, statement: Statement) -> str:
    return "\n".join(s.text for s in code.statements if s.lines.first < statement.lines.first) + "\n" + statement.text
