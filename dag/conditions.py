"""Conditions: CEL over named values, type-checked at compile time, three-valued at run time.

Two properties of the library shape this module: an evaluation error comes back as a *value* of type
ERROR, and comparing NaN gives false. So only a BOOL over checked operands counts; all else is UNKNOWN.
All numbers are double: integer literals are promoted before compiling.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from dag.errors import ConditionError
from dag.model import Condition, ValueType

MOST_NESTED = 32  # the library's own limit
MOST_CHARS = 2_000
FUNCTIONS = ("max", "min", "avg", "sum", "count")
MACROS = frozenset({"all", "exists", "exists_one", "filter", "map", "has", "size"})
WORDS = frozenset({"true", "false", "null", "in"})
_TOKEN = re.compile(
    r"""(?P<string>[rRbB]{0,2}(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<number>(?:\d+\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


class Truth(StrEnum):
    """Three values: UNKNOWN is neither, and opens no edge."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Decision:
    """A condition's truth and the sentence that says why, with the values it saw."""

    truth: Truth
    reason: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition that type-checks: `cel` with promoted numbers, and the declared names it reads."""

    cel: str
    names: tuple[str, ...]


def compile_condition(text: str, types: Mapping[str, ValueType]) -> Compiled:
    """Type-check `text` as BOOL over the declared names.

    Raises: ConditionError naming the column (1-based) and what to write instead.
    """
    if len(text) > MOST_CHARS:
        raise ConditionError(f"the condition has {len(text)} characters, at most {MOST_CHARS} are read")
    names = _names(text, types)
    cel = _promote(text)
    result = _program(cel, _key(types)).return_type().name()
    if result != "BOOL":
        raise ConditionError(f"'{text}' is of type {result}, a condition is BOOL", hint="compare it: 'x > 0.9'")
    return Compiled(cel, names)


def is_boolean_over(text: str, types: Mapping[str, ValueType]) -> bool:
    """Whether `text` is a condition that reads at least one declared name; `true` and `node-1` are not."""
    try:
        return bool(compile_condition(text, types).names)
    except ConditionError:
        return False


def decide(condition: Condition, values: Mapping[str, Any], types: Mapping[str, ValueType]) -> Decision:
    """Evaluate a computed condition. Never raises for bad data: that is UNKNOWN, with the reason."""
    if condition.cel is None:
        return Decision(Truth.UNKNOWN, f"'{condition.text}' is not computed")
    seen: dict[str, Any] = {}
    for name in condition.names:
        if name not in values:
            return Decision(Truth.UNKNOWN, f"'{name}' has no value")
        problem = _problem(name, values[name], types.get(name, ValueType.DYN), condition.cel)
        if problem is not None:
            return Decision(Truth.UNKNOWN, problem)
        seen[name] = _plain(values[name])
    try:
        result = _program(condition.cel, _key(types)).eval(data=seen)
    except (ConditionError, RuntimeError, ValueError, TypeError) as exc:
        return Decision(Truth.UNKNOWN, f"'{condition.text}' could not be evaluated: {_first_line(exc)}")
    shown = ", ".join(f"{n} = {_shown(seen[n])}" for n in condition.names)
    if result.type().name() != "BOOL":
        return Decision(Truth.UNKNOWN, f"'{condition.text}' has no answer ({result.value()}; {shown})")
    truth = Truth.TRUE if result.value() else Truth.FALSE
    verb = "holds" if result.value() else "does not hold"
    return Decision(truth, f"'{condition.text}' {verb}: {shown}")


def _names(text: str, types: Mapping[str, ValueType]) -> tuple[str, ...]:
    """Declared names that `text` reads, after checking that it reads no undeclared ones."""
    tokens = [m for m in _TOKEN.finditer(text) if not m[0].isspace()]
    bound = _macro_variables([m[0] for m in tokens])
    found: dict[str, None] = {}
    for i, token in enumerate(tokens):
        if token.lastgroup != "name" or (i and tokens[i - 1][0] == "."):
            continue
        called = i + 1 < len(tokens) and tokens[i + 1][0] == "("
        name = token[0]
        if name in types and not called:
            found[name] = None
        elif not called and name not in WORDS and name not in bound:
            near = difflib.get_close_matches(name, list(types), n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"declared: {', '.join(sorted(types)) or 'nothing'}"
            raise ConditionError(f"column {token.start() + 1}: no value is named '{name}'", hint=hint)
    return tuple(found)


def _macro_variables(tokens: list[str]) -> set[str]:
    """`s` of `usage.exists(s, ...)`."""
    return {
        tokens[i + 2]
        for i, token in enumerate(tokens[:-3])
        if token in MACROS and tokens[i + 1] == "(" and tokens[i + 3] == ","
    }


def _promote(text: str) -> str:
    """Write integer literals as doubles, except list indexes: every number of a plan is a double."""
    parts: list[str] = []
    before = ""
    for token in _TOKEN.finditer(text):
        piece = token[0]
        if token.lastgroup == "number" and piece.isdigit() and not _is_index(before, text, token.end()):
            piece = f"{piece}.0"
        parts.append(piece)
        if not piece.isspace():
            before = piece
    return _doubles_from_size("".join(parts))


def _is_index(before: str, text: str, end: int) -> bool:
    """`x[0]` is an index; `[0, 1]` and `x in [0]` are lists of numbers."""
    if before != "[" or not text[end:].lstrip().startswith("]"):
        return False
    head = text[: text.rfind("[", 0, end)].rstrip()
    return bool(head) and (head[-1].isalnum() or head[-1] in "_)]") and not re.search(r"\bin$", head)


def _doubles_from_size(text: str) -> str:
    """`size(x)` is an int in CEL; as everything else it compares as a double here."""
    return re.sub(r"(?<![\w.])size\(([A-Za-z_][\w.]*)\)", r"double(size(\1))", text)


def _key(types: Mapping[str, ValueType]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((n, str(t)) for n, t in types.items()))


@lru_cache(maxsize=4_096)
def _program(cel: str, types: tuple[tuple[str, str], ...]) -> Any:
    try:
        return _environment(types).compile(cel)
    except RuntimeError as exc:
        raise _readable(cel, exc) from exc


@lru_cache(maxsize=256)
def _environment(types: tuple[tuple[str, str], ...]) -> Any:
    from cel_expr_python import cel

    kinds = cel.Type
    vector = kinds.List(kinds.Map(kinds.STRING, kinds.DYN))
    of = {
        ValueType.VECTOR: vector,
        ValueType.SCALAR: kinds.DOUBLE,
        ValueType.STRING: kinds.STRING,
        ValueType.BOOL: kinds.BOOL,
        ValueType.DYN: kinds.DYN,
    }
    functions = [
        cel.FunctionDecl(name, [cel.Overload(f"{name}_vector", kinds.DOUBLE, [vector], False, impl)])
        for name, impl in _AGGREGATES.items()
    ]
    return cel.NewEnv(variables={n: of[ValueType(t)] for n, t in types}, functions=functions)


def _over(aggregate: Callable[[list[float]], float]) -> Callable[[list[Mapping[str, Any]]], float]:
    def apply(vector: list[Mapping[str, Any]]) -> float:
        return float(aggregate([float(sample["value"]) for sample in vector]))

    return apply


_AGGREGATES = {
    "max": _over(max),  # of nothing: an error, hence UNKNOWN
    "min": _over(min),
    "avg": _over(lambda v: sum(v) / len(v)),
    "sum": _over(sum),
    "count": _over(len),
}


def _readable(cel: str, exc: RuntimeError) -> ConditionError:
    first = _first_line(exc)
    if "recursion limit" in first:
        return ConditionError(
            f"the condition is nested deeper than {MOST_NESTED} levels", hint="split it over two steps"
        )
    place = re.search(r"<input>:\d+:(\d+): (.*)", str(exc))
    if place:
        return ConditionError(f"column {place[1]} of '{cel}': {place[2]}", hint="see docs/guide-format.md, Branches")
    return ConditionError(f"'{cel}': {first}", hint="see docs/guide-format.md, Branches")


def _first_line(exc: BaseException) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]


def _problem(name: str, value: Any, type_: ValueType, cel: str) -> str | None:
    """Why this value decides nothing, or None."""
    match type_:
        case ValueType.VECTOR:
            return _vector_problem(name, value, cel)
        case ValueType.SCALAR if isinstance(value, bool) or not isinstance(value, int | float):
            return f"'{name}' is no number"
        case ValueType.SCALAR if not math.isfinite(value):
            return f"'{name}' is {value}"
        case ValueType.STRING if not isinstance(value, str):
            return f"'{name}' is no text"
        case ValueType.BOOL if not isinstance(value, bool):
            return f"'{name}' is neither true nor false"
        case _:
            return f"'{name}' has no value" if value is None else None


def _vector_problem(name: str, value: Any, cel: str) -> str | None:
    if not isinstance(value, list):
        return f"'{name}' is no vector"
    if not value and not _is_only_counted(name, cel):
        return f"'{name}' is empty: no series matched"
    for sample in value:
        number = sample.get("value") if isinstance(sample, Mapping) else None
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            return f"'{name}' holds a sample that is no number"
    return None


def _is_only_counted(name: str, cel: str) -> bool:
    """An empty answer is an answer only where the guide asks how many there are."""
    uses = len(re.findall(rf"(?<![\w.]){name}\b", cel))
    counted = len(re.findall(rf"(?<![\w.])count\(\s*{name}\s*\)", cel))
    return uses == counted > 0


def _plain(value: Any) -> Any:
    """Numbers as doubles, all the way down."""
    match value:
        case bool():
            return value
        case int():
            return float(value)
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple():
            return [_plain(v) for v in value]
        case _:
            return value


def _shown(value: Any) -> str:
    """A value in a sentence: short, numbers without noise."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list) and all(isinstance(v, Mapping) and "value" in v for v in value):
        samples = [
            f"{','.join(str(x) for x in v.get('labels', {}).values()) or 'value'}: {_shown(v['value'])}"
            for v in value[:4]
        ]
        return "{" + "; ".join([*samples, *(["..."] if len(value) > 4 else [])]) + "}"
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."
