"""One HTTP exchange: no redirects, no proxies, bounded in time and size; what failed, and whether it was sent.

Import it late: only a live call needs the client library.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import httpx

from plugins.errors import BadArguments, TargetUnreachable

DEFAULT_PORTS = {"http": 80, "https": 443}


class NotSent(TargetUnreachable):
    """The target could not be reached; it has seen nothing of the request."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `is_whole` is false when the body was longer than asked for; `body` is then its beginning."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    is_whole: bool


def authority(url: str) -> str:
    """`host:port` that a request to `url` would go to, read by the library that sends it.

    Raises: BadArguments when it is no http or https address, or carries a user name.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as exc:
        raise BadArguments(f"'{url[:200]}' is no address: {exc}", hint="write https://host/path") from exc
    if parsed.scheme not in DEFAULT_PORTS or not parsed.host:
        raise BadArguments(f"'{url[:200]}' is no http or https address", hint="write https://host/path")
    if parsed.userinfo:
        raise BadArguments("the address holds a user name", hint="keep credentials in [plugins.http.tokens]")
    host = parsed.raw_host.decode("ascii").lower()
    port = parsed.port or DEFAULT_PORTS[parsed.scheme]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def send(request: Request, *, timeout_s: float, max_bytes: int, ca_file: Path | None) -> Reply:
    """Raises: NotSent, TargetUnreachable (it may have been seen), BadArguments (it cannot be sent as it is)."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(request, timeout_s, max_bytes, ca_file)
    except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
        raise NotSent(
            f"{request.url} cannot be reached: {exc or type(exc).__name__}",
            hint="is it running, and reachable from here?",
        ) from exc
    except (httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError) as exc:
        raise BadArguments(f"the request to {request.url} cannot be sent: {exc}", hint="look at its headers") from exc
    except TimeoutError as exc:
        raise TargetUnreachable(
            f"{request.url} did not answer within {timeout_s:g} s", hint="raise timeout= on the block"
        ) from exc
    except httpx.HTTPError as exc:
        raise TargetUnreachable(
            f"{request.url} did not answer: {exc or type(exc).__name__}", hint="look at the target's log"
        ) from exc


async def _exchange(request: Request, timeout_s: float, max_bytes: int, ca_file: Path | None) -> Reply:
    verify = await asyncio.to_thread(_trust, ca_file) if request.url.startswith("https") else True
    parts: list[bytes] = []
    size = 0
    async with (
        # One connection per exchange: a pool would belong to one event loop, and a kept connection that
        # the target has just closed leaves open whether a request was seen.
        httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=timeout_s, verify=verify) as http,
        http.stream(request.method, request.url, headers=dict(request.headers), content=request.content) as reply,
    ):
        headers = {k.lower(): v for k, v in reply.headers.items()}
        async for chunk in reply.aiter_bytes():
            parts.append(chunk[: max_bytes - size])
            size += len(chunk)
            if size > max_bytes:
                return Reply(reply.status_code, headers, b"".join(parts), is_whole=False)
    return Reply(reply.status_code, headers, b"".join(parts), is_whole=True)


@lru_cache(maxsize=8)
def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Loading the authorities takes tens of milliseconds: once."""
    return httpx.create_ssl_context() if ca_file is None else ssl.create_default_context(cafile=str(ca_file))
