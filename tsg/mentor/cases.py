"""Cases as guides tell them apart: items, rows and sentences of which each says what is so, and most say what then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tsg.guide import BlockKind, Item
from tsg.mentor.code import Code
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
    r"^\W*(?:if|when|otherwise|else|in case|unless|should|as soon as)\b|\b(?:otherwise|if not)\b", re.IGNORECASE
)
_MAIN = re.compile(
    r"^\W*(?:if|when|otherwise|else|in case|unless|should|as soon as)\b.*?(?:,|:|;|\bthen\b)\s*(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_ELSE = re.compile(r"^\W*(?:otherwise|else)\b[\s,:]*(?!if\b)", re.IGNORECASE)
_WHOM = re.compile(r"\b(?:whom?|call|contact|owner|team|escalat\w*)\b", re.IGNORECASE)
_NEXT_CASE = re.compile(r";\s+(?=(?:if|otherwise|else|in case|when)\b)", re.IGNORECASE)
_UNDOES = re.compile(r"\b(?:undo|roll\w* back|revert|take (?:it|this) back)", re.IGNORECASE)
# Instructions whose verb is too common to be looked for anywhere else.
_LETS = re.compile(
    r"^\W*(?:have|make|let|issue|set|try|treat|look|give|put|do|wait|note|tell|ask|recommend|suggest|advise)\b",
    re.IGNORECASE,
)
# "At the top of the page check ...": an instruction behind the place where it is done.
_LED_IN = re.compile(
    r"^\W*(?:at|in|on|from|for|by|after|before|first)\b[^.,;:]{0,40}?"
    r"\b(?:check|verify|look|see|open|go|run|compare|inspect)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Case:
    """One case: all its words, where it stands, whether it says what then, and what it says instead."""

    text: str
    sentence: Sentence
    prose: Prose
    says: bool
    main: str = ""


def groups_of(part: Part) -> Iterator[list[Case]]:
    """The cases of a section by what they stand in: one list, one table, one paragraph."""
    yield from _of_lists(part)
    yield from _of_rows(part)
    for prose in part.proses:
        cases = list(sentence_cases(part, prose))
        if len(cases) > 1:
            yield cases


def sentence_cases(part: Part, prose: Prose) -> Iterator[Case]:
    """The conditions of a paragraph, each with what its sentence or the text right below says of it."""
    if prose.block.kind is BlockKind.ROW:
        return
    shown = False  # whether the code below is what an earlier case asks for
    for i, sentence in enumerate(prose.sentences):
        following = prose.sentences[i + 1].text if i + 1 < len(prose.sentences) else ""
        clauses = _NEXT_CASE.split(sentence.text)
        for clause in clauses:
            if not _CONDITIONAL.search(clause):
                continue
            last = clause is clauses[-1]
            if last and clause.rstrip(" *_").endswith(":"):
                continue
            main = main_of(clause)
            says = says_what_then(main)
            yield Case(clause, sentence, prose, says or (last and _goes_on(part, prose, following, shown)), main)
            shown = shown or (says and not LEADS.search(main) and not OVER.search(main))


def _goes_on(part: Part, prose: Prose, following: str, shown: bool) -> bool:
    """Whether the next sentence, or the code or list right below, says what then."""
    if following:
        return not _CONDITIONAL.search(following) and not _UNDOES.search(following) and says_what_then(following)
    after = next((f for f in part.flow if f.lines.first > prose.lines.last), None)
    if after is None or shown or (isinstance(after, Prose) and not after.is_item):
        return False
    return set(after.block.items) >= set(prose.block.items) and (not isinstance(after, Code) or not after.inline)


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
            Case(p.text, p.sentences[0], p, says_what_then(main_of(p.text)) or len(blocks[item]) > 1, _keyed(p.text))
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
                Case(r.text, r.sentences[0], r, _row_says(rows[0], r), ". ".join(r.text.split(" | ")[1:]))
                for r in rows[1:]
                if r.sentences
            ]
            rows = []
        elif not isinstance(flow, Prose) or flow.block.kind is not BlockKind.ROW:
            rows = []


def _keyed(text: str) -> str:
    """What stands behind the colon of `4 answer: go on`, or follows the condition of a sentence."""
    key, colon, rest = text.partition(": ")
    return rest if colon and ". " not in key else main_of(text)


def _row_says(head: Prose, row: Prose) -> bool:
    cells = row.text.split(" | ")
    if _WHOM.search(head.text.rpartition(" | ")[2]) and len(cells) > 1 and cells[-1].strip(" -–—?"):
        return True
    return any(p.target for p in row.block.pieces) or says_what_then(". ".join(cells[1:]))


def main_of(text: str) -> str:
    """What follows the condition of a sentence."""
    if found := _ELSE.match(text):
        return text[found.end() :]
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
