"""Values bound into a PromQL query: only as label values, and checked in the syntax tree afterwards.

A value never becomes a part of the query's text by pasting. It is escaped for the string it stands in
(and quoted for the pattern, where that is one), and then the bound query is parsed again: everything
but the matchers' values must be what the guide wrote, and those must be exactly the values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser as syntax

from plugins.base import PLACEHOLDER
from plugins.errors import BadArguments
from plugins.plain_text import plain_text
from telemetry import promql

MAX_QUERY = 64 * 1024  # characters, bound
_STRING = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`""", re.DOTALL)
_MARK = re.compile(r"stepfleetvalue(\d+)end")
_PATTERN_SIGNS = re.compile(r"[\\.+*?()|\[\]{}^$-]")
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_EXAMPLE = 'write it inside a matcher: {replica="{{ name }}"}'


@dataclass(frozen=True, slots=True)
class _Place:
    """One `{{ name }}` of a query: the value as text, and the matcher it stands in."""

    name: str
    text: str
    is_pattern: bool

    @property
    def matched(self) -> str:
        """The text as the matcher's value holds it, strings decoded."""
        return _PATTERN_SIGNS.sub(r"\\\g<0>", self.text) if self.is_pattern else self.text


def bind_query(query: str, values: Mapping[str, Any]) -> str:
    """Return the query with every `{{ name }}` replaced by its value.

    Raises: BadArguments when a value is missing, is no plain text or number, or stands where PromQL
    has no label value; or when the bound query would be another query than the guide's.
    """
    names = [m[1] for m in PLACEHOLDER.finditer(query)]
    if not names:
        return query
    marked = _marked(query)
    template = _parse(marked)
    places = _places(names, template, values)
    bound = _STRING.sub(lambda token: _fill(token[0], places), marked)
    if len(bound) > MAX_QUERY:
        raise BadArguments(f"the bound query has {len(bound):,} characters", hint=f"at most {MAX_QUERY:,} are sent")
    wanted = [_described(node, places) for node in promql.walk(template)]
    if wanted != [_described(node, ()) for node in promql.walk(_parse(bound))]:
        raise BadArguments(
            f"the values of {', '.join(sorted(set(names)))} would change the query", hint="look at what they hold"
        )
    return bound


def _marked(query: str) -> str:
    """The query with a harmless word in place of each placeholder; each must stand inside a string."""
    strings = [m.span() for m in _STRING.finditer(query) if m[0][0] != "#"]
    for found in PLACEHOLDER.finditer(query):
        if not any(first < found.start() and found.end() < last for first, last in strings):
            raise BadArguments(f"'{found[0]}' stands where PromQL has no label value", hint=_EXAMPLE)
    if _MARK.search(query):
        raise BadArguments("the query holds a word that is reserved for binding", hint="rename 'stepfleetvalue'")
    count = iter(range(len(query)))
    return PLACEHOLDER.sub(lambda _: f"stepfleetvalue{next(count)}end", query)


def _parse(query: str) -> syntax.Expr:
    try:
        return promql.parse(query)
    except promql.NotPromql as exc:
        raise BadArguments(f"the query is no PromQL: {exc}", hint="try it in Prometheus' own page first") from exc


def _places(names: list[str], template: syntax.Expr, values: Mapping[str, Any]) -> tuple[_Place, ...]:
    holders: dict[int, syntax.Matcher] = {}
    for node in promql.walk(template):
        if isinstance(node, syntax.VectorSelector):
            for matcher in promql.matchers(node):
                holders.update({int(mark[1]): matcher for mark in _MARK.finditer(str(matcher.value))})
    places: list[_Place] = []
    for i, name in enumerate(names):
        if i not in holders:
            raise BadArguments(f"'{{{{ {name} }}}}' stands where PromQL has no label value", hint=_EXAMPLE)
        places.append(_place(i, name, holders[i], values))
    for i, matcher in holders.items():
        if not _filled(str(matcher.value), tuple(places)):
            raise BadArguments(
                f"'{names[i]}' is empty: {matcher.name} would match series that have no such label",
                hint="give it a value, or leave the matcher out of the query",
            )
    return tuple(places)


def _place(index: int, name: str, matcher: syntax.Matcher, values: Mapping[str, Any]) -> _Place:
    text = plain_text(name, values)
    is_pattern = promql.operator(matcher) in ("=~", "!~")
    before, _, after = str(matcher.value).partition(f"stepfleetvalue{index}end")
    if is_pattern and not text:
        raise BadArguments(
            f"'{name}' is empty: the pattern for {matcher.name} would match more than the guide means",
            hint="give it a value, or leave the matcher out of the query",
        )
    problem = _pattern_problem(_MARK.sub("x", before), after) if is_pattern else None
    if problem:
        raise BadArguments(
            f"'{{{{ {name} }}}}' stands {problem} of the pattern for {matcher.name}",
            hint="values are matched literally: write it outside of classes, repetitions and escapes",
        )
    return _Place(name, text, is_pattern)


def _pattern_problem(before: str, after: str) -> str | None:
    """Why a literal cannot stand here in a pattern, or None. Quoting keeps a value literal only between atoms."""
    plain = re.sub(r"\\.", "", before, flags=re.DOTALL)
    if plain.endswith("\\"):
        return "inside an escape"
    plain = _CLASS.sub("", plain)
    if "[" in plain:
        return "inside a character class"
    if plain.rfind("{") > plain.rfind("}"):
        return "inside a repetition"
    if re.search(r"\(\?P?<[^>]*$", plain):
        return "inside a group's name"
    # `{{ v }}+` repeats the value's last character only.
    return "before a repetition" if after[:1] in {"*", "+", "?", "{"} else None


def _fill(token: str, places: tuple[_Place, ...]) -> str:
    """One string of the query, bound. What no value stands in is left as it is."""
    if token[0] == "#" or not _MARK.search(token):
        return token
    if token[0] == "`":  # has no escapes: written anew in double quotes
        return promql.quoted(_filled(token[1:-1], places))
    return _MARK.sub(lambda mark: _escaped(places[int(mark[1])], token[0]), token)


def _escaped(place: _Place, quote: str) -> str:
    inside = promql.escaped(place.matched)
    # In single quotes PromQL refuses an escaped double quote.
    return inside.replace('\\"', '"').replace("'", "\\'") if quote == "'" else inside


def _filled(text: str, places: tuple[_Place, ...]) -> str:
    return _MARK.sub(lambda mark: places[int(mark[1])].matched if places else mark[0], text)


def _described(node: syntax.Expr, places: tuple[_Place, ...]) -> tuple[Any, ...]:
    """All that a node says itself, its matchers' values with the values filled in."""
    kind = type(node).__name__
    match node:
        case syntax.VectorSelector():
            groups = (node.matchers.matchers, *node.matchers.or_matchers)
            written = [[(m.name, promql.operator(m), _filled(str(m.value), places)) for m in group] for group in groups]
            return kind, node.name, node.offset, str(node.at), written
        case syntax.MatrixSelector():
            return kind, node.range
        case syntax.SubqueryExpr():
            return kind, node.range, node.step, node.offset, str(node.at)
        case syntax.Call():
            return kind, node.func.name, len(node.args)
        case syntax.AggregateExpr():
            return kind, str(node.op), str(node.modifier), node.param is None
        case syntax.BinaryExpr():
            return kind, str(node.op), str(node.modifier)
        case syntax.NumberLiteral() | syntax.StringLiteral():
            return kind, repr(node.val)
        case _:
            return (kind,)
