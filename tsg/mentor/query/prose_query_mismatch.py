"""A threshold, count, window or namespace in the prose differs from the one in the query beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.numbers import Quantity, measures, same, thresholds_in_code, windows_in_code, windows_in_text
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, View


@check(
    "prose-query-mismatch",
    Category.QUERY,
    Severity.WARNING,
    "a threshold, count, window or namespace in the prose differs from the one in the query beside it",
    "One of the two is wrong, and the reader cannot tell which.",
)
def prose_query_mismatch(view: View) -> Iterator[Issue]:
    for part in view.parts:
        blocks = part.codes
        for i, code in enumerate(part.flow):
            if not isinstance(code, Code) or not code.is_run or (code.inline and len(code.body) < 12):
                continue
            near = _beside(view, part, i, code, alone=len(blocks) == 1)
            for test in (
                _window_mismatch,
                _threshold_mismatch,
                _namespace_mismatch,
                _count_mismatch,
                _percentile_mismatch,
            ):
                if found := test(code, near):
                    yield Issue(*found, "make both say the same, or let the prose name the query's value")
                    break


def _beside(view: View, part: Part, at: int, code: Code, *, alone: bool) -> list[Prose]:
    """The prose that speaks of a block: what introduces it and what follows it."""
    if code.inline:
        return [f for f in part.flow if isinstance(f, Prose) and f.block is code.block]
    step = view.step_of(code)
    if step is not None and not step.by_heading and len([c for c in step.codes if not c.inline]) == 1:
        return [f for f in step.flow if isinstance(f, Prose)]
    near: list[Prose] = []
    for f in reversed(part.flow[:at]):
        if isinstance(f, Code) and not f.inline:
            break
        if isinstance(f, Prose):
            near.insert(0, f)
            if len(near) >= (3 if alone else 2):
                break
    follow = 0
    for f in part.flow[at + 1 :]:
        if (isinstance(f, Code) and not f.inline) or follow >= 4:
            break
        if isinstance(f, Prose):
            if f.text.rstrip().endswith(":") and not alone:
                break
            near.append(f)
            follow += 1
    return near


Mismatch = tuple[int, str] | None


def _window_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    in_code = windows_in_code(code.body)
    if not in_code:
        return None
    for prose in near:
        for sentence in prose.sentences:
            said = windows_in_text(sentence.text)
            if said and not any(same(a, b) for a in said for b in in_code) and len(said) == 1:
                return sentence.line, f"the prose says {said[0]}, the query looks at {in_code[0]}"
    return None


def _threshold_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    in_code = thresholds_in_code(code.body)
    if not in_code:
        return None
    for prose in near:
        for sentence in prose.sentences:
            said = [q for q in measures(sentence.text) if q.compared]
            if not said or len(said) > 3 or any(same(a, b) for a in said for b in in_code):
                continue
            if all(_comparable(a, b) for a in said for b in in_code[:1]) or len(said) == len(in_code) == 1:
                shown = ", ".join(str(q) for q in in_code[:3])
                return sentence.line, f"the prose says {said[0]}, the query compares with {shown}"
    return None


def _comparable(a: Quantity, b: Quantity) -> bool:
    return not (a.kind and b.kind) or a.kind == b.kind or {a.kind, b.kind} <= {"ratio", "count"}


_IN_NAMESPACE = re.compile(
    r"\b(?:in|of|inside|under)\s+(?:the\s+)?`?([a-z][a-z0-9-]{2,})`?\s+(?:namespace|project)\b|"
    r"\bnamespace\s+`([a-z][a-z0-9-]{2,})`|\bnamespace\s+\"([a-z][a-z0-9-]{2,})\"",
    re.IGNORECASE,
)
_CODE_NAMESPACE = re.compile(r"(?:^|\s)(?:-n|--namespace)[ =]\"?([a-z][a-z0-9-]+)\b|namespace=~?\"([a-z][a-z0-9-]+)\"")
_NO_NAMES = frozenset(
    [
        "the",
        "same",
        "this",
        "that",
        "correct",
        "right",
        "affected",
        "relevant",
        "given",
        "own",
        "other",
        "another",
        "each",
        "every",
        "which",
        "any",
        "your",
        "default",
        "target",
        "specific",
        "whole",
        "entire",
        "kubernetes",
        "workload",
        "application",
        "following",
    ]
)


_PERCENTILE = re.compile(
    r"\b(?:(?P<nth>\d{2}(?:\.\d)?)(?:th|st|nd|rd) percentile|p(?P<p>\d{2}(?:\.\d)?)|(?P<median>median))\b",
    re.IGNORECASE,
)
_QUANTILE = re.compile(
    r"\b(?:histogram_quantile|quantile_over_time|quantile)\s*\(\s*(0?\.\d+)|quantile=~?\"(0?\.\d+)\""
    r"|percentile\w*\([^()]*?(\d{2}(?:\.\d+)?)\)"
)


def _percentile_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    used = {float(next(g for g in m.groups() if g)) for m in _QUANTILE.finditer(code.body)}
    used = {q * 100 if q < 1 else q for q in used}
    for prose in near if used else ():
        for sentence in prose.sentences:
            said = {50.0 if m["median"] else float(m["nth"] or m["p"]) for m in _PERCENTILE.finditer(sentence.text)}
            if said and not any(abs(a - b) < 1e-6 for a in said for b in used):
                return sentence.line, f"the prose says the {min(said):g}th percentile, the query takes {min(used):g}"
    return None


def _namespace_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    used = {a or b for a, b in _CODE_NAMESPACE.findall(code.body)}
    if not used:
        return None
    for prose in near:
        if prose.lines.first > code.lines.first:
            continue
        for sentence in prose.sentences:
            named = {a or b or c for a, b, c in _IN_NAMESPACE.findall(sentence.text)} - _NO_NAMES
            if named and not named & used:
                return (
                    sentence.line,
                    f"the prose says namespace '{sorted(named)[0]}', the command uses '{sorted(used)[0]}'",
                )
    return None


_COUNTED = re.compile(
    r"\b(?:last|top|first|latest|newest|most recent|the)\s+(\d{1,6}|ten|twenty|five|hundred|three|two|fifty)\s+"
    r"(?:busiest|largest|biggest|slowest|oldest|newest|latest|longest|worst|fullest|fastest|heaviest|smallest"
    r"|most \w+)?"
    r"\s*(?:\w+\s+){0,2}?(?:lines?|rows?|entries|records?|results?|events?|messages?|items?|queries|errors?"
    r"|processes|pods|consumers|tables|jobs|of (?:the|them)|callers|clients|users|nodes|sessions|requests)\b",
    re.IGNORECASE,
)
_CODE_COUNT = re.compile(
    r"--tail[= ](\d+)|(?:head|tail) (?:-n ?|-)(\d+)|\bLIMIT (\d+)|\bTOP \(?(\d+)|\b(?:topk|"
    r"bottomk)\((\d+)|\| ?(?:take|top) (\d+)|-n (\d+)\b(?=.*journalctl)|journalctl.*-n ?(\d+)",
    re.IGNORECASE,
)
_SCALE = re.compile(
    r"\b(?:scale|increase|set|raise|bring|reduce|lower|change|expand|grow)\b[^.;]*?\b(?:to|"
    r"at)\s+(?P<n>\d{1,5}|two|three|four|five|ten|zero)\s+(?:\w+\s+)?(?:replicas?|pods?|instances?|"
    r"workers?|nodes?|copies)\b",
    re.IGNORECASE,
)
_CODE_SCALE = re.compile(r"--replicas[= ](\d+)|\"replicas\"\s*:\s*(\d+)")
_WORD_NUMBERS = {
    "zero": 0,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "ten": 10,
    "twenty": 20,
    "fifty": 50,
    "hundred": 100,
}


def _count_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    for said_in, used_in in ((_COUNTED, _CODE_COUNT), (_SCALE, _CODE_SCALE)):
        used = {int(next(g for g in m.groups() if g)) for m in used_in.finditer(code.body)}
        if not used:
            continue
        for prose in near:
            for sentence in prose.sentences:
                found = said_in.search(sentence.text)
                if found is None:
                    continue
                word = found[1].lower()
                said = _WORD_NUMBERS[word] if word in _WORD_NUMBERS else int(word)
                if said not in used:
                    return sentence.line, f"the prose says {said}, the command {sorted(used)[0]}"
    return None
