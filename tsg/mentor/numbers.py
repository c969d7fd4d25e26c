"""Thresholds and windows in prose and in queries, made comparable."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNITS: dict[str, tuple[str, float]] = {
    "%": ("ratio", 0.01),
    "percent": ("ratio", 0.01),
    "pct": ("ratio", 0.01),
    "ms": ("time", 0.001),
    "millisecond": ("time", 0.001),
    "milliseconds": ("time", 0.001),
    "us": ("time", 1e-6),
    "ns": ("time", 1e-9),
    "s": ("time", 1),
    "sec": ("time", 1),
    "secs": ("time", 1),
    "second": ("time", 1),
    "seconds": ("time", 1),
    "m": ("time", 60),
    "min": ("time", 60),
    "mins": ("time", 60),
    "minute": ("time", 60),
    "minutes": ("time", 60),
    "h": ("time", 3600),
    "hr": ("time", 3600),
    "hrs": ("time", 3600),
    "hour": ("time", 3600),
    "hours": ("time", 3600),
    "d": ("time", 86400),
    "day": ("time", 86400),
    "days": ("time", 86400),
    "w": ("time", 604800),
    "week": ("time", 604800),
    "weeks": ("time", 604800),
    "kb": ("size", 1e3),
    "mb": ("size", 1e6),
    "gb": ("size", 1e9),
    "tb": ("size", 1e12),
    "k": ("size", 1e3),
    "kib": ("size", 2**10),
    "mib": ("size", 2**20),
    "gib": ("size", 2**30),
    "tib": ("size", 2**40),
    "ki": ("size", 2**10),
    "mi": ("size", 2**20),
    "gi": ("size", 2**30),
    "g": ("size", 1e9),
    "byte": ("size", 1),
    "bytes": ("size", 1),
}
_WORDS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "ten": 10,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "sixty": 60,
    "a": 1,
    "an": 1,
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as written, its kind (`ratio`, `time` in s, `size` in bytes, `` without a unit) and its value in it."""

    text: str
    number: float
    kind: str
    value: float
    compared: bool = False

    def __str__(self) -> str:
        return self.text


def quantity(number: str, unit: str, *, compared: bool = False) -> Quantity | None:
    try:
        n = (
            float(number.replace(",", ""))
            if number[:1].isdigit() or number[:1] == "."
            else float(_WORDS[number.lower()])
        )
    except (ValueError, KeyError):
        return None
    kind, factor = _UNITS.get(unit.strip().lower(), ("", 1.0))
    return Quantity(
        f"{number}{' ' if unit.strip().isalpha() and len(unit.strip()) > 2 else ''}{unit.strip()}",
        n,
        kind,
        n * factor,
        compared,
    )


_COMPARED = re.compile(
    r"(?P<cmp>\b(?:above|over|below|under|exceed(?:s|ed|ing)?|(?:greater|more|less|higher|lower|"
    r"larger|longer|fewer|bigger|slower|older|shorter|smaller) than|at least|at most|beyond|reach(?:es|ed)?|"
    r"no more than|up to|drops? to|falls? to|rises? to|stays? at|threshold(?: is| of)?|limit(?: is| of)?)|[<>≥≤]=?)\s*"
    r"(?:or equal to\s*)?(?:the\s+)?`?(?P<n>\d[\d,]*(?:\.\d+)?)\s?(?P<u>%|percent\b|pct\b|(?:ms|"
    r"milliseconds?|us|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|days?|d|[kmgt]i?b|[kmg]i|"
    r"bytes?)\b)?",
    re.IGNORECASE,
)


def measures(text: str) -> list[Quantity]:
    """Numbers that a sentence compares something with."""
    made = []
    for found in _COMPARED.finditer(text):
        q = quantity(found["n"], found["u"] or "", compared=True)
        if q is not None and not re.match(
            r"\s*(?:lines?|rows?|times|attempts?|replicas?|of\s+\d|steps?|nodes?|pods?|hosts?|minutes? ago|"
            r"characters)\b",
            text[found.end() :],
        ):
            made.append(q)
    return made


_CODE_COMPARED = re.compile(
    r"(?:(?P<before>[\w)\]}\"'%*.]+)\s*)?(?P<op>>=|<=|(?<![-=<>])>(?![>&(])|"
    r"(?<![<$(=])<(?![<(A-Za-z])|\s-(?:gt|lt|ge|le)\s)\s*\"?(?P<n>\d+(?:\.\d+)?)(?P<u>%|[kKMGT]i?B?\b|"
    r"ms\b|s\b)?(?P<math>(?:\s*[*]\s*\d+(?:\.\d+)?){0,4})"
)


def thresholds_in_code(code: str) -> list[Quantity]:
    """Numbers that code compares something with; those with 0 and 1 are left out."""
    made = []
    for line in code.splitlines():
        bare = line.strip()
        if bare.startswith(("#", "--")) or len(bare) > 4000:
            continue
        for found in _CODE_COMPARED.finditer(re.sub(r"'[^']*'|(?<!=)\"[^\"]*\"", "''", line)):
            if found["op"] == ">" and (found["before"] or "").isdigit():
                continue
            q = quantity(found["n"], found["u"] or "", compared=True)
            if q is None or (q.number in {0.0, 1.0, 2.0} and found["op"].strip() == ">" and not found["before"]):
                continue
            value = q.number
            for factor in re.findall(r"\d+(?:\.\d+)?", found["math"]):
                value *= float(factor)
            if value != q.number:
                q = Quantity(found[0].strip(), value, "", value, True)
            if q.number != 0:
                made.append(q)
    return made


