"""One call of Prometheus' HTTP API, blocking: what came back, or a typed error that names the address.

Import it late: the client library is slow to import, and only a live query needs it.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NoReturn

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from telemetry.errors import PrometheusNonsense, PrometheusRefused, PrometheusSlow, PrometheusUnreachable

MAX_BODY = 64 * 1024 * 1024  # bytes, decompressed
CHUNK = 64 * 1024  # bytes
URL_HINT = "is 'url' in [plugins.promql] the root of a Prometheus?"
DOWN_HINT = "is Prometheus running there, and reachable from this machine?"
SLOW_HINT = "raise timeout= on the block, or ask for less: fewer series, a shorter range"


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


Labels = dict[str, str]
Time = Annotated[float, Field(gt=0, lt=32_503_680_000, allow_inf_nan=False)]  # Unix seconds, to the year 3000
Value = Annotated[str, Field(pattern=r"^([+-]?Inf|NaN|[+-]?[0-9.]+(e[+-]?[0-9]+)?)$", max_length=400)]
Point = tuple[Time, Value]


class Instant(_Wire):
    """One series of an instant vector: its value at the query's time."""

    metric: Labels
    value: Point


class Series(_Wire):
    """One series over a range."""

    metric: Labels
    values: tuple[Point, ...]


class Vector(_Wire):
    resultType: Literal["vector"]  # noqa: N815 - the wire's name
    result: tuple[Instant, ...]


class Matrix(_Wire):
    resultType: Literal["matrix"]  # noqa: N815
    result: tuple[Series, ...]


class Number(_Wire):
    resultType: Literal["scalar"]  # noqa: N815
    result: Point


class Text(_Wire):
    resultType: Literal["string"]  # noqa: N815
    result: tuple[Time, str]


class Payload(_Wire):
    """A successful answer."""

    status: Literal["success"]
    data: Annotated[Vector | Matrix | Number | Text, Field(discriminator="resultType")]
    warnings: tuple[str, ...] = ()


class _Problem(_Wire):
    """An answer that says why there is none."""

    status: Literal["error"]
    errorType: str  # noqa: N815
    error: str


