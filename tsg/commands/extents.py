"""Where a statement that begins on a line of a block ends."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from tsg.commands.holes import masked
from tsg.commands.shell_tree import parse

MAX_ROWS = 200  # lines that a quoted text, a loop or a branch may span
MAX_SEARCH = 1_000_000  # characters of a block that are parsed to find where its loops and branches end
_OPENS = re.compile(r"\b(?:if|for|while|until|case|select|function)\b|[({][ \t]*(?:#.*)?$|\)[ \t]*$")
_CLOSES = re.compile(r"\b(?:fi|done|esac)\b|[)}]")


class Extents:
    """The statements of a block, so that each line's last line is found without a search through all."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._heredocs = _HereDocs(lines)
        self._closing = [row for row, line in enumerate(lines) if _CLOSES.search(line)]
        self._left = MAX_SEARCH

    def last(self, at: int, skip: int) -> int:
        """The last row of the statement that begins on row `at` behind `skip` characters of a prompt."""
        last = self._unquoted(at, skip)
        if not any(_OPENS.search(line) for line in self._lines[at : last + 1]):
            return last
        return self._compound(at, last, skip)

    def text(self, first: int, last: int, skip: int) -> list[str]:
        """Rows of a statement, as many bytes each, prompts blanked."""
        head = " " * skip + self._lines[first][skip:]
        return [head, *(_continued(line, prompted=skip > 0) for line in self._lines[first + 1 : last + 1])]

    def _compound(self, at: int, last: int, skip: int) -> int:
        """Where a loop, a branch, a function or a group closes; `last` where it has, or never does."""
        if _parses(self.text(at, last, skip)):
            return last
        for n in range(bisect_right(self._closing, last), len(self._closing)):
            row = self._closing[n]
            if row - at > MAX_ROWS or self._left <= 0:
                break
            text = self.text(at, row, skip)
            self._left -= sum(len(line) for line in text)
            if _parses(text):
                return row
        return last

    def _unquoted(self, at: int, skip: int) -> int:
        """Where no backslash, quote or heredoc continues a line any more."""
        lines = self._lines
        quote = ""
        start = at
        row = at
        text = lines[at][skip:]
        closed_at = at
        while True:
            quote, heredocs, joined = _scan(text, quote)
            for word in heredocs:
                end = self._heredocs.end(word, row)
                if end is not None:
                    row = max(row, end)
            if not quote:
                closed_at = row
                if not joined:
                    return closed_at
            elif row - start > MAX_ROWS:
                return closed_at
            row += 1
            if row >= len(lines):
                return closed_at if quote else len(lines) - 1
            text = lines[row]


def _parses(lines: Sequence[str]) -> bool:
    root = parse(masked("\n".join(lines).encode()))
    return root is not None and not root.has_error


class _HereDocs:
    """Where each line's text stands next, so that a heredoc's end is found without a search."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._rows: dict[str, list[int]] = {}
        for row, line in enumerate(lines):
            text = line.strip()
            if text and len(text) <= 60:
                self._rows.setdefault(text, []).append(row)

    def end(self, word: str, after: int) -> int | None:
        rows = self._rows.get(word, [])
        at = bisect_right(rows, after)
        return rows[at] if at < len(rows) else None


def _scan(text: str, quote: str) -> tuple[str, list[str], bool]:
    """Which quote is open after a line, the heredocs it begins, and whether a backslash continues it."""
    heredocs: list[str] = []
    at = 0
    size = len(text)
    while at < size:
        char = text[at]
        if quote:
            if char == "\\" and quote == '"':
                at += 1
            elif char == quote:
                quote = ""
        elif char == "\\":
            at += 1
        elif char in "'\"":
            quote = char
        elif char == "#" and (at == 0 or text[at - 1].isspace()):
            return quote, heredocs, False
        elif text.startswith("<<", at) and not text.startswith("<<<", at):
            word, at = _heredoc_word(text, at + 2)
            if word:
                heredocs.append(word)
            continue
        elif text.startswith("<<<", at):
            at += 2
        at += 1
    return quote, heredocs, at > size or (text.endswith("\\") and not quote)


def _heredoc_word(text: str, at: int) -> tuple[str, int]:
    if text.startswith("-", at):
        at += 1
    while at < len(text) and text[at] in " \t":
        at += 1
    end = at
    while end < len(text) and (text[end].isalnum() or text[end] in "_'\"\\-."):
        end += 1
    return text[at:end].strip("'\"\\"), end


def _continued(line: str, prompted: bool) -> str:
    """A line that continues a command; the second prompt `> ` is blanked."""
    return "  " + line[2:] if prompted and line.startswith("> ") else line
