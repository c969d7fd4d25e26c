"""A unified diff of a file before and after, in time that grows with its lines and nothing else.

Lines end with a line feed only, as `patch` and `git apply` count them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import zip_longest

CONTEXT = 3  # unchanged lines shown around changed ones
Row = tuple[bytes | None, bytes | None]


def unified(name: str, before: bytes, after: bytes) -> bytes:
    """Empty where nothing differs. Lines are compared by their place between what both begin and end with.

    That is exact for lines that are replaced and for lines that come at the end, and correct, if long, for others.
    """
    rows = _rows(BytesIO(before).readlines(), BytesIO(after).readlines())
    hunks = [_hunk(rows, first, last) for first, last in _groups(rows)]
    if not hunks:
        return b""
    end = "\t\n" if " " in name else "\n"
    return b"".join((f"--- a/{name}{end}+++ b/{name}{end}".encode("utf-8", "surrogateescape"), *hunks))


def _rows(before: Sequence[bytes], after: Sequence[bytes]) -> list[Row]:
    alike, most = 0, min(len(before), len(after))
    while alike < most and before[-1 - alike] == after[-1 - alike]:
        alike += 1
    changed = zip_longest(before[: len(before) - alike], after[: len(after) - alike])
    return [*changed, *((line, line) for line in before[len(before) - alike :])]


def _groups(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Rows from the first to behind the last of each hunk."""
    first = last = -1
    for at, (old, new) in enumerate(rows):
        if old == new:
            continue
        if first >= 0 and at - last > 2 * CONTEXT:
            yield max(0, first - CONTEXT), last + CONTEXT
            first = -1
        first = at if first < 0 else first
        last = at + 1
    if first >= 0:
        yield max(0, first - CONTEXT), min(len(rows), last + CONTEXT)


def _hunk(rows: Sequence[Row], first: int, last: int) -> bytes:
    shown = rows[first:last]
    olds, news = ([line for line in side if line is not None] for side in zip(*shown, strict=True))
    head = f"@@ -{_range(rows, first, olds, 0)} +{_range(rows, first, news, 1)} @@\n".encode()
    return b"".join((head, *_body(shown)))


def _range(rows: Sequence[Row], first: int, lines: Sequence[bytes], side: int) -> str:
    above = first if rows[first][side] is not None else sum(row[side] is not None for row in rows[:first])
    return f"{above + bool(lines)},{len(lines)}"


def _body(rows: Sequence[Row]) -> Iterator[bytes]:
    """The lines of a hunk: of changed ones in a row the old before the new."""
    added: list[bytes] = []
    for old, new in rows:
        if old == new:
            yield from added
            added.clear()
            yield _line(b" ", old)
        else:
            yield _line(b"-", old)
            added.append(_line(b"+", new))
    yield from added


def _line(sign: bytes, line: bytes | None) -> bytes:
    if line is None:
        return b""
    return sign + line if line.endswith(b"\n") else sign + line + b"\n\\ No newline at end of file\n"
