"""The HTTP client under the SDK: only what we name goes out, and no more than a bound comes in."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import httpx2

ANSWER_BYTES = 1_000_000
BROKEN = (httpx2.TransportError,)  # what reading a stream raises where the SDK does not put words of its own to it
SENT_HEADERS = frozenset(
    {"host", "accept", "connection", "content-type", "content-length", "transfer-encoding", "user-agent"}
)


class AnswerTooLarge(Exception):
    """The body passed the bound; the rest was not read."""


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, limit: int) -> None:
        self._stream = stream
        self._left = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise AnswerTooLarge
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class StrictTransport(httpx2.AsyncHTTPTransport):
    """Sends allowed headers only; refuses answers over `limit` bytes as they arrive, and compressed ones.

    The SDK reads keys, organisations and whole headers from ambient variables; whichever it adds, now or
    in a later version, is dropped here, on a copy: the SDK reads its own request again afterwards.
    """

    def __init__(self, api_key: str | None, ca_file: Path | None = None, limit: int = ANSWER_BYTES) -> None:
        trusted = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        super().__init__(verify=trusted, trust_env=False)
        # Compressed answers are not asked for: nobody knows their size before they are unpacked.
        self._always = {"accept-encoding": "identity"} | ({"authorization": f"Bearer {api_key}"} if api_key else {})
        self._limit = limit

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        allowed = {k: v for k, v in request.headers.items() if k.lower() in SENT_HEADERS}
        response = await super().handle_async_request(
            httpx2.Request(
                request.method,
                request.url,
                headers=allowed | self._always,
                stream=request.stream,
                extensions=request.extensions,
            )
        )
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise AnswerTooLarge
        response.stream = _BoundedStream(cast(httpx2.AsyncByteStream, response.stream), self._limit)
        return response


def build_client(api_key: str | None, ca_file: Path | None = None) -> httpx2.AsyncClient:
    """An HTTP client that takes nothing from the environment and follows no redirects.

    Proxies are not read from the environment either: the address in the settings is the one spoken to.
    """
    return httpx2.AsyncClient(transport=StrictTransport(api_key, ca_file), trust_env=False, follow_redirects=False)


def never_connected(cause: BaseException | None) -> bool:
    """Whether a request failed before any of it left."""
    return isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout)
