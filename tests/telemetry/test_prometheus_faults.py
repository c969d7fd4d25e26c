"""Every way in which Prometheus fails to answer has its own error, with the address and what to do."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from examples.fleet.processes import free_port
from telemetry.errors import (
    PrometheusNonsense,
    PrometheusRefused,
    PrometheusSlow,
    PrometheusUnreachable,
    TelemetryError,
)
from telemetry.prometheus import Prometheus

Script = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def faulty(script: Script) -> AsyncIterator[str]:
    """A server that does what no real Prometheus can be made to do."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script((await reader.readuntil(b"\r\n\r\n")).decode(), writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def says(status: int, body: str, *headers: str) -> Script:
    async def script(_: str, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body.encode())}", "Connection: close", *headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    return script


def success(kind: str, result: Any, **more: Any) -> Script:
    return says(200, json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}))


def error(status: int, kind: str, text: str) -> Script:
    return says(status, json.dumps({"status": "error", "errorType": kind, "error": text}))


async def silent(_: str, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.8)


async def trickling(_: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(8):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


async def cut_off(_: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"status":')


ONE = [{"metric": {}, "value": [1.7e9, "1"]}]


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        pytest.param(silent, PrometheusSlow, "did not answer within", id="silence"),
        pytest.param(trickling, PrometheusSlow, "did not finish its answer in time", id="a byte now and then"),
        pytest.param(cut_off, PrometheusUnreachable, "does not answer: ", id="half an answer"),
        pytest.param(error(503, "timeout", "query timed out"), PrometheusSlow, "query timed out", id="its own timeout"),
        pytest.param(error(503, "unavailable", "starting"), PrometheusUnreachable, "503: starting", id="starting up"),
        pytest.param(says(502, "<html>bad"), PrometheusUnreachable, "502: '<html>bad'", id="a proxy's page"),
        pytest.param(error(400, "bad_data", "parse error"), PrometheusRefused, "bad_data: parse error", id="bad query"),
        pytest.param(error(422, "execution", "many"), PrometheusRefused, "422, execution: many", id="cannot be run"),
        pytest.param(says(401, ""), PrometheusRefused, "401: not allowed", id="no token"),
        pytest.param(says(404, "404 page not found"), PrometheusNonsense, "404: '404 page", id="no such path"),
        pytest.param(says(302, "", "Location: /login"), PrometheusNonsense, "redirects to /login", id="a login page"),
        pytest.param(says(200, "<html>hi</html>"), PrometheusNonsense, "not Prometheus' API: '<html>", id="a page"),
        pytest.param(says(200, ""), PrometheusNonsense, "not Prometheus' API: nothing", id="nothing"),
        pytest.param(says(200, "[]"), PrometheusNonsense, "not Prometheus' API", id="JSON of another shape"),
        pytest.param(success("vector", [{"metric": {}}]), PrometheusNonsense, "API", id="a sample without value"),
        pytest.param(success("vector", [{"metric": {}, "value": [1, "one"]}]), PrometheusNonsense, "API", id="a word"),
        pytest.param(
            success("vector", [{"metric": {}, "value": [1e99, "1"]}]), PrometheusNonsense, "API", id="no time"
        ),
        pytest.param(success("vector", ONE * 2), PrometheusNonsense, "for one number", id="more than was asked"),
        pytest.param(says(200, "\x00" * 200), PrometheusNonsense, "API", id="zeros"),
    ],
)
async def test_a_fault_has_its_own_error(script: Script, kind: type[TelemetryError], message: str) -> None:
    async with faulty(script) as url:
        client = Prometheus(url, timeout_s=0.4)
        started = time.monotonic()
        with pytest.raises(kind) as failed:
            await client.instant("up")
        client.close()
    assert type(failed.value) is kind
    assert message in str(failed.value)
    assert url in str(failed.value)
    assert failed.value.hint
    assert time.monotonic() - started < 2.0


async def test_nobody_there_is_told_with_the_address() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(PrometheusUnreachable, match="Connection refused") as failed:
        await Prometheus(url).instant("up")
    assert type(failed.value) is PrometheusUnreachable
    assert url in str(failed.value)
    assert "is Prometheus running" in failed.value.hint


async def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(PrometheusUnreachable, match="no address to call"):
        await Prometheus("localhost:9090").instant("up")


async def test_native_histograms_are_named() -> None:
    sample = [{"metric": {}, "histogram": [1, {"count": "1", "sum": "1"}]}]
    async with faulty(success("vector", sample)) as url:
        with pytest.raises(PrometheusNonsense) as failed:
            await Prometheus(url).instant("up")
    assert "histogram_quantile" in failed.value.hint


async def test_warnings_are_kept_and_headers_are_asked_for_each_time() -> None:
    heads: list[str] = []

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        await success("vector", ONE, warnings=["a store is missing"])(head, writer)

    tokens = iter(["first", "second"])
    async with faulty(script) as url:
        client = Prometheus(url, headers=lambda: {"Authorization": f"Bearer {next(tokens)}"})
        answers = [await client.instant("up"), await client.instant("up")]
    assert [a.warnings for a in answers] == [("a store is missing",)] * 2
    assert ["first" in h for h in heads] == [True, True, False, False]
    assert all("Bearer second" in h for h in heads[2:])


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    async with faulty(success("vector", ONE)) as url:
        assert (await Prometheus(url).instant("up")).samples[0].value == 1.0


async def test_a_fault_does_not_spoil_the_next_call() -> None:
    scripts = iter([cut_off, success("vector", ONE), success("vector", ONE)])

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        await next(scripts)(head, writer)

    async with faulty(script) as url:
        client = Prometheus(url)
        with pytest.raises(PrometheusUnreachable):
            await client.instant("up")
        assert (await client.instant("up")).samples[0].value == 1.0
