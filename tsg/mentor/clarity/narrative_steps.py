"""Headings or numbered items that look like steps and only tell how a fault arose, or list causes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tsg.findings import Severity
from tsg.mentor.clarity.shared import last_sentence
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, StepView, View
from tsg.mentor.wording import instructions_in, lead_verb

_CAUSES = re.compile(
    r"\b(?:causes?|caused by|reasons?|because|due to|what happened|timeline|how (?:it|this|that|these|"
    r"the (?:\w+ )?\w+|"
    r"\w+ \w+) (?:mostly |usually |often |typically |normally )?(?:happen|occur|arose|came|comes|come|start|"
    r"fail|broke|"
    r"went|goes|began|develop|unfold|arise|build)\w*|(?:comes?|came) about|(?:it|this|things|"
    r"that) (?:\w+ )?(?:start|went|"
    r"goes|began|happen|unfold)\w*(?: (?:like|as|about))?|repro(?:duction|duce)?|history|sequence of events|"
    r"chain of events|background|validation|incident|outage|scenario|failure modes?|explanations?|why|culprits?|"
    r"last time|to blame|triggers?|triggered by|arises?|origins?|post-?mortem)\b",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"\b(?:was|were|had|became|began|started|failed|crashed|filled|ran|went|lost|expired|stopped|came|held|"
    r"stood|blew|"
    r"broke|fell|rose|took|gave|left|hung|froze|sent|kept|saw|wrote|drove|made|found|threw|sank|shrank|struck|chose|"
    r"forgot|brought|built|caught|caused|led to|resulted|appeared|disappeared|reached|exceeded|dropped|grew|got|"
    r"noticed|"
    r"triggered|swallowed|overran|slept|woke|did|"
    r"(?:is|are) (?:lost|replaced|evicted|killed|listed|imported|marked)|[a-z]{3,}ed)\b"
)
_HAPPENS = re.compile(
    r"^(?!(?:if|when|once|to|for|note)\b)\w[^.:;!?]{0,80}?\s(?:fills?|leaves?|stops?|runs? (?:full|out|dry|hot)|"
    r"drops?|fails?|"
    r"crash(?:es)?|hangs?|waits?|loses?|breaks?|goes|becomes?|gets?|starts?|moves?|deletes?|creates?|vanish(?:es)?|"
    r"piles?|gives? up|grows?|exceeds?|reach(?:es)?|restarts?|times? out|blocks?|expires?|rejects?|refuses?|queues?|"
    r"slows?|rises?|turns?|sends?|retries|holds?|swallows?|misses|overwrites?|disappears?|stalls?|floods?|freezes|"
    r"cannot|can no longer|no longer|never|has|have|is|are|takes?|keeps?|comes?|causes?|leads? to|results? in)\b",
    re.IGNORECASE,
)
_BRANCHES = re.compile(
    r"\b(?:go(?: back)? to|continue with|proceed|skip to|resolved|ends? here|close|done|nothing (?:else )?(?:is )?to|"
    r"hand over|escalate|call|ask|should|must|step \d)\b",
    re.IGNORECASE,
)
_SETTING = re.compile(
    r"\b(?:prerequisites?|requirements?|preconditions?|assumptions?|inputs?|before you (?:begin|start)|expected|"
    r"must hold|"
    r"scope|contacts?|references?|links?|should (?:see|be)|criteri\w+)\b",
    re.IGNORECASE,
)
_ORDERED = re.compile(
    r"^\W*(?:step|phase|stage|part|act|episode|event|day|chapter|incident)\s*\d{1,3}\b", re.IGNORECASE
)
_LABEL = re.compile(
    r"^\W*(?:(?:step|phase|stage|part|act|episode|event|day)\s*)?\d+[a-z]?\s*[.):–—-]*\s*", re.IGNORECASE
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
        if len(group) >= 2 and _is_story(group):
            yield group[0].lines.first
    chain: list[Part] = []
    for part in (p for p in view.parts if p.number or _ORDERED.match(p.title)):
        if _is_told(view, part):
            chain.append(part)
            continue
        if len(chain) >= 2:
            yield chain[0].section.lines.first
        chain = []
    if len(chain) >= 2:
        yield chain[0].section.lines.first


def _is_story(group: Sequence[StepView]) -> bool:
    part = group[0].part
    intro = next(
        (
            f.text
            for f in reversed(part.flow)
            if isinstance(f, Prose) and not f.is_item and f.lines.last < group[0].lines.first
        ),
        "",
    )
    lead = last_sentence(intro)
    doing = sum(_acts(step) for step in group)
    told = sum(_tells(step.title) for step in group)
    if _CAUSES.search(lead) and not instructions_in(lead):
        return doing * 2 < len(group)
    if _CAUSES.search(part.title):
        return doing * 2 < len(group) and not (instructions_in(lead) and lead.rstrip().endswith(":"))
    if instructions_in(lead) and lead.rstrip().endswith(":"):
        return False
    if _SETTING.search(part.title) or _SETTING.search(lead):
        return False
    return doing == 0 and told * 3 >= len(group) * 2


def _acts(step: StepView) -> bool:
    """Whether an item asks for anything, in a sentence, after its label, or by a command."""
    return any(c.statements for c in step.codes) or any(
        _asks(s.text) for f in step.flow if isinstance(f, Prose) for s in f.sentences
    )


def _asks(text: str) -> bool:
    if instructions_in(text) or _BRANCHES.search(text):
        return True
    return any(lead_verb(clause) for clause in re.split(r"[:;]\s+|\s[–—-]\s", text)[1:])


def _tells(text: str) -> bool:
    """Whether a sentence states what happens or happened."""
    bare = _LABEL.sub("", text.strip().lstrip("*_>-• "), count=1)
    return not instructions_in(bare) and not bare.endswith(":") and bool(_TOLD.search(bare) or _HAPPENS.match(bare))


def _is_told(view: View, part: Part) -> bool:
    if any(c.statements and c.tag for c in part.commands):
        return False
    label = _LABEL.sub("", part.title, count=1)
    if instructions_in(label) or label.rstrip().endswith("?"):
        return False
    sentences = [s for f in part.proses for s in f.sentences]
    if any(instructions_in(s.text) and not re.match(r"\W*note\b", s.text, re.IGNORECASE) for s in sentences):
        return False
    if any(re.search(r"\bgo to\b", s.text, re.IGNORECASE) for s in sentences):
        return False
    parents = " ".join(view.parts[i].title for i in part.above)
    intro = " ".join(view.parts[i].text[:300] for i in part.above[-1:])
    past = sum(_tells(s.text) for s in sentences)
    return bool(sentences) and (
        past * 2 >= len(sentences)
        or _tells(label)
        or bool(_CAUSES.search(parents))
        or bool(re.search(r"\bscenario|has occurred|happened\b", intro, re.IGNORECASE))
    )
