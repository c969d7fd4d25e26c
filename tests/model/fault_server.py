"""An OpenAI-compatible endpoint on loopback that fails in every way the real ones do, byte for byte.

It speaks raw HTTP, because the faults lie below any framework: a body cut short, a stream that trickles.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

DATE = "Mon, 02 Nov 2026 10:00:00 GMT"


@dataclass(frozen=True)
class Answer:
    """What one request gets. `cut_at`: close the connection after so many bytes of the body."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    trickle_s: float = 0.0  # between single bytes of the body
    cut_at: int | None = None


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; header names are lower case."""

    path: str
    headers: dict[str, str]
    json: dict[str, Any]

    @property
    def mode(self) -> str:
        if "response_format" in self.json:
            return "json_schema"
        return "tool" if "tools" in self.json else "plain"


Script = Callable[[Seen], Answer]


class FaultServer:
    """Answers by script and remembers what it was sent."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.seen: list[Seen] = []
        self.url = ""

    @property
    def modes(self) -> list[str]:
        return [s.mode for s in self.seen]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve_one(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone: what a deadline looks like from here
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.seen.append(Seen(request.split()[1], headers, json.loads(body or b"{}")))
        answer = self._script(self.seen[-1])
        sent = {
            "content-type": answer.content_type,
            "content-length": str(len(answer.body)),
            "connection": "close",
            **answer.headers,
        }
        lines = [f"HTTP/1.1 {answer.status} X", *(f"{k}: {v}" for k, v in sent.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        if answer.trickle_s:
            for i in range(len(answer.body)):
                writer.write(answer.body[i : i + 1])
                await writer.drain()
                await asyncio.sleep(answer.trickle_s)
            return
        writer.write(answer.body[: answer.cut_at])
        await writer.drain()


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[FaultServer]:
    fault = FaultServer(script)
    server = await asyncio.start_server(fault.handle, "127.0.0.1", 0)
    fault.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield fault
    finally:
        server.close()


def always(answer: Answer) -> Script:
    return lambda _seen: answer


def in_turn(answers: Iterable[Answer]) -> Script:
    """The answers one by one; the last one from then on."""
    left = list(answers)
    return lambda _seen: left.pop(0) if len(left) > 1 else left[0]


def completion(
    content: str | None = None,
    *,
    tool: tuple[str, str] | None = None,
    finish: str = "stop",
    refusal: str | None = None,
    usage: tuple[int, int] | None = (100, 20),
) -> Answer:
    """A well-formed chat completion around a content, a tool call or a refusal."""
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if tool:
        function = {"name": tool[0], "arguments": tool[1]}
        message["tool_calls"] = [{"id": "c1", "type": "function", "function": function}]
    if refusal:
        message["refusal"] = refusal
    body: dict[str, Any] = {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "served-model",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
    }
    if usage:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return Answer(json.dumps(body).encode())


def failure(status: int, message: str = "no", *, headers: dict[str, str] | None = None, code: str = "") -> Answer:
    body = {"error": {"message": message, "type": "error", "code": code or None}}
    return Answer(json.dumps(body).encode(), status, headers or {})
