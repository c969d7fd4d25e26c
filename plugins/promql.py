"""The query `promql`: a number, or one per series, from Prometheus, and only while it is fresh."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from dag.model import ValueType
from plugins.base import Args, CallContext, Result
from plugins.errors import BadArguments, NoData, TargetUnreachable
from plugins.promql_binding import bind_query
from plugins.settings import PluginSettings, bearer, read_settings
from telemetry.errors import PrometheusNonsense, PrometheusRefused, PrometheusUnreachable
from telemetry.prometheus import Answer, AnswerKind, Prometheus, Sample

POINTS = 240  # of a range without a step
MOST_POINTS = 11_000  # Prometheus' own limit
POLL_S = 0.5  # between two looks for a newer sample
CLOCK_SLACK_S = 5.0  # a difference of clocks worth a word

Seconds = Annotated[float, Field(gt=0, le=10 * 365 * 86_400, allow_inf_nan=False)]


class PromqlSettings(PluginSettings):
    """`[plugins.promql]`. The token file is read before each query."""

    url: str = "http://127.0.0.1:9090"
    timeout_s: Seconds = 10.0
    token_file: Path | None = None


class PromqlArgs(Args):
    """An instant query, or with `range_s` one over time whose value is the last sample of each series."""

    query: Annotated[str, Field(min_length=1)]
    scalar: bool = False  # exactly one series is expected, its number is the value
    range_s: Seconds | None = None
    step_s: Seconds | None = None
    max_age_s: Seconds = 30.0

    @model_validator(mode="after")
    def _few_points(self) -> Self:
        if self.step_s is not None and self.range_s is None:
            raise ValueError("step_s means nothing without range_s")
        if self.range_s is not None and self.points > MOST_POINTS:
            raise ValueError(f"range_s / step_s are {self.points:,} points, at most {MOST_POINTS:,} are answered")
        return self

    @property
    def step(self) -> float:
        return self.step_s or max(1.0, math.ceil((self.range_s or 0.0) / POINTS))

    @property
    def points(self) -> int:
        """Steps of the range; at least one."""
        return max(1, math.floor((self.range_s or 0.0) / self.step))


class PromqlQuery:
    """Reads Prometheus. An empty vector is a value; a stale one, or no single series for `scalar`, is none.

    A number that is none (NaN) or infinite is given as null: JSON has no other way, and it decides nothing.
    """

    name: ClassVar[str] = "promql"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = PromqlArgs
    result: ClassVar[ValueType] = ValueType.VECTOR
    speculative: ClassVar[bool] = True
    binds_values: ClassVar[bool] = True

    def __init__(self, settings: PromqlSettings | None = None) -> None:
        self._settings = settings or PromqlSettings()
        headers = bearer(self._settings.token_file, "plugins.promql")
        self._prometheus = Prometheus(self._settings.url, self._settings.timeout_s, headers)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        return cls(read_settings(PromqlSettings, "plugins.promql", settings))

    async def run(self, args: PromqlArgs, ctx: CallContext) -> Result:
        """Wait, where `ctx.newer_than` asks for it, until the samples tell of nothing before that time.

        Raises: NoData (stale, not newer in time, not one series), TargetUnreachable, BadArguments.
        """
        query = bind_query(args.query, ctx.values)
        loop = asyncio.get_running_loop()
        # The engine cancels at the deadline: what is known by then must have been said before.
        end = loop.time() + ctx.deadline_s - min(0.5, ctx.deadline_s / 10)
        while True:
            answer = await self._ask(args, query, ctx, left_s=end - loop.time())
            problem = staleness(answer, args, ctx.now()) or too_early(answer, ctx.newer_than)
            if problem is None:
                return _result(answer, args, f"{query} at {self._settings.url}")
            wait_s = _wait_s(answer, ctx.newer_than)
            if wait_s is None or loop.time() + wait_s > end:
                raise problem
            await asyncio.sleep(POLL_S)

    async def _ask(self, args: PromqlArgs, query: str, ctx: CallContext, *, left_s: float) -> Answer:
        timeout_s = max(0.05, min(self._settings.timeout_s, left_s))
        try:
            if args.range_s is None:
                return await self._prometheus.instant(query, timeout_s=timeout_s)
            last = ctx.now()
            first = last - timedelta(seconds=args.points * args.step)  # so that the last step falls on `last`
            answer = await self._prometheus.range(query, first, last, args.step, timeout_s=timeout_s)
        except PrometheusUnreachable as exc:
            raise TargetUnreachable(str(exc), hint=exc.hint) from exc
        except PrometheusNonsense as exc:
            raise TargetUnreachable(str(exc), hint=exc.hint) from exc
        except PrometheusRefused as exc:
            raise BadArguments(str(exc), hint=exc.hint) from exc
        return _last_samples(answer)


def staleness(answer: Answer, args: PromqlArgs, now: datetime) -> NoData | None:
    """Why the answer is too old to decide on, or None. An answer that rests on no sample is never stale."""
    if not answer.rests_on_samples:
        return None
    age_s = (max(now, answer.evaluated_at) - answer.as_of).total_seconds()
    if age_s <= args.max_age_s:
        return None
    ahead_s = (now - answer.evaluated_at).total_seconds()
    clocks = f"; this machine's clock is {ahead_s:.0f} s ahead of Prometheus'" if ahead_s > CLOCK_SLACK_S else ""
    return NoData(
        f"the newest sample of a series is {age_s:.0f} s old, at most {args.max_age_s:g} s are allowed{clocks}",
        hint="is its target still scraped? Did a series end inside the query's range? Or write max_age= on the block",
    )


def too_early(answer: Answer, newer_than: datetime | None) -> NoData | None:
    """Why the answer tells of a time that is over, or None."""
    if newer_than is None or answer.earliest > newer_than:
        return None
    before_s = (newer_than - answer.earliest).total_seconds()
    reach = f" (the query reaches {answer.reach_s:g} s back)" if answer.reach_s else ""
    return NoData(
        f"the samples are {before_s:.1f} s too old: they must be newer than {newer_than.isoformat()}{reach}",
        hint="allow more time, scrape more often, or read back over a shorter range",
    )


def _wait_s(answer: Answer, newer_than: datetime | None) -> float | None:
    """The least time until another answer can be newer; None: nobody asked for a newer one."""
    if newer_than is None:
        return None
    missing_s = (newer_than - answer.earliest).total_seconds()
    # Samples advance by a scrape at a time, but what a range reaches back only with the clock.
    return max(POLL_S, min(missing_s, answer.reach_s))


def _last_samples(answer: Answer) -> Answer:
    """The last sample of each series, as a vector as old as the oldest of them."""
    last: dict[tuple[tuple[str, str], ...], Sample] = {}
    for sample in answer.samples:  # oldest first in each series
        last[tuple(sorted(sample.labels.items()))] = sample
    as_of = min([answer.as_of, *(s.at for s in last.values())])
    return Answer(
        AnswerKind.VECTOR,
        tuple(last.values()),
        as_of,
        answer.evaluated_at,
        answer.reach_s,
        answer.rests_on_samples or bool(last),
        answer.warnings,
    )


def _result(answer: Answer, args: PromqlArgs, source: str) -> Result:
    if answer.kind is AnswerKind.MATRIX:
        raise BadArguments(
            "the query gives a range of samples per series, not a number", hint="wrap it: max_over_time(...), rate(...)"
        )
    count = len(answer.samples)
    age_s = (answer.evaluated_at - answer.as_of).total_seconds()
    shown = [f"{source}: {count} series", f"{age_s:.1f} s old" if answer.rests_on_samples else "of no sample"]
    evidence = ", ".join([*shown, *(f"warning: {w}" for w in answer.warnings)])
    if not args.scalar:
        value = [{"labels": dict(s.labels), "value": _number(s.value)} for s in answer.samples]
        return Result(value, ValueType.VECTOR, answer.as_of, evidence=evidence)
    if count == 0:
        raise NoData("no series matched, and exactly one was asked for", hint="look the query up in Prometheus' page")
    if count > 1:
        raise BadArguments(f"{count} series matched, and exactly one was asked for", hint="wrap it: max(...), sum(...)")
    return Result(_number(answer.samples[0].value), ValueType.SCALAR, answer.as_of, evidence=evidence)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
