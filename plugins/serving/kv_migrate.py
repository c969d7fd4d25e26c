"""The action `kv_migrate`: make planned moves of sessions, with their KV, without their clients noticing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from dag.model import ValueType
from plugins.base import Args, CallContext, Observation, Result, Verdict
from plugins.errors import ApplyFailed, PrecheckFailed
from plugins.serving.access import Access, ServingPlugin, read_fleet
from plugins.serving.cluster import (
    Fleet,
    Migration,
    Move,
    Refused,
    ReplicaState,
    ServingCluster,
    Session,
    SessionState,
    Status,
)
from plugins.serving.moves import MAX_MOVES, counted, make_moves, poll, records

SETTLE_S = 3.0  # how long one `observe` waits for a move that runs; the engine asks again
PROGRESS_S = 10.0  # within which a moved session must decode its next token
PLAN_ANEW = "plan the moves anew"


class PlannedMove(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    session: str
    source: str
    target: str

    def move(self) -> Move:
        return Move(self.session, self.source, self.target)


class Moves(BaseModel):
    """The value of `reschedule`, or moves that a person wrote. Only `moves` matters here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    moves: tuple[PlannedMove, ...]
    reason: str = ""
    freeness: dict[str, float | None] = {}


class KvMigrateArgs(Args):
    fleet: str
    plan: Moves

    @property
    def moves(self) -> tuple[Move, ...]:
        return tuple(m.move() for m in self.plan.moves)


class KvMigrate(ServingPlugin):
    """Move i of a call has the key `{key}/{i}`, its way back `{key}/undo/{i}`; the gateway keeps both.

    One refused move does not fail the others: a session that ends meanwhile needs none. The call has failed
    only when no session moved.
    """

    name: ClassVar[str] = "kv_migrate"
    version: ClassVar[str] = "1"
    Args: ClassVar[type[Args]] = KvMigrateArgs
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("sessions:{fleet}",)
    reversible: ClassVar[bool] = True
    idempotent: ClassVar[bool] = True

    def blast_radius(self, args: KvMigrateArgs) -> int:
        """Replicas whose sessions pause, a moment each."""
        return len({m.source for m in args.moves})

    async def precheck(self, args: KvMigrateArgs, ctx: CallContext) -> Mapping[str, Any]:
        """Return where each session is. Sessions that have ended since they were planned are no obstacle.

        Raises: PrecheckFailed with all reasons; TargetUnreachable, Unreadable.
        """
        fleet = await self._read(args.fleet)
        reasons = refusals(args.moves, fleet)
        if reasons:
            raise PrecheckFailed("; ".join(reasons), hint=PLAN_ANEW)
        listed = {m.session: fleet.session(m.session) for m in args.moves}
        return {
            "sessions": {
                name: {"replica": s.replica, "state": str(s.state), "generated_tokens": s.generated_tokens}
                for name, s in listed.items()
                if s is not None
            }
        }

    async def apply(self, args: KvMigrateArgs, key: str, ctx: CallContext) -> Result:
        """Raises: ApplyFailed when no session moved."""
        async with self._connect(args.fleet, Access.CHANGE) as cluster:
            outcome = await make_moves(cluster, _keyed(key, args.moves))
        if not outcome.done:
            why = "; ".join(f"{move}: {reason}" for move, reason in outcome.refused)
            raise ApplyFailed(f"no session moved: {why}", hint=PLAN_ANEW)
        value = outcome.document()
        return Result(
            value=value,
            type=ValueType.DYN,
            as_of=ctx.now(),
            evidence=f"{value['moved']} moved, {value['failed']} refused; {value['kv_tokens']} KV tokens carried over, "
            f"{value['evaluated_tokens']} computed again; longest gap {value['gap_s']:.3f} s",
        )

    async def observe(self, args: KvMigrateArgs, key: str, ctx: CallContext) -> Observation:
        """Ask for the record of every key.

        A key that was never seen, beside others that were, means NOT_HAPPENED: the call stopped half way. That
        is right only because the gateway honours keys: asked again, it answers for the moves it made and makes
        the rest. All refused is NOT_HAPPENED too, and asking again then tells why.
        """
        keys = [k for k, _ in _keyed(key, args.moves)]
        async with self._connect(args.fleet, Access.READ) as cluster:
            seen = (await records(cluster, keys, within_s=min(SETTLE_S, ctx.deadline_s / 2))).values()
        if any(m is not None and m.status is Status.RUNNING for m in seen):
            return Observation.UNKNOWN
        if any(m is None for m in seen) or not any(m is not None and m.status is Status.DONE for m in seen):
            return Observation.NOT_HAPPENED
        return Observation.HAPPENED

    async def verify(self, args: KvMigrateArgs, before: Mapping[str, Any], ctx: CallContext) -> Verdict:
        """Read the sessions back: those on their target must go on decoding.

        Holds when at least one left its source and none that arrived stands still. Whether that helped is the
        guide's own condition to say.
        """
        first = await self._read(args.fleet)
        now = first

        async def go_on() -> bool:
            nonlocal now
            now = await self._read(args.fleet)
            return not _standing_still(args.moves, first, now)

        await poll(go_on, within_s=min(PROGRESS_S, ctx.deadline_s * 0.8))
        whereabouts = {m.session: _whereabouts(m, now.session(m.session)) for m in args.moves}
        stuck = _standing_still(args.moves, first, now)
        count = Counter(whereabouts.values())
        words = counted({w: count[w] for w in ("arrived", "ended", "elsewhere", "stayed")})
        if stuck:
            reason = f"{words}; no new token from {', '.join(stuck)}"
        elif count["stayed"] == len(whereabouts):
            reason = "no session left its source"
        else:
            return Verdict(True, words, {"sessions": whereabouts})
        return Verdict(False, reason, {"sessions": whereabouts, "stuck": stuck})

    async def compensate(self, args: KvMigrateArgs, key: str, ctx: CallContext) -> Verdict:
        """Move back what arrived, the last first. A session that waited has nowhere to go back to while its
        old replica is full: it stays where it has a slot, and the verdict says so."""
        async with self._connect(args.fleet, Access.CHANGE) as cluster:
            keys = [k for k, _ in _keyed(key, args.moves)]
            made = await records(cluster, keys, within_s=min(SETTLE_S, ctx.deadline_s / 2))
            running = [k for k, m in made.items() if m is not None and m.status is Status.RUNNING]
            fleet = await read_fleet(cluster)
            done = [(i, m) for i, m in enumerate(made.values()) if m is not None and m.status is Status.DONE]
            fates = {m.move.session: await _take_back(cluster, fleet, m, f"{key}/undo/{i}") for i, m in reversed(done)}
        left = {session: fate for session, fate in fates.items() if fate not in ("back", "ended")}
        count = Counter(fate if fate in ("back", "ended") else "left where they are" for fate in fates.values())
        reason = counted(count) if fates else "nothing had moved"
        if running:
            reason += f"; {len(running)} moves still run"
        return Verdict(not left and not running, reason, {"left": left, "running": running})


