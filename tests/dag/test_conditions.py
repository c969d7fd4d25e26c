"""Conditions are typed when a guide is compiled and three-valued when a run decides."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dag.cel_text import normal_form
from dag.conditions import Truth, compile_condition, decide, is_boolean_over
from dag.errors import ConditionError
from dag.model import Condition, ValueType

TYPES = {
    "usage": ValueType.VECTOR,
    "other": ValueType.VECTOR,
    "rate": ValueType.SCALAR,
    "fleet": ValueType.STRING,
    "drained": ValueType.BOOL,
    "plan": ValueType.DYN,
}


def vector(*values: Any, **more: Any) -> list[dict[str, Any]]:
    unnamed = [{"labels": {"gpu": f"gpu{i}"}, "value": v} for i, v in enumerate(values)]
    return [*unnamed, *({"labels": {"gpu": k}, "value": v} for k, v in more.items())]


VALUES: dict[str, Any] = {
    "usage": vector(0.2, 0.95),
    "other": vector(3),
    "rate": 2,
    "fleet": "demo 1",
    "drained": True,
    "plan": {"moves": [{"from": "a", "bytes": 1000}], "left": 0, "note": None, "share": "0.75"},
}


def decided(cel: str, values: dict[str, Any] | None = None) -> Truth:
    return judged(cel, values)[0]


def judged(cel: str, values: dict[str, Any] | None = None) -> tuple[Truth, str]:
    made = compile_condition(cel, TYPES)
    decision = decide(Condition(cel, cel=made.cel, names=made.names), {**VALUES, **(values or {})}, TYPES)
    return decision.truth, decision.reason


@pytest.mark.parametrize(
    ("cel", "want"),
    [
        pytest.param("max(usage) > 0.9", True, id="the largest sample"),
        pytest.param("min(usage) > 0.9", False, id="the smallest sample"),
        pytest.param("avg(usage) < 0.6", True, id="the mean"),
        pytest.param("sum(usage) == 1.15", True, id="the sum"),
        pytest.param("count(usage) == 2", True, id="how many series"),
        pytest.param("usage.exists(s, s.value > 0.9)", True, id="some series"),
        pytest.param("usage.all(s, s.value > 0.9)", False, id="every series"),
        pytest.param("usage.exists(s, s.labels.gpu == 'gpu1' && s.value > 0.9)", True, id="a series by its label"),
        pytest.param("max(usage.filter(s, s.labels.gpu == 'gpu0')) < 0.5", True, id="the largest of some"),
        pytest.param("sum(usage.filter(s, s.value > 5)) == 0", True, id="the sum of none is 0"),
        pytest.param("count(usage.filter(s, s.value > 5)) < 1", True, id="the number of none is 0"),
        pytest.param("usage[1].value > 0.9", True, id="a series by its place"),
        pytest.param("rate > 1", True, id="a whole number is a double"),
        pytest.param("rate == 2.0", True, id="a whole value is a double"),
        pytest.param("rate > -3", True, id="a negative number"),
        pytest.param("rate < 0x10", True, id="a hexadecimal number"),
        pytest.param("rate > .5", True, id="a number without a leading digit"),
        pytest.param("rate < 1e3", True, id="a number with an exponent"),
        pytest.param("rate in [1, 2]", True, id="one of a list of numbers"),
        pytest.param("rate / 4 == 0.5", True, id="a quotient"),
        pytest.param("max(usage) / max(other) < 1", True, id="a quotient of two queries"),
        pytest.param("fleet == 'demo 1'", True, id="a number inside a text stays text"),
        pytest.param("fleet.startsWith('demo')", True, id="a text's beginning"),
        pytest.param("drained", True, id="a truth by itself"),
        pytest.param("!drained || rate < 1", False, id="not and or"),
        pytest.param("size(usage) == 2", True, id="how many series, as a size"),
        pytest.param("double(plan.share) > 0.5", True, id="a number that a document spells"),
        pytest.param("size(plan.moves) > 0", True, id="how many entries a document has"),
        pytest.param("size(plan.moves.filter(m, m.bytes > 2000)) == 0", True, id="how many of some"),
        pytest.param("plan.moves[0].bytes >= 1000", True, id="a whole number inside a document"),
        pytest.param("plan.left == 0", True, id="zero inside a document"),
        pytest.param("plan.note == null", True, id="nothing inside a document"),
        pytest.param("has(plan.later) && plan.later > 1", False, id="a field that is not there, asked for first"),
        pytest.param("rate > 1 // a remark", True, id="a remark is no part of it"),
    ],
)
def test_a_condition_over_good_values_is_true_or_false(cel: str, want: bool) -> None:
    assert decided(cel) is (Truth.TRUE if want else Truth.FALSE)


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("cel", "values", "why"),
    [
        pytest.param("rate > 1", {"rate": None}, "'rate' has no value", id="a missing value"),
        pytest.param("rate > 1", {"rate": NAN}, "'rate' is nan", id="not a number"),
        pytest.param("rate < 1", {"rate": INF}, "'rate' is inf", id="infinity"),
        pytest.param("rate < 1", {"rate": "0"}, "'rate' is no number", id="a text for a number"),
        pytest.param("rate < 1", {"rate": True}, "'rate' is no number", id="a truth for a number"),
        pytest.param("fleet == 'a'", {"fleet": 1}, "'fleet' is no text", id="a number for a text"),
        pytest.param("!drained", {"drained": 0}, "'drained' is neither true nor false", id="a number for a truth"),
        pytest.param("max(usage) < 1", {"usage": []}, "'usage' is empty: no series matched", id="no series"),
        pytest.param("sum(usage) < 1", {"usage": []}, "'usage' is empty", id="no series to add up"),
        pytest.param("usage.all(s, s.value > 1)", {"usage": []}, "'usage' is empty", id="all of no series"),
        pytest.param(
            "count(usage) == 0 || max(usage) < 1", {"usage": []}, "'usage' is empty", id="no series, counted and asked"
        ),
        pytest.param("max(usage) < 1", {"usage": vector(0.1, NAN)}, "holds a sample that is no number", id="one NaN"),
        pytest.param("max(usage) < 1", {"usage": vector(None)}, "holds a sample that is no number", id="a null sample"),
        pytest.param("max(usage) < 1", {"usage": 0.5}, "'usage' is no vector", id="a number for a vector"),
        pytest.param("max(usage.filter(s, s.value > 5)) < 1", {}, "no series is left", id="the largest of none"),
        pytest.param("avg(usage.filter(s, s.value > 5)) < 1", {}, "no series is left", id="the mean of none"),
        pytest.param("usage[7].value < 1", {}, "has no answer", id="a place that is not there"),
        pytest.param("rate / 0 > 1", {}, "a division by 0", id="a division by zero"),
        pytest.param("rate / sum(other) > 1", {"other": vector(0)}, "a division by 0", id="a division by a zero sum"),
        pytest.param(
            "usage.exists(s, s.value / (s.value - s.value) > 1)", {}, "a division by 0", id="a division inside a macro"
        ),
        pytest.param(
            "sum(usage) > 1", {"usage": vector(1e308, 1e308)}, "more than a number holds", id="a sum too large"
        ),
        pytest.param("plan.later > 1", {}, "has no answer", id="a field that is not there"),
        pytest.param("plan.note > 1", {}, "has no answer", id="a null compared"),
        pytest.param("plan.left > 1", {"plan": {"left": NAN}}, "not finite", id="NaN inside a document"),
        pytest.param("plan.left > 1", {"plan": {"left": 10**400}}, "not finite", id="a number beyond double"),
        pytest.param("plan.left > 1", {"plan": {"left": "3"}}, "has no answer", id="a text inside a document"),
        pytest.param("plan.left > 1", {"plan": {"left": object()}}, "has no answer", id="no JSON at all"),
        pytest.param("plan", {"plan": "true"}, "has no answer", id="a text for an answer"),
        pytest.param("double(plan.x) > 1", {"plan": {"x": "Infinity"}}, "spells inf", id="a text that spells infinity"),
        pytest.param("double(plan.x) < 1", {"plan": {"x": "soon"}}, "has no answer", id="a text that spells nothing"),
        pytest.param(
            "!(double(plan.x) > 1)", {"plan": {"x": "NaN"}}, "spells nan", id="the opposite of a text that spells NaN"
        ),
        pytest.param(
            "rate / double(plan.x) > 1", {"plan": {"x": "0"}}, "a division by 0", id="a divisor that a text spells"
        ),
    ],
)
def test_what_cannot_be_decided_is_unknown_and_says_why(cel: str, values: dict[str, Any], why: str) -> None:
    condition = Condition(cel, cel=normal_form(cel).cel)
    decision = decide(condition, {**VALUES, **values}, TYPES)
    assert decision.truth is Truth.UNKNOWN
    assert why in decision.reason


def test_an_empty_answer_is_an_answer_where_only_its_number_is_asked() -> None:
    assert decided("count(usage) == 0", {"usage": []}) is Truth.TRUE
    assert decided("count(usage) > 0 && fleet == 'usage'", {"usage": []}) is Truth.FALSE
    assert decided("size(usage) < 1", {"usage": []}) is Truth.TRUE


def test_a_document_nested_beyond_reason_is_unknown() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    assert decide(Condition("x", cel="plan == 1.0"), {"plan": deep}, TYPES).truth is Truth.UNKNOWN


def test_a_judged_condition_is_never_computed() -> None:
    assert decide(Condition("it looks odd"), VALUES, TYPES).truth is Truth.UNKNOWN


def test_the_reason_names_the_values_that_were_seen() -> None:
    assert judged("max(usage) > 0.9 && rate > 1") == (
        Truth.TRUE,
        "'max(usage) > 0.9 && rate > 1' holds: usage = {gpu0: 0.2; gpu1: 0.95}, rate = 2",
    )
    _, reason = judged("max(usage) > 9", {"usage": vector(*range(8))})
    assert reason == "'max(usage) > 9' does not hold: usage = {gpu0: 0; gpu1: 1; gpu2: 2; gpu3: 3; ... 8 in all}"


def test_what_is_read_follows_from_the_cel_whatever_the_condition_lists() -> None:
    """The digest covers the CEL and not the list: a shortened list must not let a bad value through."""
    hidden = Condition("x", cel="max(usage) > 0.9 && rate > 1.0", names=("rate",))
    assert decide(hidden, {**VALUES, "usage": []}, TYPES).truth is Truth.UNKNOWN


def test_a_condition_that_the_compiler_did_not_write_is_read_by_the_same_rules() -> None:
    assert decide(Condition("x", cel="rate > 1"), VALUES, TYPES).truth is Truth.TRUE
    assert decide(Condition("x", cel="1 / (rate - 2) > 1"), VALUES, TYPES).truth is Truth.UNKNOWN
    assert decide(Condition("x", cel="rate >"), VALUES, TYPES).truth is Truth.UNKNOWN
    assert decide(Condition("x", cel="nobody > 1"), VALUES, TYPES).truth is Truth.UNKNOWN


# -- compiling --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cel", "message", "hint"),
    [
        pytest.param("max(usge) > 1", "column 5: no value is named 'usge'", "did you mean 'usage'?", id="a slip"),
        pytest.param("zzz > 1", "column 1: no value is named 'zzz'", "declared: drained, fleet", id="an unknown name"),
        pytest.param(
            "maxi(usage) > 1", "column 1: no function is named 'maxi'", "did you mean 'max'?", id="a function"
        ),
        pytest.param("rate", "'rate' is of type DOUBLE, a condition is BOOL", "compare it", id="no truth"),
        pytest.param(
            "1 < rate  >  usage", "column 11 of '1 < rate  >  usage': found no matching", "Branches", id="types"
        ),
        pytest.param("1 < 2 && usage > 1", "column 16 of '1 < 2 && usage > 1': found no", "Branches", id="a vector"),
        pytest.param("rate >", "column 6 of 'rate >': mismatched input", "Branches", id="half a comparison"),
        pytest.param(
            "plan.moves.size() > 0", "column 12: '.size()' is not read", "write 'size(x)'", id="size as method"
        ),
        pytest.param(
            "usage.exists(rate, rate.value > 1)",
            "column 14: 'rate' is a plan's value",
            "another name",
            id="a hidden name",
        ),
        pytest.param("(" * 40 + "drained" + ")" * 40, "nested deeper than 32", "split it over two steps", id="nesting"),
        pytest.param("rate > 1e400", "column 8: the number is larger than a double", "smaller", id="beyond double"),
        pytest.param("rate > 0x" + "f" * 300, "column 8: the number is larger", "smaller", id="a long hexadecimal"),
        pytest.param("drained && " * 200 + "drained", "characters, at most 2,000", "split it", id="length"),
    ],
)
def test_a_faulty_condition_is_refused_with_its_place_and_a_hint(cel: str, message: str, hint: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(cel, TYPES)
    assert message in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("code", "want"),
    [
        pytest.param("max(usage) > 0.9", True, id="a comparison of a declared name"),
        pytest.param("drained", True, id="a declared truth"),
        pytest.param("true", False, id="a word that reads nothing"),
        pytest.param("1 < 2", False, id="numbers alone"),
        pytest.param("node-1", False, id="a name with a dash"),
        pytest.param("kubectl", False, id="a command"),
        pytest.param("rate", False, id="a declared number"),
        pytest.param("rate >", False, id="half a comparison"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_inline_code_is_a_condition_when_it_is_a_truth_over_declared_names(code: str, want: bool) -> None:
    assert is_boolean_over(code, TYPES) is want


@pytest.mark.parametrize(
    ("cel", "normal"),
    [
        pytest.param("x > 1", "x > 1.0", id="a whole number"),
        pytest.param("x[0] > y [1]", "x[0] > y [1]", id="but no index"),
        pytest.param("[1, 2][0] in [3]", "[1.0, 2.0][0] in [3.0]", id="a list and its index"),
        pytest.param("'1 / 2' == \"size(x) 3\"", "'1 / 2' == \"size(x) 3\"", id="but nothing inside texts"),
        pytest.param(r"'it\'s 1' == r'\' + 'a 1'", r"'it\'s 1' == r'\' + 'a 1'", id="texts with quotes"),
        pytest.param("size(x) > 1", "double(size(x)) > 1.0", id="a size"),
        pytest.param("a / (b - 1)", "a / nonzero((b - 1.0))", id="a divisor in brackets"),
        pytest.param("a / b.c[0].d * 2", "a / nonzero(b.c[0].d) * 2.0", id="a divisor with fields"),
        pytest.param("a / size(x)", "a / nonzero(double(size(x)))", id="a size as divisor"),
        pytest.param("a / 2", "a / 2.0", id="a divisor that is a number"),
        pytest.param("a / 0", "a / nonzero(0.0)", id="a divisor that is zero"),
        pytest.param("double(d.s) > 1", "finite(double(d.s)) > 1.0", id="a text read as a number"),
        pytest.param("a / double(d.s)", "a / nonzero(finite(double(d.s)))", id="a divisor read from a text"),
        pytest.param("double(size(x)) > 1", "double(size(x)) > 1.0", id="a size read as a number"),
    ],
)
def test_the_normal_form_holds_doubles_and_guards_divisions(cel: str, normal: str) -> None:
    assert normal_form(cel).cel == normal
    assert normal_form(normal).cel == normal, "a normal form is its own"


# -- properties -------------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
CONDITIONS = [
    compile_condition(c, TYPES)
    for c in (
        "max(usage) > 0.9 && rate < 1",
        "count(usage) > 0 || drained",
        "size(plan.moves) > 0 && fleet == 'a'",
        "usage.exists(s, s.value > rate) || plan == null",
    )
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CONDITIONS), st.dictionaries(st.sampled_from(sorted(TYPES)), anything))
def test_deciding_never_raises_whatever_the_values_are(compiled: Any, values: dict[str, Any]) -> None:
    decision = decide(Condition("c", cel=compiled.cel, names=compiled.names), values, TYPES)
    assert decision.reason
    if any(n not in values or values[n] is None for n in compiled.names):
        assert decision.truth is Truth.UNKNOWN


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), max_size=4),
    st.sampled_from([NAN, INF, -INF, None, "1", True]),
    st.sampled_from(["max", "min", "avg", "sum", "count"]),
    st.sampled_from(["<", ">", "==", "!="]),
)
def test_one_sample_that_is_no_number_makes_every_comparison_unknown(
    good: list[float], bad: Any, function: str, operator: str
) -> None:
    assert decided(f"{function}(usage) {operator} 1", {"usage": vector(*good, bad)}) is Truth.UNKNOWN


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), st.floats(-1e6, 1e6))
def test_functions_over_vectors_agree_with_python(samples: list[float], limit: float) -> None:
    for name, function in (("max", max), ("min", min), ("count", len)):
        want = function(samples) > limit
        assert decided(f"{name}(usage) > {limit!r}", {"usage": vector(*samples)}) is (
            Truth.TRUE if want else Truth.FALSE
        )


@settings(max_examples=300, deadline=None)
@given(st.text("ab19/.()[]'\"\\ &|<>=!-,{}\n", max_size=24))
def test_any_text_compiles_or_is_refused_with_a_hint(text: str) -> None:
    hint = "none needed"
    try:
        compile_condition(text, {"a": ValueType.SCALAR, "b": ValueType.VECTOR})
    except ConditionError as exc:
        hint = exc.hint
    assert hint


def test_the_plan_is_imported_without_the_libraries_that_only_some_commands_need() -> None:
    code = (
        "import sys, dag, dag.conditions, dag.serial, dag.checks;"
        "print([m for m in ('cel_expr_python', 'networkx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
