"""A threshold, count, window or namespace in the prose differs from the one in the query beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Language
from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.numbers import Quantity, measures, quantity, same, thresholds_in_code, windows_in_code, windows_in_text
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
                _timeout_mismatch,
                _amount_mismatch,
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


_SAME_WINDOW = re.compile(
    r"\b(?:over|in|during|for|across|within)\s+(?:the|these|those)\s+same\s+(?P<n>\d+)[\s-]?(?P<u>[a-z]+)\b"
    r"|\b(?:over|during|across|(?:last|past|previous))\s+(?:an?\s+|the\s+last\s+)?(?P<part>quarter of an hour"
    r"|half an hour|half hour)\b",
    re.IGNORECASE,
)


def _windows_said(text: str) -> list[Quantity]:
    made = windows_in_text(text)
    for found in _SAME_WINDOW.finditer(text):
        part = (found["part"] or "").lower()
        number, unit = ("15" if part.startswith("quarter") else "30", "minutes") if part else (found["n"], found["u"])
        made += [q for q in [quantity(number, unit)] if q is not None and q.kind == "time"]
    return made


def _window_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    in_code = windows_in_code(code.body)
    if not in_code:
        return None
    older = code.language is Language.SQL or code.language is Language.KQL or "find " in code.body
    for prose in near:
        for sentence in prose.sentences:
            said = _windows_said(sentence.text)
            if not said and older and prose.lines.first <= code.lines.first:
                said = [q for q in measures(sentence.text) if q.kind == "time"]
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
    r"\b(?:namespace|project)\s+[`\"]([a-z][a-z0-9-]{2,})[`\"]"
    r"|\b(?:in|of|inside|under|from)\s+(?:the\s+)?(?!the\b)`?([a-z][a-z0-9-]{2,})`?\s+(?:namespace|project)\b"
    r"|\bthe\s+`([a-z][a-z0-9-]{2,})`\s+(?:namespace|project)\b",
    re.IGNORECASE,
)
_IN_CONTEXT = re.compile(
    r"\b(?:cluster|context)\s+[`\"]([A-Za-z][\w.:/@-]{2,})[`\"]|`([A-Za-z][\w.:/@-]{2,})`\s+(?:cluster|context)\b"
)
_CODE_CONTEXT = re.compile(
    r"(?:^|\s)(?:--context|--kube-context|--cluster)[ =][\"']?([A-Za-z][\w.:/@-]+)|\bcluster=~?\"([a-z][\w.-]+)\""
)
_CODE_NAMESPACE = re.compile(
    r"(?:^|\s)(?:-n|--namespace)[ =]\"?([a-z][a-z0-9-]+)\b"
    r"|namespace=~?\"([a-z][a-z0-9-]+)\""
)
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
    return _place_mismatch(code, near, _IN_NAMESPACE, _CODE_NAMESPACE, "namespace") or _place_mismatch(
        code, near, _IN_CONTEXT, _CODE_CONTEXT, "cluster"
    )


def _place_mismatch(
    code: Code, near: list[Prose], named_by: re.Pattern[str], used_by: re.Pattern[str], what: str
) -> Mismatch:
    """A place that the sentence before a command names, or that holds what the command asks for."""
    used = {next(g for g in m.groups() if g) for m in used_by.finditer(code.body)}
    before = [s for prose in near if prose.lines.first <= code.lines.first for s in prose.sentences]
    for sentence in before if used else ():
        named = {next(g for g in m.groups() if g) for m in named_by.finditer(sentence.text)} - _NO_NAMES
        if not named or named & used or any(re.search(rf"`{re.escape(u)}`", sentence.text) for u in used):
            continue
        things = set(re.findall(r"`([\w./-]{3,})`", sentence.text)) - named
        if sentence is before[-1] or any(re.search(rf"(?<![\w-]){re.escape(t)}(?![\w-])", code.body) for t in things):
            return sentence.line, f"the prose says {what} '{sorted(named)[0]}', the command uses '{sorted(used)[0]}'"
    return None


_WORD_NUMBERS = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "fifty": 50,
    "hundred": 100,
    "once": 1,
    "twice": 2,
}
_A_NUMBER = r"(\d{1,6}|" + "|".join(_WORD_NUMBERS) + ")"
_COUNTED = re.compile(
    rf"\b(?:last|top|first|latest|newest|most recent|the)\s+{_A_NUMBER}\s+"
    r"(?:(?:busiest|largest|biggest|slowest|oldest|newest|latest|longest|worst|fullest|fastest|heaviest|smallest"
    r"|hottest"
    r"|highest|lowest|noisiest|most \w+)\s+\w+|(?:\w+\s+){0,2}?(?:lines?|rows?|entries|records?|results?|events?"
    r"|messages?"
    r"|items?|queries|errors?|processes|pods|consumers|tables|jobs|of (?:the|them)|callers|clients|users|nodes"
    r"|sessions"
    r"|requests|tenants|keys|queues|topics|hosts|services|statements|files))\b",
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
_REVISION = re.compile(
    r"\b(?:to|of|at)\s+(?:the\s+)?(?:revision|release|version)\s+(?:number\s+)?(\d{1,4})\b", re.IGNORECASE
)
_CODE_REVISION = re.compile(r"--to-revision[= ](\d+)\b|\bhelm\s.{0,80}?rollback\s+[\w-]+\s+(\d+)\b")
_TIMES = re.compile(rf"\b{_A_NUMBER}\s+(?:times|packets|pings|probes|echo requests)\b|\b(once|twice)\b", re.IGNORECASE)
_CODE_TIMES = re.compile(r"\bping6?\s(?:.{0,60}\s)?-[cn] ?(\d+)")


_COUNTS = (
    (_COUNTED, _CODE_COUNT),
    (_SCALE, _CODE_SCALE),
    (_REVISION, _CODE_REVISION),
    (_TIMES, _CODE_TIMES),
)


def _count_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    for said_in, used_in in _COUNTS:
        used = {int(next(g for g in m.groups() if g)) for m in used_in.finditer(code.body[:_LONGEST])}
        if not used:
            continue
        for prose in near:
            for sentence in prose.sentences:
                found = said_in.search(sentence.text)
                if found is None:
                    continue
                word = next(g for g in found.groups() if g).lower()
                said = _WORD_NUMBERS[word] if word in _WORD_NUMBERS else int(word)
                if said not in used:
                    return sentence.line, f"the prose says {said}, the command {sorted(used)[0]}"
    return None


_LONGEST = 20_000  # characters of code
_WAITS = re.compile(
    r"\b(?:waits?|for up to|give (?:it|them)|timeout(?: of| is)?|gives up after"
    r"|no longer than)\b"
    r"[^.;\d]{0,40}?(?P<n>\d+)[\s-]?(?P<u>s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b",
    re.IGNORECASE,
)
_TIMEOUT = re.compile(
    r"--(?:timeout|wait-timeout|request-timeout)[= ]\"?(?P<n>\d+)(?P<u>[smh])?\b|\btimeout (?P<t>\d+)(?P<v>[smh])?\s"
)


def _timeout_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    """How long the sentence before a command says that it waits, against its timeout."""
    used = [quantity(m["n"] or m["t"], m["u"] or m["v"] or "s") for m in _TIMEOUT.finditer(code.body[:_LONGEST])]
    known = [q for q in used if q is not None]
    before = [s for prose in near if prose.lines.first <= code.lines.first for s in prose.sentences]
    for sentence in before[-1:] if known else ():
        said = [q for m in _WAITS.finditer(sentence.text) if (q := quantity(m["n"], m["u"])) is not None]
        if len(said) == 1 and not any(same(said[0], q) for q in known):
            return sentence.line, f"the prose says {said[0]}, the command waits {known[0]}"
    return None


_AMOUNT = r"(?P<n>\d+(?:\.\d+)?)\s?(?P<u>[KMGT]i|[KMGT]i?B|m(?=\b)|%)"
_SET_TO = re.compile(
    r"\b(?:raise|set|increase|lower|change|reduce|limit|expand|resize|grow|cap|shrink|bump|double"
    r"|halve)\b[^.;]{0,60}?\bto\s+`?" + _AMOUNT + r"(?!\w)",
    re.IGNORECASE,
)
_IN_CODE_AMOUNT = re.compile(r"(?<![\w.])" + _AMOUNT + r"(?!\w)")


def _amount_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    """An amount that something is set to, against the only amount of that unit in the command."""
    used = {(m["u"].rstrip("B"), float(m["n"])) for m in _IN_CODE_AMOUNT.finditer(code.body[:_LONGEST])}
    for prose in near if used else ():
        for sentence in prose.sentences:
            found = _SET_TO.search(sentence.text)
            if found is None:
                continue
            unit, number = found["u"].rstrip("B"), float(found["n"])
            others = {n for u, n in used if u == unit}
            if len(others) == 1 and number not in others:
                return sentence.line, f"the prose says {number:g}{unit}, the command {others.pop():g}{unit}"
    return None
