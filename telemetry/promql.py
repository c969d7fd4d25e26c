"""PromQL as a syntax tree: its nodes, its label matchers, and which samples a query's value rests on."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import promql_parser as promql

MARK = "stepfleet_read"  # a label that keeps the reads of one query apart
SEARCH_POINTS = 240  # how finely a window is searched for its newest sample
SEARCH_STEP_S = 240  # at most: Prometheus looks 300 s back from each point, and none may be missed
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (  # the library's operators cannot be hashed
    (promql.MatchOp.Equal, "="),
    (promql.MatchOp.NotEqual, "!="),
    (promql.MatchOp.Re, "=~"),
    (promql.MatchOp.NotRe, "!~"),
)


class NotPromql(ValueError):
    """The text is no PromQL."""


@dataclass(frozen=True, slots=True)
class Read:
    """One selector of a query, and how far from the query's time it looks.

    `window_s` is 0 for the newest sample, else the length of the range (nested ranges add up).
    `offset_s` and `at` shift the time it looks from, as PromQL's modifiers of those names do.
    """

    selector: str
    window_s: float = 0.0
    offset_s: float = 0.0
    at: datetime | None = None

    def newest(self) -> str:
        """PromQL for the time of each series' newest sample (Unix seconds), shifts taken back out.

        A series that ended inside a window still counts: the value rests on it.
        """
        time = f"timestamp({self.selector}{_shift(self.offset_s, self.at)})"
        if self.window_s:
            step_s = min(SEARCH_STEP_S, max(1, math.ceil(self.window_s / SEARCH_POINTS)))
            unshifted = f"timestamp({self.selector})"
            window = f"[{_duration(self.window_s)}:{step_s}s]{_shift(self.offset_s, self.at)}"
            time = f"({time} or max_over_time({unshifted}{window}))"
        if self.offset_s:
            time += f" + {self.offset_s!r}"
        if self.at is not None:
            time += f" + (time() - {self.at.timestamp()!r})"
        return time


def parse(query: str) -> promql.Expr:
    """Raises: NotPromql with the parser's reason."""
    try:
        return promql.parse(query)
    except ValueError as exc:
        raise NotPromql(" ".join(str(exc).split()) or "it cannot be parsed") from exc


def children(node: promql.Expr) -> tuple[promql.Expr, ...]:
    """The expressions directly inside `node`, in the order of the text."""
    match node:
        case promql.AggregateExpr():
            return (node.expr,) if not isinstance(node.param, promql.Expr) else (node.param, node.expr)
        case promql.BinaryExpr():
            return node.lhs, node.rhs
        case promql.UnaryExpr() | promql.ParenExpr() | promql.SubqueryExpr():
            return (node.expr,)
        case promql.Call():
            return tuple(node.args)
        case promql.MatrixSelector():
            return (node.vector_selector,)
        case _:
            return ()


def walk(tree: promql.Expr) -> Iterator[promql.Expr]:
    """Every node, each before what is inside it. Uses no recursion: a sum of a thousand terms is that deep."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(reversed(children(node)))


def matchers(selector: promql.VectorSelector) -> tuple[promql.Matcher, ...]:
    """Its label matchers, alternatives (`or`) included."""
    groups = (selector.matchers.matchers, *selector.matchers.or_matchers)
    return tuple(matcher for group in groups for matcher in group)


def operator(matcher: promql.Matcher) -> str:
    """One of = != =~ !~"""
    return next(sign for op, sign in _OPERATORS if op == matcher.op)


def reads(tree: promql.Expr) -> tuple[Read, ...]:
    """Every selector of the query, once."""
    found: dict[Read, None] = {}
    todo: list[tuple[promql.Expr, Read]] = [(tree, Read(""))]
    while todo:
        node, around = todo.pop()
        match node:
            case promql.SubqueryExpr():
                inside = _inside(around, node.offset, node.at, node.range)
            case promql.MatrixSelector():
                _add(found, node.vector_selector, node.range, around)
                continue
            case promql.VectorSelector():
                _add(found, node, None, around)
                continue
            case _:
                inside = around
        todo.extend((child, inside) for child in reversed(children(node)))
    return tuple(found)


def _add(found: dict[Read, None], selector: promql.VectorSelector, window: timedelta | None, around: Read) -> None:
    whole = _inside(around, selector.offset, selector.at, window)
    found[replace(whole, selector=_selector(selector))] = None


def oldest_newest(found: tuple[Read, ...]) -> str:
    """PromQL for one number: over all series of `found`, the newest sample of the one that lags most.

    -1 where no series has a sample. One query, so that one answer holds the time it was evaluated at.
    """
    times = [f'label_replace(min({r.newest()}), "{MARK}", "{i}", "", "")' for i, r in enumerate(found)]
    return f"min({' or '.join(times)}) or vector(-1)" if times else "vector(-1)"


def quoted(value: str) -> str:
    """`value` as a PromQL string in double quotes; what is not printable is escaped."""
    return f'"{escaped(value)}"'


def escaped(value: str) -> str:
    """`value` for the inside of a PromQL string, in double quotes or single ones alike where it holds no quote.

    Raises: ValueError when it holds half a surrogate pair, which no UTF-8 text does.
    """
    value.encode()
    return "".join(_escape(c) for c in value)


def _escape(char: str) -> str:
    if char in '\\"':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


def _inside(around: Read, offset: timedelta | None, at: promql.AtModifier | None, window: timedelta | None) -> Read:
    """How a part that carries these modifiers looks at its samples, given what it stands in."""
    length_s = window.total_seconds() if window else 0.0
    offset_s = offset.total_seconds() if offset else 0.0
    if at is not None:  # replaces every shift around it; start() and end() of an instant query are its own time
        return Read("", length_s, offset_s, at.at)
    return Read("", around.window_s + length_s, around.offset_s + offset_s, around.at)


def _selector(node: promql.VectorSelector) -> str:
    """The selector without its modifiers. Written here: the library's own text leaves quotes unescaped."""
    groups = [group for group in (node.matchers.matchers, *node.matchers.or_matchers) if group]
    inside = " or ".join(",".join(_matcher(m) for m in group) for group in groups)
    return f"{node.name or ''}{{{inside}}}" if inside else str(node.name)


def _matcher(matcher: promql.Matcher) -> str:
    name = matcher.name if _LABEL.fullmatch(matcher.name) else quoted(matcher.name)
    return f"{name}{operator(matcher)}{quoted(str(matcher.value))}"


def _shift(offset_s: float, at: datetime | None) -> str:
    offset = f" offset {'-' if offset_s < 0 else ''}{_duration(abs(offset_s))}" if offset_s else ""
    return offset + (f" @ {at.timestamp():.3f}" if at is not None else "")


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole}s" if whole == seconds else f"{round(seconds * 1000)}ms"
