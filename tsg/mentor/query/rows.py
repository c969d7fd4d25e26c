"""Rows of shell code at which a command may start: not those inside quotes, here-documents or a command's own lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.mentor.code import Code

_HEREDOC = re.compile(r"(?<!<)<<-?\s*(?P<quote>['\"\\]?)(?P<word>[A-Za-z_]\w*)")
_GOES_ON = re.compile(r"(?:\\|\||&&|`|,|[({\[])\s*$")


def starts_of_statements(code: Code) -> Iterator[tuple[int, str]]:
    """Lines and rows, comments and blank rows left out."""
    quote, until, goes_on = "", "", False
    for at, row in code.rows:
        bare = row.strip()
        if until:
            until = "" if bare == until else until
            continue
        if not quote and (not bare or bare.startswith("#")):
            goes_on = goes_on and not bare
            continue
        if not quote and not goes_on:
            yield at, row
        was = quote
        quote = _open_quote(row, quote)
        goes_on = _GOES_ON.search(row) is not None and not (bare in "{[" and not was)
        if not quote and (found := _HEREDOC.search(row)):
            until = found["word"]


def _open_quote(row: str, quote: str) -> str:
    """The quote that is open at a row's end; an apostrophe inside a word is none."""
    escaped = False
    for i, c in enumerate(row):
        if escaped:
            escaped = False
        elif c == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if c == quote else quote
        elif c == "#" and (i == 0 or row[i - 1].isspace()):
            return ""
        elif c == '"' or (c == "'" and not (0 < i < len(row) - 1 and row[i - 1].isalpha() and row[i + 1].isalpha())):
            quote = c
    return quote
