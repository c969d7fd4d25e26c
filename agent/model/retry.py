"""When a request is worth repeating, and how long to wait: the only retry layer towards the model."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from agent.model.llm import Transient

if TYPE_CHECKING:
    from tenacity import RetryCallState

ATTEMPTS = 3  # of one and the same request
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 20.0  # of our own back-off; an endpoint may ask for more


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the endpoint asks to wait, from `retry-after-ms` or either form of `Retry-After`.

    `headers` are looked up by lower-case name. A date is compared with the answer's own `date` header,
    where there is one, so that a wrong clock on either side does no harm. Nonsense counts as absent.
    """
    if (ms := _number(headers.get("retry-after-ms"))) is not None:
        return ms / 1000
    value = headers.get("retry-after")
    if (seconds := _number(value)) is not None:
        return seconds
    until = _date(value)
    if until is None:
        return None
    return max(0.0, (until - (_date(headers.get("date")) or now)).total_seconds())


def _number(text: str | None) -> float | None:
    """A plain non-negative decimal; no sign, exponent, infinity or NaN."""
    text = (text or "").strip()
    if not text or len(text) > 20 or not text.isascii() or not text.replace(".", "", 1).isdigit():
        return None
    return float(text)


def _date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def backoff(rng: random.Random) -> Callable[[RetryCallState], float]:
    """tenacity's `wait`: what the endpoint asks for, else 0.5 s, 1 s, ... with up to half of it as jitter."""

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_s if isinstance(error, Transient) else None
        if asked is not None:
            return asked
        base = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (state.attempt_number - 1))
        return base * (1 + rng.random() / 2)

    return wait


def give_up(left_s: Callable[[], float]) -> Callable[[RetryCallState], bool]:
    """tenacity's `stop`: after the last attempt, or when the wait would outlast the deadline."""

    def stop(state: RetryCallState) -> bool:
        return state.attempt_number >= ATTEMPTS or state.upcoming_sleep >= left_s()

    return stop