class _Session(requests.Session):
    """The seam below the client library, which returns a part of the answer and one kind of error.

    Keeps the last answer whole, bounds its size and its time, and raises this room's errors.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # no proxy, no .netrc of whoever starts this
        self.last: Payload | None = None

    def request(self, method: Any, url: Any, *, timeout: float, **options: Any) -> requests.Response:  # type: ignore[override]
        self.last = None
        end = time.monotonic() + timeout
        address = str(url)
        try:
            # A redirect would take the credentials elsewhere, and is never needed here.
            response = super().request(method, url, timeout=timeout, allow_redirects=False, stream=True, **options)
            with response:
                body = _body(response, end, address)
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as exc:
            raise PrometheusSlow(f"{address} did not answer within {timeout:.1f} s", hint=SLOW_HINT) from exc
        except requests.exceptions.InvalidHeader as exc:
            raise PrometheusRefused(f"{address}: a header cannot be sent", hint="mend the token's file") from exc
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidSchema,
        ) as exc:
            raise PrometheusUnreachable(f"{address}: no address to call", hint=URL_HINT) from exc
        except (requests.RequestException, urllib3.exceptions.HTTPError) as exc:
            raise PrometheusUnreachable(f"{address} does not answer: {_cause(exc)}", hint=DOWN_HINT) from exc
        self.last = _payload(response.status_code, response.headers, body, address)
        response.raw = io.BytesIO(body)
        return response


class Connection:
    """A connection for the use of one thread."""

    def __init__(self, url: str) -> None:
        self.headers: Mapping[str, str] = {}
        self._session = _Session()
        # The engine owns retries: the library's own would hide how long a query takes.
        retry = urllib3.Retry(total=0, read=False, redirect=False)
        self._client = PrometheusConnect(url, retry=retry, session=self._session)

    def instant(self, query: str, at: float | None, timeout_s: float) -> Payload:
        """`at` in Unix seconds; None: Prometheus' own time.

        Raises: PrometheusUnreachable, PrometheusSlow, PrometheusRefused, PrometheusNonsense.
        """
        when = {} if at is None else {"time": repr(at)}
        self._client.headers = dict(self.headers)
        self._client.custom_query(query, when | _limit(timeout_s), timeout_s)
        return self._answer()

    def range(self, query: str, start: float, end: float, step_s: float, timeout_s: float) -> Payload:
        """Times in Unix seconds. Raises: as `instant`."""
        first, last = (datetime.fromtimestamp(t, UTC) for t in (start, end))
        exact = {"start": repr(start), "end": repr(end)}  # the library rounds to seconds
        self._client.headers = dict(self.headers)
        self._client.custom_query_range(query, first, last, repr(step_s), exact | _limit(timeout_s), timeout_s)
        return self._answer()

    def close(self) -> None:
        self._client.close()

    def _answer(self) -> Payload:
        assert self._session.last is not None  # or `request` would have raised
        return self._session.last


def _limit(timeout_s: float) -> dict[str, str]:
    """Else Prometheus goes on computing what nobody waits for."""
    return {"timeout": f"{max(1, round(timeout_s * 1000))}ms"}


def _body(response: requests.Response, end: float, address: str) -> bytes:
    """All of it, within the time and the size: a server that trickles must not hold the thread."""
    parts: list[bytes] = []
    size = 0
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        parts.append(chunk)
        size += len(chunk)
        if size > MAX_BODY:
            raise PrometheusRefused(
                f"{address} answered more than {MAX_BODY >> 20} MiB",
                hint="aggregate in the query (max by, topk) or narrow its range",
            )
        if time.monotonic() > end:
            raise PrometheusSlow(f"{address} did not finish its answer in time", hint=SLOW_HINT)
    return b"".join(parts)


def _payload(status: int, headers: Mapping[str, str], body: bytes, address: str) -> Payload:
    if status in (401, 403):
        raise PrometheusRefused(
            f"{address} answered {status}: not allowed", hint="set 'token_file' in [plugins.promql]"
        )
    if 300 <= status < 400:
        place = headers.get("location", "elsewhere")
        raise PrometheusNonsense(f"{address} answered {status}: it redirects to {place[:200]}", hint=URL_HINT)
    if status != 200:
        _refuse(status, body, address)
    try:
        payload = Payload.model_validate_json(body)
    except ValidationError as exc:
        raise PrometheusNonsense(
            f"{address} answered what is not Prometheus' API: {_shown(body)}", hint=_shape_hint(body)
        ) from exc
    if isinstance(payload.data, Text):
        raise PrometheusRefused(f"{address}: the query's value is a text", hint="ask for a metric")
    return payload


def _refuse(status: int, body: bytes, address: str) -> NoReturn:
    """Raise what an error answer means."""
    try:
        problem = _Problem.model_validate_json(body)
    except ValidationError as exc:
        said = f"{address} answered {status}: {_shown(body)}"
        if status >= 500:  # a proxy before it, as a rule
            raise PrometheusUnreachable(said, hint=DOWN_HINT) from exc
        raise PrometheusNonsense(said, hint=URL_HINT) from exc
    if problem.errorType in ("timeout", "canceled"):
        raise PrometheusSlow(f"{address}: {problem.error}", hint=SLOW_HINT)
    if status == 503:
        raise PrometheusUnreachable(f"{address} answered 503: {problem.error}", hint=DOWN_HINT)
    raise PrometheusRefused(
        f"{address} answered {status}, {problem.errorType}: {problem.error}", hint="mend the query in the guide"
    )


def _cause(exc: BaseException) -> str:
    """The innermost reason: the outer ones repeat the address and a memory location."""
    while (inner := exc.__cause__ or exc.__context__) is not None:
        exc = inner
    return " ".join(str(exc).split())[:200] or type(exc).__name__


def _shown(body: bytes) -> str:
    text = " ".join(body[:400].decode("utf-8", "replace").split())
    return repr(text[:120]) if text else "nothing"


def _shape_hint(body: bytes) -> str:
    if b'"histogram"' in body:
        return "native histograms are not read: wrap the query in histogram_quantile() or histogram_sum()"
    return URL_HINT
