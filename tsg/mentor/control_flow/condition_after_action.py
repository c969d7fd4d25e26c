"""The guard stands below the command that it guards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.deeds import is_change
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Prose, Sentence, View
from tsg.mentor.wording import ACT, lead_verb, shortened

_GUARD_AFTER = re.compile(
    r"^\W*(?:(?:note|warning|important|caution|attention|careful)\W*\s*)?(?:that\s+)?(?:(?:only|"
    r"please only)\s+(?:run|do|use|execute|apply|perform|proceed|attempt|valid|useful|applicable|"
    r"works?|needed|necessary)\b|(?:do not|don't|never|must not|avoid)\s+(?:\w+\s+){0,2}?(?:run|do|"
    r"use|execute|apply|perform|proceed|delete|restart|drain|try|this)\b[^.]*\b(?:if|unless|when|"
    r"while|before|until|without|on|during|in)\b|"
    r"(?:before|prior to)\s+(?:running|doing|executing|applying|you (?:run|do|execute|apply)|this|"
    r"that|deleting|draining|restarting|the (?:above|command))|(?:make sure|ensure|verify|confirm|"
    r"check)\s+(?:\w+\s+){0,12}?(?:before|first|beforehand|prior)\b|this (?:should|must|may|can|"
    r"command|step|is)?\s*(?:\w+\s+){0,4}?only\b|(?:it|this|the (?:above|command|step)) (?:is|are|"
    r"works?|applies|should be (?:run|done|used)|must be (?:run|done|used)|requires?) (?:only |"
    r"\w+ )?(?:if|when|once|after|that|safe)\b|"
    r"(?:run|do|use|execute|apply)\s+(?:this|it|the (?:above|command))\s+only\b|"
    r"(?:the\s+)?[\w ]{3,60}\bworks? only (?:if|when)\b|only (?:if|when|after|once)\b|(?:you|"
    r"the \w+) (?:must|should) (?:first|have)\b|(?:this|it) (?:presupposes|assumes|requires)\b|"
    r"skip (?:this|it|the (?:above|step)) (?:if|when|unless)\b|(?:take|make) a (?:backup|snapshot|"
    r"copy)[^.]*\b(?:before|first|beforehand)\b)",
    re.IGNORECASE,
)


@check(
    "condition-after-action",
    Category.CONTROL_FLOW,
    Severity.WARNING,
    "the guard stands below the command that it guards",
    "The command has been run by the time the reader comes to it.",
)
def condition_after_action(view: View) -> Iterator[Issue]:
    for part in view.parts:
        flow = [f for f in part.flow if not (isinstance(f, Code) and f.inline)]
        for before, after in pairwise(flow):
            if (
                not isinstance(before, Code)
                or not isinstance(after, Prose)
                or not before.is_run
                or not any(is_change(s) for s in before.statements)
            ):
                continue
            deed = _words_of(flow, before)
            for sentence in after.sentences[:3]:
                if (
                    (_GUARD_AFTER.search(sentence.text) or _guards(sentence.text, deed))
                    and not sentence.text.rstrip().endswith(":")
                    and not _announces(sentence, after, flow)
                ):
                    yield Issue(
                        sentence.line,
                        f"'{shortened(sentence.text)}' stands below the command it guards",
                        "move the sentence above the command",
                    )
                    break
        for step in view.step_at.get(part.index, ()):
            if step.by_heading:
                continue
            text = step.flow[0]
            if (
                isinstance(text, Prose)
                and len(text.sentences) >= 2
                and lead_verb(text.sentences[0].text) in ACT
                and re.match(
                    r"\W*(?:but\s+)?(?:only (?:if|when|do)|do (?:this|so|it) only|(?:but )?(?:first|before (?:that|"
                    r"this|you do|doing)))\b",
                    text.sentences[1].text,
                    re.IGNORECASE,
                )
            ):
                yield Issue(
                    text.sentences[1].line,
                    f"'{shortened(text.sentences[1].text)}' stands after the deed it guards",
                    "put the condition first: 'If ..., restart ...'",
                )


_LIMITS = re.compile(
    r"\bonly\b|\bskip\b|\bunless\b|^\W*(?:before|prior to)\b"
    r"|\b(?:do not|don't|never|not)\b.*\b(?:if|unless|while|until|before|when|as long as)\b"
    r"|\b(?:must|has to|have to|should|needs? to)\b.*\b(?:first|before(?:hand)?|already)\b|\b(?:first|beforehand)\W*$",
    re.IGNORECASE,
)
_APPROVED = re.compile(
    r"\b(?:must|has to|have to|should|needs? to)\s+(?:have\s+)?(?:confirm|approv|agree|sign|allow|know|be asked)\w*\b"
    r".*\b(?:first|before(?:hand)?)\b",
    re.IGNORECASE,
)


def _guards(text: str, deed: set[str]) -> bool:
    """Whether a sentence limits the very deed that stands above it: it shares a word of it, or wants it approved."""
    if _APPROVED.search(text):
        return True
    said = {w[:5] for w in re.findall(r"[a-z]{4,}", text.lower())}
    return bool(_LIMITS.search(text)) and bool(said & deed)


def _words_of(flow: list[Prose | Code], code: Code) -> set[str]:
    """The words of a command and of the sentence that introduces it, as stems."""
    at = flow.index(code)
    before = flow[at - 1] if at else None
    told = before.sentences[-1].text if isinstance(before, Prose) and before.sentences else ""
    verbs = {lead_verb(told)[:5]} if told else set()
    named = {w[:5] for w in re.findall(r"[a-z]{4,}", code.body.lower()) if w in ACT}
    return {w for w in verbs | named if w}


def _announces(sentence: Sentence, prose: Prose, flow: list[Prose | Code]) -> bool:
    """Whether the sentence leads to the next command rather than back to the last."""
    at = flow.index(prose)
    follows = at + 1 < len(flow) and isinstance(flow[at + 1], Code)
    return (
        follows
        and sentence is prose.sentences[-1]
        and not re.search(r"\b(?:this|above|it)\b", sentence.text, re.IGNORECASE)
        and len(prose.sentences) == 1
        and not re.match(r"\W*only\b", sentence.text, re.IGNORECASE)
    )
