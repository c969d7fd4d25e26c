"""Moves of sessions between replicas: asked for once per key, recorded, carried out, settled."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from examples.fleet.dispatch import Dispatcher
from examples.fleet.errors import RequestRefused
from examples.fleet.faults import Faults
from examples.fleet.ledger import Failure, Ledger, Migration
from examples.fleet.roster import Roster, Tasks
from examples.fleet.session import Move, Session, SessionState
from examples.fleet.supervisor import Replica
from plugins.errors import PluginError
from plugins.serving.llamacpp import Chunk, KvMove, MoveFailed, move_kv

COMPUTED_AGAIN = 2  # prompt tokens a continued session may cost: the last one, and one of slack
ERASE_S = 2.0  # how long a finished move waits for its source to be erased before it is settled


@dataclass(frozen=True, slots=True)
class Order:
    """What a request asks for."""

    session: str
    source: str
    target: str


class Refused(Exception):
    """The move is not done; the session is where it was."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.failure = Failure(code=code, message=message, hint=hint)


class Mover:
    """Every key's move. A session has at most one at a time; its own task carries it out."""

    def __init__(self, roster: Roster, dispatcher: Dispatcher, ledger: Ledger, tasks: Tasks, faults: Faults) -> None:
        self.outcomes: Counter[str] = Counter()
        self._roster = roster
        self._dispatcher = dispatcher
        self._ledger = ledger
        self._tasks = tasks
        self._faults = faults
        self._running: dict[str, Move] = {}
        dispatcher.carry_out = self._carry_out
        dispatcher.give_up = self._give_up

    async def move(self, key: str, order: Order) -> Migration:
        """Return the settled record of `key`; the first call with it makes the move.

        Raises: RequestRefused (422 key_reused, 404 unknown_replica, 422 same_replica).
        """
        running = self._running.get(key)
        kept = running.record if running else self._ledger.migrations.get(key)
        if kept is not None:
            if Order(kept.session, kept.source, kept.target) != order:
                raise RequestRefused(
                    422, "key_reused", f"key '{key}' was used to move {kept.session}", hint="take a new key"
                )
            return await asyncio.shield(running.done) if running else kept
        for name in (order.source, order.target):
            self._roster.get(name)
        if order.source == order.target:
            raise RequestRefused(422, "same_replica", "source and target are the same", hint="choose another")
        move = Move(
            Migration(key=key, session=order.session, source=order.source, target=order.target, status="running"),
            slot=-1,
            done=asyncio.get_running_loop().create_future(),
        )
        self._running[key] = move
        # A task of its own: a caller that hangs up must not stop a move half way.
        self._tasks.spawn(self._begin(move))
        return await asyncio.shield(move.done)

    def find(self, key: str) -> Migration:
        """Raises: RequestRefused (404)."""
        kept = self._running[key].record if key in self._running else self._ledger.migrations.get(key)
        if kept is None:
            raise RequestRefused(404, "unknown_key", f"no move has the key '{key}'", hint="it was never asked for")
        return kept

    async def _begin(self, move: Move) -> None:
        try:
            session = self._reserve(move)
        except Refused as refused:
            await self._settle(move, refused.failure)
            return
        try:
            await self._ledger.append(move.record)
        except OSError as exc:
            # Not durable, so it never was: the key stays unused.
            session.move = None
            self._roster.get(move.record.target).seats.release(move.slot)
            del self._running[move.record.key]
            move.done.set_exception(exc)
            return
        move.durable = True
        session.wake.set()
        if session.over:
            self._give_up(move)

    def _reserve(self, move: Move) -> Session:
        """Check and reserve in one go: no await between them. Raises: Refused."""
        record = move.record
        source, target = self._roster.get(record.source), self._roster.get(record.target)
        session = self._dispatcher.live.get(record.session)
        if session is None:
            ended = any(s.id == record.session for s in self._dispatcher.over)
            raise Refused(
                "finished" if ended else "not_on_source",
                f"session {record.session} {'has ended' if ended else 'is unknown'}",
                hint="read /admin/sessions again",
            )
        if session.replica != source.name:
            raise Refused("not_on_source", f"session {session.id} is on '{session.replica}'", hint="read it again")
        if session.move is not None:
            raise Refused("busy", f"session {session.id} is being moved", hint="wait for that move to end")
        if not target.answers:
            raise Refused("no_free_slot", f"'{target.name}' is {target.state}", hint="choose another replica")
        if field := source.fingerprint.difference(target.fingerprint):
            raise Refused(
                "fingerprint", f"{field} of '{source.name}' and '{target.name}' differ", hint="choose an equal replica"
            )
        if target.draining:
            raise Refused("draining", f"'{target.name}' takes nothing new", hint="choose another replica")
        slot = target.seats.take(f"move {record.key}")
        if slot is None:
            raise Refused("no_free_slot", f"'{target.name}' has no free slot", hint="free one first")
        move.slot = slot
        session.move = move
        return session

    async def _carry_out(self, session: Session) -> None:
        """Move the session now; it is at a token boundary. Whatever fails, it goes on at its source."""
        move = session.move
        assert move is not None, "a session without a move is not moved"
        stopped = time.monotonic()
        before, session.state = session.state, SessionState.MOVING
        try:
            source = self._roster.get(move.record.source)
            target = self._roster.get(move.record.target)
            if session.replica != source.name:
                raise Refused("not_on_source", f"session {session.id} had to go to '{session.replica}'")
            kept_slot = session.slot
            if session.warm and kept_slot is not None:
                kv, chunk = await self._copy(session, kept_slot, source, target, move)
                facts = _facts(kv, chunk, time.monotonic() - stopped)
            else:
                chunk, facts = None, _facts(None, None, 0.0)
        except Refused as refused:
            session.move, session.state = None, before
            self._roster.reclaim(self._roster.get(move.record.target), move.slot)
            self._tasks.spawn(self._settle(move, refused.failure))
            return
        self._commit(session, move, target, chunk)
        source.seats.leave_queue(session.id)
        self._tasks.spawn(self._finish(move, source, kept_slot, facts))

    async def _copy(
        self, session: Session, slot: int, source: Replica, target: Replica, move: Move
    ) -> tuple[KvMove, Chunk]:
        try:
            kv = await move_kv(source.server, slot, target.server, move.slot, copy=self._faults.copier(target))
        except MoveFailed as exc:
            raise Refused(str(exc.code), str(exc), hint=exc.hint) from exc
        except PluginError as exc:
            raise Refused("save_failed", str(exc), hint=exc.hint) from exc
        try:
            chunk = await target.server.complete(session.history, self._dispatcher.chunk_size(session), move.slot)
        except PluginError as exc:
            raise Refused("continue_failed", str(exc), hint=exc.hint) from exc
        if chunk.evaluated > COMPUTED_AGAIN or chunk.cached + COMPUTED_AGAIN < kv.kv_tokens:
            raise Refused(
                "continue_failed",
                f"'{target.name}' used {chunk.cached} of {kv.kv_tokens} tokens and computed {chunk.evaluated}",
                hint="the restored KV was not used",
            )
        return kv, chunk

    def _commit(self, session: Session, move: Move, target: Replica, chunk: Chunk | None) -> None:
        """From here the target owns the session."""
        target.seats.hand_over(move.slot, session.id)
        session.replica, session.slot, session.move = target.name, move.slot, None
        session.warm = chunk is not None
        session.state = SessionState.RUNNING
        session.moves += 1
        if chunk is not None:
            target.generated += len(chunk.tokens)
            session.due = time.monotonic()
            self._dispatcher.deliver(session, chunk.tokens)

    async def _finish(self, move: Move, source: Replica, slot: int | None, facts: dict[str, float]) -> None:
        """Erase the source, then say so. A source that does not answer is erased when it does."""
        if slot is not None:
            await asyncio.wait({self._roster.reclaim(source, slot)}, timeout=ERASE_S)
        else:
            self._dispatcher.look_again(source.name)
        await self._settle(move, None, facts)

    def _give_up(self, move: Move) -> None:
        self._roster.reclaim(self._roster.get(move.record.target), move.slot)
        why = Failure(code="finished", message=f"session {move.record.session} ended before it was moved")
        self._tasks.spawn(self._settle(move, why))

    async def _settle(self, move: Move, failure: Failure | None, facts: dict[str, float] | None = None) -> None:
        outcome = "done" if failure is None else "failed"
        settled = move.record.model_copy(update={"status": outcome, "error": failure, **(facts or {})})
        self.outcomes[outcome] += 1
        try:
            await self._ledger.append(settled)
        except OSError as exc:
            # The move is as it is; a restart will call it failed, and its caller learns that here.
            move.done.set_exception(exc)
            return
        finally:
            self._running.pop(settled.key, None)
        move.done.set_result(settled)


def _facts(kv: KvMove | None, chunk: Chunk | None, gap_s: float) -> dict[str, float]:
    return {
        "kv_tokens": kv.kv_tokens if kv else 0,
        "cache_tokens": chunk.cached if chunk else 0,
        "evaluated_tokens": chunk.evaluated if chunk else 0,
        "file_bytes": kv.file_bytes if kv else 0,
        "gap_s": round(gap_s, 6),
    }
