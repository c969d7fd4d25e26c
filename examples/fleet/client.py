"""The fleet from outside: a client of the gateway's admin interface, and of one session's stream."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from examples.fleet.errors import FleetError

LINE_TIMEOUT_S = 60.0  # the gateway writes at least a comment every 10 s


class StreamBroken(FleetError):
    """The stream ended without a last word: the gateway is gone."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Tokens as a client saw them come. `at` is monotonic, in seconds."""

    at: float
    tokens: tuple[int, ...]
    replica: str


@dataclass(slots=True)
class Answer:
    """One session as its client sees it, filled while the stream runs."""

    session: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    moves: int = 0
    done: bool = False
    error: dict[str, Any] | None = None

    @property
    def tokens(self) -> list[int]:
        return [t for a in self.arrivals for t in a.tokens]

    @property
    def replicas(self) -> list[str]:
        """Where the tokens came from, each stay once, in order."""
        stays: list[str] = []
        for arrival in self.arrivals:
            if not stays or stays[-1] != arrival.replica:
                stays.append(arrival.replica)
        return stays


class FleetClient:
    """Use it as a context manager. `token` is needed for the admin calls only."""

    def __init__(self, url: str, *, token: str = "", timeout_s: float = 60.0) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(
            base_url=url,
            headers=headers,
            trust_env=False,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=None),  # one connection per open stream
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def request(
        self, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Return status and JSON body of one call."""
        headers = {"Idempotency-Key": key} if key else {}
        reply = await self._http.request(method, path, json=body, headers=headers)
        return reply.status_code, reply.json()

    async def replicas(self) -> dict[str, dict[str, Any]]:
        """Replicas by name."""
        _, body = await self.request("GET", "/admin/replicas")
        return {r["name"]: r for r in body["replicas"]}

    async def sessions(self, replica: str | None = None) -> list[dict[str, Any]]:
        suffix = f"?replica={replica}" if replica else ""
        _, body = await self.request("GET", f"/admin/sessions{suffix}")
        return list(body["sessions"])

    async def session(self, session_id: str) -> dict[str, Any]:
        """Raises: KeyError."""
        return {s["id"]: s for s in await self.sessions()}[session_id]

    async def migrate(self, key: str, session: str, source: str, target: str) -> tuple[int, dict[str, Any]]:
        body = {"session": session, "source": source, "target": target}
        return await self.request("POST", "/admin/migrations", body, key=key)

    async def fault(self, kind: str, **settings: Any) -> None:
        """Switch a fault on. Raises: FleetError where the fleet was started without them."""
        status, body = await self.request("POST", "/admin/faults", {"kind": kind, **settings})
        if status != 200:
            raise FleetError(f"fault {kind}: {status} {body}", hint="start the fleet with --faults")

    async def events(
        self, prompt: str | Sequence[int], max_tokens: int, pin: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Open a session and yield its events, the last one included.

        Raises: FleetError when it is refused, StreamBroken when the stream ends early.
        """
        body = {
            "prompt": prompt if isinstance(prompt, str) else list(prompt),
            "max_tokens": max_tokens,
            "pin": pin,
        }
        try:
            async with self._http.stream("POST", "/v1/sessions", json=body, timeout=LINE_TIMEOUT_S) as reply:
                if reply.status_code != 200:
                    text = (await reply.aread()).decode(errors="replace")
                    raise FleetError(f"the session was refused: {reply.status_code} {text}")
                async for line in reply.aiter_lines():
                    if line.startswith("data: "):
                        event = json.loads(line.removeprefix("data: "))
                        yield event
                        if "done" in event or "error" in event:
                            return
        except httpx.HTTPError as exc:
            raise StreamBroken(f"the stream from {self.url} broke: {exc!r}") from exc
        raise StreamBroken(f"the stream from {self.url} ended without a last word")

    async def listen(
        self, answer: Answer, prompt: str | Sequence[int], max_tokens: int, pin: str | None = None
    ) -> Answer:
        """Fill `answer` until the session ends. Raises as `events` does."""
        async for event in self.events(prompt, max_tokens, pin):
            if "tokens" in event:
                answer.arrivals.append(Arrival(time.monotonic(), tuple(event["tokens"]), event["replica"]))
            elif "session" in event:
                answer.session = event["session"]
            elif "done" in event:
                answer.done, answer.moves = True, event["moves"]
            else:
                answer.error = event["error"]
        return answer

    def start(
        self, prompt: str | Sequence[int], max_tokens: int, pin: str | None = None
    ) -> tuple[Answer, asyncio.Task[Answer]]:
        """Open a session and listen in the background; the answer fills meanwhile."""
        answer = Answer()
        return answer, asyncio.create_task(self.listen(answer, prompt, max_tokens, pin))
