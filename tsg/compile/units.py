"""Durations and counts as people write them: `10s`, `30 s`, `5 min`, `three times`."""

from __future__ import annotations

import re

_SECONDS = {
    "ms": 0.001, "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400,
}  # fmt: skip
DURATION = rf"\d+(?:\.\d+)?\s?(?:{'|'.join(sorted(_SECONDS, key=len, reverse=True))})"
_DURATION = re.compile(rf"(\d+(?:\.\d+)?)\s?({'|'.join(sorted(_SECONDS, key=len, reverse=True))})")
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
TIMES = rf"(?:once|twice|(?:\d{{1,6}}|{'|'.join(_WORDS)}) times?)"


def seconds(text: str) -> float | None:
    """`30 s` -> 30.0, `5m` -> 300.0; None when it is no duration."""
    found = _DURATION.fullmatch(text.strip())
    return float(found[1]) * _SECONDS[found[2]] if found else None


def times(text: str) -> int:
    """`3 times` -> 3, `twice` -> 2; `text` matches TIMES."""
    word = text.split()[0].lower()
    if word in {"once", "twice"}:
        return 1 if word == "once" else 2
    return int(word) if word.isdigit() else _WORDS.index(word) + 1
