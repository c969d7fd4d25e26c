"""The action `replica_drain`: nothing new goes to a replica, and what is on it moves off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from dag.model import ValueType
from plugins.base import Args, CallContext, Observation, Result, Verdict
from plugins.errors import PrecheckFailed
from plugins.serving.access import Access, ServingPlugin
from plugins.serving.cluster import Fleet, ReplicaState, SessionState
from plugins.serving.moves import evacuate, poll


class ReplicaDrainArgs(Args):
    fleet: str
    replica: str


class ReplicaDrain(ServingPlugin):
    """Drain, then evacuate. The drained replica stays in the fleet; the undo lets it serve again.

    A replica that drains already is refused: somebody else's drain must not be undone with ours.
    """

    name: ClassVar[str] = "replica_drain"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = ReplicaDrainArgs
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("replica:{fleet}/{replica}", "sessions:{fleet}")
    reversible: ClassVar[bool] = True
    idempotent: ClassVar[bool] = True  # draining is declarative, each move has its key

    def blast_radius(self, args: ReplicaDrainArgs) -> int:
        """One replica stops serving."""
        return 1

    async def precheck(self, args: ReplicaDrainArgs, ctx: CallContext) -> Mapping[str, Any]:
        """Raises: PrecheckFailed unless the replica is up and its sessions fit elsewhere."""
        fleet = await self._read(args.fleet)
        refusal = _refusal(fleet, args.replica)
        if refusal:
            raise PrecheckFailed(refusal[0], hint=refusal[1])
        return {"sessions": sorted(s.id for s in fleet.live_on(args.replica))}

    async def apply(self, args: ReplicaDrainArgs, key: str, ctx: CallContext) -> Result:
        """Spends up to 60 % of the deadline on moving sessions; the others end where they are."""
        async with self._connect(args.fleet, Access.CHANGE) as cluster:
            await cluster.drain(args.replica)
            outcome = await evacuate(cluster, args.replica, key, within_s=ctx.deadline_s * 0.6)
            left = [s.id for s in await cluster.sessions(args.replica) if s.live]
        return Result(
            value={"replica": args.replica, "left": left, **outcome.document()},
            type=ValueType.DYN,
            as_of=ctx.now(),
            evidence=f"'{args.replica}' drains, {len(outcome.done)} sessions moved off, {len(left)} left",
        )

    async def observe(self, args: ReplicaDrainArgs, key: str, ctx: CallContext) -> Observation:
        """HAPPENED once it drains and is empty. Anything less is NOT_HAPPENED: to ask again does the rest only.

        A replica is not told who drained it; that it was not draining before, the precheck saw.
        """
        fleet = await self._read(args.fleet)
        replica = fleet.replica(args.replica)
        drained = replica is not None and replica.state is ReplicaState.DRAINING
        return Observation.HAPPENED if drained and not fleet.live_on(args.replica) else Observation.NOT_HAPPENED

    async def verify(self, args: ReplicaDrainArgs, before: Mapping[str, Any], ctx: CallContext) -> Verdict:
        """Waits up to 80 % of the deadline for the last session to end or move."""
        fleet = Fleet((), ())

        async def empty() -> bool:
            nonlocal fleet
            fleet = await self._read(args.fleet)
            return not fleet.live_on(args.replica)

        await poll(empty, within_s=ctx.deadline_s * 0.8)
        replica, left = fleet.replica(args.replica), [s.id for s in fleet.live_on(args.replica)]
        homes = {name: s.replica for name in before.get("sessions", ()) if (s := fleet.session(name)) and s.live}
        evidence = {"left": left, "sessions": homes}
        if replica is None:
            return Verdict(False, f"there is no replica '{args.replica}' any more", evidence)
        if replica.state is not ReplicaState.DRAINING:
            return Verdict(False, f"'{args.replica}' is {replica.state}, not draining", evidence)
        if left:
            return Verdict(False, f"{len(left)} sessions are still on '{args.replica}'", evidence)
        return Verdict(True, f"'{args.replica}' drains and is empty", evidence)

    async def compensate(self, args: ReplicaDrainArgs, key: str, ctx: CallContext) -> Verdict:
        """Let it take sessions again. Those that moved off stay where they are: nothing is gained by moving
        them twice, and the policy moves them back if it is."""
        async with self._connect(args.fleet, Access.CHANGE) as cluster:
            replica = await cluster.undrain(args.replica)
        return Verdict(
            replica.state is ReplicaState.UP,
            f"'{args.replica}' is {replica.state}; sessions that moved off stay where they are",
        )


def _refusal(fleet: Fleet, name: str) -> tuple[str, str] | None:
    """Why the replica must not be drained now, and what to do; None when it may."""
    replica = fleet.replica(name)
    if replica is None:
        return f"there is no replica '{name}'", f"there are {', '.join(r.name for r in fleet.replicas) or 'none'}"
    if replica.state is ReplicaState.DRAINING:
        return f"'{name}' drains already", "whoever drained it undoes it"
    if replica.state is not ReplicaState.UP:
        return f"'{name}' is {replica.state}: it holds nothing that could be moved", "remove it or wait for it"
    others = [
        r
        for r in fleet.replicas
        if r.name != name and r.state is ReplicaState.UP and r.fingerprint == replica.fingerprint
    ]
    if not others:
        return f"no other replica that is up equals '{name}'", "add one first"
    decoding = sum(s.state is not SessionState.WAITING for s in fleet.live_on(name))
    free = sum(r.slots_free for r in others)
    if free < decoding:
        return f"{decoding} sessions decode on '{name}', {free} slots are free elsewhere", "add a replica first"
    return None
