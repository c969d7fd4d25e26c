"""In what a named value is measured: told by its name, or by the metrics and functions of its query.

Metric names carry their unit as a suffix (https://prometheus.io/docs/practices/naming/), and PromQL's
functions keep or change it in known ways. Whatever does not follow from that is not known, and is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import promql_parser as promql

from dag.model import ValueType


@dataclass(frozen=True, slots=True)
class Unit:
    """`scale` base units of a dimension: seconds, bytes, degrees Celsius, watts, or nothing.

    `of` holds the exponents of the dimensions that are there. `share`: a part of a whole, so that 1 is
    100 %; a plain count has no dimension either, and no percentage.
    """

    of: tuple[tuple[str, int], ...] = ()
    scale: float = 1.0
    share: bool = False

    def over(self, other: Unit) -> Unit:
        """The unit of a quotient; of two like quantities it is a share."""
        powers = dict(self.of)
        for name, power in other.of:
            powers[name] = powers.get(name, 0) - power
        of = tuple(sorted((n, p) for n, p in powers.items() if p))
        return Unit(of, self.scale / other.scale, share=self.of == other.of)


@dataclass(frozen=True, slots=True)
class Measure:
    """What is known of a value. `single`: a vector of at most one series, which is as good as a number."""

    unit: Unit | None = None
    single: bool = False


UNKNOWN = Measure()
COUNT = Unit()
PERCENT = Unit(scale=0.01, share=True)
_SECOND = Unit((("time", 1),))
_BYTE = Unit((("size", 1),))
_SIZES = {
    f"{prefix}{unit}": replace(_BYTE, scale=scale)
    for prefix, scale in {
        "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "ki": 2.0**10, "mi": 2.0**20, "gi": 2.0**30, "ti": 2.0**40,
    }.items()
    for unit in ("b", "bytes", "byte")
}  # fmt: skip
_TIMES = {
    1e-6: ("us", "µs", "microsecond"), 1e-3: ("ms", "msec", "msecs", "millisecond"),
    1.0: ("s", "sec", "secs", "second"),
    60.0: ("min", "mins", "minute"), 3600.0: ("h", "hr", "hrs", "hour"), 86400.0: ("d", "day"),
}  # fmt: skip
_WORDS: dict[str, Unit] = {
    **{w: replace(_SECOND, scale=scale) for scale, words in _TIMES.items() for w in (*words, f"{words[-1]}s")},
    **_SIZES, "b": _BYTE, "byte": _BYTE, "bytes": _BYTE,
    "kilobytes": _SIZES["kb"], "megabytes": _SIZES["mb"], "gigabytes": _SIZES["gb"], "terabytes": _SIZES["tb"],
    **dict.fromkeys(("%", "percent", "per cent", "pct"), PERCENT),
    **dict.fromkeys(("°c", "celsius", "degrees", "degrees celsius"), Unit((("temperature", 1),))),
    **dict.fromkeys(("w", "watt", "watts"), Unit((("power", 1),))),
    "kw": Unit((("power", 1),), 1e3), "ratio": Unit(share=True),
}  # fmt: skip
_SAMPLES = re.compile(r"_(?:bucket|sum|total)$")
_PARTS = ("_count", "_number", "_size")
# Functions that give what they are given, by PromQL's reference; a rate is per second.
_KEEPING = frozenset(
    {"abs", "ceil", "floor", "round", "clamp", "clamp_min", "clamp_max", "sort", "sort_desc", "label_replace"}
    | {"label_join", "increase", "delta", "idelta"}
    | {f"{statistic}_over_time" for statistic in ("last", "avg", "min", "max", "sum", "stddev")}
)
_RATES = frozenset({"rate", "irate", "deriv"})
_SETS = frozenset({"topk", "bottomk", "count_values", "limitk", "limit_ratio"})


@dataclass(frozen=True, slots=True)
class Values:
    """The named values that a condition may read: their types, and in what they are measured."""

    types: Mapping[str, ValueType] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)

    def of(self, name: str) -> Measure:
        return self.measures.get(name, UNKNOWN)


def unit_named(words: str) -> Unit | None:
    """`ms`, `GiB`, `%`, `degrees`: the unit that a number is written with; None when it is none."""
    return _WORDS.get(words.strip().lower())


def unit_by_suffix(name: str) -> Unit | None:
    """The unit that a metric's or an input's name ends in: `lag_seconds`, `free_bytes`, `timeout_ms`.

    A name that ends in `_perc` says nothing: some exporters mean hundredths by it, others a share of one.
    """
    name = name.lower()
    if name.endswith(_PARTS):
        return COUNT
    counted = name.endswith("_total")
    unit = _WORDS.get(_SAMPLES.sub("", name).rpartition("_")[2]) if "_" in _SAMPLES.sub("", name) else None
    return COUNT if unit is None and counted else unit


def measure_of_query(query: str) -> Measure:
    """What an instant query gives, told from its tree; unknown when it does not parse.

    `query` passed `promql_problems`, so that its size is bounded; a placeholder in a matcher is no matter.
    """
    try:
        tree = promql.parse(query)
    except ValueError:
        return UNKNOWN
    return _measure(tree)


def _measure(tree: promql.Expr) -> Measure:
    match tree:
        case promql.NumberLiteral():
            return Measure(COUNT, single=True)
        case promql.VectorSelector():
            return Measure(unit_by_suffix(tree.name or ""))
        case promql.MatrixSelector():
            return _measure(tree.vector_selector)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return _measure(tree.expr)
        case promql.AggregateExpr():
            return _aggregate(tree)
        case promql.Call():
            return _call(tree)
        case promql.BinaryExpr():
            return _binary(tree)
    return UNKNOWN


def _aggregate(tree: promql.AggregateExpr) -> Measure:
    name = str(tree.op)
    single = tree.modifier is None and name not in _SETS
    if name in {"count", "count_values", "group"}:
        return Measure(COUNT, single)
    return Measure(None if name == "stdvar" else _measure(tree.expr).unit, single)


def _call(tree: promql.Call) -> Measure:
    name = tree.func.name
    if name == "histogram_quantile":
        return _quantile(tree.args[1])
    if name == "quantile_over_time":
        return _measure(tree.args[1])
    if name in {"time", "timestamp"}:
        return Measure(_SECOND, single=name == "time")
    if name == "count_over_time":
        return Measure(COUNT, _measure(tree.args[0]).single)
    inner = _measure(tree.args[0]) if tree.args else UNKNOWN
    if name in {"scalar", "vector"}:
        return replace(inner, single=True)
    if name in _RATES and inner.unit is not None:
        return replace(inner, unit=inner.unit.over(_SECOND))
    return inner if name in _KEEPING else replace(inner, unit=None)


def _quantile(buckets: promql.Expr) -> Measure:
    """A quantile is measured in what the bucket's bounds are, not per second as the buckets' rate is."""
    metrics: list[str] = []

    def visit(node: promql.Expr) -> bool:
        selector = node.vector_selector if isinstance(node, promql.MatrixSelector) else node
        if isinstance(selector, promql.VectorSelector):
            metrics.append(selector.name or "")
        return True

    promql.walk(buckets, pre_visit=visit)
    units = {unit_by_suffix(m) for m in metrics}
    modifier = buckets.modifier if isinstance(buckets, promql.AggregateExpr) else None
    only_le = modifier is not None and modifier.type == promql.AggModifierType.By and list(modifier.labels) == ["le"]
    return Measure(units.pop() if len(units) == 1 else None, single=only_le)


def _binary(tree: promql.BinaryExpr) -> Measure:
    left, right = _measure(tree.lhs), _measure(tree.rhs)
    single = left.single and right.single if not isinstance(tree.rhs, promql.NumberLiteral) else left.single
    op = str(tree.op)
    number = _constant(tree.rhs)
    if op in {"==", "!=", ">", "<", ">=", "<="}:
        return Measure(left.unit, single)
    if op == "/" and number:
        return Measure(_scaled(left.unit, 1 / number), single)
    if op == "/" and left.unit is not None and right.unit is not None:
        return Measure(left.unit.over(right.unit), single)
    if op == "*" and (number or (number := _constant(tree.lhs))):
        measured = left if _constant(tree.lhs) is None else right
        return Measure(_scaled(measured.unit, number), measured.single)
    if op in {"+", "-"} and number is None and left.unit == right.unit:
        return Measure(left.unit, single)
    if op == "-" and _constant(tree.lhs) == 1 and right.unit == Unit(share=True):
        return right
    return Measure(None, single)


def _scaled(unit: Unit | None, factor: float) -> Unit | None:
    """The unit of a quantity that was multiplied by a number: 100 times a share is in per cent."""
    if unit is None or not 1e-15 < abs(factor) < 1e15:
        return None
    return replace(unit, scale=unit.scale / factor)


def _constant(tree: promql.Expr) -> float | None:
    """The number that an expression of literals comes to."""
    match tree:
        case promql.NumberLiteral():
            return float(tree.val)
        case promql.ParenExpr():
            return _constant(tree.expr)
        case promql.BinaryExpr():
            left, right = _constant(tree.lhs), _constant(tree.rhs)
            if left is None or right is None:
                return None
            match str(tree.op):
                case "*":
                    return left * right
                case "/" if right:
                    return left / right
                case "^" if 0 < left <= 1024 and 0 <= right <= 40:
                    return float(left**right)
    return None
