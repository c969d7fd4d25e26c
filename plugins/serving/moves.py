"""Moves made one after the other under keys of their own, and what the gateway recorded of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plugins.serving.access import read_fleet
from plugins.serving.cluster import Migration, Move, Refused, ServingCluster, Status
from plugins.serving.policy import plan_moves

MAX_MOVES = 32  # in one action: what one approval may still be expected to have read
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a series of moves: those that are done, and those refused with the reason."""

    done: tuple[Migration, ...] = ()
    refused: tuple[tuple[Move, str], ...] = ()

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.done + other.done, self.refused + other.refused)

    def document(self) -> dict[str, Any]:
        """As a plan value. `gap_s` is the longest pause of a client; tokens and bytes are sums."""
        return {
            "moved": len(self.done),
            "failed": len(self.refused),
            "gap_s": max((m.gap_s for m in self.done), default=0.0),
            "kv_tokens": sum(m.kv_tokens for m in self.done),
            "cache_tokens": sum(m.cache_tokens for m in self.done),
            "evaluated_tokens": sum(m.evaluated_tokens for m in self.done),
            "file_bytes": sum(m.file_bytes for m in self.done),
            "moves": [
                {**_plain(m.move), "kv_tokens": m.kv_tokens, "cache_tokens": m.cache_tokens, "gap_s": m.gap_s}
                for m in self.done
            ],
            "refused": [{**_plain(move), "why": why} for move, why in self.refused],
        }


def _plain(move: Move) -> dict[str, Any]:
    return {"session": move.session, "source": move.source, "target": move.target}


async def make_moves(cluster: ServingCluster, moves: Iterable[tuple[str, Move]]) -> Outcome:
    """Make the moves in order, one at a time: two copies at once would lengthen each other's gap.

    A refused move does not stop the others. Raises: TargetUnreachable, Unreadable at the first answer that
    is missing; the moves before it stand, and their keys tell.
    """
    done: list[Migration] = []
    refused: list[tuple[Move, str]] = []
    for key, move in moves:
        try:
            done.append(await cluster.move(move, key))
        except Refused as exc:
            refused.append((move, str(exc)))
    return Outcome(tuple(done), tuple(refused))


async def records(cluster: ServingCluster, keys: Sequence[str], *, within_s: float) -> dict[str, Migration | None]:
    """What the gateway recorded under each key; waits up to `within_s` for those that run to settle."""
    found: dict[str, Migration | None] = {}

    async def settled() -> bool:
        for key in keys:
            known = found.get(key)
            if known is None or known.status is Status.RUNNING:
                found[key] = await cluster.migration(key)
        return not any(m is not None and m.status is Status.RUNNING for m in found.values())

    await poll(settled, within_s=within_s)
    return found


async def evacuate(cluster: ServingCluster, replica: str, key: str, *, within_s: float) -> Outcome:
    """Move the sessions of a draining replica to where there is room, as the policy plans it, round by round.

    Ends when it is empty or `within_s` has passed: what found no room by then goes on where it is.
    A key names round, session and target, so it never stands for two different moves when all this is
    asked again after a crash.
    """
    total, turn = Outcome(), 0

    async def empty() -> bool:
        nonlocal total, turn
        fleet = await read_fleet(cluster)
        if not fleet.live_on(replica):
            return True
        plan = plan_moves(fleet, source=replica, max_moves=MAX_MOVES)
        total += await make_moves(cluster, ((f"{key}/{turn}/{m.session}/{m.target}", m) for m in plan.moves))
        turn += bool(plan.moves)
        return not (await read_fleet(cluster)).live_on(replica) if plan.moves else False

    await poll(empty, within_s=within_s)
    return total


async def poll(holds: Callable[[], Awaitable[bool]], *, within_s: float) -> bool:
    """Ask at least once, then again until it holds or `within_s` has passed; return whether it held."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while not await holds():
        if loop.time() + POLL_S >= end:
            return False
        await asyncio.sleep(POLL_S)
    return True


def counted(words: Mapping[str, int]) -> str:
    """`{"moved": 2, "stayed": 0}` as "2 moved": what there is none of is left out."""
    return ", ".join(f"{n} {word}" for word, n in words.items() if n) or "none"
