"""Sessions from arrival to end: placed, decoded chunk by chunk, and taken elsewhere when a replica fails."""

from __future__ import annotations

import secrets
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from examples.fleet.config import GatewayConfig
from examples.fleet.errors import RequestRefused
from examples.fleet.ledger import Failure
from examples.fleet.roster import Roster, Tasks
from examples.fleet.session import Move, Session, SessionFailed, SessionState
from examples.fleet.supervisor import Replica
from plugins.errors import PluginError, TargetUnreachable
from plugins.serving.llamacpp import ServerRefused, SlotServer

REPLAY_TOKENS = 128  # decoded at once after a failure: well inside a call's time
KEPT_WHEN_OVER = 200  # ended sessions that can still be listed
RECOVERIES = 8  # a session that outlived so many replicas is what breaks them


class Dispatcher:
    """All sessions by id. Each is driven by one task of its own; a chunk's end is where it can be moved."""

    def __init__(self, config: GatewayConfig, roster: Roster, tasks: Tasks) -> None:
        self.live: dict[str, Session] = {}
        self.over: deque[Session] = deque(maxlen=KEPT_WHEN_OVER)
        self.outcomes: Counter[str] = Counter()
        self.carry_out: Callable[[Session], Awaitable[None]]  # a move; set by who moves
        self.give_up: Callable[[Move], None]  # a move whose session ended before it began
        self._config = config
        self._roster = roster
        self._tasks = tasks
        roster.changed = self.look_again

    async def tokenize(self, prompt: str | Sequence[int]) -> tuple[int, ...]:
        """Raises: RequestRefused (503) when no replica answers."""
        if not isinstance(prompt, str):
            return tuple(prompt)
        name = self._roster.place()
        if name is None:
            raise RequestRefused(503, "no_replica", "no replica takes sessions", hint="try again later")
        return tuple(await self._roster.get(name).server.tokenize(prompt))

    def open(self, prompt: tuple[int, ...], max_tokens: int, pin: str | None) -> Session:
        """Place a new session and start to drive it.

        Raises: RequestRefused: too_long, overloaded, unknown_replica, draining, no_replica.
        """
        room = self._config.slot_tokens
        if len(prompt) + max_tokens > room:
            raise RequestRefused(
                400, "too_long", f"{len(prompt)} + {max_tokens} tokens, a slot has {room}", hint="ask for fewer"
            )
        if len(self.live) >= self._config.max_sessions:
            raise RequestRefused(503, "overloaded", f"{len(self.live)} sessions are open", hint="try again later")
        if pin is not None and self._roster.get(pin).draining:
            raise RequestRefused(409, "draining", f"'{pin}' takes nothing new", hint="pin elsewhere, or nowhere")
        name = pin or self._roster.place()
        if name is None:
            raise RequestRefused(503, "no_replica", "no replica takes sessions", hint="try again later")
        model = self._roster.get(name).model_sha256
        session = Session(f"s-{secrets.token_hex(6)}", prompt, max_tokens, name, model)
        session.events.put_nowait({"session": session.id, "replica": name})
        self.live[session.id] = session
        self._queue(session, name)
        self._tasks.spawn(self._drive(session))
        return session

    def leave(self, session: Session) -> None:
        """The client is gone: the session ends at its next token boundary."""
        session.left = True
        session.wake.set()

    def dismiss(self) -> None:
        """The gateway ends: every client is told, nothing new begins."""
        why = Failure(code="shutting_down", message="the gateway is shutting down", hint="ask again later")
        for session in self.live.values():
            session.events.put_nowait({"error": why.model_dump()})

    def look_again(self, name: str) -> None:
        """A replica's state or seats changed: give its free slots away, let those who wait reconsider."""
        replica = self._roster.replicas.get(name)
        if replica is not None and self._serves_its_queue(replica):
            while admitted := replica.seats.admit():
                session, slot = self.live[admitted[0]], admitted[1]
                session.slot = slot
                session.wake.set()
        for session in self.live.values():
            if session.slot is None:
                session.wake.set()

    def _serves_its_queue(self, replica: Replica) -> bool:
        """Those who wait on a draining replica go elsewhere; only where there is no elsewhere it serves them."""
        if replica.accepts or not replica.answers:
            return replica.accepts
        return self._roster.place(model_sha256=replica.model_sha256) is None

    def _queue(self, session: Session, name: str) -> None:
        session.replica, session.slot, session.warm = name, None, False
        session.state = SessionState.WAITING
        self._roster.replicas[name].seats.waiting.append(session.id)
        self.look_again(name)

    async def _drive(self, session: Session) -> None:
        try:
            while session.remaining and not session.left:
                if session.move_begins:
                    await self.carry_out(session)
                elif session.slot is None:
                    self._reconsider(session)
                    if session.slot is None:
                        await session.rest()
                else:
                    await self._decode(session)
        except SessionFailed as exc:
            self._close(session, exc.failure)
        except Exception as exc:
            self._close(session, Failure(code="internal", message=f"the gateway erred: {exc!r}"))
            raise
        else:
            self._close(session, None)

    def _reconsider(self, session: Session) -> None:
        """Leave the queue of a replica that takes nothing new, when another one does."""
        here = self._roster.replicas.get(session.replica)
        if here is not None and (here.accepts or here.state == "starting"):
            return
        if other := self._roster.place(model_sha256=session.model_sha256):
            if here is not None:
                here.seats.leave_queue(session.id)
            self._queue(session, other)

    async def _decode(self, session: Session) -> None:
        """Decode one chunk when it is due, unless somebody wants something first."""
        if session.due > time.monotonic():
            await session.rest(session.due)
            if session.due > time.monotonic():
                return
        replica = self._roster.get(session.replica)
        session.state = SessionState.RUNNING
        size = self.chunk_size(session)
        assert session.slot is not None, "only a session with a slot is decoded"
        try:
            if session.generated and not session.warm:
                await self._replay(session, replica.server, session.slot)
            chunk = await replica.server.complete(session.history, size, session.slot)
        except PluginError as exc:
            self._recover(session, exc)
            return
        session.warm = True
        replica.generated += len(chunk.tokens)
        self.deliver(session, chunk.tokens)

    async def _replay(self, session: Session, server: SlotServer, slot: int) -> None:
        """Bring an empty slot to where the session is, by decoding its tokens again.

        Computing them in one batch would be faster, and round differently: after it a greedy run can take
        another way. Where the replay itself gives other tokens, the batch is all that is left.
        """
        known = 0
        while known < len(session.generated):
            wanted = session.generated[known : known + REPLAY_TOKENS]
            again = await server.complete([*session.prompt, *session.generated[:known]], len(wanted), slot)
            if list(again.tokens) != wanted:
                return
            known += len(wanted)

    def chunk_size(self, session: Session) -> int:
        return min(self._config.chunk_tokens, session.remaining)

    def deliver(self, session: Session, tokens: tuple[int, ...]) -> None:
        """Hand tokens to the client and set when the next ones are due."""
        session.deliver(tokens)
        pause = len(tokens) / self._config.tokens_per_s + self._roster.get(session.replica).delay_s
        # Paced by schedule, not by pause: a late chunk is made up for, a long wait is not.
        now = time.monotonic()
        session.due = max(session.due + pause, now) if session.due > now - pause else now + pause

    def _recover(self, session: Session, error: PluginError) -> None:
        """Take the session to another replica; there what it has so far is computed again."""
        if isinstance(error, ServerRefused) and 400 <= error.status < 500:
            raise SessionFailed(Failure(code="refused", message=str(error), hint=error.hint))
        if not isinstance(error, ServerRefused | TargetUnreachable):
            raise SessionFailed(Failure(code="cannot_continue", message=str(error), hint=error.hint))
        session.recoveries += 1
        if session.recoveries > RECOVERIES:
            raise SessionFailed(
                Failure(code="cannot_continue", message=f"{RECOVERIES} replicas failed under it: {error}")
            )
        failed = self._roster.get(session.replica)
        failed.doubt()
        if session.slot is not None:
            self._roster.reclaim(failed, session.slot)
        other = self._roster.place(model_sha256=session.model_sha256, avoid=failed.name)
        self._queue(session, other or failed.name)

    def _close(self, session: Session, failure: Failure | None) -> None:
        served = failure is None and not session.remaining
        session.state = SessionState.DONE if served else SessionState.FAILED
        session.ended = time.monotonic()
        self.outcomes["done" if served else "failed" if failure else "client_left"] += 1
        if failure is None:
            last: dict[str, Any] = {"done": True, "generated": len(session.generated), "moves": session.moves}
        else:
            last = {"error": failure.model_dump()}
        session.events.put_nowait(last)
        if session.move_begins and session.move is not None:
            self.give_up(session.move)
        self._vacate(session)
        del self.live[session.id]
        self.over.append(session)

    def _vacate(self, session: Session) -> None:
        replica = self._roster.replicas.get(session.replica)
        if replica is None:
            return
        replica.seats.leave_queue(session.id)
        if session.slot is not None:
            self._roster.reclaim(replica, session.slot)
            session.slot = None
