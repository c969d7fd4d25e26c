"""The guard stands below the command that it guards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.control_flow.guards import asks_consent, is_ordered
from tsg.mentor.deeds import acts
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import ACT, lead_verb, shortened

_DO = r"(?:run|do|use|execute|apply|perform|proceed|attempt|try|carry|start|begin|issue|continue with)"
_ONLY_IF = r"only (?:if|when|while|after|once|as long as|with|until|where|provided|for|on|in|during)\b"
# Words that can only look back at what was just done.
_BACK = re.compile(
    rf"^\W*(?:\w+\W+)?(?:please )?only (?:{_DO}\b|valid|useful|applicable|works?|needed|necessary|if\b|when\b"
    rf"|after\b|once\b)"
    rf"|\b{_DO} (?:this|so|it|that|the (?:above|command|step)) ?(?:\w+ )?only\b"
    rf"|\b(?:this|it|that|the (?:above|command|step|command above|step above|last (?:step|command)))\b[^.,;]{{0,40}}?"
    rf"\b(?:{_ONLY_IF}|presupposes?|assumes?|requires? (?:that|the|a|an)\b|holds (?:only )?(?:for|if|when|as)"
    r"|applies (?:only )?(?:to|if|when)|is (?:only )?(?:safe|allowed|permitted|meant|intended|valid|appropriate) "
    r"(?:only )?(?:if|when|for|once|after|as long as|while)|(?:is|works) (?:if|when|once|after|effective when)\b)"
    rf"|\b(?:do not|don't|never|must not|may not|should not|avoid) (?:\w+ ){{0,2}}?(?:{_DO}|this|it|that|so)\b[^.]*"
    r"\b(?:if|unless|when|while|before|until|without|during)\b"
    rf"|^\W*(?:\w+\W+)?(?:before|prior to) (?:you )?(?:running|doing|executing|applying|{_DO}|this|that"
    rf"|the (?:above|command)|it)\b"
    r"|\b(?:before|prior to) (?:this|that|you (?:do|run|start|begin)|doing (?:so|this)|it"
    r"|you (?:do|run|start|begin) (?:this|that|so|it))\W*$|\b(?:this|it|that) (?:must|should|may|can) only\b"
    r"|\bskip (?:this|it|the (?:above|step|command))\b"
    r"|^\W*(?:prerequisites?|preconditions?|requirements?|condition)\b\W*[:–—-]"
    r"|^\W*(?:make sure|ensure|verify|confirm|check|ask|look|have|get|take|make|see)\b[^.]{0,80}\b(?:beforehand"
    r"|first|in advance)\b"
    r"|\b(?:must|has to|have to|should|needs? to)\b[^.]{0,60}\b(?:beforehand|first|before|in advance|already)\W*$"
    r"|^\W*unless\b[^.]*,[^.]*\b(?:leave|skip|do not|don't|go to|continue|stay|keep)\b"
    r"|\b(?:you|the \w+) (?:must|should) (?:first|have \w+ed)\b|^\W*skip\b[^.]*\b(?:if|when|unless)\b"
    r"|\b(?:take|make) a (?:backup|snapshot|copy)[^.]*\b(?:before|first|beforehand)\b"
    r"|^\W*(?:if|should|when|for|from)\b[^.]*\b(?:go|continue|proceed|jump|turn|call|page|escalate"
    r"|hand)\b[^.]*\binstead\b"
    r"|[,;] (?:otherwise|if|from|for|in that case|else)\b[^.]*\binstead\W*$"
    r"|^\W*(?:the\s+)?[\w `<>$-]{3,60}\bworks? only (?:if|when)\b",
    re.IGNORECASE,
)
# Words that limit a deed, where the sentence names it.
_LIMITS = re.compile(
    r"\bonly\b|\bskip\b|\bunless\b|^\W*(?:before|prior to)\b|\bbefore (?:you|we|it is|they are)\b"
    r"|\b(?:do not|don't|never|must not|may not|must never|should not|cannot)\b(?! (?:be )?(?:undone|taken))"
    r"|\b(?:must|has to|have to|should|needs? to)\b.*\b(?:first|before(?:hand)?|already)\b"
    r"|\b(?:first|beforehand)\W*$|\b(?:is|are) (?:only )?(?:safe|allowed|permitted|forbidden)\b"
    r"|\bwithout\b.*\b(?:not|no)\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"do not|don't|never|must not|may not|must never|should not|cannot", re.IGNORECASE)
_BOUNDED = re.compile(
    r"\b(?:if|while|until|when|before|unless|as long as|without|with|on|in|whose|that|during|running)\b", re.IGNORECASE
)
# What speaks of the result, of another round, or of the way back, does not guard.
_AFTERWARDS = re.compile(
    r"\b(?:again|a second time|once more|twice|afterwards|undo(?:ne)?|roll\w* back|close the|resolve the|the next|go on"
    r"|you continue|you go|continuing|moving on)\b",
    re.IGNORECASE,
)
_MUST = re.compile(
    r"\b(?:needs?|requires?|must|has to|have to|should|without|only|first|before|subject to)\b", re.IGNORECASE
)
LONGEST = 400  # characters of a sentence that are read: the patterns look back and forth in it
NEAR = 3  # sentences below a command that may still be about it


@check(
    "condition-after-action",
    Category.CONTROL_FLOW,
    Severity.WARNING,
    "the guard stands below the command that it guards",
    "The command has been run by the time the reader comes to it.",
)
def condition_after_action(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for sentence in (*_below_code(part), *_below_words(view, part), *_in_next_step(view, part)):
            yield Issue(
                sentence.line,
                f"'{shortened(sentence.text)}' stands below what it guards",
                "put the condition first: 'If ..., restart ...'",
            )


def _below_code(part: Part) -> Iterator[Sentence]:
    """The first guard below each block of code that changes something."""
    flow = [f for f in part.flow if not (isinstance(f, Code) and f.inline)]
    for at, code in enumerate(flow[:-1]):
        after = flow[at + 1]
        if not isinstance(code, Code) or not isinstance(after, Prose) or not _changes(code):
            continue
        deed = _words_of(flow, at)
        for sentence in after.sentences[:NEAR]:
            if _is_guard(sentence.text, deed) and not _announces(sentence, after, flow):
                yield sentence
                break


def _below_words(view: View, part: Part) -> Iterator[Sentence]:
    """A guard behind the sentence that orders a deed, where no code below does the deed."""
    for at, prose in enumerate(part.flow):
        if not isinstance(prose, Prose) or len(prose.sentences) < 2:
            continue
        step = view.step_of(prose)
        rest = step.flow if step is not None and not step.by_heading else part.flow[at:]
        inline = [f for f in part.flow if isinstance(f, Code) and f.inline and f.block is prose.block and _changes(f)]
        ordered = next((c for c in inline if is_ordered(c, part)), None)
        if ordered is None and any(
            isinstance(f, Code) and _changes(f) for f in rest if f.lines.first > prose.lines.first
        ):
            continue
        for i, sentence in enumerate(prose.sentences[:-1]):
            verb = lead_verb(sentence.text)
            told = ordered is not None and ordered.body in sentence.text
            if not told and (verb not in ACT or i or not prose.is_item):
                continue
            following = prose.sentences[i + 1]
            if _BACK.search(following.text[:LONGEST]) and not _AFTERWARDS.search(following.text):
                yield following
                break


def _in_next_step(view: View, part: Part) -> Iterator[Sentence]:
    """`2. Step 1 may be carried out only if ...`"""
    steps = [s for s in view.step_at.get(part.index, ()) if not s.by_heading]
    for step in steps:
        for prose in (f for f in step.flow if isinstance(f, Prose)):
            for sentence in prose.sentences[:1]:
                found = re.search(r"\bstep (\d{1,3})\b", sentence.text, re.IGNORECASE)
                if found is None or not re.search(
                    rf"\b{_ONLY_IF}|\bbefore (?:you \w+ )?step\b|\bonly\b.*\bif\b"
                    rf"|\bskip step\b",
                    sentence.text,
                    re.IGNORECASE,
                ):
                    continue
                earlier = next((s for s in steps if s.number == found[1] and s.lines.last < step.lines.first), None)
                if earlier is not None and any(_changes(c) for c in earlier.codes):
                    yield sentence


def _is_guard(text: str, deed: set[str]) -> bool:
    """Whether a sentence limits the very deed that stands above it."""
    text = text[:LONGEST]
    if _AFTERWARDS.search(text):
        return False
    if text.rstrip().endswith(":") and not re.match(r"\W*(?:note|warning|caution)\b", text, re.IGNORECASE):
        return False
    if _BACK.search(text) or (asks_consent(text) and _MUST.search(text)):
        return True
    said = {w[:5] for w in re.findall(r"[a-z]{4,}", text.lower())}
    if not said & deed or not (found := _LIMITS.search(text)):
        return False
    return not _NEGATED.fullmatch(found[0]) or bool(_BOUNDED.search(text))


def _changes(code: Code) -> bool:
    return code.is_run and any(acts(s) for s in code.statements)


def _words_of(flow: Sequence[Prose | Code], at: int) -> set[str]:
    """The words of a command and of the sentence that introduces it, as stems."""
    code, before = flow[at], flow[at - 1] if at else None
    told = before.sentences[-1].text if isinstance(before, Prose) and before.sentences else ""
    named = (
        {w[:5] for w in re.findall(r"[a-z]{4,}", code.body.lower()) if w in ACT} if isinstance(code, Code) else set()
    )
    return {w for w in {lead_verb(told)[:5]} | named if w}


def _announces(sentence: Sentence, prose: Prose, flow: Sequence[Prose | Code]) -> bool:
    """Whether the sentence leads to the next command rather than back to the last."""
    at = next(i for i, f in enumerate(flow) if f is prose)
    return (
        at + 1 < len(flow)
        and isinstance(flow[at + 1], Code)
        and sentence is prose.sentences[-1]
        and not re.search(r"\b(?:this|above)\b", sentence.text, re.IGNORECASE)
        and (sentence.text.rstrip().endswith(":") or len(prose.sentences) == 1)
    )
