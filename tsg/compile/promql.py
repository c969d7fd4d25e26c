"""PromQL checked at compile time: it parses, its value has a use, placeholders stand in label values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser as promql

from tsg.compile.placeholders import PLACEHOLDER
from tsg.findings import Code

_STRING = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`""", re.DOTALL)
_MARK = "stepfleetvalue{}end"
MAX_QUERY = 8 * 1024  # characters
MAX_DEPTH = 64  # brackets; the parser's time explodes with thousands of them
_RANGES = (promql.MatrixSelector, promql.SubqueryExpr)


@dataclass(frozen=True, slots=True)
class PromqlProblem:
    """What is wrong, `line` lines below the query's first."""

    line: int
    code: Code
    message: str
    hint: str


def promql_problems(query: str) -> tuple[PromqlProblem, ...]:
    """Check a query that may hold `{{ name }}`. A query without problems can be bound and sent."""
    if len(query) > MAX_QUERY or _depth(query) > MAX_DEPTH:
        message = f"the query is longer than {MAX_QUERY:,} characters or nested deeper than {MAX_DEPTH}"
        return (PromqlProblem(0, Code.PROMQL_ERROR, message, "record a rule for a part of it"),)
    outside = [m for m in PLACEHOLDER.finditer(query) if not _inside_string(query, m.start())]
    if outside:
        return tuple(_misplaced(query, m) for m in outside)
    marks: list[re.Match[str]] = []

    def mark(found: re.Match[str]) -> str:
        marks.append(found)
        return _MARK.format(len(marks) - 1)

    marked = PLACEHOLDER.sub(mark, query)
    try:
        tree = promql.parse(marked)
    except ValueError as exc:
        reason = " ".join(str(exc).split()) or "it cannot be parsed"
        hint = "try the query in Prometheus' own page first"
        return (PromqlProblem(0, Code.PROMQL_ERROR, f"the query is no PromQL: {reason}", hint),)
    values = tuple(_matcher_values(tree))
    problems = [_misplaced(query, m) for i, m in enumerate(marks) if not any(_MARK.format(i) in v for v in values)]
    if isinstance(tree, _RANGES):
        message = "the query gives a range of samples per series, not a number"
        hint = "wrap it: max_over_time(...), rate(...)"
        problems.append(PromqlProblem(0, Code.PROMQL_TYPE, message, hint))
    elif isinstance(tree, promql.StringLiteral):
        message = "the query gives a text, not a number"
        problems.append(PromqlProblem(0, Code.PROMQL_TYPE, message, "ask for a metric"))
    return tuple(problems)


def _depth(query: str) -> int:
    """Most brackets and signs open at once, counted generously: brackets in strings count too."""
    deepest = depth = signs = 0
    for char in query:
        depth += (char in "([{") - (char in ")]}")
        signs = signs + 1 if char in "+-" else 0 if not char.isspace() else signs
        deepest = max(deepest, depth + signs)
    return deepest


def _inside_string(query: str, at: int) -> bool:
    return any(m.start() < at < m.end() for m in _STRING.finditer(query))


def _misplaced(query: str, found: re.Match[str]) -> PromqlProblem:
    return PromqlProblem(
        query.count("\n", 0, found.start()),
        Code.PROMQL_PLACEHOLDER,
        f"'{found[0]}' stands where PromQL has no label value",
        f'write it inside a matcher: {{replica="{found[0]}"}}',
    )


def _matcher_values(tree: promql.Expr) -> Iterator[str]:
    """Values of every label matcher in the query."""
    selectors: list[promql.VectorSelector] = []

    def visit(node: promql.Expr) -> bool:
        if isinstance(node, promql.VectorSelector):
            selectors.append(node)
        elif isinstance(node, promql.MatrixSelector):
            selectors.append(node.vector_selector)
        return True

    promql.walk(tree, pre_visit=visit)
    for selector in selectors:
        groups = (selector.matchers.matchers, *selector.matchers.or_matchers)
        yield from (str(matcher.value) for group in groups for matcher in group)
