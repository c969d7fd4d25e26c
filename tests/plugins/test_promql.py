"""The query `promql` against a real Prometheus: values, freshness, reading back after a change."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dag.model import ValueType
from plugins.base import CallContext, Query
from plugins.errors import BadArguments, NoData, PluginError, TargetUnreachable
from plugins.promql import PromqlArgs, PromqlQuery, staleness, too_early
from telemetry.prometheus import Answer, AnswerKind
from tests.telemetry.real_prometheus import SCRAPE_S, Scraped

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ctx(**changes: Any) -> CallContext:
    return CallContext(**{"run_id": "r", "step_key": "s", "deadline_s": 10.0, **changes})


@pytest.fixture
def query(scraped: Scraped) -> PromqlQuery:
    return PromqlQuery.from_settings({"url": scraped.url})


async def test_it_is_a_query_that_may_start_early() -> None:
    assert isinstance(PromqlQuery(), Query)
    assert PromqlQuery.speculative


async def test_a_vector_is_labels_and_values_with_a_name_bound(query: PromqlQuery) -> None:
    args = PromqlArgs(query='waiting{replica="{{ replica }}"}')
    result = await query.run(args, ctx(values={"replica": "a"}))
    (sample,) = result.value
    assert sample["value"] == 3.0
    assert sample["labels"]["replica"] == "a"
    assert result.type is ValueType.VECTOR
    assert datetime.now(UTC) - result.as_of < timedelta(seconds=SCRAPE_S + 2)
    assert 'waiting{replica="a"} at http://127.0.0.1' in result.evidence


async def test_an_injected_selector_finds_nothing(query: PromqlQuery) -> None:
    args = PromqlArgs(query='waiting{replica="{{ replica }}"}')
    result = await query.run(args, ctx(values={"replica": 'x"} or waiting{replica="a'}))
    assert result.value == []


async def test_a_scalar_is_the_number_of_exactly_one_series(query: PromqlQuery) -> None:
    result = await query.run(PromqlArgs(query="max(waiting)", scalar=True), ctx())
    assert (result.value, result.type) == (3.0, ValueType.SCALAR)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        pytest.param("nothing_of_that_name", NoData, "no series matched", id="none"),
        pytest.param("waiting", BadArguments, "series matched, and exactly one", id="several"),
    ],
)
async def test_a_scalar_of_none_or_several_series_is_none(
    query: PromqlQuery, text: str, error: type[PluginError], says: str
) -> None:
    with pytest.raises(error, match=says):
        await query.run(PromqlArgs(query=text, scalar=True), ctx())


async def test_an_empty_vector_is_a_value(query: PromqlQuery) -> None:
    result = await query.run(PromqlArgs(query="waiting > 100"), ctx())
    assert result.value == []


async def test_not_a_number_is_null(query: PromqlQuery) -> None:
    result = await query.run(PromqlArgs(query="vector(0) / 0"), ctx())
    assert result.value == [{"labels": {}, "value": None}]


async def test_a_range_gives_the_last_sample_of_each_series(query: PromqlQuery) -> None:
    result = await query.run(PromqlArgs(query='waiting{replica=~"a|b"}', range_s=4, step_s=1), ctx())
    assert sorted(s["value"] for s in result.value) == [1.0, 3.0]
    assert datetime.now(UTC) - result.as_of < timedelta(seconds=SCRAPE_S + 2)


async def test_a_stale_sample_is_no_data_and_says_how_old_it_is(scraped: Scraped, query: PromqlQuery) -> None:
    scraped.dated.text = f"stuck_load 7 {round((time.time() - 100) * 1000)}\n"
    args = PromqlArgs(query="stuck_load", max_age_s=600)
    end = time.monotonic() + 10
    while not (await query.run(args, ctx())).value:
        assert time.monotonic() < end
        await asyncio.sleep(0.2)
    with pytest.raises(NoData, match=r"10\d s old, at most 30 s are allowed") as stale:
        await query.run(PromqlArgs(query="stuck_load"), ctx())
    assert "still scraped" in stale.value.hint
    scraped.dated.text = ""


async def test_a_read_back_waits_for_a_sample_newer_than_the_change(scraped: Scraped, query: PromqlQuery) -> None:
    args = PromqlArgs(query='waiting{replica="changed"}')
    scraped.waiting.labels("changed", "x").set(9)
    while not (await query.run(args, ctx())).value:
        await asyncio.sleep(0.2)
    scraped.waiting.labels("changed", "x").set(0)
    changed_at = datetime.now(UTC)
    result = await query.run(args, ctx(newer_than=changed_at))
    assert [s["value"] for s in result.value] == [0.0]
    assert result.as_of > changed_at
    scraped.waiting.remove("changed", "x")


async def test_a_read_back_that_gets_no_newer_sample_in_time_is_no_data(query: PromqlQuery) -> None:
    started = time.monotonic()
    soon = datetime.now(UTC) + timedelta(seconds=60)
    with pytest.raises(NoData, match="they must be newer than"):
        await query.run(PromqlArgs(query="waiting"), ctx(newer_than=soon, deadline_s=1.5))
    assert time.monotonic() - started < 1.5


async def test_a_range_that_reaches_behind_the_change_is_no_read_back(query: PromqlQuery) -> None:
    started = time.monotonic()
    with pytest.raises(NoData, match="the query reaches 60 s back"):
        await query.run(PromqlArgs(query="rate(tokens_total[1m])"), ctx(newer_than=datetime.now(UTC)))
    assert time.monotonic() - started < 2  # nothing that comes in time could change it


async def test_a_short_range_reads_back_once_it_lies_behind_the_change(scraped: Scraped, query: PromqlQuery) -> None:
    changed_at = datetime.now(UTC)
    args = PromqlArgs(query='max_over_time(waiting{replica="a"}[2s])')
    result = await query.run(args, ctx(newer_than=changed_at))
    assert result.as_of - timedelta(seconds=2) > changed_at


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("waiting[5s]", "a range of samples per series", id="a range"),
        pytest.param("waiting + on(job) waiting", "many-to-many", id="cannot be evaluated"),
        pytest.param("waiting{", "no PromQL", id="cannot be parsed"),
    ],
)
async def test_a_query_that_gives_no_number_is_refused(query: PromqlQuery, text: str, says: str) -> None:
    with pytest.raises(BadArguments, match=says):
        await query.run(PromqlArgs(query=text), ctx())


async def test_a_prometheus_that_is_not_there_is_unreachable() -> None:
    query = PromqlQuery.from_settings({"url": "http://127.0.0.1:9"})
    with pytest.raises(TargetUnreachable, match="127.0.0.1:9"):
        await query.run(PromqlArgs(query="up"), ctx())


async def test_a_token_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    query = PromqlQuery.from_settings({"url": "http://127.0.0.1:9", "token_file": tmp_path / "token"})
    with pytest.raises(PluginError, match=r"\[plugins.promql\]: the token in .*token cannot be read"):
        await query.run(PromqlArgs(query="up"), ctx())


async def test_a_setting_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(PluginError, match="unknown setting 'timeout'") as refused:
        PromqlQuery.from_settings({"timeout": 3})
    assert refused.value.hint == "did you mean 'timeout_s'?"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({}, id="no query"),
        pytest.param({"query": ""}, id="an empty query"),
        pytest.param({"query": "up", "max_age_s": 0}, id="no age allowed at all"),
        pytest.param({"query": "up", "step_s": 1}, id="a step without a range"),
        pytest.param({"query": "up", "range_s": 1e6, "step_s": 1}, id="too many points"),
        pytest.param({"query": "up", "max_age": 3}, id="an unknown argument"),
    ],
)
async def test_arguments_that_mean_nothing_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PromqlArgs.model_validate(arguments)


def answer(age_s: float = 0.0, reach_s: float = 0.0, rests: bool = True) -> Answer:
    return Answer(AnswerKind.VECTOR, (), NOW - timedelta(seconds=age_s), NOW, reach_s, rests)


@pytest.mark.parametrize(
    ("seen", "now_s", "says"),
    [
        pytest.param(answer(30), 0, None, id="just fresh enough"),
        pytest.param(answer(31), 0, "31 s old, at most 30 s", id="just too old"),
        pytest.param(answer(5), 60, "60 s ahead of Prometheus'", id="an old answer, or clocks that differ"),
        pytest.param(answer(5), -60, None, id="Prometheus' clock is ahead: its own time counts"),
        pytest.param(answer(99, rests=False), 0, None, id="no sample is not an old sample"),
    ],
)
async def test_when_an_answer_is_stale(seen: Answer, now_s: float, says: str | None) -> None:
    stale = staleness(seen, PromqlArgs(query="up"), NOW + timedelta(seconds=now_s))
    assert says in str(stale) if says else stale is None


@pytest.mark.parametrize(
    ("seen", "newer_than_s", "early"),
    [
        pytest.param(answer(1), None, False, id="nobody asked"),
        pytest.param(answer(1), -2, False, id="newer"),
        pytest.param(answer(1), -1, True, id="at the very moment is not after it"),
        pytest.param(answer(1, reach_s=5), -2, True, id="new samples, and old ones in the range"),
        pytest.param(answer(1, reach_s=5), -7, False, id="all of the range is newer"),
    ],
)
async def test_when_an_answer_tells_of_a_time_that_is_over(seen: Answer, newer_than_s: float, early: bool) -> None:
    newer_than = None if newer_than_s is None else NOW + timedelta(seconds=newer_than_s)
    assert (too_early(seen, newer_than) is not None) is early
