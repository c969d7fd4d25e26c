"""'X from step N' where step N does not exist or gives no X."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.guide import PieceKind
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, StepView, View
from tsg.mentor.wording import content_words, shortened

_FROM_STEP = re.compile(
    r"(?P<what>(?:`[^`]+`|[\w<>/-]+)(?:\s+(?:`[^`]+`|"
    r"[\w<>/-]+)){0,6}?)\s*(?:\([^)]*\)\s*)?,?\s*(?:(?:that )?(?:you |we |was |were |is |"
    r"as )?(?P<how>found|obtained|noted|saved|recorded|collected|returned|listed|identified|retrieved|"
    r"read|printed|shown|gathered|captured|determined|got|reported|measured|seen|taken|copied|queried|"
    r"written down|displayed)?\s*)(?P<prep>from|in|by|during|at|of)\s+(?:the (?:output|"
    r"result)s? (?:of|from) )?(?:playbook |the )?step\s*#?(?P<n>\d{1,3})(?P<letter>[a-z]?)\b",
    re.IGNORECASE,
)
_WEAK = frozenset(
    [
        "the",
        "same",
        "values",
        "value",
        "result",
        "results",
        "output",
        "outputs",
        "data",
        "information",
        "list",
        "your",
        "with",
        "use",
        "using",
        "from",
        "that",
        "this",
        "which",
        "and",
        "check",
        "compare",
        "correlate",
        "replace",
        "take",
        "apply",
        "for",
        "events",
        "showing",
        "need",
        "needed",
        "see",
        "when",
        "then",
        "step",
        "name",
        "names",
        "found",
        "obtained",
        "noted",
        "saved",
        "recorded",
        "collected",
        "returned",
        "listed",
        "identified",
        "retrieved",
        "query",
        "queries",
        "command",
        "commands",
        "run",
        "again",
        "wait",
        "minutes",
        "seconds",
        "repeat",
        "once",
        "more",
    ]
)


@check(
    "wrong-source",
    Category.DATA_FLOW,
    Severity.WARNING,
    "'X from step N' where step N does not exist or gives no X",
    "The reader searches the wrong output, or takes whatever stands there.",
)
def wrong_source(view: View) -> Iterator[Issue]:
    yield from _from_sections(view)
    if not view.steps:
        return
    numbers = _by_number(view)
    for part in view.parts:
        for prose in part.proses:
            for sentence in prose.sentences:
                for found in _FROM_STEP.finditer(sentence.text):
                    if message := _wrong(view, part, prose, numbers, found):
                        yield Issue(sentence.line, message, "name the step that gives the value, or let step N give it")
                        break


_FROM_LINK = re.compile(
    r"\b(?:the|its|their|these|those)\s+(?P<what>(?:[\w`<>.-]+\s+){0,3}[\w`<>.-]+)\s+"
    r"(?:kept |saved |noted |found |printed |read |given |taken |shown )?(?:from|in|of|by)\s+$",
    re.IGNORECASE,
)


def _from_sections(view: View) -> Iterator[Issue]:
    """ "The settings from [Who sends requests](#...)": the section that the link leads to speaks of no settings."""
    anchors = view.guide.by_anchor
    for part in view.parts:
        for prose in part.proses:
            before = ""
            for piece in prose.block.pieces:
                target = anchors.get(piece.target[1:].lower()) if piece.target.startswith("#") else None
                found = _FROM_LINK.search(before[-160:].replace("\n", " ")) if target is not None else None
                before += f"`{piece.text}`" if piece.kind is PieceKind.CODE else piece.text
                if found is None or target is None or target == part.index:
                    continue
                wanted = content_words(re.sub(r"[`<>_-]", " ", found["what"])) - {x[:5] for x in _WEAK}
                giver = _part_text(view.parts[target])
                others = [p for p in view.parts[: part.index + 1] if p.index != target and _gives(p, prose, wanted)]
                if wanted and others and not any(re.search(rf"(?<![a-z]){re.escape(w)}", giver) for w in wanted):
                    told = f"'{view.parts[target].title}' gives no '{shortened(found['what'], 40)}'"
                    hint = f"'{others[-1].title}' speaks of it: name the section that gives the value"
                    yield Issue(piece.line, told, hint)


def _gives(part: Part, prose: Prose, wanted: set[str]) -> bool:
    """Whether a section with code, before this prose, speaks of what is wanted."""
    text = _part_text(part, until=prose.lines.first)
    return bool(part.codes) and any(re.search(rf"(?<![a-z]){re.escape(w)}", text) for w in wanted)


def _part_text(part: Part, until: int | None = None) -> str:
    flow = [f for f in part.flow if until is None or f.lines.last < until]
    return " ".join([part.title, *(f.text if isinstance(f, Prose) else f.body for f in flow)]).lower()


def _by_number(view: View) -> dict[str, list[StepView]]:
    table: dict[str, list[StepView]] = {}
    for step in view.steps:
        table.setdefault(step.number.lower(), []).append(step)
        if step.number.isdigit():
            table.setdefault(str(int(step.number)), table[step.number.lower()])
    return table


def _wrong(view: View, part: Part, prose: Prose, numbers: dict[str, list[StepView]], found: re.Match[str]) -> str:
    number = found["n"].lstrip("0") or "0"
    steps = (
        numbers.get(number + found["letter"].lower())
        or numbers.get(number)
        or [s for key, held in numbers.items() if re.fullmatch(rf"{number}[a-z]", key) for s in held]
    )
    what = found["what"].split(" by ")[-1]
    valued = found["how"] is not None or found["prep"].lower() == "from"
    if not steps:
        return "" if not valued else f"there is no step {number} that could give '{shortened(what, 40)}'"
    own = view.step_of(prose)
    if valued and own is not None and own in steps and len(steps) == 1 and own.lines.first <= prose.lines.first:
        return (
            f"step {number} is this very step: it cannot give '{shortened(what, 40)}' to itself"
            if own.number == number
            else ""
        )
    later = [s for s in steps if s.lines.first > prose.lines.last]
    if (
        valued
        and later
        and len(later) == len(steps)
        and re.search(
            r"\b(?:use|using|with|take|enter|pass|replace|from|compare)\b", found.string[: found.end()], re.IGNORECASE
        )
    ):
        return f"step {number} comes later: it has given no '{shortened(what, 40)}' yet"
    wanted = {
        w for w in content_words(re.sub(r"[`<>]", " ", what.replace("_", " "))) if w not in {x[:5] for x in _WEAK}
    }
    noun = re.findall(r"[A-Za-z][\w-]*", re.sub(r"[`<>]", " ", what))
    wanted &= content_words(re.sub(r"[_/-]", " ", " ".join(noun[-3:])))
    if not wanted or (found["how"] is None and found["prep"].lower() not in {"from", "of"}):
        return ""
    if any(_mentions(s, wanted) for s in steps):
        return ""
    others = [
        s
        for s in view.steps
        if s not in steps and s is not own and s.lines.last < prose.lines.first and _mentions(s, wanted)
    ]
    return f"step {number} does not give '{shortened(what, 40)}'; step {others[-1].number} does" if others else ""


def _mentions(step: StepView, wanted: set[str]) -> bool:
    text = (step.title + " " + step.text + " " + " ".join(c.body for c in step.codes)).lower()
    return any(re.search(rf"(?<![a-z]){re.escape(w)}", text) for w in wanted)
