"""Label matchers: a value matches itself, `~regex` matches whole values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

MAX_PATTERN = 200
MAX_VALUE = 512  # a label value longer than this matches no pattern; it is not an identity any more

# A repeated group that repeats inside: `(a+)+` takes exponential time on a value that does not match.
_NESTED = re.compile(r"\((?:[^()\\]|\\.)*[+*{](?:[^()\\]|\\.)*\)\s*[+*{]")
_BACK_REFERENCE = re.compile(r"\\[1-9]|\(\?P=")


def matcher_problem(value: str) -> str | None:
    """Why this matcher cannot be used, or None when it can."""
    if not value.startswith("~"):
        return None
    pattern = value[1:]
    if len(pattern) > MAX_PATTERN:
        return f"the pattern has {len(pattern)} characters, the limit is {MAX_PATTERN}"
    if _NESTED.search(pattern) or _BACK_REFERENCE.search(pattern) or pattern.count("*") + pattern.count("+") > 8:
        return f"the pattern '{pattern}' can take too long"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as exc:
        return f"the pattern '{pattern}' is no regular expression: {exc}"
    return None


def matches(matchers: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every matcher holds; a label that is absent counts as empty, as in Prometheus."""
    return all(_holds(value, labels.get(label, "")) for label, value in matchers.items())


def specificity(matchers: Mapping[str, str]) -> tuple[int, int]:
    """How narrow the matchers are: exact values first, then patterns. Larger is narrower."""
    patterns = sum(v.startswith("~") for v in matchers.values())
    return len(matchers) - patterns, patterns


def _holds(matcher: str, value: str) -> bool:
    if not matcher.startswith("~"):
        return matcher == value
    return len(value) <= MAX_VALUE and _compiled(matcher[1:]).fullmatch(value) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
