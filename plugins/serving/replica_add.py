"""The action `replica_add`: start one more replica."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from dag.model import ValueType
from plugins.base import Args, CallContext, Observation, Result, Verdict
from plugins.errors import PrecheckFailed
from plugins.serving.access import Access, ServingPlugin
from plugins.serving.cluster import Fleet, Operation, Refused, ReplicaState, ServingCluster, Status
from plugins.serving.moves import evacuate, poll

SETTLE_S = 5.0  # how long one `observe` waits for a start that runs; the engine asks again


class ReplicaAddArgs(Args):
    """`replica`: the new one's name."""

    fleet: str
    replica: str


class ReplicaAdd(ServingPlugin):
    """Add under the call's key. The undo removes the replica, after what landed on it has moved off."""

    name: ClassVar[str] = "replica_add"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = ReplicaAddArgs
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("replica:{fleet}/{replica}",)
    reversible: ClassVar[bool] = True
    idempotent: ClassVar[bool] = True

    def blast_radius(self, args: ReplicaAddArgs) -> int:
        """Nothing stops serving."""
        return 0

    async def precheck(self, args: ReplicaAddArgs, ctx: CallContext) -> Mapping[str, Any]:
        """Raises: PrecheckFailed when the name is taken. Only the gateway knows its capacity; it refuses then."""
        fleet = await self._read(args.fleet)
        taken = fleet.replica(args.replica)
        if taken is not None:
            raise PrecheckFailed(
                f"a replica '{args.replica}' exists, it is {taken.state}", hint="choose a name that is not taken"
            )
        return {"replicas": sorted(r.name for r in fleet.replicas)}

    async def apply(self, args: ReplicaAddArgs, key: str, ctx: CallContext) -> Result:
        """Return once it answers. Raises: Refused (no_capacity, exists, start_failed)."""
        async with self._connect(args.fleet, Access.CHANGE) as cluster:
            replica = await cluster.add(args.replica, key)
        return Result(
            value={"replica": replica.name, "state": str(replica.state), "slots": replica.slots_total},
            type=ValueType.DYN,
            as_of=ctx.now(),
            evidence=f"'{replica.name}' is {replica.state} with {replica.slots_total} slots",
        )

    async def observe(self, args: ReplicaAddArgs, key: str, ctx: CallContext) -> Observation:
        """A start that failed is NOT_HAPPENED; asked again under its key, the gateway tells why."""
        async with self._connect(args.fleet, Access.READ) as cluster:
            found = await _operation(cluster, key, within_s=min(SETTLE_S, ctx.deadline_s / 2))
        if found is None or found.status is Status.FAILED:
            return Observation.NOT_HAPPENED
        return Observation.HAPPENED if found.status is Status.DONE else Observation.UNKNOWN

    async def verify(self, args: ReplicaAddArgs, before: Mapping[str, Any], ctx: CallContext) -> Verdict:
        """It must be up; `equals` tells which replicas it can exchange KV with."""
        fleet = Fleet((), ())

        async def is_up() -> bool:
            nonlocal fleet
            fleet = await self._read(args.fleet)
            replica = fleet.replica(args.replica)
            return replica is not None and replica.state is ReplicaState.UP

        up = await poll(is_up, within_s=ctx.deadline_s * 0.8)
        replica = fleet.replica(args.replica)
        if replica is None:
            return Verdict(False, f"there is no replica '{args.replica}'")
        equals = [r.name for r in fleet.replicas if r != replica and r.fingerprint == replica.fingerprint]
        return Verdict(up, f"'{args.replica}' is {replica.state}", {"equals": equals, "slots": replica.slots_total})

    async def compensate(self, args: ReplicaAddArgs, key: str, ctx: CallContext) -> Verdict:
        """Drain, evacuate and remove what this key added, and nothing that another one did.

        One that does not empty in time is left draining: it ends its sessions and takes no new ones.
        """
        async with self._connect(args.fleet, Access.CHANGE) as cluster:
            added = await _operation(cluster, key, within_s=min(SETTLE_S, ctx.deadline_s / 2))
            if added is None or added.status is not Status.DONE:
                return _nothing_added(added)
            if args.replica not in {r.name for r in await cluster.replicas()}:
                return Verdict(True, f"'{args.replica}' is not in the fleet any more")
            await cluster.drain(args.replica)
            await evacuate(cluster, args.replica, f"{key}/undo", within_s=ctx.deadline_s * 0.4)
            try:
                await cluster.remove(args.replica)
            except Refused as exc:
                return Verdict(False, f"'{args.replica}' drains and could not be removed: {exc}")
        return Verdict(True, f"'{args.replica}' was removed")


async def _operation(cluster: ServingCluster, key: str, *, within_s: float) -> Operation | None:
    found: Operation | None = None

    async def settled() -> bool:
        nonlocal found
        found = await cluster.operation(key)
        return found is None or found.status is not Status.RUNNING

    await poll(settled, within_s=within_s)
    return found


def _nothing_added(operation: Operation | None) -> Verdict:
    if operation is not None and operation.status is Status.RUNNING:
        return Verdict(False, "it is still being started: remove it once it is up")
    return Verdict(True, "nothing had been added")
