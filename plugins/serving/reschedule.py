"""The query `reschedule`: which sessions should move, from what the fleet says of itself now."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from dag.model import ValueType
from plugins.base import Args, CallContext, Cost, Result
from plugins.errors import BadArguments, NoData
from plugins.serving.access import ServingPlugin
from plugins.serving.moves import MAX_MOVES
from plugins.serving.policy import First, plan_moves


class RescheduleArgs(Args):
    """`source`: relieve this replica only. `first`: whom a replica with a queue gives away first, see `First`."""

    fleet: str
    source: str | None = None
    max_moves: Annotated[int, Field(ge=1, le=MAX_MOVES)] = 8
    first: First = First.WAITING


class RescheduleQuery(ServingPlugin):
    """Plan moves. The value is a document: `moves` (session, source, target), `reason`, `freeness` by replica.

    No moves is an answer, not an error. A freeness is null where the replica takes no sessions.
    """

    name: ClassVar[str] = "reschedule"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = RescheduleArgs
    result: ClassVar[ValueType] = ValueType.DYN
    speculative: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost.LIGHT

    async def run(self, args: RescheduleArgs, ctx: CallContext) -> Result:
        """Raises: TargetUnreachable, Unreadable; NoData when the fleet has no replica; BadArguments."""
        as_of = ctx.now()
        fleet = await self._read(args.fleet)
        if not fleet.replicas:
            raise NoData(f"the fleet '{args.fleet}' has no replica", hint="was it started?")
        if args.source is not None and fleet.replica(args.source) is None:
            names = ", ".join(r.name for r in fleet.replicas)
            raise BadArguments(f"no replica of '{args.fleet}' is named '{args.source}'", hint=f"there are {names}")
        plan = plan_moves(fleet, source=args.source, max_moves=args.max_moves, first=args.first)
        moves = [{"session": m.session, "source": m.source, "target": m.target} for m in plan.moves]
        return Result(
            value={"moves": moves, "reason": plan.reason, "freeness": dict(plan.freeness)},
            type=ValueType.DYN,
            as_of=as_of,
            evidence=f"{len(moves)} moves planned: {plan.reason}",
        )
