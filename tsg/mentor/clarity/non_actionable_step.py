"""A step without command, query, decision, person or system: nothing that one can do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.clarity.shared import is_link
from tsg.mentor.code import Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, StepView, View
from tsg.mentor.wording import instructions_in, shortened

_HOLLOW = re.compile(
    r"\b(?:take|perform|carry out|do|apply|use|run)\s+(?:the |any |all |some |"
    r"whatever )*(?:appropriate|necessary|required|corrective|suitable|proper|usual|needed|relevant|"
    r"right|correct|further|remedial)\s+(?:\w+\s+)?(?:actions?|steps?|measures?|checks?|procedures?|"
    r"fix(?:es)?|commands?|things?)\b"
    r"|\b(?:fix|resolve|handle|address|deal with|solve|mitigate|remediate|sort out|take care of|"
    r"correct|clean up|work on|look into|investigate|troubleshoot|analy[sz]e|debug|repair|remedy|"
    r"improve|check)\s+(?:(?:the|this|that|any|all|every|such|underlying|remaining|it|other|root|"
    r"reported|observed|identified|found|detected)\s+)*(?:problems?|issues?|situations?|errors?|"
    r"faults?|things?|everything|matters?|root causes?|causes?|incidents?|accordingly|appropriately|"
    r"properly|further|it|anomal(?:y|ies)|inconsistenc(?:y|ies))(?=\s*(?:[.,;:!)]|$|\s(?:as|and|if|on|"
    r"in|accordingly|appropriately|properly|first|quickly)\b))"
    r"|\b(?:act|proceed|respond|react|adjust|continue|decide)\s+(?:accordingly|appropriately|"
    r"as (?:needed|necessary|appropriate|required|you see fit))"
    r"|\bproceed (?:based on|depending on|according to)\s+(?!the (?:table|list|"
    r"section))(?:\w+\s+){0,3}(?:conclusions?|findings?|results?|analysis|judge?ment|experience|"
    r"outcome|situation)"
    r"|\buse (?:your )?(?:best |own |good )?(?:judge?ment|common sense|experience|intuition|discretion)"
    r"|\bdo (?:what(?:ever)?(?: is| it)? (?:needed|necessary|takes|required|appropriate)|the needful|"
    r"the right thing|your best)"
    r"|\bfollow (?:the )?(?:best practices?|standard (?:procedures?|practices?)|usual (?:procedures?|"
    r"process)|common practices?|good practices?)"
    r"|\bmake (?:the )?(?:necessary|required|appropriate|needed) (?:changes?|adjustments?|corrections?|fixes)"
    r"|\b(?:be|stay) (?:careful|patient|cautious|vigilant|mindful|alert|aware)\b(?!\w)"
    r"|\b(?:think|reason) (?:about|through|carefully)|\bkeep (?:an eye on|in mind|calm|monitoring)\b(?! the)"
    r"|\btry (?:to )?(?:something else|other things|different things|things|various|a few things|"
    r"several things|anything)"
    r"|\bensure (?:that )?everything (?:is|works|looks|runs)|\bmake sure (?:that )?(?:everything|all|"
    r"things) (?:is|are|works?|looks?|runs?)\b"
    r"|\b(?:understand|consider|assess|evaluate|review) (?:the )?(?:situation|problem|issue|context|"
    r"impact|circumstances|options|overall state|state of (?:things|affairs))\b"
    r"|\bget (?:things|it|everything|the (?:system|service)) (?:back to normal|working|healthy|going|"
    r"running)(?: again)?\b"
    r"|\b(?:stabili[sz]e|normali[sz]e|optimi[sz]e|harden) (?:the )?(?:system|service|situation|"
    r"environment|platform|cluster|performance)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(?:on-call|oncall|team|engineer|manager|owner|vendor|support|operator|admin(?:istrator)?s?|"
    r"lead|sre|dba|security|"
    r"customer|department|provider|pagerduty|slack|#[a-z][\w-]+|@[\w-]+)\b",
    re.IGNORECASE,
)


@check(
    "non-actionable-step",
    Category.CLARITY,
    Severity.WARNING,
    "a step without command, query, decision, person or system: nothing that one can do",
    "'Fix the issue' is what the reader came to learn; nobody can carry it out or tell when it is done.",
)
def non_actionable_step(view: View) -> Iterator[Issue]:
    for part in view.working:
        for prose in part.proses:
            for sentence in prose.sentences:
                found = _HOLLOW.search(sentence.text)
                if found is None or _has_code_at(view, part, prose, sentence) or _names_target(prose, sentence, found):
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


def _names_target(prose: Prose, sentence: Sentence, found: re.Match[str]) -> bool:
    """Whether the sentence says how after all: a person, a link, a code, a list that follows."""
    rest = sentence.text[found.end() :]
    if sentence.text.rstrip().endswith(":") or prose.text.rstrip().endswith(":"):
        return True
    if re.match(r"\s+(?:by|using|via|with|from|in step|per)\s+\S", rest):
        return True
    return (
        bool(_NAMED.search(sentence.text))
        or is_link(prose, sentence)
        or "`" in sentence.text
        or bool(re.search(r"\b(?:go to|step \d|section)\b", sentence.text, re.IGNORECASE))
    )


def _has_code_at(view: View, part: Part, prose: Prose, sentence: Sentence) -> bool:
    """Whether code stands right after the prose, or in the same list item."""
    if "`" in sentence.text:
        return True
    at = part.flow.index(prose)
    after = part.flow[at + 1] if at + 1 < len(part.flow) else None
    if isinstance(after, Code) and sentence.last >= prose.lines.last - 1:
        return True
    if prose.is_item:
        step = view.step_of(prose)
        return any(item == prose.block.items[-1] for c in (step.codes if step else ()) for item in c.block.items)
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
