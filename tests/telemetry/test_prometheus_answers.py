"""What a real Prometheus answers: values, their true age, and emptiness told from zero."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from telemetry.errors import PrometheusRefused
from telemetry.prometheus import Answer, AnswerKind, Prometheus
from tests.telemetry.real_prometheus import SCRAPE_S, Scraped

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def prometheus(scraped: Scraped) -> AsyncIterator[Prometheus]:
    client = Prometheus(scraped.url)
    yield client
    client.close()


async def answer_when(
    ask: Callable[[], Awaitable[Answer]], holds: Callable[[Answer], bool], within_s: float = 10.0
) -> Answer:
    end = time.monotonic() + within_s
    while not holds(answer := await ask()):
        assert time.monotonic() < end, answer
        await asyncio.sleep(0.1)
    return answer


def age_s(answer: Answer) -> float:
    return (answer.evaluated_at - answer.as_of).total_seconds()


async def test_a_vector_has_a_sample_per_series(prometheus: Prometheus) -> None:
    answer = await prometheus.instant("waiting")
    assert answer.kind is AnswerKind.VECTOR
    assert {s.labels["replica"]: s.value for s in answer.samples} == {"a": 3.0, "b": 1.0}
    assert answer.rests_on_samples


async def test_a_scalar_rests_on_no_sample(prometheus: Prometheus) -> None:
    answer = await prometheus.instant("time()")
    assert answer.kind is AnswerKind.SCALAR
    assert [dict(s.labels) for s in answer.samples] == [{}]
    assert (answer.rests_on_samples, answer.as_of) == (False, answer.evaluated_at)


@pytest.mark.parametrize(
    ("query", "rests"),
    [
        pytest.param("nothing_of_that_name", False, id="no such metric"),
        pytest.param("waiting > 100", True, id="samples, and none that is asked for"),
    ],
)
async def test_empty_is_not_zero(prometheus: Prometheus, query: str, rests: bool) -> None:
    answer = await prometheus.instant(query)
    assert answer.is_empty
    assert answer.rests_on_samples is rests


async def test_not_a_number_stays_not_a_number(prometheus: Prometheus) -> None:
    nan, infinite = [(await prometheus.instant(q)).samples[0].value for q in ("vector(0)/0", "vector(-1)/0")]
    assert math.isnan(nan)
    assert infinite == -math.inf


@pytest.mark.parametrize(
    ("query", "reach_s"),
    [
        pytest.param("waiting", 0, id="a selector"),
        pytest.param("max by (replica) (waiting) / 2", 0, id="an expression over it"),
        pytest.param("rate(tokens_total[5s])", 5, id="a range"),
        pytest.param("max_over_time(rate(tokens_total[3s])[4s:1s])", 7, id="a subquery"),
        pytest.param("waiting offset 2s", 2, id="an hour ago, asked for, is not an hour late"),
        pytest.param("sum(waiting) - sum(waiting offset 1s)", 1, id="then and now"),
    ],
)
async def test_a_value_is_as_old_as_its_newest_scrape(prometheus: Prometheus, query: str, reach_s: float) -> None:
    answer = await answer_when(lambda: prometheus.instant(query), lambda a: a.rests_on_samples)
    assert 0 <= age_s(answer) < SCRAPE_S + 1.0
    assert answer.reach_s == reach_s
    assert answer.earliest == answer.as_of - timedelta(seconds=reach_s)


async def test_a_sample_that_says_it_is_old_is_old_whatever_the_api_says(
    scraped: Scraped, prometheus: Prometheus
) -> None:
    taken = time.time() - 120
    scraped.dated.text = f"stuck_temperature 71 {round(taken * 1000)}\n"
    ask = lambda query: answer_when(lambda: prometheus.instant(query), lambda a: not a.is_empty)  # noqa: E731
    for query in ("stuck_temperature", "max(stuck_temperature)", "avg_over_time(stuck_temperature[4m])"):
        answer = await ask(query)
        assert answer.samples[0].at == answer.evaluated_at  # what the API says
        assert answer.as_of.timestamp() == pytest.approx(taken, abs=0.002)
    scraped.dated.text = ""


async def test_a_value_is_as_old_as_the_oldest_of_what_it_is_made_from(
    scraped: Scraped, prometheus: Prometheus
) -> None:
    taken = time.time() - 60
    scraped.dated.text = f"stuck_power 300 {round(taken * 1000)}\n"
    await answer_when(lambda: prometheus.instant("stuck_power"), lambda a: not a.is_empty)
    answer = await prometheus.instant("max(waiting) + max(stuck_power)")
    assert answer.as_of.timestamp() == pytest.approx(taken, abs=0.002)
    scraped.dated.text = ""


async def test_a_series_that_ended_inside_a_range_makes_its_value_old(scraped: Scraped, prometheus: Prometheus) -> None:
    scraped.waiting.labels("gone", "x").set(5)
    query = 'max_over_time(waiting{replica="gone"}[1m])'
    await answer_when(lambda: prometheus.instant('waiting{replica="gone"}'), lambda a: not a.is_empty)
    scraped.waiting.remove("gone", "x")
    await answer_when(lambda: prometheus.instant('waiting{replica="gone"}'), lambda a: a.is_empty)
    answer = await answer_when(lambda: prometheus.instant(query), lambda a: age_s(a) > 3 * SCRAPE_S)
    assert [s.value for s in answer.samples] == [5.0]
    assert answer.rests_on_samples


async def test_a_past_time_is_answered_from_its_own_samples(prometheus: Prometheus) -> None:
    at = datetime.now(UTC) - timedelta(seconds=2)
    answer = await answer_when(lambda: prometheus.instant("waiting", at), lambda a: True)
    assert abs((answer.evaluated_at - at).total_seconds()) < 0.001
    assert answer.as_of <= at


async def test_a_range_gives_each_series_over_time(prometheus: Prometheus) -> None:
    end = datetime.now(UTC)
    answer = await prometheus.range('waiting{replica="a"}', end - timedelta(seconds=2), end, 0.5)
    assert answer.kind is AnswerKind.MATRIX
    times = [s.at for s in answer.samples]
    assert times == sorted(times)
    assert times[-1].timestamp() == pytest.approx(end.timestamp(), abs=0.002)
    assert {s.value for s in answer.samples} == {3.0}
    assert 0 <= (end - answer.as_of).total_seconds() < SCRAPE_S + 1.0


@pytest.mark.parametrize(
    ("query", "says"),
    [
        pytest.param("waiting{", "the query is no PromQL", id="no PromQL: not even sent"),
        pytest.param("waiting + on(job) waiting", "many-to-many matching not allowed", id="cannot be evaluated"),
        pytest.param('"text"', "the query's value is a text", id="a text"),
    ],
)
async def test_a_query_that_cannot_be_answered_is_refused_in_prometheus_own_words(
    prometheus: Prometheus, query: str, says: str
) -> None:
    with pytest.raises(PrometheusRefused, match=says) as refused:
        await prometheus.instant(query)
    assert refused.value.hint


async def test_forty_queries_at_once_share_the_threads(prometheus: Prometheus) -> None:
    answers = await asyncio.gather(*(prometheus.instant(f"waiting + {i}") for i in range(40)))
    assert sorted(max(s.value for s in a.samples) for a in answers) == [3.0 + i for i in range(40)]


async def test_the_client_library_is_imported_by_the_first_query_only() -> None:
    program = (
        "import sys; from telemetry.prometheus import Prometheus; Prometheus('http://127.0.0.1:1');"
        "heavy = {'requests', 'pandas', 'prometheus_api_client', 'numpy'} & set(sys.modules); assert not heavy, heavy"
    )
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
