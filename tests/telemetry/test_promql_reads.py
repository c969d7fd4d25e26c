"""Which samples a query rests on, read off its syntax tree."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import promql
from telemetry.promql import NotPromql, Read

AT_100 = datetime.fromtimestamp(100, UTC)


@pytest.mark.parametrize(
    ("query", "want"),
    [
        pytest.param("up", (Read("up"),), id="a bare selector"),
        pytest.param('up{a="x",b!~"y.*"}', (Read('up{a="x",b!~"y.*"}'),), id="matchers are kept"),
        pytest.param(r'up{a="\"\n\\"}', (Read(r'up{a="\"\u000a\\"}'),), id="quotes and line ends stay escaped"),
        pytest.param('{__name__="up"}', (Read('{__name__="up"}'),), id="a name written as a label"),
        pytest.param('up{a="x" or b="y"}', (Read('up{a="x" or b="y"}'),), id="alternatives"),
        pytest.param("up offset 1m", (Read("up", offset_s=60),), id="an offset"),
        pytest.param("up offset -1m", (Read("up", offset_s=-60),), id="an offset into the future"),
        pytest.param("up @ 100", (Read("up", at=AT_100),), id="a fixed time"),
        pytest.param("up @ end()", (Read("up"),), id="end() of an instant query is its time"),
        pytest.param("rate(x[5m] offset 1m)", (Read("x", window_s=300, offset_s=60),), id="a range"),
        pytest.param(
            "max_over_time(rate(x[1m] offset 5s)[5m:10s] offset 30s)",
            (Read("x", window_s=360, offset_s=35),),
            id="a subquery adds its range and its offset",
        ),
        pytest.param(
            "max_over_time(rate(x[1m] @ 100)[5m:10s] offset 30s)",
            (Read("x", window_s=60, at=AT_100),),
            id="a fixed time inside ends what is around it",
        ),
        pytest.param("a / on(x) group_left b", (Read("a"), Read("b")), id="both sides of an operator"),
        pytest.param("-(a) + a", (Read("a"),), id="the same selector twice is read once"),
        pytest.param("quantile by (x) (scalar(q), a)", (Read("q"), Read("a")), id="an aggregation's parameter"),
        pytest.param('label_replace(a, "x", "$1", "y", "(.*)")', (Read("a"),), id="texts are no selectors"),
        pytest.param("time() + vector(1)", (), id="nothing is read"),
        pytest.param(" + ".join(["a"] * 1500), (Read("a"),), id="a sum of 1500 terms needs no recursion"),
    ],
)
def test_the_selectors_of_a_query(query: str, want: tuple[Read, ...]) -> None:
    assert promql.reads(promql.parse(query)) == want


@pytest.mark.parametrize("query", ["up", 'rate(x{a="b"}[90d])', "x offset 3s @ 100", "a + b", "time()"])
def test_the_question_for_their_age_is_promql(query: str) -> None:
    promql.parse(promql.oldest_newest(promql.reads(promql.parse(query))))


@pytest.mark.parametrize("query", ["", "up{", "up up", "rate(x)", 'up{a="x}'])
def test_what_is_no_promql_says_why(query: str) -> None:
    with pytest.raises(NotPromql) as refused:
        promql.parse(query)
    assert str(refused.value)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_quoted_value_reads_back_as_itself(value: str) -> None:
    selector = promql.parse(f"up{{a={promql.quoted(value)}}}")
    assert [m.value for m in promql.matchers(selector)] == [value]


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        promql.quoted("\ud800")
