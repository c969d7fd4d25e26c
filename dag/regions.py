"""What numbers make a condition hold, as far as comparisons with numbers alone tell.

A condition is read as `&&`, `||` and `!` over atoms. `max(x) > 2` is an atom about `max(x)`; anything else
is an atom about itself, true or false. For one subject at a time this gives two sets of numbers: those
for which the condition holds whatever the other subjects are, and those for which it may hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dag.cel_text import Token, closing, tokens

MOST_DEPTH = 64  # deeper than CEL itself allows
MOST_ATOMS = 64


@dataclass(frozen=True, slots=True)
class Numbers:
    """A set of numbers: disjoint intervals, ascending, each `(low, high)`.

    An end is `(value, side)`: side -1 lies just before the value, +1 just after, so that
    `((2.0, 1), (3.0, -1))` is the open interval from 2 to 3 and `((2.0, -1), (2.0, 1))` the point 2.
    """

    intervals: tuple[tuple[tuple[float, int], tuple[float, int]], ...]

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def __invert__(self) -> Numbers:
        ends = [_FIRST, *(end for interval in self.intervals for end in interval), _LAST]
        pairs = zip(ends[::2], ends[1::2], strict=True)
        return Numbers(tuple((low, high) for low, high in pairs if low < high))

    def __or__(self, other: Numbers) -> Numbers:
        merged: list[tuple[tuple[float, int], tuple[float, int]]] = []
        for low, high in sorted((*self.intervals, *other.intervals)):
            if merged and low <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return Numbers(tuple(merged))

    def __and__(self, other: Numbers) -> Numbers:
        return ~(~self | ~other)


_FIRST, _LAST = (-math.inf, 1), (math.inf, -1)
NONE = Numbers(())
ALL = Numbers(((_FIRST, _LAST),))
_TRUE = Numbers((((1.0, -1), (1.0, 1)),))
_COUNTING = Numbers((((0.0, -1), _LAST),))
_TRUTHS = _TRUE | Numbers((((0.0, -1), (0.0, 1)),))
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class Atom:
    """`subject` is in `numbers`."""

    subject: str
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Not:
    of: Formula


@dataclass(frozen=True, slots=True)
class Both:
    """`&&` where `every`, else `||`."""

    of: tuple[Formula, ...]
    every: bool


Formula = Atom | Not | Both


@dataclass(frozen=True, slots=True)
class Region:
    """The numbers of one subject: `surely` makes the condition hold, outside `maybe` it cannot hold."""

    surely: Numbers
    maybe: Numbers


def formula(cel: str) -> Formula | None:
    """The structure of a condition; None when it is beyond what this module reads."""
    found = tokens(cel)
    if sum(t.text in ("&&", "||") for t in found) >= MOST_ATOMS:
        return None
    return _parse(found, 0)


def subjects(of: Formula) -> frozenset[str]:
    match of:
        case Atom():
            return frozenset({of.subject})
        case Not():
            return subjects(of.of)
        case Both():
            return frozenset().union(*(subjects(part) for part in of.of))


def region(of: Formula, subject: str) -> Region:
    """The region of one subject, all others left open."""
    match of:
        case Atom():
            if of.subject == subject:
                return Region(of.numbers, of.numbers)
            return Region(NONE, ALL)
        case Not():
            inner = region(of.of, subject)
            return Region(~inner.maybe, ~inner.surely)
        case Both():
            first, *rest = (region(part, subject) for part in of.of)
            surely, maybe = first.surely, first.maybe
            for each in rest:
                surely = surely & each.surely if of.every else surely | each.surely
                maybe = maybe & each.maybe if of.every else maybe | each.maybe
            return Region(surely, maybe)


def domain(subject: str, truths: frozenset[str]) -> Numbers:
    """The numbers that a subject can be at all; `truths` are the subjects that are true or false."""
    if subject in truths:
        return _TRUTHS
    return _COUNTING if subject.startswith(("count(", "double(size(")) else ALL


def truths(of: Formula) -> frozenset[str]:
    """Subjects that are not compared with a number."""
    match of:
        case Atom():
            return frozenset({of.subject} if of.numbers is _TRUE else ())
        case Not():
            return truths(of.of)
        case Both():
            return frozenset().union(*(truths(part) for part in of.of))


def constant(cel: str) -> bool | None:
    """True or False for a condition that always or never holds, None for all others."""
    read = formula(cel)
    if read is None:
        return None
    booleans = truths(read)
    for subject in subjects(read):
        possible = domain(subject, booleans)
        found = region(read, subject)
        if not found.maybe & possible:
            return False
        if not possible & ~found.surely:
            return True
    return None


def surely_cover(cels: Mapping[str, Formula]) -> bool:
    """Whether one of the conditions holds in every case, as far as one subject shows."""
    if not cels:
        return False
    whole = Both(tuple(cels.values()), every=False)
    booleans = truths(whole)
    return any(not domain(s, booleans) & ~region(whole, s).surely for s in subjects(whole))


def surely_meet(a: Formula, b: Formula) -> bool:
    """Whether both hold for some value of one subject, whatever the others are."""
    both = Both((a, b), every=True)
    booleans = truths(both)
    return any(region(both, s).surely & domain(s, booleans) for s in subjects(a) & subjects(b))


# -- reading ----------------------------------------------------------------------------------


def _parse(found: list[Token], depth: int) -> Formula | None:
    if not found or depth > MOST_DEPTH:
        return None
    if len(found) >= 2 and closing(found, 0) == len(found) - 1 and found[0].text == "(":
        return _parse(found[1:-1], depth + 1)
    if any(t.text == "?" for t in found):
        return None  # a conditional expression binds looser than all that is read here
    for operator, every in (("||", False), ("&&", True)):
        parts = _split(found, operator)
        if len(parts) > 1:
            made = [_parse(part, depth + 1) for part in parts]
            known = tuple(m for m in made if m is not None)
            return Both(known, every) if len(known) == len(made) else None
    if found[0].text == "!" and _is_one_operand(found[1:]):
        inner = _parse(found[1:], depth + 1)
        return None if inner is None else Not(inner)
    return _atom(found)


def _is_one_operand(found: list[Token]) -> bool:
    """`!` binds closest: `!(x > 1)` negates all of it, `!x == y` only `x`."""
    return not any(len(_split(found, operator)) > 1 for operator in (*_FLIPPED, "in", "+", "-", "*", "/"))


def _atom(found: list[Token]) -> Formula | None:
    for operator in _FLIPPED:
        sides = _split(found, operator)
        if len(sides) == 2 and all(sides):
            left, right = _number(sides[0]), _number(sides[1])
            if (left is None) != (right is None):
                subject = sides[1] if right is None else sides[0]
                number = left if right is None else right
                assert number is not None
                return Atom(_spelled(subject), _compared(operator if right is not None else _FLIPPED[operator], number))
            break
    return Atom(_spelled(found), _TRUE)


def _split(found: list[Token], operator: str) -> list[list[Token]]:
    """Cut at an operator that stands outside all brackets."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += token.text in ("(", "[", "{")
        depth -= token.text in (")", "]", "}")
        if depth == 0 and token.text == operator and token.kind in ("other", "name"):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _number(found: list[Token]) -> float | None:
    sign = -1.0 if found[0].text == "-" else 1.0
    rest = found[1:] if found[0].text == "-" else found
    if len(rest) != 1 or rest[0].kind != "number":
        return None
    text = rest[0].text.rstrip("uU")
    return sign * (float(int(text, 16)) if text[:2] in ("0x", "0X") else float(text))


def _compared(operator: str, number: float) -> Numbers:
    below, above = (number, -1), (number, 1)
    match operator:
        case "<":
            return Numbers(((_FIRST, below),))
        case "<=":
            return Numbers(((_FIRST, above),))
        case ">":
            return Numbers(((above, _LAST),))
        case ">=":
            return Numbers(((below, _LAST),))
        case "==":
            return Numbers(((below, above),))
        case _:
            return Numbers(((_FIRST, below), (above, _LAST)))


def _spelled(found: list[Token]) -> str:
    """One spelling per subject, whatever its blanks."""
    return "".join(t.text if t.kind != "name" else f" {t.text} " if t.text == "in" else t.text for t in found)
