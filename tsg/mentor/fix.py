"""Mechanical mends of a guide's text: only what a finding proposes, and only where it does what it promises."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tsg.catalogue import Catalogue
from tsg.compile import compile_guide
from tsg.findings import Code, Finding, Fix, GuideError, Severity
from tsg.parse import parse_guide

MOST_LOOKS = 100  # versions of one text that are compiled and linted
TOO_MANY = "too many mends of this guide do not hold"
BOM = b"\xef\xbb\xbf"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_END = re.compile(r"[\r\n]*\Z")
_FENCE = re.compile(r"([ \t>]*)(`{3,}|~{3,})")
_FENCE_LINE = re.compile(r"[ \t>]*(?:`{3,}|~{3,})[\w-]*[ \t]*")
_NUMBER = re.compile(r"^([ \t>]*)(\d{1,9})[.)](?=\s)")
_UNIT = (
    r"(?:[nuµm]?s|[mhdkgt]|[kmgt]i?b|mins?|secs?|seconds?|minutes?|hours?|days?|weeks?|months?|years?|times|percent|bytes"
    r"|replicas?|nodes?|pods?|hosts?|shards?|instances?|cores?|cpus?|gpus?|retries|attempts|rows|lines)"
)
_MENTION = re.compile(  # of an item, as far as one can see: neither part of a word or version, nor so many of something
    rf"(?<![\w.,:/$=<>])(?<![A-Za-z-]-)#?(\d{{1,9}})(?:st|nd|rd|th)?(?![\w%]|[.,:/]\d| {_UNIT}\b)", re.IGNORECASE
)
_CODE = re.compile(r"(`{1,9})[^`\n]*\1")
_PROSE = re.compile(r" {0,3}(?:#{1,6} \S|[A-Z][a-z]+(?: [\w,'-]+){4,}[.:]?\s*$|[-*] [A-Z]|\d+\. [A-Z])")

Find = Callable[[bytes], Sequence[Finding]]
Mend = tuple[Finding, Fix]


@dataclass(frozen=True, slots=True)
class Mended:
    """A guide's bytes after its mends, the findings they answered, and those whose mend was not taken, with reasons."""

    data: bytes
    done: tuple[Finding, ...]
    left: tuple[tuple[Finding, str], ...]


def mended(source: bytes, path: str, catalogue: Catalogue, find: Find) -> Mended:
    """Mend what `find` proposes a mend for; line ends and a byte order mark are kept, other lines are not touched.

    A mend is taken when its finding is gone afterwards, no error came, and the guide says the same words, compiles to
    the same steps and ways, and nowhere seems to call an item by a number that the mend would change. Every round
    leaves fewer mends to do, so that mending twice is mending once. A text that would take more than `MOST_LOOKS`
    looks stays as it is.
    """
    looks = 0

    def look(data: bytes) -> _Look:
        nonlocal looks
        looks += 1
        if looks > MOST_LOOKS:
            raise _TooMany
        return _Look.at(data, path, catalogue, find)

    first = _mends(source, find(source))
    data, done, mends = source, list[Finding](), first
    try:
        while True:
            taken, refused = _round(data, mends, look)
            if not taken:
                break
            data = with_fixes(data, [fix for _, fix in taken])
            done += [f for f, _ in taken]
            mends = _mends(data, find(data))
    except _TooMany:
        return Mended(source, (), tuple((f, TOO_MANY) for f, _ in first))
    return Mended(data, tuple(sorted(done, key=lambda f: (f.line, f.code))), refused)


class _TooMany(Exception):
    """The text would take too long."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What is weighed of a text: places of findings, errors, mends it asks for, what it says and what it does."""

    places: frozenset[tuple[str, int]]
    errors: Counter[str]
    mends: int
    words: str
    shape: Hashable

    @classmethod
    def at(cls, data: bytes, path: str, catalogue: Catalogue, find: Find) -> _Look:
        findings = find(data)
        return cls(
            frozenset((str(f.code), f.line) for f in findings),
            Counter(str(f.code) for f in findings if f.severity is Severity.ERROR),
            len(_mends(data, findings)),
            _words(data.decode("utf-8", "replace")),
            _shape(data, path, catalogue),
        )


def _round(
    data: bytes, mends: Sequence[Mend], look: Callable[[bytes], _Look]
) -> tuple[list[Mend], tuple[tuple[Finding, str], ...]]:
    """The mends that are taken, all together or those halves of them that do, and the others with reasons."""
    taken: list[Mend] = []
    refused = list(_meant_by_number(data, mends))
    held = {f for f, _ in refused}
    free = [(f, fix) for f, fix in mends if f not in held]
    if not free:
        return taken, tuple(refused)
    now = look(data)
    waiting = [list(_apart(free))]
    while waiting:
        part = waiting.pop()
        both = [*taken, *part]
        after = look(with_fixes(data, [fix for _, fix in both]))
        problem = _problem(now, after, both)
        if problem is None:
            taken, now = both, after
        elif len(part) > 1:
            half = len(part) // 2
            waiting += [part[half:], part[:half]]
        else:
            refused.append((part[0][0], problem))
    return taken, tuple(refused)


def _problem(before: _Look, after: _Look, mends: Sequence[Mend]) -> str | None:
    """Why the text was better before, or None."""
    if after.words != before.words:
        return "its mend would change the guide's words"
    if before.shape not in (None, after.shape):
        return "its mend would change the guide's steps or ways"
    if after.errors - before.errors:
        return f"its mend would bring an error: {', '.join(sorted(after.errors - before.errors))}"
    if any((str(f.code), _moved(f.line, mends)) in after.places for f, _ in mends):
        return "its mend would leave it"
    return None if after.mends < before.mends else "its mend would bring another to do"


