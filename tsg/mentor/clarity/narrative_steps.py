"""Headings or numbered items that look like steps and only tell how a fault arose, or list causes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tsg.findings import Severity
from tsg.mentor.clarity.shared import last_sentence
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Prose, StepView, View
from tsg.mentor.wording import instructions_in

_CAUSES = re.compile(
    r"\b(?:causes?|reasons?|what happened|timeline|how (?:it|this|the \w+) (?:happen|occur|arose|came|"
    r"start|fail|broke)\w*|repro(?:duction|duce)?|history|sequence of events|chain of events|"
    r"background|validation|incident|scenario|failure modes?|explanations?|why)\b",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"\b(?:was|were|had|became|began|started|failed|crashed|filled|ran out|went|lost|expired|stopped|"
    r"caused|led to|resulted|appeared|disappeared|reached|exceeded|dropped|grew|got|noticed|triggered|"
    r"(?:is|are) (?:lost|replaced|evicted|killed|listed|imported|marked)|[a-z]{3,}ed)\b"
)


@check(
    "narrative-steps",
    Category.CLARITY,
    Severity.INFO,
    "headings or numbered items that look like steps and only tell how a fault arose, or list causes",
    "A reader in a hurry carries out the story, or takes the list of causes for the procedure.",
)
def narrative_steps(view: View) -> Iterator[Issue]:
    for line in _stories(view):
        yield Issue(
            line,
            "these look like steps and only tell what happened or list causes",
            "use bullets or plain sentences, and keep numbers for what is to be done",
        )


def _stories(view: View) -> Iterator[int]:
    lists: dict[tuple[int, int], list[StepView]] = {}
    for step in view.steps:
        if not step.by_heading:
            lists.setdefault((step.part.index, step.flow[0].block.items[0].list_id), []).append(step)
    for group in lists.values():
        if len(group) >= 2 and _is_story(view, group):
            yield group[0].lines.first
    chain: list[StepView] = []
    for step in (s for s in view.steps if s.by_heading):
        if _is_told(view, step):
            chain.append(step)
            continue
        if len(chain) >= 2:
            yield chain[0].lines.first
        chain = []
    if len(chain) >= 2:
        yield chain[0].lines.first


def _is_story(view: View, group: Sequence[StepView]) -> bool:
    part = group[0].part
    intro = next(
        (
            f.text
            for f in reversed(part.flow)
            if isinstance(f, Prose) and not f.is_item and f.lines.last < group[0].lines.first
        ),
        "",
    )
    doing = sum(bool(instructions_in(s.title)) for s in group)
    told = sum(bool(_TOLD.search(s.title)) and not instructions_in(s.title) for s in group)
    if _CAUSES.search(part.title) or _CAUSES.search(last_sentence(intro)):
        return doing * 2 < len(group)
    return doing == 0 and told * 3 >= len(group) * 2


def _is_told(view: View, step: StepView) -> bool:
    if any(c.statements and c.tag for c in step.codes):
        return False
    label = re.sub(r"^\W*(?:step\s*)?\d+[a-z]?\s*[.):–—-]*\s*", "", step.title, flags=re.IGNORECASE)
    if instructions_in(label):
        return False
    sentences = [s for f in step.flow if isinstance(f, Prose) for s in f.sentences]
    if any(instructions_in(s.text) and not re.match(r"\W*note\b", s.text, re.IGNORECASE) for s in sentences):
        return False
    parents = " ".join(view.parts[i].title for i in step.part.above)
    intro = " ".join(view.parts[i].text[:300] for i in step.part.above[-1:])
    past = sum(bool(_TOLD.search(s.text)) for s in sentences)
    return bool(sentences) and (
        past * 2 >= len(sentences)
        or bool(_CAUSES.search(parents))
        or bool(re.search(r"\bscenario|has occurred|happened\b", intro, re.IGNORECASE))
    )
