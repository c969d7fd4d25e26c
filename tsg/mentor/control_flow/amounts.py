"""How much a sentence says and how much its command does: by two, twice, three times a minute apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

NUMBERS = {
    "a tenth": 0.1, "one tenth": 0.1, "a fifth": 0.2, "a quarter": 0.25, "a third": 1 / 3, "half": 0.5, "one": 1,
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12,
    "twenty": 20, "hundred": 100, "a": 1, "an": 1, "another": 1, "once": 1, "twice": 2,
}  # fmt: skip
_AMOUNT = rf"(?P<n>\d+(?:\.\d+)?|{'|'.join(sorted(NUMBERS, key=len, reverse=True))})"
_UP = r"(?:increas|rais|add|bump|grow|extend|expand|increment|scale[^.;]{0,30} (?:up|out)|more)"
_DOWN = r"(?:decreas|reduc|lower|shrink|decrement|scale[^.;]{0,30} (?:down|in)|fewer|less|remov|cut|take away|drop)"
_BY = re.compile(
    rf"\b(?P<verb>{_UP}|{_DOWN})\w*\b[^.;\n]{{0,60}}?\bby\s+{_AMOUNT}\b(?!\s*(?:%|percent|the\b|\w+ing\b))"
    rf"|\b(?P<add>add|remove|take away|drop)\s+{_AMOUNT.replace('<n>', '<n1>')}\s+(?:more\s+|extra\s+"
    rf"|further\s+)?(?:of them|replicas?|workers?|pods?|instances?|nodes?|consumers?|partitions?)\b"
    rf"|\b{_AMOUNT.replace('<n>', '<n2>')}\s+(?P<kind>more|fewer|less|additional)\b(?! than \d)",
    re.IGNORECASE,
)
_TIMES = re.compile(r"\b(?P<verb>doubl|tripl|halv)(?:e|es|ing)\b|\b(?P<half>by half|to half)\b", re.IGNORECASE)
_FACTOR = {"doubl": 2.0, "tripl": 3.0, "halv": 0.5}
# `$((N + 2))`, `echo "$W - 0.1" | bc`
_SUM = re.compile(r"[\w>}\"')$]\s+(?P<op>[-+*/])\s+(?P<n>\d+(?:\.\d+)?)(?=\s*(?:\)|\"|'|\||$))")


def step_said(text: str) -> tuple[str, float] | None:
    """The operation that a sentence orders on a number: ("+", 2.0), ("*", 2.0)."""
    if found := _TIMES.search(text):
        return "*", _FACTOR.get((found["verb"] or "halv").lower(), 0.5)
    if (found := _BY.search(text)) is None:
        return None
    word = (found["n"] or found["n1"] or found["n2"]).lower()
    number = NUMBERS[word] if word in NUMBERS else float(word)
    said = (found["verb"] or found["add"] or found["kind"]).lower()
    return ("-" if re.match(_DOWN, said, re.IGNORECASE) else "+"), number


def step_done(code: str) -> tuple[str, float] | None:
    """The one operation on a number that a command makes."""
    found = list(_SUM.finditer(code))
    return (found[0]["op"], float(found[0]["n"])) if len(found) == 1 else None


def differ(said: tuple[str, float], done: tuple[str, float]) -> bool:
    """Whether two operations lead to different numbers; a tenth less is `- 0.1` as well as `* 0.9`."""
    (op, n), (does, m) = said, done
    if op == "*":
        return not ((does == "*" and m == n) or (does == "/" and m and abs(1 / m - n) < 0.01))
    if does == "*":
        return abs(m - (1 + n if op == "+" else 1 - n)) > 0.001
    return op != does or abs(n - m) > 0.001


_ROUNDS = re.compile(rf"\b{_AMOUNT}(?:\s+times)\b|\b(?P<word>twice|thrice)\b", re.IGNORECASE)
_APART = re.compile(
    rf"\b(?:{_AMOUNT}\s+(?P<unit>s|seconds?|min|minutes?) apart|every\s+(?P<n1>\d+)?\s*(?P<unit1>s|seconds?|min"
    rf"|minutes?)\b)",
    re.IGNORECASE,
)
_LOOPS = re.compile(
    r"\bfor\s+\w+\s+in\s+(?P<list>\d+(?:[ \t]+\d+)+|\{1\.\.\d+\}|\$\(seq (?:1 )?\d+\)|`seq (?:1 )?\d+`)"
)
_SLEEP = re.compile(r"\bsleep\s+(?P<n>\d+)(?P<unit>[smh]?)\b")
_LIMIT = re.compile(
    r"\b(?:no longer than|at most|up to|not more than|a timeout of|times? out after|give up after|for)\s+(?P<n>\d+)\s*"
    r"(?P<unit>s|seconds?|min|minutes?|m|h|hours?)\b",
    re.IGNORECASE,
)
_TIMEOUT = re.compile(r"--timeout[= ](?P<n>\d+)(?P<unit>s|m|h|min)?\b")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def rounds_differ(text: str, code: str) -> Iterator[str]:
    """What a sentence and the loop below it say of rounds, of the time between them, and of the longest wait."""
    if (loop := _LOOPS.search(code)) and (said := _ROUNDS.search(text)):
        inner = re.findall(r"\d+", loop["list"])
        does = len(inner) if loop["list"][0].isdigit() else int(inner[-1])
        word = (said["n"] or said["word"]).lower()
        times = {"thrice": 3}.get(word) or (NUMBERS[word] if word in NUMBERS else float(word))
        if times != does:
            yield f"the text says {times:g} times, the loop goes {does} times"
    if loop and (sleep := _SLEEP.search(code)) and (apart := _APART.search(text)):
        word = (apart["n"] or apart["n1"] or "1").lower()
        wanted = (NUMBERS[word] if word in NUMBERS else float(word)) * _SECONDS[
            (apart["unit"] or apart["unit1"])[0].lower()
        ]
        waits = int(sleep["n"]) * _SECONDS[sleep["unit"] or "s"]
        if wanted != waits:
            yield f"the text says {wanted:g} s apart, the loop waits {waits:g} s"
    limits, timeouts = list(_LIMIT.finditer(text)), list(_TIMEOUT.finditer(code))
    if len(limits) == 1 and len(timeouts) == 1:
        longest = int(limits[0]["n"]) * _SECONDS[limits[0]["unit"][0].lower()]
        waits = int(timeouts[0]["n"]) * _SECONDS[(timeouts[0]["unit"] or "s")[0]]
        if longest != waits and _WAITS.search(text[: limits[0].end() + 1]):
            yield f"the text says {longest} s, the command waits {waits} s"


_WAITS = re.compile(
    r"\b(?:no longer than|timeout of|times? out after|give up after|wait\w*\b[^.;]*)\s+\d+\s*\w+\W*$", re.IGNORECASE
)
