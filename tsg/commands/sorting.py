"""The lines of a shell block told apart, so that only commands and comments reach the parser."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from tsg.commands.language import is_root_command
from tsg.commands.lines import Kind, classify, is_known_command, program_of, strip_prompt
from tsg.commands.tools import strong_names
from tsg.words import words

MAX_QUOTED_LINES = 200  # lines that a quoted text may span
_SURE_TAGS = words("bash sh shell zsh fish ksh bash-interactive command commands shel")
_OPENS = re.compile(r"(?:^[ \t]*|[;&|(][ \t]*|\b(?:do|then|else)[ ]+)(?:if|for|while|until|case|select)\b")
_CLOSES = re.compile(r"(?:^|[;&|{ \t])(?:fi|done|esac)(?=[ \t]*(?:$|[;&|)<>}]))")
_LABELS = words("bash sh shell console yaml json sql python powershell text copy")  # left over from a page's code block


@dataclass(frozen=True, slots=True)
class Told:
    """`kept` is the text for the parser, line by line, other lines blank; `remarks`: first, last row, text, prose."""

    kept: list[str] = field(default_factory=list)
    remarks: list[tuple[int, int, str, bool]] = field(default_factory=list)
    output: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Block:
    """What holds for every line of a block: the tag says shell, lines have prompts, root's prompt among them."""

    sure: bool
    prompted: bool
    root: bool


def sort_lines(tag: str, lines: Sequence[str]) -> Told:
    """Tell commands from the rest, a statement at a time: what a quote or a heredoc holds belongs to its command."""
    sure = tag.strip().lower() in _SURE_TAGS
    prompted = any(strip_prompt(line)[1] == "$" for line in lines)
    root = not sure and not prompted and any(_is_root(line) for line in lines[:200])
    block = _Block(sure, prompted, root)
    ends = _HereDocs(lines)
    told = Told()
    closers = sum(len(_CLOSES.findall(line)) for line in lines)
    at = opened = 0
    after_command = False
    while at < len(lines):
        line = lines[at]
        kind, length = _kind(line, block, after_command=after_command)
        if opened and closers and kind is not Kind.BLANK:
            kind = kind if kind is Kind.COMMENT else Kind.COMMAND  # what stands in a loop is a part of it
        after_command = kind is Kind.COMMAND
        if after_command:
            opened = max(0, opened + len(_OPENS.findall(line)) - len(_CLOSES.findall(line)))
        closers -= len(_CLOSES.findall(line))
        if kind is Kind.COMMAND:
            last = _last_line(lines, at, length, ends)
            told.kept.append(" " * length + line[length:])
            told.kept.extend(_continued(lines[n], prompted=length > 0) for n in range(at + 1, last + 1))
            at = last + 1
            continue
        if kind is Kind.PROSE:
            told.remarks.append((at, at, line.strip(), True))
        elif kind in {Kind.OUTPUT, Kind.CONFIG}:
            told.output.append(at)
        told.kept.append(line if kind is Kind.COMMENT else _blank(line))
        at += 1
    return told


def _is_root(line: str) -> bool:
    return line.lstrip().startswith("# ") and is_root_command(line)


def _kind(line: str, block: _Block, *, after_command: bool) -> tuple[Kind, int]:
    """What a line is in its block, and the length of its prompt."""
    length, prompt = strip_prompt(line)
    if prompt == "$" and not line.lstrip().startswith("#"):
        return Kind.COMMAND, length
    if block.root and _is_root(line):
        return Kind.COMMAND, len(line) - len(line.lstrip()) + 2
    if after_command and line.lstrip()[:1] in {"'", '"'}:
        return Kind.COMMAND, 0  # a quoted text whose line break lacks a backslash
    if not block.sure and line.strip().lower() in _LABELS:
        return Kind.OUTPUT, 0
    kind = classify(line, sure=block.sure)
    if kind in {Kind.BLANK, Kind.COMMENT}:
        return kind, 0
    if block.prompted:
        return (Kind.COMMAND if kind is Kind.COMMAND and _plainly(line) else Kind.OUTPUT), 0
    if block.root:
        return (Kind.COMMAND if is_known_command(line) else Kind.OUTPUT), 0
    if kind is Kind.MAYBE and not block.sure:
        return _doubtful(line), 0
    return (Kind.COMMAND if kind is Kind.MAYBE else kind), 0


def _plainly(line: str) -> bool:
    """Whether a line without a prompt among prompted ones is a command all the same."""
    name, rest = program_of(line)
    return name in strong_names() and bool(rest) and is_known_command(line)


def _doubtful(line: str) -> Kind:
    """A line that may be a command, in a block whose tag does not say so."""
    return Kind.COMMAND if len(line.split()) <= 12 and not line.rstrip().endswith((".", ":")) else Kind.OUTPUT


def _blank(line: str) -> str:
    """As many bytes of blanks."""
    return " " * len(line.encode())


def _continued(line: str, prompted: bool) -> str:
    """A line that continues a command; the second prompt `> ` is blanked."""
    return "  " + line[2:] if prompted and line.startswith("> ") else line


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


def _last_line(lines: Sequence[str], at: int, skip: int, ends: _HereDocs) -> int:
    """The last line of the statement that begins on line `at`: backslashes, open quotes and heredocs continue it."""
    quote = ""
    start = at
    row = at
    text = lines[at][skip:]
    closed_at = at
    while True:
        quote, heredocs, joined = _scan(text, quote)
        for word in heredocs:
            end = ends.end(word, row)
            if end is not None:
                row = max(row, end)
        if not quote:
            closed_at = row
            if not joined:
                return closed_at
        elif row - start > MAX_QUOTED_LINES:
            return closed_at
        row += 1
        if row >= len(lines):
            return closed_at if quote else len(lines) - 1
        text = lines[row]


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


def uncommented(text: str) -> str:
    return "\n".join(
        line.strip().lstrip("#").removeprefix("//").removeprefix("--").strip() for line in text.split("\n")
    )
