"""A branch that is the end of the guide and does not say so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from tsg.findings import Severity
from tsg.guide import BlockKind, PieceKind
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Prose, Sentence, View
from tsg.mentor.wording import instructions_in, shortened

_STOPS = re.compile(
    r"\b(?:stop(?:s|ped)?|end(?:s|ed)?(?: here| the| this)?|close|closed|resolved?|done|exit|"
    r"finish(?:ed)?|complete|skip|go (?:to|back)|proceed|continue|escalate|return|no further|"
    r"nothing (?:else|more|further|to do)|not (?:use|apply|needed|required|follow|continue)|no action|"
    r"nothing (?:is )?(?:needed|required)|contact|page|call|open|report|next (?:step|section)|over|"
    r"silence|acknowledge|do not|leave|ignore|downgrade|wait|move on|jump|hand|log|note|record)\b|"
    r"\[[^\]]+\]",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"^\W*(?:then\s+|so\s+|and\s+|please\s+|you can\s+|in (?:that|this) case,?\s+)*"
    r"(?:stop|end|close|exit|finish|skip|go (?:to|back)|proceed|"
    r"continue|escalate|return|no (?:further|action)|nothing|do not|don't|"
    r"ignore|silence|acknowledge|resolve|leave|wait|"
    r"otherwise|if not|the (?:incident|alert|guide) (?:is|can be) (?:over|done|closed|finished|resolved))\b",
    re.IGNORECASE,
)
_VERDICT = re.compile(
    r"^\W*(?:if|when|in case|where)\b[^.;\n]{3,200}?(?:,|:|\bthen\b)\s*(?:then\s+)?(?P<main>(?:this|"
    r"that|it|the (?:alert|issue|problem|alarm|incident|fault|node|cause|behaviou?r)|everything|there|"
    r"all|you|we|these|you're|it's|that's)\s+(?:is|are|was|were|has|'s|should be|can be|will be|"
    r"may be|must be)\s+[^.;\n]{3,160})",
    re.IGNORECASE,
)
_BENIGN = re.compile(
    r"\b(?:expected|normal|false (?:alarm|positive|alert)|benign|harmless|known (?:issue|problem|bug|"
    r"limitation)|not a (?:real )?(?:problem|fault|incident|concern|bug)|fine|ok|okay|intended|"
    r"by design|transient|temporary|no (?:real )?(?:problem|issue|fault|incident)|healthy|"
    r"already (?:fixed|gone|solved|recovered|cleared)|recovered|over|planned|maintenance|spurious|"
    r"noise|not (?:affected|ours|an outage)|works? (?:again|as (?:designed|intended)))\b",
    re.IGNORECASE,
)


@check(
    "unmarked-end",
    Category.STRUCTURE,
    Severity.INFO,
    "a branch that is the end of the guide and does not say so",
    "The reader goes on with the next step, which was meant for the other case.",
)
def unmarked_end(view: View) -> Iterator[Issue]:
    yield from _verdicts(view)
    yield from _good_branches(view)
    yield from _remedies(view)
    yield from _last_way_out(view)
    yield from _last_section(view)


def _verdicts(view: View) -> Iterator[Issue]:
    """A condition whose consequence is a benign verdict, and nothing more."""
    parts = view.working
    for at, part in enumerate(parts):
        last_part = at + 1 == len(parts)
        for i, prose in enumerate(part.proses):
            for j, sentence in enumerate(prose.sentences):
                found = _VERDICT.match(sentence.text)
                if (
                    found is None
                    or not _BENIGN.search(found["main"])
                    or _STOPS.search(sentence.text[found.start("main") :].replace("is expected", ""))
                ):
                    continue
                if re.search(
                    r"\b(?:not|isn't|aren't) (?:expected|normal|fine|ok|healthy|intended)\b",
                    found["main"],
                    re.IGNORECASE,
                ):
                    continue
                after = " ".join(s.text for s in prose.sentences[j + 1 : j + 2])
                if not after and not prose.is_item and i + 1 < len(part.proses):
                    after = part.proses[i + 1].sentences[0].text if part.proses[i + 1].sentences else ""
                if _ENDS.match(after) or (
                    last_part and prose is part.proses[-1] and sentence is prose.sentences[-1] and len(parts) == 1
                ):
                    continue
                yield Issue(
                    sentence.line,
                    f"'{shortened(sentence.text)}' ends the matter and does not say so",
                    "add what happens: 'close the alert; nothing more is to be done'",
                )


_TEXT = r"(?:[^.;]|\.(?=\d))"  # up to the end of the clause; a decimal point is none
_CASE = re.compile(
    rf"^\W*(?:(?:if|when|where|once|in case)\b(?P<cond>{_TEXT}{{2,200}}?)(?:,|:|\bthen\b)\s*(?:then\s+)?"
    rf"(?P<main>{_TEXT}{{3,200}})"
    r"|(?P<sign>(?:no|any|a|an|the|each|one|all|zero|an empty)\b[^.;:]{1,80}?)\s+"
    rf"(?:means?|indicates?|says?|shows?|tells?|is a sign)(?: that)?\s+(?P<meant>{_TEXT}{{3,200}})"
    rf"|(?P<state>[^.;:]{{1,80}}):\s+(?P<told>{_TEXT}{{3,200}}))",
    re.IGNORECASE,
)
_WELL = re.compile(
    r"\b(?:again|below|under|within|inside|back|no longer|up to date|in order|enough|resolv\w*|recovered?|restored?"
    r"|works?|working|free|clean|clear(?:ed|s)?|normal(?:ly)?|healthy|fine|ok(?:ay)?|well|good|done|over|solved|fixed"
    r"|gone|passed|serves?|served|balanced|caught up|ready|running|available|reachable|complete[ds]?|succeed(?:ed|s)?"
    r"|drained|as (?:expected|before|usual|intended)|expected|harmless|benign|false alarm|healed"
    r"|not (?:affected|concerned|our))\b",
    re.IGNORECASE,
)
_BAD = re.compile(
    r"\b(?:not|never|no|n't|fail\w*|stuck|missing|lost|broken|still|too|fault\w*|worse|cannot|down|bad|defect\w*|corrupt\w*"
    r"|wrong|hang\w*|dead|full|exhausted|overload\w*|slow\w*|problem|error\w*)\b(?! (?:longer|more))",
    re.IGNORECASE,
)
_ABSENT = re.compile(r"(?:no|zero|an empty)\b", re.IGNORECASE)
_LEADS = re.compile(
    r"\b(?:go(?:es)? (?:on )?(?:to|back|straight)|continue|proceed|carry on|move on|jump|return to|skip|escalate|page"
    r"|call|hand|open a|step \d|section \d)\b|\]\(",
    re.IGNORECASE,
)
_MARKED = re.compile(
    r"\b(?:(?:the |this )?(?:guide|procedure|runbook|playbook|page) (?:ends|stops|is (?:over|done|finished))"
    r"|(?:ends?|concludes?|closes?|finishes) (?:the|this) (?:guide|procedure|runbook|playbook|page|incident|matter)"
    r"|(?:ends?|stop|stops|done|finished|over) here|stop (?:here|reading)|close (?:it|the|this)"
    r"|is (?:resolved|over|closed|done)"
    r"|(?:you are|you're|we are|all) (?:done|finished|through)|resolve the (?:alert|incident)"
    r"|nothing (?:else|more|further)|no (?:further|more) (?:action|steps?))\b",
    re.IGNORECASE,
)


def _good_branches(view: View) -> Iterator[Issue]:
    """The good one of several cases tells that all is well, while its sibling says where to go."""
    for part in view.working:
        said = [(prose, s) for prose in part.proses for s in prose.sentences]
        for at, (prose, sentence) in enumerate(said):
            found = _CASE.match(sentence.bare)
            if found is None:
                continue
            main = found["main"] or found["meant"] or found["told"]
            if not _WELL.search(main) or _BAD.search(main) or _MARKED.search(main) or _LEADS.search(main):
                continue
            if instructions_in(main) or (found["state"] and not prose.is_item):
                continue
            beside = [s for p, s in said[max(0, at - 2) : at + 3] if s is not sentence and _is_near(p, prose)]
            absent = found["sign"] and _ABSENT.match(found["sign"])
            if not absent and not any(_LEADS.search(s.text) and _CASE.match(s.bare) for s in beside):
                continue
            after = next((s for p, s in said[at + 1 : at + 2] if p is prose), None)
            if after is not None and (_ENDS.match(after.text) or _MARKED.search(after.text)):
                continue
            yield _unmarked(sentence)


def _is_near(one: Prose, other: Prose) -> bool:
    return one is other or (one.is_item and other.is_item) or abs(one.lines.first - other.lines.first) <= 3


def _remedies(view: View) -> Iterator[Issue]:
    """A section that others lead to ends without a way on, and the next heading is meant for another case."""
    led = {} if view.native else _led(view)
    for part, following in pairwise(view.parts):
        own, next_ = led.get(part.index, set()), led.get(following.index, set())
        if not own or not next_ or following.section.level != part.section.level or part.is_background:
            continue
        last = next((p for p in reversed(part.proses) if p.sentences), None)
        if last is None or any(_LEADS.search(s.text) or _MARKED.search(s.text) for s in last.sentences):
            continue
        done = max((c.lines.last for c in part.codes), default=0)
        if last.text.rstrip().endswith(":") or any(_LEADS.search(p.text) for p in part.proses if p.lines.first > done):
            continue
        yield _unmarked(last.sentences[-1])


_DECIDES = re.compile(r"\b(?:if|when|otherwise|else|unless|below|above|less|more|in case)\b", re.IGNORECASE)


def _led(view: View) -> dict[int, set[int]]:
    """By section, those whose cases lead there."""
    anchors = view.guide.by_anchor
    made: dict[int, set[int]] = {}
    for part in view.working:
        for prose in part.proses:
            if prose.block.kind is not BlockKind.ROW and not _DECIDES.search(prose.text):
                continue
            links = (p.target for p in prose.block.pieces if p.kind is PieceKind.LINK and p.target.startswith("#"))
            for target in (anchors.get(link[1:].lower()) for link in links):
                if target is not None and target != part.index:
                    made.setdefault(target, set()).add(part.index)
    return made


def _last_way_out(view: View) -> Iterator[Issue]:
    """The guide says of other ends that they are, and of its last step, which others lead to, it does not."""
    if view.native:
        return
    steps = [s for s in view.steps if not s.part.is_background]
    final = steps[-1] if steps else None
    last = next((p for p in reversed(final.flow) if isinstance(p, Prose) and p.sentences), None) if final else None
    if final is None or last is None or final.part is not view.working[-1]:
        return
    others = [s for p in view.working for prose in p.proses for s in prose.sentences if s.last < final.lines.first]
    named = any(re.search(rf"\bstep {re.escape(final.number)}\b", s.text, re.IGNORECASE) for s in others)
    says = any(_MARKED.search(s.text) or _LEADS.search(s.text) for s in last.sentences[-1:])
    if named and not says and any(_MARKED.search(s.text) for s in others):
        yield _unmarked(last.sentences[-1])


def _last_section(view: View) -> Iterator[Issue]:
    """As the last way out, of a guide whose sections lead to each other by links."""
    parts = [p for p in view.parts if p.proses]
    if view.native or not parts or parts[-1].index not in _led(view):
        return
    last = next((p for p in reversed(parts[-1].proses) if p.sentences), None)
    others = [s for p in parts[:-1] for prose in p.proses for s in prose.sentences]
    if last is None or last.block.kind is BlockKind.ROW or not any(_MARKED.search(s.text) for s in others):
        return
    if not any(_MARKED.search(s.text) or _LEADS_ON.search(s.text) for s in last.sentences[-2:]):
        yield _unmarked(last.sentences[-1])


_LEADS_ON = re.compile(r"\b(?:go (?:to|back)|continue|end of (?:the|this)|return to)\b|\]\(", re.IGNORECASE)


def _unmarked(sentence: Sentence) -> Issue:
    return Issue(
        sentence.last,
        f"'{shortened(sentence.text)}' ends the matter and does not say so",
        "add what happens: 'close the alert; nothing more is to be done'",
    )
