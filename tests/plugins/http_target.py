"""An HTTP server on loopback that keeps what it was sent and answers as a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Seen:
    """One request as it arrived: the path with its query, undecoded."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Target:
    """`answer` may be replaced at any time."""

    answer: Answer
    host: str = ""
    seen: list[Seen] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:]) if k}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.seen.append(Seen(method, path, headers, body))
            await self.answer(self.seen[-1], writer)
            await writer.drain()
        except ConnectionError:
            pass  # the client had enough
        finally:
            writer.close()


def says(status: int, body: Any = "", *headers: str) -> Answer:
    """A text, or anything else as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/plain" if isinstance(body, str) else "application/json; charset=utf-8"

    async def answer(_: Seen, writer: asyncio.StreamWriter) -> None:
        length = f"Content-Length: {len(text.encode())}"
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", length, "Connection: close", *headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + text).encode())

    return answer


async def silent(_: Seen, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.8)


async def hangs_up(_: Seen, writer: asyncio.StreamWriter) -> None:
    writer.close()


@asynccontextmanager
async def http_target(answer: Answer) -> AsyncIterator[Target]:
    target = Target(answer)
    server = await asyncio.start_server(target.serve, "127.0.0.1", 0)
    target.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield target
    finally:
        server.close()
