"""Conditions: CEL over named values, type-checked at compile time, three-valued at run time.

Two properties of the library shape this module: an evaluation error comes back as a *value* of type
ERROR, and comparing NaN gives false. So only a BOOL over checked operands counts; all else is UNKNOWN.
All numbers are double: `dag.cel_text` promotes them before compiling.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from dag.cel_text import MACROS, Normal, macro_variables, names_read, normal_form, only_counted, tokens
from dag.errors import ConditionError
from dag.model import Condition, ValueType

MOST_NESTED = 32  # the library's own limit
MOST_CHARS = 2_000
FUNCTIONS = ("max", "min", "avg", "sum", "count")
SEE = "see docs/guide-format.md, Branches"


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
    """A condition that type-checks: `cel` in normal form, and the declared names it reads."""

    cel: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is worth keeping of a condition between decisions; `fault` is the library's own complaint."""

    names: tuple[str, ...]
    counted: frozenset[str]
    program: Any = None
    fault: str = ""


class _Undecided(Exception):
    """Why a value decides nothing."""


def compile_condition(text: str, types: Mapping[str, ValueType]) -> Compiled:
    """Type-check `text` as BOOL over the declared names.

    Raises: ConditionError naming the column (1-based) and what to write instead.
    """
    if len(text) > MOST_CHARS:
        raise ConditionError(
            f"the condition has {len(text):,} characters, at most {MOST_CHARS:,} are read",
            hint="split it over two steps",
        )
    normal = normal_form(text)
    _check_names(text, types)
    prepared = _prepare(normal.cel, _kinds(normal.cel, types))
    if prepared.fault:
        raise _readable(text, normal, prepared.fault)
    result = prepared.program.return_type().name()
    if result != "BOOL":
        raise ConditionError(f"'{text}' is of type {result}, a condition is BOOL", hint="compare it: 'x > 0.9'")
    return Compiled(normal.cel, prepared.names)


def is_boolean_over(text: str, types: Mapping[str, ValueType]) -> bool:
    """Whether `text` is a condition that reads at least one declared name; `true` and `node-1` are not."""
    try:
        return bool(compile_condition(text, types).names)
    except ConditionError:
        return False


def decide(condition: Condition, values: Mapping[str, Any], types: Mapping[str, ValueType]) -> Decision:
    """Evaluate a computed condition. Never raises for bad data: that is UNKNOWN, with the reason.

    What is read is taken from the condition's CEL, not from `condition.names`: the CEL is what a
    plan's digest covers.
    """
    if condition.cel is None:
        return Decision(Truth.UNKNOWN, f"'{condition.text}' is not computed")
    try:
        prepared = _of(condition.cel, types)
        seen = {name: _operand(name, values, types, prepared.counted) for name in prepared.names}
        if prepared.fault:
            raise _Undecided(f"'{condition.text}' could not be evaluated: {prepared.fault.splitlines()[0]}")
        result = prepared.program.eval(data=seen)
    except _Undecided as exc:
        return Decision(Truth.UNKNOWN, str(exc))
    except (ConditionError, RuntimeError, ValueError, TypeError) as exc:
        return Decision(Truth.UNKNOWN, f"'{condition.text}' could not be evaluated: {_first_line(exc)}")
    saw = ", ".join(f"{n} = {shown(v)}" for n, v in seen.items())
    if result.type().name() != "BOOL":
        return Decision(Truth.UNKNOWN, f"'{condition.text}' has no answer ({_cut(str(result.value()))}; {saw})")
    holds = result.value() is True
    verb = "holds" if holds else "does not hold"
    reason = f"'{condition.text}' {verb}: {saw}" if seen else f"'{condition.text}' {verb}"
    return Decision(Truth.TRUE if holds else Truth.FALSE, reason)


# -- compiling --------------------------------------------------------------------------------


def _check_names(text: str, types: Mapping[str, ValueType]) -> None:
    found = tokens(text)
    for variable in macro_variables(found):
        if variable.text in types:
            raise ConditionError(
                f"column {variable.start + 1}: '{variable.text}' is a plan's value and cannot be a macro's variable",
                hint="give the macro's variable another name",
            )
    for token in names_read(found):
        if token.text not in types:
            raise ConditionError(
                f"column {token.start + 1}: no value is named '{token.text}'", hint=_near(token.text, tuple(types))
            )


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"declared: {', '.join(sorted(known)) or 'nothing'}"


