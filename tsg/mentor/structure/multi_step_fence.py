"""Several steps of differing risk in one fence, such as a delete among reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dag.model import Span
from tsg.commands import Language
from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.deeds import is_change, is_grave, is_severe
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View


@check(
    "multi-step-fence",
    Category.STRUCTURE,
    Severity.WARNING,
    "several steps of differing risk in one fence, such as a delete among reads",
    "It is pasted as a whole: the look and the deed happen at once, and nobody decides between them.",
)
def multi_step_fence(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if code.language not in {Language.SHELL, Language.POWERSHELL, Language.SQL} or not code.is_run:
            continue
        statements = [s for s in code.statements if not _is_setting(s)]
        if len(statements) < 2 or len(statements) > 400:
            continue
        if at := _mixed_at(code, statements) or _judged_at(view, code, statements):
            yield Issue(
                code.lines.first,
                f"the fence holds several steps of differing risk; the one in line {at} changes something",
                "give each step a fence of its own, with the sentence that decides whether it is done",
            )


def _is_setting(statement: Statement) -> bool:
    text = statement.text.strip()
    return bool(
        re.match(
            r"(?:export\s+|\$)?[A-Za-z_]\w*\s?=(?!=)(?!.*[;&|]{2})|(?:cd|echo|set|source|mkdir -p|sleep|"
            r"export|printf|fi|done|exit|clear|Write-\w+)\b",
            text,
        )
    ) and not is_change(statement)


def _mixed_at(code: Code, statements: Sequence[Statement]) -> int:
    """The line of a change that does not belong with what stands before it; 0 where there is none."""
    kinds = [2 if is_severe(s) else 1 if is_change(s) else 0 for s in statements]
    changes = [i for i, k in enumerate(kinds) if k]
    if not changes:
        return 0
    first = changes[0]
    if first > 0 and any(kinds[i] == 2 or is_grave(statements[i]) for i in changes) and not _is_saving(statements[0]):
        grave = next(i for i in changes if kinds[i] == 2 or is_grave(statements[i]))
        return statements[grave].lines.first
    verbs = {_verb(statements[i]) for i in changes}
    if (
        len(changes) >= 2
        and len(verbs) >= 2
        and any(kinds[i] == 2 for i in changes)
        and len({kinds[i] for i in changes}) == 2
        and not _is_routine(verbs)
    ):
        return statements[next(i for i in changes if kinds[i] == 2)].lines.first
    numbered = [c for c in code.comments if re.match(r"(?:step\s*)?\d{1,2}[.):]", c.text, re.IGNORECASE)]
    if len(numbered) >= 2 and changes:
        return statements[first].lines.first
    between = any(k == 0 for k in kinds[changes[0] : changes[-1]]) if len(changes) >= 2 else False
    commented = sum(bool(s.comment) for s in statements)
    if between and len(verbs) >= 2 and commented >= 2:
        return statements[changes[-1]].lines.first
    if (
        first > 0
        and commented >= 2
        and kinds[first] == 1
        and len(changes) >= 1
        and not _is_saving(statements[first - 1])
    ):
        return statements[first].lines.first
    return 0


# Words that weigh what a command prints.
_WEIGHS = re.compile(
    r"\b(?:if|unless|only when|only if|once it|has to|have to|must|should|needs? to|make sure|expect(?:ed)?|when it)\b",
    re.IGNORECASE,
)
_PRINTED = re.compile(
    r"\b(?:prints?|printed|shows?|shown|returns?|returned|reports?|outputs?|results?|gives?|says?|size|count|value|number"
    r"|empty|lines?|first|second|third|last|previous|one|zero|\d+)\b",
    re.IGNORECASE,
)


def _judged_at(view: View, code: Code, statements: Sequence[Statement]) -> int:
    """The line of a change that stands behind a read of its own fence, where the prose beside it weighs that read."""
    read = next((i for i, s in enumerate(statements) if not is_change(s) and not _is_saving(s)), len(statements))
    changed = next((s for s in statements[read:] if is_change(s)), None)
    if changed is None:
        return 0
    part = next(p for p in view.parts if p.index == code.section)
    near = [p for p in part.proses if _is_beside(p.lines, code.lines)]
    for sentence in (s for prose in near for s in prose.sentences):
        if _WEIGHS.search(sentence.text) and _PRINTED.search(sentence.text) and not _AFTERWARDS.search(sentence.text):
            return changed.lines.first
    return 0


def _is_beside(prose: Span, code: Span) -> bool:
    """Whether prose stands right before or right behind a block."""
    return 0 < code.first - prose.last <= 2 or 0 < prose.first - code.last <= 2


_AFTERWARDS = re.compile(r"\b(?:after(?:wards)?|then verify|still|again|rolls? back|undo)\b", re.IGNORECASE)


def _is_saving(statement: Statement) -> bool:
    """Whether the command before a change keeps what it changes."""
    return bool(
        re.search(
            r">\s*\S*(?:bak|backup|before|\.ya?ml|\.json|old|save)|\bcp\b|dump|snapshot save|backup|"
            r"\bcordon\b|history\b|BEGIN",
            statement.text,
        )
    )


def _verb(statement: Statement) -> str:
    found = re.search(
        r"\b(delete|drain|cordon|uncordon|scale|patch|apply|restart|undo|rm|stop|start|create|label|taint|"
        r"annotate|kill|reboot|edit|replace|mv|cp|reset|drop|truncate|purge|flushall|defrag|scancel|"
        r"update|prune|mkfs\S*|umount|mount|wipefs|dd)\b",
        " ".join(statement.command.argv),
        re.IGNORECASE,
    )
    return found[1].lower() if found else statement.text[:12]


def _is_routine(verbs: set[str]) -> bool:
    """Verbs that are one step together: cordon and drain, stop and start."""
    return any(
        verbs <= known
        for known in (
            {"cordon", "drain"},
            {"cordon", "drain", "uncordon"},
            {"stop", "start"},
            {"patch", "restart"},
            {"apply", "restart"},
            {"scale"},
            {"umount", "mount"},
            {"drain", "uncordon"},
        )
    )
