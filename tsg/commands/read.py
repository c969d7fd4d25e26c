"""A block of code read into commands, remarks and output."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from dag.model import Span
from tsg.commands import queries
from tsg.commands.holes import holes
from tsg.commands.judge import Scope
from tsg.commands.language import language_of
from tsg.commands.lines import strip_prompt
from tsg.commands.model import CodeBlock, Command, Does, Language, Remark
from tsg.commands.powershell import read_powershell
from tsg.commands.shell import read_script
from tsg.commands.sorting import sort_lines, uncommented
from tsg.commands.sql import judge_kql, read_sql
from tsg.commands.tools.databases import judge_mongo
from tsg.commands.verdict import READS, Verdict, unknown
from tsg.commands.wrappers import is_session

Part = Command | Remark


def read_block(tag: str, body: str, body_line: int) -> CodeBlock:
    """Read the body of a fence whose first line is line `body_line` of the guide."""
    language, tagged = language_of(tag, body)
    lines = body.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    match language:
        case Language.SHELL:
            parts, output = _shell(tag, lines, body_line)
        case Language.POWERSHELL:
            parts, output = _powershell(lines, body_line)
        case Language.SQL:
            parts, output = _sql(lines, body_line), ()
        case Language.PROMQL | Language.LOGQL | Language.KQL:
            parts, output = _queries(language, lines, body_line), ()
        case Language.HTTP:
            parts, output = _requests(lines, body_line), ()
        case Language.PYTHON:
            parts, output = _program(lines, body_line), ()
        case Language.PROSE:
            parts, output = _sentences(lines, body_line), ()
        case _:
            whole = language is Language.OUTPUT and bool(lines)
            parts, output = [], (Span(body_line, body_line + len(lines) - 1),) if whole else ()
    return CodeBlock(language, tagged, tuple(parts), tuple(output))


def _shell(tag: str, lines: Sequence[str], body_line: int) -> tuple[list[Part], tuple[Span, ...]]:
    told = sort_lines(tag, lines)
    source = "\n".join(told.kept).encode()
    rows = _row_starts(source)
    placed: list[tuple[int, int, Part]] = []
    for statement in read_script(source, Scope()):
        first, last = _row(rows, statement.start), _row(rows, max(statement.start, statement.end - 1))
        text = source[statement.start : statement.end].decode(errors="replace")
        if statement.comment:
            told.remarks.append((first, last, uncommented(text), False))
            continue
        text = _joined(text)
        span = Span(body_line + first, body_line + last)
        placed.append((first, statement.start, _command(span, text, statement.verdict, statement.sets)))
    parts = _in_order(placed, told.remarks, body_line)
    return _inside_sessions(_with_broken_lines(parts)), _spans(told.output, body_line)


def _powershell(lines: Sequence[str], body_line: int) -> tuple[list[Part], tuple[Span, ...]]:
    prompted = any(strip_prompt(line)[1] == "PS" for line in lines)
    kept: list[str] = []
    output: list[int] = []
    for at, line in enumerate(lines):
        length, prompt = strip_prompt(line)
        if prompt == "PS":
            kept.append(" " * length + line[length:])
        elif prompted and line.strip() and not line.lstrip().startswith((">>", "#")):
            kept.append(" " * len(line))
            output.append(at)
        else:
            kept.append(line)
    source = "\n".join(kept).encode()
    rows = _row_starts(source)
    placed: list[tuple[int, int, Part]] = []
    remarks: list[tuple[int, int, str, bool]] = []
    for statement in read_powershell(source):
        first, last = _row(rows, statement.start), _row(rows, max(statement.start, statement.end - 1))
        text = source[statement.start : statement.end].decode(errors="replace")
        if statement.comment:
            remarks.append((first, last, uncommented(text), False))
            continue
        span = Span(body_line + first, body_line + last)
        placed.append((first, statement.start, _command(span, text, statement.verdict, statement.sets)))
    return _in_order(placed, remarks, body_line), _spans(output, body_line)


def _sql(lines: Sequence[str], body_line: int) -> list[Part]:
    text = "\n".join(_blanked_prompt(line) for line in lines)
    if (
        text.lstrip().startswith(("db.", "rs.", "sh.", "show dbs", "show collections", "use "))
        and "select" not in text.lower()
    ):
        return _whole(lines, body_line, judge_mongo)
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    placed: list[tuple[int, int, Part]] = []
    covered: set[int] = set()
    for statement in read_sql(text):
        first, last = _row(starts, statement.start), _row(starts, statement.end - 1)
        covered.update(range(first, last + 1))
        written = text[statement.start : statement.end].strip()
        command = _command(Span(body_line + first, body_line + last), written, statement.verdict, ())
        placed.append((first, statement.start, command))
    remarks = [
        (row, row, uncommented(line), False)
        for row, line in enumerate(lines)
        if row not in covered and line.lstrip().startswith(("--", "#"))
    ]
    return _in_order(placed, remarks, body_line)


def _blanked_prompt(line: str) -> str:
    length, prompt = strip_prompt(line)
    return " " * length + line[length:] if prompt == "SQL" else line


def _queries(language: Language, lines: Sequence[str], body_line: int) -> list[Part]:
    judge: Callable[[str], Verdict] = judge_kql if language is Language.KQL else lambda _text: READS
    cut = _kql_parts(lines) if language is Language.KQL else queries.split_queries(list(lines))
    return _cut(lines, body_line, cut, judge)


def _kql_parts(lines: Sequence[str]) -> Iterable[tuple[int, int, bool]]:
    """KQL queries are parted by blank lines; `let` belongs to the query after it."""
    start: int | None = None
    last = 0
    for at, line in enumerate(lines):
        text = line.strip()
        if not text:
            if start is not None and not lines[last].rstrip().endswith(";"):
                yield start, last, False
                start = None
        elif text.startswith("//"):
            if start is None:
                yield at, at, True
        else:
            start = at if start is None else start
            last = at
    if start is not None:
        yield start, last, False


def _requests(lines: Sequence[str], body_line: int) -> list[Part]:
    return _cut(lines, body_line, queries.split_requests(list(lines)), queries.judge_request)


def _cut(
    lines: Sequence[str], body_line: int, cut: Iterable[tuple[int, int, bool]], judge: Callable[[str], Verdict]
) -> list[Part]:
    parts: list[tuple[int, int, Part]] = []
    remarks: list[tuple[int, int, str, bool]] = []
    for first, last, is_comment in cut:
        text = "\n".join(lines[first : last + 1]).strip()
        if is_comment:
            remarks.append((first, last, uncommented(text), False))
        else:
            parts.append((first, 0, _command(Span(body_line + first, body_line + last), text, judge(text), ())))
    return _in_order(parts, remarks, body_line)


def _program(lines: Sequence[str], body_line: int) -> list[Part]:
    return _whole(lines, body_line, lambda _text: unknown("what the program does is not known"))


def _whole(lines: Sequence[str], body_line: int, judge: Callable[[str], Verdict]) -> list[Part]:
    """Comments apart, a program is one command."""
    remarks: list[tuple[int, int, str, bool]] = []
    code: list[int] = []
    for at, line in enumerate(lines):
        text = line.strip()
        if text.startswith(("#", "//")):
            remarks.append((at, at, uncommented(text), False))
        elif text:
            code.append(at)
    if not code:
        return _in_order([], remarks, body_line)
    text = "\n".join(lines[code[0] : code[-1] + 1]).strip()
    outside = [r for r in remarks if not code[0] <= r[0] <= code[-1]]
    command = _command(Span(body_line + code[0], body_line + code[-1]), text, judge(text), ())
    return _in_order([(code[0], 0, command)], outside, body_line)


def _sentences(lines: Sequence[str], body_line: int) -> list[Part]:
    found = [
        (
            at,
            at,
            uncommented(line) if line.lstrip().startswith("#") else line.strip(),
            not line.lstrip().startswith("#"),
        )
        for at, line in enumerate(lines)
        if line.strip()
    ]
    return _in_order([], found, body_line)


def _command(span: Span, text: str, verdict: Verdict, sets: Sequence[str]) -> Command:
    own = {"$" + name for name in sets}
    return Command(
        lines=span,
        text=text,
        argv=verdict.argv,
        does=verdict.does,
        why=verdict.why if verdict.is_change else "",
        touches=verdict.touches,
        reversible=verdict.reversible if verdict.is_change else None,
        destructive=verdict.destructive,
        interactive=verdict.interactive,
        endless=verdict.endless,
        uses=tuple(h for h in holes(text) if h not in own),
        sets=tuple(sets),
        broken=verdict.broken,
    )


def _joined(text: str) -> str:
    """Continued lines as one."""
    if "\\\n" not in text:
        return text
    parts = text.split("\\\n")
    return " ".join(
        [
            parts[0].rstrip(),
            *(p.strip(" \t") if i < len(parts) - 2 else p.lstrip(" \t") for i, p in enumerate(parts[1:])),
        ]
    )


def _row_starts(source: bytes) -> list[int]:
    starts = [0]
    at = source.find(b"\n")
    while at >= 0:
        starts.append(at + 1)
        at = source.find(b"\n", at + 1)
    return starts


def _row(starts: list[int], at: int) -> int:
    return bisect_right(starts, at) - 1


def _in_order(
    placed: list[tuple[int, int, Part]], remarks: list[tuple[int, int, str, bool]], body_line: int
) -> list[Part]:
    """Commands and remarks as they stand in the text. Remarks of neighbouring lines are one."""
    whole_lines = {row for row, _, part in placed for row in (row, part.lines.last - body_line)}
    merged: list[tuple[int, int, str, bool]] = []
    for first, last, text, prose in sorted(remarks, key=lambda r: (r[0], r[1])):
        beside = first in whole_lines
        if (
            merged
            and not beside
            and merged[-1][1] == first - 1
            and merged[-1][3] == prose
            and merged[-1][0] not in whole_lines
        ):
            merged[-1] = (merged[-1][0], last, merged[-1][2] + "\n" + text, prose)
        else:
            merged.append((first, last, text, prose))
    every: list[tuple[int, int, int, Part]] = [(row, 0, at, part) for row, at, part in placed]
    every += [
        (first, 1, 0, Remark(Span(body_line + first, body_line + last), text, prose))
        for first, last, text, prose in merged
    ]
    return [part for *_, part in sorted(every, key=lambda e: e[:3])]


def _spans(rows: Sequence[int], body_line: int) -> tuple[Span, ...]:
    spans: list[Span] = []
    for row in rows:
        line = body_line + row
        if spans and spans[-1].last == line - 1:
            spans[-1] = Span(spans[-1].first, line)
        else:
            spans.append(Span(line, line))
    return tuple(spans)


def _with_broken_lines(parts: list[Part]) -> list[Part]:
    """Join a line that begins with a quoted text to the command before it: a backslash was forgotten."""
    kept: list[Part] = []
    for part in parts:
        before = kept[-1] if kept else None
        if (
            isinstance(part, Command)
            and isinstance(before, Command)
            and part.text.startswith(("'", '"'))
            and part.lines.first == before.lines.last + 1
            and part.does is Does.UNKNOWN
        ):
            text = before.text + " " + part.text
            kept[-1] = replace(
                before,
                lines=Span(before.lines.first, part.lines.last),
                text=text,
                uses=tuple(dict.fromkeys([*before.uses, *part.uses])),
                broken=before.broken or "the line break before the quoted text lacks a backslash",
            )
        else:
            kept.append(part)
    return kept


def _inside_sessions(parts: list[Part]) -> list[Part]:
    """Lines after `kubectl exec -it POD -- bash` run inside: opening the shell does nothing of its own then."""
    kept: list[Part] = []
    inside: tuple[str, ...] = ()
    for at, part in enumerate(parts):
        if isinstance(part, Command):
            if inside and part.argv[:1] in {("exit",), ("logout",)}:
                inside = ()
            elif _opens(part):
                followed = any(isinstance(p, Command) and p.argv[:1] != ("exit",) for p in parts[at + 1 :])
                inside = part.touches if followed else ()
                part = replace(part, does=Does.NOTHING, why="") if followed else part
            elif inside:
                own = tuple(k for k in inside if k not in part.touches)
                part = replace(part, touches=(*part.touches, *own)) if part.does is not Does.NOTHING else part
        kept.append(part)
    return kept


def _opens(part: Command) -> bool:
    return is_session(Verdict(part.does, interactive=part.interactive, broken=part.broken))
