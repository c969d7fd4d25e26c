"""An OpenAI-compatible endpoint on loopback that fails in every way the real ones do, byte for byte.

It speaks raw HTTP, because the faults lie below any framework: a body cut short, a stream that trickles.

`python -m tests.model.fault_server` serves one fault, or each in turn, until it is stopped; `--list` names them.
Point `[llm] base_url` at the address that it prints, and see what a run makes of it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
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
        if self.seen[-1].json.get("stream"):
            answer = as_stream(answer)
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
async def serving(script: Script, port: int = 0) -> AsyncIterator[FaultServer]:
    fault = FaultServer(script)
    server = await asyncio.start_server(fault.handle, "127.0.0.1", port)
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


def as_stream(answer: Answer) -> Answer:
    """The same answer as server-sent events, where it is a completion; anything else is sent as it is."""
    if answer.status != 200 or answer.content_type != "application/json":
        return answer
    try:
        whole = json.loads(answer.body)
        choice = whole["choices"][0]
    except (ValueError, LookupError, TypeError):
        return answer
    frame = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": whole.get("model", "")}

    def event(delta: dict[str, Any], finish: str | None = None) -> str:
        return f"data: {json.dumps({**frame, 'choices': [{'index': 0, 'delta': delta, 'finish_reason': finish}]})}\n\n"

    message = choice["message"]
    parts = [event({"role": "assistant", "content": ""})]
    parts += [event({name: piece}) for name in ("content", "refusal") for piece in _pieces(message.get(name))]
    for call in message.get("tool_calls", ()):
        function = call["function"]
        parts.append(event({"tool_calls": [{**call, "index": 0, "function": {"name": function["name"]}}]}))
        calls = ({"index": 0, "function": {"arguments": piece}} for piece in _pieces(function["arguments"]))
        parts += [event({"tool_calls": [each]}) for each in calls]
    parts.append(event({}, choice["finish_reason"]))
    if "usage" in whole:
        parts.append(f"data: {json.dumps({**frame, 'choices': [], 'usage': whole['usage']})}\n\n")
    body = "".join([*parts, "data: [DONE]\n\n"]).encode()
    return replace(answer, body=body, content_type="text/event-stream")


def _pieces(text: str | None, size: int = 7) -> list[str]:
    """Tokens, as far as a client can tell."""
    text = text or ""
    size = max(size, len(text) // 3_000)
    return [text[i : i + size] for i in range(0, len(text), size)]


def events(*data: str, end: bool = True, **how: Any) -> Answer:
    """A stream of our own making."""
    text = "".join(f"{line}\n\n" for line in data) + ("data: [DONE]\n\n" if end else "")
    return Answer(text.encode(), content_type="text/event-stream", **how)


# One of each family, for people; tests have many more.
GOOD = json.dumps({"reason": "the evidence says so", "choice": "A"})
FAULTS: dict[str, Callable[[], Answer]] = {
    "none": lambda: completion(GOOD),
    "429": lambda: failure(429),
    "429-seconds": lambda: failure(429, headers={"Retry-After": "1"}),
    "429-date": lambda: failure(429, headers={"Retry-After": "Mon, 02 Nov 2026 10:00:02 GMT", "Date": DATE}),
    "429-a-day": lambda: failure(429, headers={"Retry-After": "86400"}),
    "429-nonsense": lambda: failure(429, headers={"Retry-After": "soon"}),
    "429-quota": lambda: failure(429, "pay first", code="insufficient_quota"),
    "500": lambda: failure(500),
    "401": lambda: failure(401, "bad key"),
    "html": lambda: Answer(b"<!doctype html><title>Sign in</title>", content_type="text/html"),
    "empty": lambda: Answer(b""),
    "slow": lambda: replace(completion(GOOD), trickle_s=0.5),
    "cut": lambda: replace(completion(GOOD), cut_at=40),
    "fenced": lambda: completion(f"```json\n{GOOD}\n```"),
    "prose": lambda: completion(f"Sure! {GOOD} Hope it helps"),
    "wrong-enum": lambda: completion(json.dumps({"reason": "because", "choice": "Z"})),
    "unknown-tool": lambda: completion(tool=("delete_everything", GOOD)),
    "truncated": lambda: completion(GOOD[:20], finish="length"),
    "refusal": lambda: completion(refusal="I cannot help with that"),
    "huge": lambda: completion("x" * 2_000_000),
}


def failure(status: int, message: str = "no", *, headers: dict[str, str] | None = None, code: str = "") -> Answer:
    body = {"error": {"message": message, "type": "error", "code": code or None}}
    return Answer(json.dumps(body).encode(), status, headers or {})


def main(arguments: Sequence[str]) -> int:
    words = argparse.ArgumentParser(prog="python -m tests.model.fault_server", description=__doc__)
    words.add_argument("--fault", choices=FAULTS, help="serve this one; else each in turn")
    words.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    words.add_argument("--list", action="store_true", help="name the faults")
    given = words.parse_args(arguments)
    if given.list:
        print("\n".join(FAULTS))
        return 0
    names = itertools.repeat(given.fault) if given.fault else itertools.cycle(FAULTS)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(names, given.port))
    return 0


async def _serve(names: Iterator[str], port: int) -> None:
    def script(seen: Seen) -> Answer:
        name = next(names)
        print(f"{seen.mode}: {name}", flush=True)
        return FAULTS[name]()

    async with serving(script, port) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