Kinds = tuple[tuple[str, ValueType], ...]


@lru_cache(maxsize=4_096)
def _free_names(cel: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t.text for t in names_read(tokens(cel))))


def _kinds(cel: str, types: Mapping[str, ValueType]) -> Kinds:
    """The types of the names that `cel` reads: programs are shared by all plans that agree on them."""
    return tuple((name, types.get(name, ValueType.DYN)) for name in _free_names(cel))


def _of(cel: str, types: Mapping[str, ValueType]) -> _Prepared:
    """A condition that the compiler did not write may still hold integers or unguarded divisions."""
    return _prepare(_normalised(cel), _kinds(cel, types))


@lru_cache(maxsize=4_096)
def _normalised(cel: str) -> str:
    return normal_form(cel).cel


@lru_cache(maxsize=4_096)
def _prepare(cel: str, kinds: Kinds) -> _Prepared:
    found = tokens(cel)
    names = tuple(name for name, _ in kinds)
    try:
        program = _environment(tuple(sorted(kinds))).compile(cel)
    except RuntimeError as exc:
        return _Prepared(names, only_counted(found), fault=str(exc))
    return _Prepared(names, only_counted(found), program)


@lru_cache(maxsize=512)
def _environment(kinds: Kinds) -> Any:
    from cel_expr_python import cel

    of = cel.Type
    vector = of.List(of.Map(of.STRING, of.DYN))
    types = {
        ValueType.VECTOR: vector,
        ValueType.SCALAR: of.DOUBLE,
        ValueType.STRING: of.STRING,
        ValueType.BOOL: of.BOOL,
        ValueType.DYN: of.DYN,
    }
    functions = [
        cel.FunctionDecl(name, [cel.Overload(f"{name}_vector", of.DOUBLE, [vector], False, implementation)])
        for name, implementation in _AGGREGATES.items()
    ]
    functions += [
        cel.FunctionDecl(name, [cel.Overload(f"{name}_double", of.DOUBLE, [of.DOUBLE], False, implementation)])
        for name, implementation in (("nonzero", _nonzero), ("finite", _finite))
    ]
    return cel.NewEnv(variables={n: types[t] for n, t in kinds}, functions=functions)


def _over(aggregate: Callable[[list[float]], float]) -> Callable[[list[Mapping[str, Any]]], float]:
    def apply(vector: list[Mapping[str, Any]]) -> float:
        result = float(aggregate([float(sample["value"]) for sample in vector]))
        if not math.isfinite(result):
            raise ValueError("the samples add up to more than a number holds")
        return result

    return apply


def _of_some(aggregate: Callable[[list[float]], float]) -> Callable[[list[float]], float]:
    def apply(numbers: list[float]) -> float:
        if not numbers:
            raise ValueError("no series is left to take it of")
        return aggregate(numbers)

    return apply


def _nonzero(divisor: float) -> float:
    if divisor == 0 or not math.isfinite(divisor):
        raise ValueError(f"a division by {divisor:g}")
    return divisor


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"a text that spells {number:g}")
    return number


# What a function raises becomes CEL's error value, hence UNKNOWN.
_AGGREGATES = {
    "max": _over(_of_some(max)),
    "min": _over(_of_some(min)),
    "avg": _over(_of_some(lambda numbers: sum(numbers) / len(numbers))),
    "sum": _over(sum),
    "count": _over(len),
}


def _readable(text: str, normal: Normal, fault: str) -> ConditionError:
    first = fault.splitlines()[0]
    if "recursion limit" in fault:
        return ConditionError(
            f"the condition is nested deeper than {MOST_NESTED} levels", hint="split it over two steps"
        )
    place = re.search(r"<input>:(\d+):(\d+): (.*)", fault)
    if not place:
        return ConditionError(f"'{text}': {first}", hint=SEE)
    lines = normal.cel.split("\n")
    offset = sum(len(line) + 1 for line in lines[: int(place[1]) - 1]) + int(place[2]) - 1
    said = place[3].replace(" (in container '')", "").removeprefix("Syntax error: ")
    unknown = re.match(r"undeclared reference to '(\w+)'", said)
    if unknown:
        hint = _near(unknown[1], (*FUNCTIONS, *MACROS, "has", "size"))
        start = next((t.start for t in tokens(text) if t.text == unknown[1]), 0)  # the library points at its bracket
        return ConditionError(f"column {start + 1}: no function is named '{unknown[1]}'", hint=hint)
    return ConditionError(f"column {normal.origin(offset) + 1} of '{text}': {said}", hint=SEE)