def _meant_by_number(data: bytes, mends: Sequence[Mend]) -> Iterator[tuple[Finding, str]]:
    """The mends that would change a number by which the guide may call an item, and where it does."""
    mentioned = _mentioned(data) if mends else {}
    for f, fix in mends:
        meant = next((n for n in _changed_numbers(data, fix) if n in mentioned), None)
        if meant is not None:
            yield f, f"line {mentioned[meant]} may mean item {meant} by its number"


def _changed_numbers(data: bytes, fix: Fix) -> list[str]:
    """The numbers of items that a mend replaces by others."""
    old = _text_lines(data)[fix.first - 1 : fix.last]
    new = fix.text.split("\n")
    pairs = ((_NUMBER.match(was), _NUMBER.match(now)) for was, now in zip(old, new, strict=False))
    return [was[2] for was, now in pairs if was and now and was[2] != now[2]]


def _mentioned(data: bytes) -> dict[str, int]:
    """Numbers that prose may call an item by, each with the first line that does."""
    found: dict[str, int] = {}
    fence = ""
    for at, line in enumerate(_text_lines(data), start=1):
        marks = _FENCE.match(line)
        if fence:
            fence = "" if marks and marks[2].startswith(fence) and not line[marks.end() :].strip() else fence
        elif marks:
            fence = marks[2]
        else:
            prose = _CODE.sub("` `", _NUMBER.sub(r"\1", line))
            for mention in _MENTION.finditer(prose):
                found.setdefault(mention[1], at)
    return found


def _text_lines(data: bytes) -> list[str]:
    return [line.rstrip("\r\n") for line in _LINE.findall(data.removeprefix(BOM).decode("utf-8", "replace"))]


def _moved(line: int, mends: Iterable[Mend]) -> int:
    """Where a line stands after the mends above it."""
    return line + sum(x.text.count("\n") + 1 - (x.last - x.first + 1) for _, x in mends if x.last < line)


def _apart(mends: Sequence[Mend]) -> Iterator[Mend]:
    """Mends by line, without those that would change a line that another has changed."""
    free = 1
    for mend in sorted(mends, key=lambda m: (m[1].first, m[1].last)):
        if mend[1].first >= free:
            free = mend[1].last + 1
            yield mend


def _mends(data: bytes, findings: Iterable[Finding]) -> list[Mend]:
    return [(f, fix) for f in findings if (fix := f.fix or _closing(f, data)) is not None]


def with_fixes(data: bytes, fixes: Sequence[Fix]) -> bytes:
    """The text with the lines of each fix replaced; fixes do not overlap.

    A new line ends as the old one in its place does; the last one as the last one did.
    """
    bom = BOM if data.startswith(BOM) else b""
    lines = _LINE.findall(data[len(bom) :].decode("utf-8"))
    usual = next((e for line in lines if (e := _end_of(line))), "\n")
    for fix in sorted(fixes, key=lambda x: x.first, reverse=True):
        old = lines[fix.first - 1 : fix.last]
        if old:
            lines[fix.first - 1 : fix.last] = _ended(fix.text.split("\n"), old, usual)
    return bom + "".join(lines).encode("utf-8")


def _ended(new: Sequence[str], old: Sequence[str], usual: str) -> list[str]:
    ends = [_end_of(line) or usual for line in old]
    ends += ends[-1:] * len(new)
    return [line + end for line, end in zip(new[:-1], ends, strict=False)] + [new[-1] + _end_of(old[-1])]


def _end_of(line: str) -> str:
    found = _END.search(line, max(0, len(line) - 2))
    return found[0] if found else ""


def _closing(f: Finding, data: bytes) -> Fix | None:
    """A fence's missing end, at the end of the file; None where prose seems to have got inside it."""
    if f.code != Code.FENCE_UNCLOSED:
        return None
    text = data.removeprefix(BOM).decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").rstrip()
    lines = text.split("\n")
    opened = _FENCE.match(lines[f.line - 1]) if f.line <= len(lines) else None
    body = lines[f.line :]
    if opened is None or not body or any(_PROSE.match(line) for line in body):
        return None
    last = len(lines)
    return Fix(last, last, f"{_as_it_stands(data, last)}\n{opened[1]}{opened[2]}")


def _as_it_stands(data: bytes, number: int) -> str:
    """A line with the blanks at its end."""
    return _text_lines(data)[number - 1]


def _shape(data: bytes, path: str, catalogue: Catalogue) -> Hashable:
    """A guide's steps and ways, whatever the steps are called. None where there is no plan."""
    try:
        plan = compile_guide(parse_guide(data, path), catalogue).plan
    except GuideError:
        return None
    names = {step.id: str(i) for i, step in enumerate(plan.steps)}
    steps = tuple((s.kind, s.risky, _words(s.text), tuple(c.plugin for c in s.calls)) for s in plan.steps)
    edges = sorted(
        (names.get(e.source, e.source), names.get(e.target, e.target), e.condition.text if e.condition else "", e.kind)
        for e in plan.edges
    )
    return steps, tuple(edges)


def _words(text: str) -> str:
    """What a text says: without the numbers of items, the lines that open and close fences, and blanks."""
    kept = (line for line in text.splitlines() if not _FENCE_LINE.fullmatch(line))
    return " ".join(" ".join(_NUMBER.sub(r"\1", line) for line in kept).split())
