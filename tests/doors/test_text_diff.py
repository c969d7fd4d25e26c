"""A unified diff: what `patch` makes of it is the new text, and it costs little for large files."""

from __future__ import annotations

import re
import time
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.doors.text_diff import unified


def patched(before: bytes, diff: bytes) -> bytes:
    """The old text after the diff, read strictly: every line that is kept or removed must stand where it says."""
    old = BytesIO(before).readlines()
    new: list[bytes] = []
    at = 0
    for hunk in re.split(rb"^(?=@@ )", diff, flags=re.MULTILINE)[1:]:
        head, *lines = hunk.replace(b"\n\\ No newline at end of file\n", b"\0").split(b"\n")
        found = re.fullmatch(rb"@@ -(\d+),(\d+) \+(\d+),(\d+) @@", head)
        assert found
        first, size, place, size_after = map(int, found.groups())
        new += old[at : first - bool(size)]
        at = first - bool(size)
        assert len(new) == place - bool(size_after)
        here, counted = len(new), at
        for line in BytesIO(b"\n".join(lines)).readlines() if lines else []:
            for one in _apart(line):
                sign, text = one[:1], one[1:]
                if sign in b" -":
                    assert old[at] == text
                    at += 1
                if sign in b" +":
                    new.append(text)
        assert (at - counted, len(new) - here) == (size, size_after)
    return b"".join(new + old[at:])


def _apart(line: bytes) -> list[bytes]:
    """Lines of a hunk; NUL ends one whose text ends without a line feed."""
    *bare, rest = line.split(b"\0")
    return [*bare, *([rest] if rest else [])]


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"\n", b"c\r\n", b"-- x\n", b"@@ y\n"]), max_size=25)
TEXTS = st.builds(lambda lines, end: b"".join(lines) + end, LINES, st.sampled_from([b"", b"end"]))


@given(before=TEXTS, after=TEXTS)
def test_the_old_text_with_its_diff_is_the_new_text(before: bytes, after: bytes) -> None:
    diff = unified("a.md", before, after)
    assert (diff == b"") is (before == after)
    assert patched(before, diff) == after


def test_hunks_far_apart_are_told_apart_and_near_ones_together() -> None:
    before = b"".join(b"line %d\n" % n for n in range(40))
    after = before.replace(b"line 2\n", b"two\n").replace(b"line 9\n", b"nine\n").replace(b"line 30\n", b"thirty\n")
    assert re.findall(rb"^@@ .+ @@$", unified("a.md", before, after), re.MULTILINE) == [
        b"@@ -1,13 +1,13 @@",
        b"@@ -28,7 +28,7 @@",
    ]


def test_a_line_that_comes_at_the_end_is_one_line_of_the_diff() -> None:
    diff = unified("a.md", b"a\nb\n", b"a\nb\n```\n")
    assert diff == b"--- a/a.md\n+++ b/a.md\n@@ -1,2 +1,3 @@\n a\n b\n+```\n"


def test_a_name_with_blanks_ends_where_a_tab_does() -> None:
    assert unified("on call.md", b"a\n", b"b\n").startswith(b"--- a/on call.md\t\n+++ b/on call.md\t\n")


@pytest.mark.parametrize("added", [b"", b"```\n"])
def test_large_texts_of_like_lines_cost_little(added: bytes) -> None:
    lines = [b"line %d\n" % (n % 50) for n in range(100_000)]
    changed = [line if n % 97 else b"x" + line for n, line in enumerate(lines)]
    start = time.perf_counter()
    assert unified("a.md", b"".join(lines), b"".join(changed) + added).count(b"\n@@ ") > 1_000
    assert time.perf_counter() - start < 3
