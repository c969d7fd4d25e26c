"""A go-to to a step or section that does not exist, or back without a loop being meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import shortened

_GOTO = re.compile(
    r"\b(?P<verb>go(?:\s+(?:back|on|straight|directly|over))?\s+to|proceed(?:\s+(?:to|with))|"
    r"continue\s+(?:to|with|at|from)|jump\s+(?:back\s+)?to|skip\s+(?:ahead\s+)?to|return\s+to|"
    r"move\s+(?:on\s+|back\s+)?to|start\s+(?:again\s+)?(?:at|with|from)|resume\s+(?:at|with|from)|"
    r"follow|repeat|redo|re-?run|perform|execute|carry out|complete|see|refer to|as (?:described|in|"
    r"per)|described in|back to|advance to|switch to|do|retry|try|from|in|using|use|of|with|by|to|"
    r"until|after|before|skip)\s+(?:the\s+)?steps?\s*(?:number\s*|"
    r"no\.?\s*)?#?(?P<n>\d{1,3})(?P<letter>[a-z]?)\b(?:\s*(?:-|–|to|through|and|"
    r",)\s*#?(?P<m>\d{1,3})\b)?",
    re.IGNORECASE,
)
_STRONG = re.compile(
    r"^(?:go|proceed|continue|jump|skip to|skip ahead|return|move|start|resume|advance|switch|back to)", re.IGNORECASE
)
_LOOPING = re.compile(
    r"\b(?:again|repeat|repeated|retry|redo|re-?run|re-?check|re-?try|until|loop|return|back|"
    r"once more|another|restart|over|at most|times|verify|start)\b",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"\b(?:of|in) (?:the )?(?:other|linked|that|this other|parent|\w+ (?:guide|runbook|playbook|"
    r"doc\w*|article|procedure))\b|\]\(|https?:|\b(?:guide|runbook|article|documentation)\b",
    re.IGNORECASE,
)
_SECTION = re.compile(
    r"\b(?:go\s+to|proceed\s+(?:to|with)|continue\s+(?:to|with|at)|jump\s+to|skip\s+to|return\s+to|"
    r"move\s+(?:on\s+)?to|see|refer\s+to|follow|described\s+in)\s+(?:the\s+)?(?:section\s+(?:on\s+|"
    r"called\s+|named\s+|titled\s+)?)?(?:[\"“'](?P<quoted>[^\"”'\n]{3,60})[\"”'](?:\s+(?:section|step|"
    r"below|above|part|chapter))?|(?:the\s+)?(?P<named>[A-Z][\w-]*(?:\s+[\w-]+){0,4}?)\s+(?:section|"
    r"chapter)\b)"
)


@check(
    "wrong-next-step",
    Category.CONTROL_FLOW,
    Severity.ERROR,
    "a go-to to a step or section that does not exist, or back without a loop being meant",
    "The reader arrives nowhere, or goes round in a circle.",
)
def wrong_next_step(view: View) -> Iterator[Issue]:
    numbers = {s.number.lower() for s in view.steps} | {str(int(s.number)) for s in view.steps if s.number.isdigit()}
    numbers |= {n.rstrip("abcdefghijklmnopqrstuvwxyz") for n in numbers}
    numbers |= _loose_numbers(view)
    titles = {_bare_title(p.title) for p in view.parts if p.title}
    for part in view.parts:
        for prose in part.proses:
            for sentence in prose.sentences:
                if (issue := _next(view, part, prose, sentence, numbers)) or (
                    issue := _section(sentence, titles, prose)
                ):
                    yield issue


def _loose_numbers(view: View) -> set[str]:
    """Numbers of steps that the text writes otherwise: bold, in a comment of code, `8 Do X`."""
    made: set[str] = set()
    for line in view.source:
        if len(line) < 400 and (
            found := re.match(r"\W*(?:step\s*)?(\d{1,3})\b(?:[.):]|\s+[A-Z])", line, re.IGNORECASE)
        ):
            made.add(found[1])
        made |= {m.lower() for m in re.findall(r"^\W*step\s*(\d{1,3}[a-z]?)\b", line[:400], re.IGNORECASE)}
    return made


def _next(view: View, part: Part, prose: Prose, sentence: Sentence, numbers: set[str]) -> Issue | None:
    for found in _GOTO.finditer(sentence.text):
        strong = bool(_STRONG.match(found["verb"]))
        rest = sentence.text[found.end() : found.end() + 60]
        if (
            re.match(r"\s*(?:of|in|from) (?!this|the (?:above|list|procedure|output|steps))", rest)
            and _ELSEWHERE.search(rest)
        ) or any(p.target and found[0].split(" ", 1)[-1] in p.text for p in prose.block.pieces):
            continue
        for number in filter(None, (found["n"] + found["letter"].lower(), found["m"])):
            plain = number.lstrip("0") or "0"
            if plain not in numbers and number not in numbers:
                if not numbers and not strong:
                    continue
                return Issue(
                    sentence.line,
                    f"there is no step {plain} to go to",
                    "name a step that exists, or link to its heading: [Measure](#measure)",
                    severity=None if strong else Severity.WARNING,
                )
        if strong and found["n"] and (message := _backward(view, prose, sentence, found)):
            return Issue(
                sentence.line,
                message,
                "say that it is a loop and how often: 'go back to step 2, at most 3 times'",
                severity=Severity.WARNING,
            )
    return None


def _backward(view: View, prose: Prose, sentence: Sentence, found: re.Match[str]) -> str:
    """Whether the go-to leads to its own step, or back, and nothing says that this is meant."""
    own = view.step_of(prose)
    number = found["n"].lstrip("0")
    if own is None or not own.number.isdigit():
        return ""
    mates = [
        s
        for s in view.steps
        if s.by_heading == own.by_heading
        and s.number == number
        and (s.by_heading or s.part is own.part or len([x for x in view.steps if x.number == number]) == 1)
    ]
    if not mates:
        return ""
    if int(number) == int(own.number) and mates[0] is own:
        return f"the go-to leads to step {number}, which is this very step"
    if mates[-1].lines.first < own.lines.first and int(number) < int(own.number) and not _LOOPING.search(sentence.text):
        return f"the go-to leads back from step {own.number} to step {number}, and no loop seems to be meant"
    return ""


def _bare_title(title: str) -> str:
    bare = re.sub(r"^\W*(?:step\s*)?\d+[a-z]?\s*[.):–—-]*\s*", "", title.lower())
    return " ".join(re.findall(r"\w+", bare))


def _section(sentence: Sentence, titles: set[str], prose: Prose) -> Issue | None:
    found = _SECTION.search(sentence.text)
    if found is None or any(p.target for p in prose.block.pieces):
        return None
    name = found["quoted"] or found["named"]
    is_named_section = (
        found["named"] is not None
        or bool(re.search(r"\bsection|\bstep\b", found[0], re.IGNORECASE))
        or bool(_STRONG.match(found[0]))
    )
    bare = _bare_title(name)
    if (
        not is_named_section
        or not bare
        or "`" in name
        or _ELSEWHERE.search(sentence.text[found.end() : found.end() + 60])
    ):
        return None
    if any(bare == t or bare in t or (t in bare and len(t) > 4) for t in titles):
        return None
    words = set(bare.split())
    if any(len(words & set(t.split())) * 2 > len(words) for t in titles) and found["named"]:
        return None
    return Issue(
        sentence.line, f"no section is called '{shortened(name, 40)}'", "use the heading's own words, and link to it"
    )
