"""The text of a condition: its tokens, the names it reads, and its normal form.

Pure text work, so that most faults of a condition are found and placed without the CEL library.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from dag.errors import ConditionError

MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
WORDS = frozenset({"true", "false", "null", "in"})
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*)
    |(?P<string>(?:[bB]?[rR]|[rR][bB])(?:\"\"\".*?\"\"\"|'''.*?'''|"[^"]*"|'[^']*')
        |[bB]?(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d*\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)
    |(?P<space>\s+)
    |(?P<other>&&|\|\||<=|>=|==|!=|.)""",
    re.VERBOSE | re.DOTALL,
)
_CLOSES = {"(": ")", "[": "]", "{": "}"}


class Token(NamedTuple):
    kind: str
    text: str
    start: int  # 0-based offset in the text


@dataclass(frozen=True, slots=True)
class Normal:
    """A condition's normal form, and where each piece of it stood in the author's text."""

    cel: str
    _starts: tuple[int, ...]  # offsets in `cel`, ascending
    _origins: tuple[int, ...]  # the author's offsets of the same pieces

    def origin(self, offset: int) -> int:
        """The author's 0-based offset of an offset in `cel`."""
        piece = max(0, bisect_right(self._starts, offset) - 1)
        return self._origins[piece] if self._origins else 0


def tokens(text: str) -> list[Token]:
    """Blanks and comments are left out."""
    return [
        Token(m.lastgroup or "other", m[0], m.start())
        for m in _TOKEN.finditer(text)
        if m.lastgroup not in ("space", "comment")
    ]


def names_read(found: list[Token]) -> tuple[Token, ...]:
    """Every reading of a free name: neither a field, a function, a word of CEL nor a macro's own variable."""
    bound = {t.text for t in macro_variables(found)}
    return tuple(
        token
        for i, token in enumerate(found)
        if token.kind == "name"
        and not (i and found[i - 1].text == ".")
        and not (i + 1 < len(found) and found[i + 1].text == "(")
        and token.text not in WORDS
        and token.text not in bound
    )


def macro_variables(found: list[Token]) -> tuple[Token, ...]:
    """`s` of `usage.exists(s, ...)`."""
    return tuple(
        found[i + 2]
        for i, token in enumerate(found[:-3])
        if token.text in MACROS and found[i + 1].text == "(" and found[i + 3].text == ","
    )


def only_counted(found: list[Token]) -> frozenset[str]:
    """Names of which only `count(name)` or `size(name)` is asked: for them an empty vector is an answer."""
    reads: dict[str, bool] = {}
    index = {t.start: i for i, t in enumerate(found)}
    for token in names_read(found):
        i = index[token.start]
        around = [t.text for t in found[max(0, i - 3) : i]]
        counted = around[-2:] in (["count", "("], ["size", "("]) and around[:-2] != ["."]
        closed = i + 1 < len(found) and found[i + 1].text == ")"
        reads[token.text] = reads.get(token.text, True) and counted and closed
    return frozenset(name for name, counted in reads.items() if counted)


def normal_form(text: str) -> Normal:
    """Write every number as a double and make every division refuse a divisor of zero.

    Integer literals do not compare with doubles in CEL, and `size()` is an integer. Dividing doubles by
    zero gives infinity, which would then compare as true, and `double('NaN')` compares as false with
    everything, so that its negation would hold. Indexes of lists stay integers. Applied to a normal form
    it changes nothing.

    Raises: ConditionError for a number beyond double, and for `x.size()`, whose receiver has no beginning
    that the text alone shows.
    """
    found = tokens(text)
    before: list[str] = [""] * len(found)
    after: list[str] = [""] * len(found)
    for i, token in enumerate(found):
        if token.text == "/":
            _guard_divisor(found, i, before, after)
    for i, token in enumerate(found):
        if i + 1 < len(found) and found[i + 1].text == "(":
            if token.text == "size":
                _double_size(found, i, before, after)
            elif token.text == "double" and i + 2 < len(found):
                _guard_conversion(found, i, before, after)
    pieces: list[str] = []
    starts: list[int] = []
    length, end = 0, 0
    for i, token in enumerate(found):
        gap = " " if token.start > end and pieces else ""
        end = token.start + len(token.text)
        written = _as_double(found, i) if token.kind == "number" else token.text
        starts.append(length + len(gap) + len(before[i]) if pieces else 0)
        pieces.append(f"{gap}{before[i]}{written}{after[i]}")
        length += len(pieces[-1])
    return Normal("".join(pieces), tuple(starts), tuple(t.start for t in found))


