"""A step without command, query, decision, person or system: nothing that one can do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.compile.headings import ending_of
from tsg.findings import Severity
from tsg.mentor.clarity.hollow import hollow_words, main_clause
from tsg.mentor.code import Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, StepView, View
from tsg.mentor.wording import instructions_in, shortened

_NAMED = re.compile(
    r"\b(?:on-call|oncall|team|engineer|manager|owner|vendor|support|operator|admin(?:istrator)?s?|"
    r"lead|sre|dba|security|"
    r"customer|department|provider|pagerduty|slack|#[a-z][\w-]+|@[\w-]+)\b",
    re.IGNORECASE,
)
_GO_TO = re.compile(
    r"\b(?:go|continue|proceed|skip|jump|return|carry on|move on)(?: back| on)?\s+(?:to|with|at)\b[^.;,]*",
    re.IGNORECASE,
)

_STATED = re.compile(r"\W*(?:undo|verified when)\b", re.IGNORECASE)  # what the compiler reads, and judges


@check(
    "non-actionable-step",
    Category.CLARITY,
    Severity.WARNING,
    "a step without command, query, decision, person or system: nothing that one can do",
    "'Fix the issue' is what the reader came to learn; nobody can carry it out or tell when it is done.",
)
def non_actionable_step(view: View) -> Iterator[Issue]:
    for part in view.working:
        if view.native and ending_of(part.section) is not None:
            continue  # the words of an end are its report
        for at, prose in enumerate(part.flow):
            if not isinstance(prose, Prose):
                continue
            for sentence in prose.sentences:
                if view.native and _STATED.match(sentence.text):
                    continue
                asked = _hollow(prose, sentence)
                if not asked or _has_code_at(view, part, at, prose, sentence) or _names_target(prose, sentence, asked):
                    continue
                yield Issue(
                    sentence.line,
                    f"'{shortened(sentence.text)}' names nothing that one can do",
                    "write the command or query to run, whom to ask, or what to decide and by which values",
                )
    for step in view.steps:
        if not step.part.is_background and not step.by_heading and _is_a_bare_noun(step):
            yield Issue(
                step.lines.first,
                f"the step '{shortened(step.title)}' says what it is about, and not what to do",
                "open it with a verb and give the command: 'Show the queue's length: `...`'",
            )


def _hollow(prose: Prose, sentence: Sentence) -> str:
    """What a sentence, or a cell after a table's first, asks for where that is nothing one can do."""
    if prose.block.kind == "row":
        return next((asked for cell in sentence.text.split("|")[1:] if (asked := hollow_words(cell.strip()))), "")
    return hollow_words(sentence.text)


def _names_target(prose: Prose, sentence: Sentence, asked: str) -> bool:
    """Whether the sentence says how after all: a person, a link, a code, a list that follows."""
    text = sentence.text if prose.block.kind == "row" else main_clause(sentence.text)
    rest = text.partition(asked)[2]
    if text.rstrip().endswith(":") or prose.text.rstrip().endswith(":"):
        return True
    if re.match(r"\s+(?:by|using|via|with|from|in step|per)\s+\S|[^.;]{0,40}\bby \w+ing\b", rest):
        return True
    if any(p.target for p in prose.block.pieces) and re.match(r"(?:continue|proceed|move) ", asked, re.IGNORECASE):
        return True
    if prose.block.kind == "row":
        text = rest
    plain = _GO_TO.sub(" ", text)
    linked = any(p.target and p.text and " ".join(p.text.split()) in plain for p in prose.block.pieces)
    return bool(_NAMED.search(plain)) or linked or "`" in plain or bool(re.search(r"\bstep \d|\bsection\b", plain))


def _has_code_at(view: View, part: Part, at: int, prose: Prose, sentence: Sentence) -> bool:
    """Whether code stands right after the prose, or in the same list item."""
    after = part.flow[at + 1] if at + 1 < len(part.flow) else None
    if isinstance(after, Code) and not after.inline and sentence.last >= prose.lines.last - 1:
        return True
    if prose.is_item:
        step = view.step_of(prose)
        return any(
            item == prose.block.items[-1]
            for c in (step.codes if step else ())
            if not c.inline
            for item in c.block.items
        )
    return False


def _is_a_bare_noun(step: StepView) -> bool:
    text = step.text.strip()
    return (
        not step.codes
        and "`" not in text
        and 0 < len(text.split()) <= 4
        and not instructions_in(text)
        and not text.endswith((":", "?"))
        and not re.search(
            r"\d|\b\w+ing\b|\b(?:if|is|are|not|no|should|must|will|can|go|login|ssh)\b|[/#@|]|https?:",
            text,
            re.IGNORECASE,
        )
        and not any(piece.target for f in step.flow for piece in f.block.pieces)
    )
