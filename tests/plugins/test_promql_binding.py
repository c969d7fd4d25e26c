"""Values are bound into label matchers; whatever they hold, the query stays the guide's."""

from __future__ import annotations

import re

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.errors import BadArguments
from plugins.promql_binding import bind_query

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)

INJECTIONS = [
    pytest.param('a"} or up{x="', id="closes the matcher and adds a selector"),
    pytest.param("a'} or up{x='", id="the same with single quotes"),
    pytest.param("a`} or up{x=`", id="the same with backticks"),
    pytest.param('a",b="c', id="adds a matcher"),
    pytest.param('a"}[5m]) or vector(0) #', id="comments out the rest"),
    pytest.param("\\", id="escapes the closing quote"),
    pytest.param('\\"} or up', id="escapes the escape"),
    pytest.param("a\nb\r\x00\x7f", id="line ends and control characters"),
    pytest.param("\u2028\u202e\U0001f600", id="separators, direction marks, emoji"),
    pytest.param("{{ other }}", id="a placeholder"),
    pytest.param("stepfleetvalue0end", id="the binding's own mark"),
    pytest.param(".*", id="a pattern"),
    pytest.param("a|b", id="an alternative"),
    pytest.param("(?i)A", id="a pattern's flag"),
    pytest.param("\\d\\E.*", id="a pattern's escapes"),
    pytest.param("[^a]-]{2}$^", id="a pattern's classes and anchors"),
    pytest.param("$1 ${a} %s {} \\u0041", id="other languages' placeholders"),
]


def only_matcher(query: str) -> str:
    (matcher,) = promql_parser.parse(query).matchers.matchers
    return str(matcher.value)


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("quote", ['"', "'", "`"])
def test_a_value_is_one_label_value_and_nothing_else(value: str, quote: str) -> None:
    bound = bind_query(f"up{{replica={quote}{{{{ v }}}}{quote}}}", {"v": value, "other": "x"})
    assert only_matcher(bound) == value
    assert isinstance(promql_parser.parse(bound), promql_parser.VectorSelector)


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("quote", ['"', "'", "`"])
def test_in_a_pattern_a_value_matches_itself_alone(value: str, quote: str) -> None:
    pattern = only_matcher(bind_query(f"up{{replica=~{quote}x-{{{{ v }}}}|y{quote}}}", {"v": value, "other": "x"}))
    assert re.fullmatch(pattern, f"x-{value}")
    assert not re.fullmatch(pattern, f"x-{value}x")
    assert re.fullmatch(pattern, "y")  # the guide's own part of the pattern stays one


@given(TEXT, TEXT, st.sampled_from(['"', "'", "`"]))
def test_any_two_values_are_bound_and_the_rest_is_untouched(one: str, two: str, quote: str) -> None:
    q = quote
    query = f"sum by (x) (rate(a{{p={q}-{{{{ one }}}}-{q},q!~{q}{{{{two}}}}.*{q}}}[5m])) > bool 2 # {{x}}"
    tree = promql_parser.parse(bind_query(query, {"one": one, "two": two}))
    first, second = tree.lhs.expr.args[0].vector_selector.matchers.matchers
    assert first.value == f"-{one}-"
    assert re.fullmatch(second.value, f"{two}, and more", re.DOTALL)
    second.value = "-"
    assert str(tree.op) == ">"
    assert tree.rhs.val == 2


@pytest.mark.parametrize(
    ("value", "want"),
    [
        pytest.param("a", "a", id="a text"),
        pytest.param(3, "3", id="a whole number"),
        pytest.param(3.0, "3", id="a scalar that is whole"),
        pytest.param(0.5, "0.5", id="a fraction"),
        pytest.param(True, "true", id="a truth"),
    ],
)
def test_numbers_and_truths_are_written_as_labels_are(value: object, want: str) -> None:
    assert only_matcher(bind_query('up{a="{{ v }}"}', {"v": value})) == want


def test_a_query_without_values_is_sent_as_it_is_written() -> None:
    query = '  up{a="{}"} # as it stands\n'
    assert bind_query(query, {}) == query


@pytest.mark.parametrize(
    ("query", "value", "says"),
    [
        pytest.param("{{ v }}", "up", "stands where PromQL has no label value", id="in place of a metric"),
        pytest.param("up{{{ v }}}", "up", "stands where PromQL has no label value", id="in place of a matcher"),
        pytest.param('up{ {{ v }}="a"}', "b", "stands where PromQL has no label value", id="in place of a label"),
        pytest.param("up[{{ v }}]", "5m", "stands where PromQL has no label value", id="in place of a duration"),
        pytest.param('up{a="b"} # {{ v }}', "x", "stands where PromQL has no label value", id="in a comment"),
        pytest.param(
            'label_replace(up, "a", "{{ v }}", "b", "")', "x", "stands where PromQL has no label value", id="in a text"
        ),
        pytest.param('count_values("{{ v }}", up)', "x", "stands where PromQL has no label value", id="a parameter"),
        pytest.param('up{"{{ v }}"="a"}', "x", "stands where PromQL has no label value", id="a quoted label"),
        pytest.param('up{a="{{ w }}"}', "x", "no value is named 'w'", id="an unknown name"),
        pytest.param('up{a="{{ v }}"}', "", "'v' is empty: a would match series", id="an empty value"),
        pytest.param('up{a=~"b|{{ v }}"}', "", "'v' is empty: the pattern for a", id="an empty alternative"),
        pytest.param('up{a="{{ v }}"}', None, "'v' is missing and no plain text", id="no value"),
        pytest.param('up{a="{{ v }}"}', [1], "'v' is a document and no plain text", id="a vector"),
        pytest.param('up{a="{{ v }}"}', float("nan"), "'v' is nan and no plain text", id="not a number"),
        pytest.param('up{a="{{ v }}"}', "x" * 5000, "'v' has 5,000 characters", id="a long value"),
        pytest.param('up{a="{{ v }}"}', "\ud800", "'v' is no text", id="half a surrogate pair"),
        pytest.param('up{a="\\{{ v }}"}', "n", "the query is no PromQL", id="after the guide's own backslash"),
        pytest.param('up{a=~"\\\\{{ v }}"}', "d", "inside an escape", id="after a pattern's backslash"),
        pytest.param('up{a=~"\\\\Qx{{ v }}"}', "d", "the query is no PromQL", id="inside a quotation"),
        pytest.param('up{a=~"[^x{{ v }}]"}', "a", "inside a character class", id="inside a class"),
        pytest.param('up{a=~"x{{{ v }}}"}', "2", "inside a repetition", id="as a count"),
        pytest.param('up{a=~"{{ v }}+"}', "ab", "before a repetition", id="repeated"),
        pytest.param('up{a=~"(?{{ v }}:x)"}', "i", "the query is no PromQL", id="as a flag"),
        pytest.param('up{a=~"(?P<{{ v }}>x)"}', "i", "inside a group's name", id="as a group's name"),
        pytest.param('up{a="stepfleetvalue0end{{ v }}"}', "x", "reserved for binding", id="the mark in the guide"),
        pytest.param('up{a="{{ v }}"', "x", "the query is no PromQL", id="a query that does not parse"),
    ],
)
def test_a_value_that_cannot_be_a_label_value_is_refused(query: str, value: object, says: str) -> None:
    with pytest.raises(BadArguments, match=re.escape(says)) as refused:
        bind_query(query, {"v": value})
    assert refused.value.hint
