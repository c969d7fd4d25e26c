"""Small plans for the room's tests, and random ones."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from dag.model import (
    START,
    TERMINALS,
    Call,
    Condition,
    Edge,
    EdgeKind,
    Effect,
    Input,
    Join,
    Kind,
    Plan,
    Span,
    Step,
    ValueType,
    Verify,
)

RESOLVED, ESCALATE = "END.resolved", "END.escalate"


def step(name: str, kind: Kind = Kind.QUERY, **fields: Any) -> Step:
    return Step(name, fields.pop("title", name), kind, fields.pop("lines", ()), **fields)


def read(name: str, *keys: str) -> Step:
    return step(name, effect=Effect(reads=frozenset(keys)))


def write(name: str, *keys: str, **fields: Any) -> Step:
    return step(name, Kind.ACTION, effect=Effect(writes=frozenset(keys)), **fields)


def when(source: str, target: str, cel: str | None, text: str = "", **fields: Any) -> Edge:
    names = fields.pop("names", ("x",) if cel else ())
    lines = fields.pop("lines", ())
    condition = Condition(text or cel or "it looks odd", lines, cel, names)
    return Edge(source, target, condition, fields.pop("kind", EdgeKind.COND), **fields)


def arrows(text: str) -> tuple[Edge, ...]:
    """`a -> b -> c; a -> d` as edges without conditions; START and the terminals by name."""
    chains = [[name.strip() for name in chain.split("->")] for chain in text.split(";") if chain.strip()]
    return tuple(Edge(a, b) for chain in chains for a, b in pairwise(chain))


def plan(steps: Iterable[Step] | str, edges: Iterable[Edge] | str = (), **fields: Any) -> Plan:
    made = tuple(step(s) for s in steps.split()) if isinstance(steps, str) else tuple(steps)
    ways = arrows(edges) if isinstance(edges, str) else tuple(edges)
    return Plan(fields.pop("guide", "guide.md"), "0" * 64, fields.pop("inputs", ()), made, ways, **fields)


# -- random plans -----------------------------------------------------------------------------

names = st.text("abcxyz", min_size=1, max_size=3)
words = st.text(max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
spans = st.tuples(st.integers(1, 90), st.integers(0, 9)).map(lambda t: Span(t[0], t[0] + t[1]))
lines = st.lists(spans, max_size=2).map(tuple)
seconds = st.floats(0, 1e6) | st.integers(0, 10**6).map(float)
keys = st.none() | st.frozensets(st.sampled_from(["replica:a", "replica:b", "node:1", "replica:{{ x }}"]), max_size=2)
effects = st.builds(Effect, keys, keys)
some_names = st.lists(names, max_size=2).map(tuple)
conditions = st.builds(Condition, words, lines, st.none() | st.just("max(x) > 1.0"), some_names, seconds)
calls = st.builds(
    Call,
    words,
    st.dictionaries(words, json_values, max_size=3),
    st.none() | names,
    lines,
    st.none() | seconds,
    words,
    st.sampled_from(ValueType),
)
verifies = st.builds(Verify, st.lists(calls, max_size=2).map(tuple), conditions, seconds)
inputs = st.builds(Input, names, st.sampled_from(ValueType), st.none() | words, json_values, st.booleans())


def _steps(name: str) -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        st.just(name),
        words,
        st.sampled_from(Kind),
        lines,
        st.lists(calls, max_size=2).map(tuple),
        some_names,
        some_names,
        effects,
        st.booleans(),
        words,
        st.sampled_from(Join),
        st.none() | names,
        st.booleans(),
        seconds,
        st.integers(0, 9),
        st.none() | verifies,
        st.none() | words,
        words,
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any plan that the model allows, forward edges in the order of the steps."""
    ids = [f"s{i}" for i in range(draw(st.integers(0, 7)))]
    edges: list[Edge] = []
    for i, source in enumerate([START, *ids]):
        for target in draw(st.lists(st.sampled_from([*ids[i:], *sorted(TERMINALS)]), max_size=3)):
            edges.append(
                Edge(
                    source,
                    target,
                    draw(st.none() | conditions),
                    draw(st.sampled_from([EdgeKind.SEQ, EdgeKind.COND, EdgeKind.IMPLICIT])),
                    draw(st.booleans()),
                    draw(st.none() | st.integers(1, 9)),
                    draw(st.booleans()),
                    draw(lines),
                )
            )
    groups = st.lists(st.frozensets(st.sampled_from(ids), max_size=3), max_size=2).map(tuple) if ids else st.just(())
    return Plan(
        guide=draw(words),
        guide_sha256=draw(words),
        inputs=tuple(draw(st.lists(inputs, max_size=2))),
        steps=tuple(draw(_steps(name)) for name in ids),
        edges=tuple(edges),
        title=draw(words),
        alternatives=draw(groups),
        types=draw(st.dictionaries(names, st.sampled_from(ValueType), max_size=3)),
        simultaneous=draw(groups),
    )