def closing(found: list[Token], opening: int) -> int | None:
    """Index of the bracket that closes the one at `opening`, or None."""
    depth = 0
    for i in range(opening, len(found)):
        if found[i].text in _CLOSES:
            depth += 1
        elif found[i].text in _CLOSES.values():
            depth -= 1
            if depth == 0:
                return i
    return None


def _as_double(found: list[Token], i: int) -> str:
    text = found[i].text.rstrip("uU")
    if _is_index(found, i):
        return found[i].text
    is_hexadecimal = text[:2] in ("0x", "0X")
    try:
        number = float(int(text, 16)) if is_hexadecimal else float(text)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise ConditionError(
            f"column {found[i].start + 1}: the number is larger than a double holds", hint="write a smaller one"
        )
    if is_hexadecimal:
        return repr(number)
    return f"{text}.0" if text.isdigit() else text


def _is_index(found: list[Token], i: int) -> bool:
    """`x[0]` is an index; `[0, 1]` and `x in [0]` are lists of numbers."""
    if i < 2 or i + 1 >= len(found) or found[i - 1].text != "[" or found[i + 1].text != "]":
        return False
    head = found[i - 2]
    return (head.kind in ("name", "string") and head.text != "in") or head.text in (")", "]", "}")


def _double_size(found: list[Token], i: int, before: list[str], after: list[str]) -> None:
    previous = [t.text for t in found[max(0, i - 2) : i]]
    if previous[-1:] == ["."]:
        raise ConditionError(f"column {found[i].start + 1}: '.size()' is not read", hint="write 'size(x)'")
    end = closing(found, i + 1)
    if end is not None and previous != ["double", "("]:
        before[i] += "double("
        after[end] += ")"


def _guard_conversion(found: list[Token], i: int, before: list[str], after: list[str]) -> None:
    """A text may spell NaN or infinity; a size, of which the normal form itself makes a double, is neither."""
    end = closing(found, i + 1)
    is_size = found[i + 2].text == "size" and end is not None and closing(found, i + 3) == end - 1
    if end is not None and not is_size and [t.text for t in found[max(0, i - 2) : i]] != ["finite", "("]:
        before[i] += "finite("
        after[end] += ")"


def _guard_divisor(found: list[Token], slash: int, before: list[str], after: list[str]) -> None:
    first = slash + 1
    if first >= len(found) or found[first].text == "nonzero":
        return
    last = _operand_end(found, first)
    if last is None:
        return  # not an operand: the library says what is wrong
    if first == last and found[first].kind == "number" and float(_as_double(found, first)) != 0:
        return
    before[first] += "nonzero("
    after[last] += ")"


def _operand_end(found: list[Token], first: int) -> int | None:
    """Last token of the operand that begins at `first`: signs, one primary, then fields, calls and indexes."""
    i = first
    while i < len(found) and found[i].text in ("-", "!"):
        i += 1
    if i >= len(found):
        return None
    end = closing(found, i) if found[i].text in _CLOSES else i
    while end is not None and end + 1 < len(found):
        following = found[end + 1].text
        if following == "." and end + 2 < len(found):
            end += 2
        elif following in ("(", "["):
            end = closing(found, end + 1)
        else:
            break
    return end
