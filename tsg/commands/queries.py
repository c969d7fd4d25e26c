"""Blocks of queries: PromQL, LogQL, KQL and HTTP requests cut into single ones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands.verdict import READS, Verdict, changes, unknown

_JOINS = re.compile(
    r"\s*(?:[-+*/%^|>=)\]},]|[<!]=?|and\b|or\b|unless\b|by\b|without\b|on\b|ignoring\b|group_left\b|group_right\b|offset\b|bool\b|@)",
    re.IGNORECASE,
)
_OPEN_END = re.compile(
    r"(?:[-+*/%^<>=(,\[{|]|\b(?:and|or|unless|by|without|on|ignoring|offset|bool))\s*$", re.IGNORECASE
)
_REQUEST = re.compile(r"\s*(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)[ ]+(\S+)", re.IGNORECASE)


def split_queries(lines: list[str]) -> Iterator[tuple[int, int, bool]]:
    """First and last index of every query and comment, and whether it is a comment.

    A query ends where its brackets are closed and the next line continues no expression.
    """
    start: int | None = None
    depth = 0
    last = 0
    for at, line in enumerate(lines):
        text = line.strip()
        if not text:
            continue
        is_comment = text.startswith(("#", "//"))
        if is_comment and start is None:
            yield at, at, True
            continue
        if is_comment and depth > 0:
            continue
        goes_on = depth > 0 or _JOINS.match(text) is not None or _OPEN_END.search(lines[last]) is not None
        if start is not None and (is_comment or not goes_on):
            yield start, last, False
            start = None
        if is_comment:
            yield at, at, True
            continue
        start = at if start is None else start
        last = at
        bare = re.sub(r'"(?:\\.|[^"\\])*"', "", text)
        depth = max(0, depth + sum(bare.count(c) for c in "([{") - sum(bare.count(c) for c in ")]}"))
    if start is not None:
        yield start, last, False


def split_requests(lines: list[str]) -> Iterator[tuple[int, int, bool]]:
    """First and last index of every HTTP request with its headers and body."""
    start: int | None = None
    last = 0
    for at, line in enumerate(lines):
        text = line.strip()
        if not text:
            continue
        if text.startswith(("#", "//")):
            if start is not None:
                yield start, last, False
                start = None
            yield at, at, True
            continue
        if _REQUEST.match(line):
            if start is not None:
                yield start, last, False
            start = at
        last = at
    if start is not None:
        yield start, last, False


def judge_request(text: str) -> Verdict:
    """What an HTTP request does, by its method; searches and queries by POST read."""
    found = _REQUEST.match(text)
    if found is None:
        return unknown("no HTTP request")
    method, path = found[1].upper(), found[2]
    if method in {"GET", "HEAD", "OPTIONS"}:
        return READS
    if method == "POST" and re.search(
        r"/_(?:search|count|analyze|validate|explain|mget|msearch)\b|/api/v1/(?:query|series|labels)", path
    ):
        return READS
    return changes(f"{method} {path[:60]} changes state", destructive=method == "DELETE")
