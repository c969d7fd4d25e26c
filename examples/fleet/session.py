"""One client's request as the gateway carries it: its tokens so far, where it is, what it waits for."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from examples.fleet.ledger import Failure, Migration


class SessionState(StrEnum):
    WAITING = "waiting"  # for a slot
    RUNNING = "running"
    MOVING = "moving"
    DONE = "done"
    FAILED = "failed"  # its client left, or it could not be served


class SessionFailed(Exception):
    """The session ends here; its client is told why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(slots=True)
class Move:
    """A move that was asked for. `durable`: its record is on disk, it may begin. `slot` is reserved for it."""

    record: Migration
    slot: int
    done: asyncio.Future[Migration]
    durable: bool = False


@dataclass(slots=True)
class Session:
    """Owned by one task that decodes it; others leave a wish (`move`, `left`) and set `wake`.

    `warm`: the slot's KV holds what was decoded so far. `slot` is None while it waits in a queue.
    """

    id: str
    prompt: tuple[int, ...]
    max_tokens: int
    replica: str
    model_sha256: str  # of the replica it was first placed on; it never continues on another model
    slot: int | None = None
    state: SessionState = SessionState.WAITING
    generated: list[int] = field(default_factory=list)
    warm: bool = False
    moves: int = 0
    recoveries: int = 0
    move: Move | None = None
    left: bool = False  # the client is gone
    due: float = 0.0  # monotonic time of the next chunk
    arrived: float = field(default_factory=time.monotonic)
    ended: float | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    events: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    @property
    def history(self) -> list[int]:
        return [*self.prompt, *self.generated]

    @property
    def remaining(self) -> int:
        return self.max_tokens - len(self.generated)

    @property
    def over(self) -> bool:
        return self.state in (SessionState.DONE, SessionState.FAILED)

    @property
    def move_begins(self) -> bool:
        return self.move is not None and self.move.durable

    def deliver(self, tokens: tuple[int, ...]) -> None:
        self.generated += tokens
        self.events.put_nowait({"tokens": list(tokens), "replica": self.replica})

    async def rest(self, until: float | None = None) -> None:
        """Return at the monotonic time `until`, or as soon as somebody wakes the session."""
        try:
            async with asyncio.timeout(None if until is None else max(0.0, until - time.monotonic())):
                await self.wake.wait()
        except TimeoutError:
            return
        self.wake.clear()

    def describe(self) -> dict[str, Any]:
        """The Session of the admin interface."""
        return {
            "id": self.id,
            "replica": self.replica,
            "slot": self.slot,
            "state": str(self.state),
            "prompt_tokens": len(self.prompt),
            "generated_tokens": len(self.generated),
            "max_tokens": self.max_tokens,
            "age_s": round((self.ended or time.monotonic()) - self.arrived, 3),
            "moves": self.moves,
        }