def _first_line(exc: BaseException) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]


# -- values -----------------------------------------------------------------------------------


def _operand(name: str, values: Mapping[str, Any], types: Mapping[str, ValueType], counted: frozenset[str]) -> Any:
    """The value as CEL sees it. Raises _Undecided when nothing can rest on it."""
    value = values.get(name)
    if value is None:
        raise _Undecided(f"'{name}' has no value")
    match types.get(name, ValueType.DYN):
        case ValueType.VECTOR:
            return _vector(name, value, may_be_empty=name in counted)
        case ValueType.SCALAR:
            return _number(name, value)
        case ValueType.STRING if not isinstance(value, str):
            raise _Undecided(f"'{name}' is no text")
        case ValueType.BOOL if not isinstance(value, bool):
            raise _Undecided(f"'{name}' is neither true nor false")
        case _:
            return _document(name, value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Undecided(f"'{name}' is no number")
    if not math.isfinite(value):
        raise _Undecided(f"'{name}' is {value}")
    return float(value)


def _vector(name: str, value: Any, *, may_be_empty: bool) -> list[dict[str, Any]]:
    """An empty answer is an answer only where the guide asks how many there are."""
    if not isinstance(value, list | tuple):
        raise _Undecided(f"'{name}' is no vector")
    if not value and not may_be_empty:
        raise _Undecided(f"'{name}' is empty: no series matched")
    samples = []
    for sample in value:
        number = sample.get("value") if isinstance(sample, Mapping) else None
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise _Undecided(f"'{name}' holds a sample that is no number")
        labels = sample.get("labels")
        if not isinstance(labels, Mapping):
            labels = {}
        samples.append({"labels": {str(k): str(v) for k, v in labels.items()}, "value": float(number)})
    return samples


def _document(name: str, value: Any) -> Any:
    try:
        return _doubles(value)
    except OverflowError:
        raise _Undecided(f"'{name}' holds a number that is not finite") from None
    except RecursionError:
        raise _Undecided(f"'{name}' is nested too deeply to read") from None


def _doubles(value: Any) -> Any:
    """Numbers as doubles, all the way down. Raises OverflowError for one that is no finite double."""
    match value:
        case bool() | str() | None:
            return value
        case int() | float():
            number = float(value)
            if not math.isfinite(number):
                raise OverflowError
            return number
        case Mapping():
            return {str(k): _doubles(v) for k, v in value.items()}
        case list() | tuple():
            return [_doubles(v) for v in value]
        case _:
            return value


def shown(value: Any) -> str:
    """A value in a sentence: short, numbers without noise, only the labels that tell series apart."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, list) and value and all(isinstance(v, Mapping) and "value" in v for v in value):
        telling = _telling(value)
        samples = [_sample(v, telling) for v in value[:4]]
        return "{" + "; ".join([*samples, *([f"... {len(value)} in all"] if len(value) > 4 else [])]) + "}"
    return _cut(str(value))


def _telling(vector: list[Mapping[str, Any]]) -> frozenset[str]:
    """Labels whose values differ between the series."""
    labels = [v["labels"] if isinstance(v.get("labels"), Mapping) else {} for v in vector]
    names = {name for each in labels for name in each}
    return frozenset(n for n in names if len({str(each.get(n)) for each in labels}) > 1)


def _sample(sample: Mapping[str, Any], telling: frozenset[str]) -> str:
    labels = sample.get("labels")
    named = ",".join(str(v) for k, v in labels.items() if k in telling) if isinstance(labels, Mapping) else ""
    number = sample["value"]
    text = f"{number:g}" if isinstance(number, int | float) else _cut(str(number))
    return f"{_cut(named)}: {text}" if named else text


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
