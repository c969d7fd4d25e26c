"""What Prometheus says, and how old the samples are that it rests on.

The HTTP API stamps an instant query's value with the time it was evaluated at, not with the time of its
samples: a target that died four minutes ago still answers "now". So every query is asked twice: first how
old the newest samples of its selectors are, then for its value at that same time. In this order the value
can only be newer than it is said to be.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from telemetry import promql
from telemetry.errors import PrometheusNonsense, PrometheusRefused, PrometheusSlow

if TYPE_CHECKING:
    from telemetry import prometheus_wire as wire

THREADS = 8  # queries under way at once; more wait for their turn
GRACE_S = 0.5  # how much longer than its timeout a call may take to say that it timed out


class AnswerKind(StrEnum):
    VECTOR = "vector"  # one sample per series
    SCALAR = "scalar"  # one sample without labels
    MATRIX = "matrix"  # samples over time, by series, oldest first


@dataclass(frozen=True, slots=True)
class Sample:
    """`at` is the time the value is for (evaluation time, as the API gives it). `value` may be NaN or infinite."""

    labels: Mapping[str, str]
    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """A query's value, and what it rests on. No samples is an answer too, and not zero: see `is_empty`.

    `as_of`: over all series that the query reads, the newest sample of the one that lags most. A shift
    (`offset`, `@`) is taken out: asking for an hour ago is not being an hour late. It is `evaluated_at`
    when the query reads no sample (`time()`, or nothing matches): see `rests_on_samples`.
    `reach_s`: how far before `as_of` a range or a shift takes it; 0 for newest samples alone.
    A recorded rule's samples are as old as its evaluation: what it was computed from is not known.
    """

    kind: AnswerKind
    samples: tuple[Sample, ...]
    as_of: datetime
    evaluated_at: datetime
    reach_s: float = 0.0
    rests_on_samples: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.samples

    @property
    def earliest(self) -> datetime:
        """The oldest moment the value tells of."""
        return self.as_of - timedelta(seconds=self.reach_s)


class Prometheus:
    """A Prometheus server. Calls may run at once; one that is cancelled keeps its thread until its timeout."""

    def __init__(
        self, url: str, timeout_s: float = 10.0, headers: Callable[[], Mapping[str, str]] | None = None
    ) -> None:
        """`timeout_s` bounds a whole `instant` or `range`; `headers` is asked anew each time, as tokens are renewed."""
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        self._headers = headers or dict
        self._pool: ThreadPoolExecutor | None = None
        self._local = threading.local()

    async def instant(self, query: str, at: datetime | None = None, *, timeout_s: float | None = None) -> Answer:
        """The query's value at one time; None: now, by Prometheus' own clock.

        Raises: PrometheusUnreachable (PrometheusSlow: not in time), PrometheusRefused, PrometheusNonsense.
        """
        reads = self._reads(query)
        moment = None if at is None else at.timestamp()

        def ask(call: _Caller) -> tuple[_Age, wire.Payload]:
            age = _age(call(lambda c, left: c.instant(promql.oldest_newest(reads), moment, left)), self.url)
            return age, call(lambda c, left: c.instant(query, age.evaluated, left))

        age, payload = await self._run(_again_if_they_differ(ask, reads), timeout_s)
        return _answer(payload, age, reads)

    async def range(
        self, query: str, start: datetime, end: datetime, step_s: float, *, timeout_s: float | None = None
    ) -> Answer:
        """The query's values from `start` to `end`; their age is that at `end`. Raises: as `instant`."""
        reads = self._reads(query)
        first, last = start.timestamp(), end.timestamp()

        def ask(call: _Caller) -> tuple[_Age, wire.Payload]:
            age = _age(call(lambda c, left: c.instant(promql.oldest_newest(reads), last, left)), self.url)
            return age, call(lambda c, left: c.range(query, first, last, step_s, left))

        age, payload = await self._run(_again_if_they_differ(ask, reads), timeout_s)
        return _answer(payload, age, reads)

    def close(self) -> None:
        """Let go of the threads; calls under way still end."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _reads(self, query: str) -> tuple[promql.Read, ...]:
        try:
            return promql.reads(promql.parse(query))
        except promql.NotPromql as exc:
            raise PrometheusRefused(
                f"the query is no PromQL: {exc}", hint="try it in Prometheus' own page first"
            ) from exc

    async def _run(self, ask: _Ask, timeout_s: float | None) -> tuple[_Age, wire.Payload]:
        """Run blocking calls in a thread of the pool, all of them within one timeout."""
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="prometheus")
        end = time.monotonic() + timeout_s
        work = asyncio.get_running_loop().run_in_executor(self._pool, self._blocking, ask, end, timeout_s)
        try:
            async with asyncio.timeout(timeout_s + GRACE_S):
                return await work
        except TimeoutError as exc:
            raise self._slow(timeout_s) from exc

    def _blocking(self, ask: _Ask, end: float, timeout_s: float) -> tuple[_Age, wire.Payload]:
        connection = self._connection()

        def call(one: Callable[[wire.Connection, float], wire.Payload]) -> wire.Payload:
            left = end - time.monotonic()
            if left <= 0:  # it waited for a thread, or the call before took it all
                raise self._slow(timeout_s)
            return one(connection, left)

        return ask(call)

    def _connection(self) -> wire.Connection:
        """This thread's connection. The client library is imported here: the first live query pays for it."""
        from telemetry.prometheus_wire import Connection

        if not hasattr(self._local, "connection"):
            self._local.connection = Connection(self.url)
        connection: wire.Connection = self._local.connection
        connection.headers = self._headers()
        return connection

    def _slow(self, timeout_s: float) -> PrometheusSlow:
        return PrometheusSlow(
            f"{self.url} did not answer within {timeout_s:g} s",
            hint="raise timeout= on the block, or ask for less: fewer series, a shorter range",
        )


