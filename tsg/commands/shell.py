"""Shell scripts: parsed into statements, each with the verdict on all commands in it.

Offsets are bytes. A part that does not parse is read again line by line, so that one slip in a guide loses
no command.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace

from tsg.commands.holes import masked
from tsg.commands.judge import Scope, ShellJudge
from tsg.commands.model import Does
from tsg.commands.shell_statement import BROKEN, Statement, read_statement
from tsg.commands.shell_tree import MAX_LINE, parse
from tsg.commands.verdict import NOTHING, Verdict, unknown, worst
from tsg.commands.words_in import split_words

MAX_WORD = 80  # bytes of a line that may end a heredoc


def read_script(source: bytes, scope: Scope | None = None) -> list[Statement]:
    """Statements and comments of a script in their order."""
    return _statements(source, ShellJudge(scope or Scope()))


def judge_script(text: str, judge: ShellJudge) -> Verdict:
    """The verdict on a script inside a command, e.g. after `sh -c`."""
    return worst(s.verdict for s in _statements(text.encode(), judge) if not s.comment)


def _statements(source: bytes, judge: ShellJudge) -> list[Statement]:
    hidden = masked(source)
    root = parse(hidden)
    if root is None or root.is_error:  # its children are pieces, not statements
        return list(_by_lines(source, hidden, 0, len(source), judge))
    found: list[Statement] = []
    broken_from: int | None = None
    broken_row = 0
    for node in root.children:
        if node.has_error:
            if broken_from is None:
                broken_from = _line_start(hidden, node.start_byte)
            broken_row = node.end_point.row
            continue
        if broken_from is not None:
            if node.start_point.row == broken_row:  # stands on a line that is read again as a whole
                broken_row = node.end_point.row
                continue
            found.extend(_by_lines(source, hidden, broken_from, _line_start(hidden, node.start_byte), judge))
            broken_from = None
        if node.is_named:
            found.append(read_statement(node, source, judge))
    if broken_from is not None:
        found.extend(_by_lines(source, hidden, broken_from, len(source), judge))
    return _deduplicated(found)


def _line_start(source: bytes, at: int) -> int:
    return source.rfind(b"\n", 0, at) + 1


def _line_end(source: bytes, at: int) -> int:
    end = source.find(b"\n", at)
    return len(source) if end < 0 else end


def _deduplicated(found: list[Statement]) -> list[Statement]:
    """A statement that was read both as a whole and line by line is kept once."""
    kept: list[Statement] = []
    for statement in found:
        while kept and kept[-1].start >= statement.start and kept[-1].end <= statement.end:
            kept.pop()
        if kept and statement.start < kept[-1].end and statement.end <= kept[-1].end:
            continue
        kept.append(statement)
    return kept


def _by_lines(source: bytes, hidden: bytes, start: int, end: int, judge: ShellJudge) -> Iterator[Statement]:
    """Read a part that does not parse as a whole line by line; the text of a heredoc is no command."""
    lines = hidden[start:end].split(b"\n")
    ends: dict[bytes, list[int]] = {}
    at = start
    for line in lines:
        if len(line) < MAX_WORD:
            ends.setdefault(line.strip(), []).append(at)
        at += len(line) + 1
    at = skip_to = start
    for line in lines:
        first, stop = at, at + len(line)
        at = stop + 1
        if first < skip_to or not line.strip():
            continue
        while hidden[first:stop].rstrip().endswith(b"\\") and stop < end and stop - first < MAX_LINE:
            stop = min(_line_end(hidden, stop + 1), end)
        skip_to = max(stop, _heredoc_end(hidden[first:stop], stop, ends))
        yield from _line(source[first:stop], hidden[first:stop], first, judge)


def _heredoc_end(line: bytes, stop: int, ends: dict[bytes, list[int]]) -> int:
    """Where the text of a heredoc that begins on a line ends, 0 where there is none."""
    found = re.search(rb"(?<!<)<<-?[ \t]*(['\"]?)(\w{1,40})\1", line)
    if found is None:
        return 0
    offsets = ends.get(found[2], [])
    at = bisect_right(offsets, stop)
    return offsets[at] + len(found[2]) if at < len(offsets) else 0


def _line(source: bytes, hidden: bytes, offset: int, judge: ShellJudge) -> Iterator[Statement]:
    stripped = len(hidden) - len(hidden.lstrip())
    if hidden.lstrip().startswith(b"#"):
        yield Statement(offset + stripped, offset + len(hidden.rstrip()), NOTHING, comment=True)
        return
    root = parse(hidden)
    if root is not None and not root.has_error:
        for node in root.children:
            if node.is_named:
                statement = read_statement(node, source, judge)
                yield replace(statement, start=statement.start + offset, end=statement.end + offset)
        return
    verdict = _rough(source.decode(errors="replace")[:MAX_LINE], judge)
    yield Statement(offset + stripped, offset + len(hidden.rstrip()), verdict)


def _rough(text: str, judge: ShellJudge) -> Verdict:
    """The verdict on a line that does not parse: cut at every operator, worst part; never known to only read."""
    parts: list[Verdict] = []
    piece: list[str] = []
    for char in text + "\n":
        if char in "|;&\n()`{}<>":
            words = split_words("".join(piece).replace("'", "").replace('"', ""))
            if words:
                parts.append(judge.judge(words))
            piece = []
            if len(parts) >= 64:
                break
        else:
            piece.append(char)
    verdict = worst([*parts, NOTHING])
    if all(part.does is Does.NOTHING for part in parts):
        return replace(verdict, does=Does.UNKNOWN, why="it does not parse", broken=BROKEN) if parts else NOTHING
    if not verdict.is_change:
        lead = unknown("it does not parse")
        return replace(verdict, does=lead.does, why=lead.why, broken=verdict.broken or BROKEN)
    return replace(verdict, broken=verdict.broken or BROKEN)