def same(a: Quantity, b: Quantity) -> bool:
    """Whether two quantities may be one, in any units that a query might use."""
    if a.kind and b.kind and a.kind == b.kind:
        return _near(a.value, b.value) or (a.kind == "size" and _near(a.value, b.value, 0.08))
    scales = (
        1.0,
        0.01,
        100.0,
        0.001,
        1000.0,
        1e-6,
        1e6,
        1e9,
        1e-9,
        1024.0,
        2.0**20,
        2.0**30,
        1 / 1024,
        60.0,
        1 / 60,
        3600.0,
        1 / 3600,
        86400.0,
    )
    if a.kind == "ratio" or b.kind == "ratio":
        ratio, other = (a, b) if a.kind == "ratio" else (b, a)
        return any(
            _near(other.number, x)
            for x in (ratio.number, ratio.value, 100 - ratio.number, 1 - ratio.value, 1 + ratio.value)
        )
    if a.kind or b.kind:
        kind, other = (a, b) if a.kind else (b, a)
        return any(_near(kind.value * s, other.number) for s in scales) or any(
            _near(kind.number * s, other.number) for s in (1.0, 1000.0, 0.001)
        )
    return _near(a.number, b.number) or _near(a.number, b.number * 100) or _near(a.number * 100, b.number)


def _near(x: float, y: float, by: float = 0.001) -> bool:
    return abs(x - y) <= by * max(abs(x), abs(y), 1e-12)


_N = r"(?P<n>\d+(?:\.\d+)?|one|two|three|five|six|ten|fifteen|twenty|thirty|sixty|an?)"
_U = r"(?P<u>m|min|mins|minutes?|h|hrs?|hours?|d|days?|s|secs?|seconds?|weeks?)"
_IN_TEXT = re.compile(
    rf"\b(?:(?:in|over|during|for|within|from|of|across)\s+(?:the\s+)?(?:last|past|previous|preceding|"
    rf"recent)|(?:last|past)|over(?: a)?|averaged over|rate over|window of|(?:over|"
    rf"in) the last)\s+{_N}[\s-]?{_U}\b"
    rf"|\b(?P<n2>\d+)[\s-](?P<u2>minutes?|min|hours?|h|m|days?|seconds?)[\s-](?:window|rate|average|"
    rf"range|interval|period)\b"
    rf"|\b(?:the\s+)?(?:last|past)\s+(?P<u3>minute|hour|day|week)\b",
    re.IGNORECASE,
)


def windows_in_text(text: str) -> list[Quantity]:
    """Spans of time that a sentence says it looks back over."""
    made = []
    for found in _IN_TEXT.finditer(text):
        number = found["n"] or found["n2"] or "1"
        unit = found["u"] or found["u2"] or found["u3"]
        if (q := quantity(number, unit)) is not None:
            made.append(q)
    return made


_IN_CODE = re.compile(
    r"\[(?P<p>\d+)(?P<pu>ms|[smhdw])(?::\w*)?\]|--since[= ]\"?(?P<k>\d+)(?P<ku>[smhd])\b|"
    r"--since[= ]\"?-?(?P<j>\d+)\s?(?P<ju>m(?:in)?(?:utes?)?|h(?:ours?)?|s(?:ec)?(?:onds?)?|"
    r"d(?:ays?)?)\b|interval\s*'?(?P<i>\d+)\s*'?\s*(?P<iu>minutes?|hours?|days?|seconds?|weeks?)|"
    r"ago\((?P<a>\d+)(?P<au>[smhd])\)|-S(?:tartTime)?\s+now-(?P<n>\d+)(?P<nu>minutes?|hours?|days?)|"
    r"Add(?P<ad>Minutes|Hours|Days)\(-(?P<an>\d+)\)|-mmin [-+](?P<mm>\d+)|-mtime [-+](?P<mt>\d+)|"
    r"now-(?P<w>\d+)(?P<wu>[smhd])\b",
    re.IGNORECASE,
)


def windows_in_code(code: str) -> list[Quantity]:
    """Spans of time that a query or command looks back over."""
    made = []
    for found in _IN_CODE.finditer(code):
        g = found.groupdict()
        pair = next(
            (
                (g[a], g[b])
                for a, b in (
                    ("p", "pu"),
                    ("k", "ku"),
                    ("j", "ju"),
                    ("i", "iu"),
                    ("a", "au"),
                    ("n", "nu"),
                    ("an", "ad"),
                    ("w", "wu"),
                )
                if g[a]
            ),
            None,
        )
        if pair is None:
            pair = (g["mm"], "m") if g["mm"] else (g["mt"], "d")
        if (q := quantity(pair[0], pair[1].lower())) is not None:
            made.append(q)
    return made
