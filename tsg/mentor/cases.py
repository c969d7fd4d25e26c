"""Cases as guides tell them apart: items, rows and sentences of which each says what is so, and most say what then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tsg.guide import BlockKind, Item
from tsg.mentor.view import Part, Prose, Sentence
from tsg.mentor.wording import instructions_in

# The reader is sent somewhere, or hands over.
LEADS = re.compile(
    r"\b(?:go(?:es)? (?:on )?(?:to|back|straight)|continue|proceed|carry on|move on|jump|return to|skip|start over"
    r"|escalate|page|call|hand|contact|open an?|step \d|section \d|see)\b|\]\(",
    re.IGNORECASE,
)
# The matter is over.
OVER = re.compile(
    r"\b(?:(?:the |this )?(?:guide|procedure|runbook|playbook|page) (?:ends|stops|is (?:over|done|finished))"
    r"|(?:ends?|concludes?|closes?|finishes) (?:the|this) (?:guide|procedure|runbook|playbook|page|incident|matter)"
    r"|(?:ends?|stop|stops|done|finished|over) here|stop (?:here|reading)|close (?:it|the|this)"
    r"|is (?:resolved|over|closed|done)|(?:you are|you're|we are|all) (?:done|finished|through)"
    r"|resolve the (?:alert|incident)|nothing (?:else|more|further|is|to)|no (?:further |more )?(?:action|steps?)"
    r"|(?:can|may) be ignored|ignore)\b",
    re.IGNORECASE,
)
_CONDITIONAL = re.compile(
    r"^\W*(?:if|when|otherwise|else|in case|unless|should)\b|\b(?:otherwise|if not)\b", re.IGNORECASE
)
_MAIN = re.compile(
    r"^\W*(?:if|when|otherwise|else|in case|unless|should)\b.*?(?:,|:|;|\bthen\b)\s*(.+)$", re.IGNORECASE | re.DOTALL
)
# Instructions whose verb is too common to be looked for anywhere else.
_LETS = re.compile(r"^\W*(?:have|make|let|issue|set|try|treat|look|give|put|do|wait|note|tell|ask)\b", re.IGNORECASE)
# "At the top of the page check ...": an instruction behind the place where it is done.
_LED_IN = re.compile(
    r"^\W*(?:at|in|on|from|for|by|after|before|first)\b[^.,;:]{0,40}?"
    r"\b(?:check|verify|look|see|open|go|run|compare|inspect)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Case:
    """One case: all its words, where it stands, and whether it says what then."""

    text: str
    sentence: Sentence
    prose: Prose
    says: bool


def groups_of(part: Part) -> Iterator[list[Case]]:
    """The cases of a section by what they stand in: one list, one table, one paragraph."""
    yield from _of_lists(part)
    yield from _of_rows(part)
    for prose in part.proses:
        cases = [
            Case(s.text, s, prose, says_what_then(_main(s.text)))
            for s in prose.sentences
            if prose.block.kind is not BlockKind.ROW and _CONDITIONAL.search(s.text)
        ]
        if len(cases) > 1:
            yield cases


def _of_lists(part: Part) -> Iterator[list[Case]]:
    lists: dict[int, list[Prose]] = {}
    for prose in part.proses:
        if prose.block.items and prose.sentences:
            lists.setdefault(prose.block.items[-1].list_id, []).append(prose)
    blocks: dict[Item, set[int]] = {}
    for flow in part.flow:
        for item in flow.block.items:
            blocks.setdefault(item, set()).add(id(flow.block))
    for proses in lists.values():
        leading: dict[Item, Prose] = {}
        for prose in proses:
            leading.setdefault(prose.block.items[-1], prose)
        cases = [  # an item that holds more than its first paragraph goes on there
            Case(p.text, p.sentences[0], p, says_what_then(_main(p.text)) or len(blocks[item]) > 1)
            for item, p in leading.items()
        ]
        if len(cases) > 1:
            yield cases


def _of_rows(part: Part) -> Iterator[list[Case]]:
    rows: list[Prose] = []
    for flow in (*part.flow, None):
        if isinstance(flow, Prose) and flow.block.kind is BlockKind.ROW:
            rows.append(flow)
        elif len(rows) > 2:
            yield [
                Case(r.text, r.sentences[0], r, says_what_then(". ".join(r.text.split(" | ")[1:])))
                for r in rows[1:]
                if r.sentences
            ]
            rows = []
        elif not isinstance(flow, Prose) or flow.block.kind is not BlockKind.ROW:
            rows = []


def _main(text: str) -> str:
    """What follows the condition of a sentence."""
    cut = _MAIN.match(text)
    return cut[1] if cut is not None else text


def says_what_then(text: str) -> bool:
    """Whether words tell what to do, where to go, whom to ask, or that it is over."""
    if LEADS.search(text) or OVER.search(text) or ("`" in text and re.search(r"\b(?:run|use|with|by)\b", text, re.I)):
        return True
    if _LED_IN.match(text):
        return True
    clauses = re.split(r"[.;:,]\s+|\s(?:and|then|so|or|–|—|→|->|=>)\s", text)
    return any(_LETS.match(clause) or instructions_in(clause) for clause in clauses if clause.strip())
