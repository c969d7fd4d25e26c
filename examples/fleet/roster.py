"""The fleet's replicas: started, watched, drained, added, removed, and their slots cleaned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from examples.fleet.config import GatewayConfig, ReplicaSpec
from examples.fleet.errors import ChildFailed, RequestRefused
from examples.fleet.ledger import Failure, Ledger, Membership, Operation
from examples.fleet.placement import choose
from examples.fleet.supervisor import Replica
from plugins.errors import PluginError

PROBE_EVERY_S = 0.5
ERASE_AGAIN_S = 0.5


class Tasks:
    """Background work that is neither lost to the garbage collector nor left behind at the end."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def cancel(self) -> None:
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class Roster:
    """All replicas by name. `changed` is called with a replica's name when its state or seats changed."""

    def __init__(self, config: GatewayConfig, ledger: Ledger, tasks: Tasks) -> None:
        self.replicas: dict[str, Replica] = {}
        self.changed: Callable[[str], None] = lambda _: None
        self._config = config
        self._ledger = ledger
        self._tasks = tasks
        self._adding: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Start the configured replicas as later changes left them. Raises: ChildFailed."""
        table = {
            s.name: Membership(name=s.name, seed=s.seed, present=True, draining=False) for s in self._config.replicas
        }
        wanted = [m for m in (table | self._ledger.replicas).values() if m.present]
        for member in wanted:
            replica = Replica(ReplicaSpec(name=member.name, seed=member.seed), self._config)
            replica.draining = member.draining
            self.replicas[member.name] = replica
        await asyncio.gather(*(self._bring_up(r) for r in self.replicas.values()))

    async def stop(self) -> None:
        await asyncio.gather(*(r.stop() for r in self.replicas.values()))

    def get(self, name: str) -> Replica:
        """Raises: RequestRefused (404)."""
        if name not in self.replicas:
            raise RequestRefused(
                404,
                "unknown_replica",
                f"no replica is named '{name}'",
                hint=f"there are {', '.join(sorted(self.replicas)) or 'none'}",
            )
        return self.replicas[name]

    def place(self, *, model_sha256: str | None = None, avoid: str | None = None) -> str | None:
        """The replica that a session should go to, or None when none takes sessions.

        A session that has a model already goes to that model only: another one would go on with other words.
        """
        return choose(
            {
                name: replica.seats
                for name, replica in self.replicas.items()
                if replica.accepts and name != avoid and model_sha256 in (None, replica.model_sha256)
            }
        )

    async def set_draining(self, name: str, draining: bool) -> Replica:
        replica = self.get(name)
        if replica.draining != draining:
            replica.draining = draining  # before the record: nothing is placed here meanwhile
            await self._ledger.append(_membership(replica))
            self.changed(name)
        return replica

    async def add(self, key: str, name: str) -> tuple[Replica, bool]:
        """Start a replica once per key. Returns: it, and whether this call created it.

        Raises: RequestRefused: key_reused, exists, no_capacity, start_failed.
        """
        kept = self._ledger.operations.get(key)
        if kept is None and key not in self._adding:
            self._check_room(name)
            self.replicas[name] = Replica(ReplicaSpec(name=name), self._config)
            self._adding[key] = self._tasks.spawn(self._add(key, self.replicas[name]))
            await asyncio.shield(self._adding[key])
            return self._outcome(self._ledger.operations[key]), True
        if key in self._adding:
            await asyncio.shield(self._adding[key])
        kept = self._ledger.operations[key]
        if kept.name != name:
            raise RequestRefused(422, "key_reused", f"key '{key}' was used to add '{kept.name}'")
        return self._outcome(kept), False

    async def remove(self, name: str) -> Replica:
        """Take an empty replica out. Raises: RequestRefused: unknown_replica, not_empty, starting."""
        replica = self.get(name)
        if replica.state == "starting":
            raise RequestRefused(409, "starting", f"'{name}' is being started", hint="wait until it is up")
        if not replica.seats.empty:
            raise RequestRefused(
                409,
                "not_empty",
                f"'{name}' holds {replica.seats.busy} slots and {len(replica.seats.waiting)} waiting sessions",
                hint="drain it and move its sessions first",
            )
        del self.replicas[name]
        gone = _membership(replica).model_copy(update={"present": False})
        await self._ledger.append(gone)
        await replica.stop()
        return replica

    def reclaim(self, replica: Replica, slot: int) -> asyncio.Task[None]:
        """Empty a slot that nobody uses any more, then free it. The task ends when it is free."""
        replica.seats.hand_over(slot, "clean-up")
        return self._tasks.spawn(self._reclaim(replica, slot))

    async def _reclaim(self, replica: Replica, slot: int) -> None:
        # Until an erase is answered, a call that timed out may still run in the slot and change it.
        # Asked only while it answers: a frozen server would carry out every erase it was sent, late.
        while replica.child.alive:
            if replica.answers:
                with suppress(PluginError):
                    await replica.server.erase(slot)
                    break
            await asyncio.sleep(ERASE_AGAIN_S)
        replica.seats.release(slot)
        self.changed(replica.name)

    async def _add(self, key: str, replica: Replica) -> None:
        operation = Operation(key=key, name=replica.name, status="running")
        try:
            await self._ledger.append(operation)
            await self._bring_up(replica)
        except (ChildFailed, PluginError, OSError) as exc:
            self.replicas.pop(replica.name, None)
            why = Failure(code="start_failed", message=str(exc), hint=getattr(exc, "hint", ""))
            await self._ledger.append(operation.model_copy(update={"status": "failed", "error": why}))
        else:
            await self._ledger.append(operation.model_copy(update={"status": "done"}), _membership(replica))
        finally:
            self._adding.pop(key, None)

    def _check_room(self, name: str) -> None:
        if name in self.replicas:
            raise RequestRefused(409, "exists", f"'{name}' exists", hint="choose another name")
        if len(self.replicas) >= self._config.max_replicas:
            raise RequestRefused(
                409,
                "no_capacity",
                f"the fleet has {len(self.replicas)} of at most {self._config.max_replicas} replicas",
                hint="remove one, or move sessions instead",
            )

    def _outcome(self, operation: Operation) -> Replica:
        if operation.error is not None:
            raise RequestRefused(409, operation.error.code, operation.error.message, hint=operation.error.hint)
        return self.get(operation.name)

    async def _bring_up(self, replica: Replica) -> None:
        await replica.start()
        self._tasks.spawn(self._watch(replica))
        self.changed(replica.name)

    async def _watch(self, replica: Replica) -> None:
        """Probe while the process lives. A replica that ended stays `down`: replacing it is a decision."""
        ended = asyncio.create_task(replica.child.wait())
        try:
            while not ended.done():
                before = replica.state
                await asyncio.wait({ended}, timeout=PROBE_EVERY_S)
                if not ended.done():
                    await replica.probe()
                if replica.state != before:
                    self.changed(replica.name)
        finally:
            ended.cancel()


def _membership(replica: Replica) -> Membership:
    return Membership(name=replica.name, seed=replica.spec.seed, present=True, draining=replica.draining)