def refusals(moves: tuple[Move, ...], fleet: Fleet) -> list[str]:
    """Why these moves must not be made now; empty when they may."""
    if not moves:
        return ["there is nothing to move"]
    if len(moves) > MAX_MOVES:
        return [f"{len(moves)} moves, at most {MAX_MOVES} are made at once"]
    reasons = _contradictions(moves)
    going = [m for m in moves if (s := fleet.session(m.session)) is not None and s.live]
    if not going:
        return [*reasons, "all of the sessions have ended"]
    for move in going:
        session = fleet.session(move.session)
        if session is not None and session.replica != move.source:
            reasons.append(f"{move.session} is on '{session.replica}', not on '{move.source}'")
        elif session is not None and session.state is SessionState.MOVING:
            reasons.append(f"{move.session} is being moved")
    for target, incoming in Counter(m.target for m in going).items():
        sources = sorted({m.source for m in going if m.target == target})
        reasons += _unfit(fleet, target, incoming, sources)
    return reasons


def _contradictions(moves: tuple[Move, ...]) -> list[str]:
    twice = [session for session, n in Counter(m.session for m in moves).items() if n > 1]
    ways = {(m.source, m.target) for m in moves}
    exchanges = [f"'{a}' and '{b}'" for a, b in sorted(ways) if a < b and (b, a) in ways]
    return [
        *(f"{session} is to move twice" for session in twice),
        *(f"{m.session} is to move to where it is" for m in moves if m.source == m.target),
        *(f"{pair} are to exchange sessions" for pair in exchanges),
    ]


def _unfit(fleet: Fleet, name: str, incoming: int, sources: list[str]) -> list[str]:
    target = fleet.replica(name)
    if target is None:
        return [f"there is no replica '{name}'"]
    reasons = []
    if target.state is not ReplicaState.UP:
        reasons.append(f"'{name}' is {target.state}")
    if target.slots_free < incoming:
        reasons.append(f"'{name}' has {target.slots_free} free slots for {incoming} sessions")
    for source in sources:
        origin = fleet.replica(source)
        field = origin.fingerprint.difference(target.fingerprint) if origin else None
        if origin is None:
            reasons.append(f"there is no replica '{source}'")
        elif field:
            reasons.append(f"{field} of '{source}' and '{name}' differ: they cannot exchange KV")
    return reasons


def _keyed(key: str, moves: tuple[Move, ...]) -> list[tuple[str, Move]]:
    return [(f"{key}/{i}", m) for i, m in enumerate(moves)]


def _whereabouts(move: Move, session: Session | None) -> str:
    """A session that is not listed any more has ended: the gateway forgets those first."""
    if session is None or not session.live:
        return "ended"
    return {move.target: "arrived", move.source: "stayed"}.get(session.replica, "elsewhere")


def _standing_still(moves: tuple[Move, ...], first: Fleet, now: Fleet) -> list[str]:
    """Sessions on their target without a token more than at the first look."""
    still = []
    for move in moves:
        then, session = first.session(move.session), now.session(move.session)
        if then is not None and session is not None and _whereabouts(move, session) == "arrived":
            same = then.replica == session.replica and then.generated_tokens >= session.generated_tokens
            still += [session.id] if same else []
    return still


async def _take_back(cluster: ServingCluster, fleet: Fleet, made: Migration, key: str) -> str:
    session = fleet.session(made.move.session)
    where = _whereabouts(made.move, session)
    if where != "arrived":
        return {"stayed": "back", "ended": "ended"}.get(where, f"is on '{session.replica}'" if session else where)
    try:
        await cluster.move(made.move.back(), key)
    except Refused as exc:
        return "ended" if exc.code == "finished" else str(exc)
    return "back"