@dataclass(frozen=True, slots=True)
class _Age:
    """Unix seconds. `newest` is None when the query's selectors match no sample."""

    evaluated: float
    newest: float | None
    warnings: tuple[str, ...]


_Caller = Callable[[Callable[["wire.Connection", float], "wire.Payload"]], "wire.Payload"]
_Ask = Callable[[_Caller], "tuple[_Age, wire.Payload]"]


def _again_if_they_differ(ask: _Ask, reads: tuple[promql.Read, ...]) -> _Ask:
    """Ask once more when there is a value and no sample was seen to have an age.

    A sample may be stored between the two questions, and one that carries its own time may be old. What
    still has no sample the second time (`or vector(0)`) rests on none.
    """

    def twice(call: _Caller) -> tuple[_Age, wire.Payload]:
        age, payload = ask(call)
        if age.newest is None and reads and _samples(payload)[1]:
            return ask(call)
        return age, payload

    return twice


def _age(payload: wire.Payload, url: str) -> _Age:
    if payload.data.resultType != "vector" or len(payload.data.result) != 1:
        raise PrometheusNonsense(
            f"{url} answered a question for one number with {payload.data.resultType}",
            hint="is something between this machine and Prometheus that changes queries?",
        )
    evaluated, text = payload.data.result[0].value
    newest = float(text)
    return _Age(evaluated, newest if newest > 0 else None, payload.warnings)


def _answer(payload: wire.Payload, age: _Age, reads: tuple[promql.Read, ...]) -> Answer:
    kind, samples = _samples(payload)
    evaluated_at = _time(age.evaluated)
    as_of = evaluated_at if age.newest is None else min(_time(age.newest), evaluated_at)
    reach_s = max((_reach_s(read, age.evaluated) for read in reads), default=0.0)
    warnings = tuple(dict.fromkeys((*age.warnings, *payload.warnings)))
    return Answer(kind, samples, as_of, evaluated_at, reach_s, age.newest is not None, warnings)


def _samples(payload: wire.Payload) -> tuple[AnswerKind, tuple[Sample, ...]]:
    data = payload.data
    match data.resultType:
        case "vector":
            return AnswerKind.VECTOR, tuple(Sample(s.metric, float(s.value[1]), _time(s.value[0])) for s in data.result)
        case "matrix":
            points = (Sample(s.metric, float(v), _time(t)) for s in data.result for t, v in s.values)
            return AnswerKind.MATRIX, tuple(points)
        case _:
            at, value = data.result
            return AnswerKind.SCALAR, (Sample({}, float(value), _time(at)),)


def _reach_s(read: promql.Read, evaluated: float) -> float:
    fixed = 0.0 if read.at is None else evaluated - read.at.timestamp()
    return max(0.0, read.window_s + read.offset_s + fixed)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
