"""Which sessions should move where: freeness, pairs of replicas, and the sessions worth moving. Pure.

After Llumnix (Sun et al., OSDI'24, section 4.4 and Algorithm 1): every replica has a *freeness*

    F = (M - sum V) / B                         tokens per running session, about decode steps until full

where M is its KV capacity, V the virtual usage (KV held, and what the head of its queue will need) and B
the number of running sessions. A draining replica's virtual usage is infinite, so F = -inf. Sessions move
from the replica with the lowest F to the one with the highest.

Deviations, each because the fleet's gateway moves sessions one by one into reserved slots:

- B counts at least 1: an empty replica's freeness is its capacity, not infinity.
- The threshold is relative (`Thresholds`), so one setting fits replicas of every size and batch; and a move
  that would little more than swap two replicas' freeness is not made.
- A request that waits is starved of a slot however much KV is free; so waiting sessions move first,
  wherever a slot is free, and need no better freeness.
- A target must have a free slot, an empty queue, the same fingerprint, and KV room for all the session may
  still become.
- Every move must lower `imbalance`, which is well ordered: planning ends, and no fleet comes back to an
  earlier state. Priorities and their headroom are left out, the gateway has none.

Sessions of one replica move in the order of Llumnix's choice FCWSR: the first come of those that wait (they
have no KV to copy), then the shortest running (the least to copy, the shortest gap).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from plugins.serving.cluster import Fleet, Move, Replica, ReplicaState, Session, SessionState
from plugins.serving.llamacpp import Fingerprint


class First(StrEnum):
    """Whom a replica with a queue gives away first."""

    WAITING = "waiting"  # the queue itself: no KV to copy, and no prompt cached where it waits
    RUNNING = "running"  # who decodes, with the KV cache: the queue takes the slots, where it was placed for a reason


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a running session is worth its move.

    `gap_ratio`: the target's freeness must exceed the source's by this ratio of it. `min_remaining_tokens`:
    a session that ends sooner is left alone.
    """

    gap_ratio: float = 0.5
    min_remaining_tokens: int = 32


@dataclass(frozen=True, slots=True)
class Load:
    """One replica as the policy sees it, and as planned moves would leave it. `kv_*` in tokens."""

    name: str
    draining: bool
    fingerprint: Fingerprint
    kv_total: int
    kv_used: int
    slots_free: int
    running: tuple[Session, ...]  # the shortest first; those being moved at the moment included
    waiting: tuple[Session, ...]  # the oldest first

    @classmethod
    def of(cls, replica: Replica, sessions: Iterable[Session]) -> Self:
        """Of a replica and its live sessions, as they will be in a moment: free slots go to those who wait."""
        here = tuple(sessions)
        load = cls(
            name=replica.name,
            draining=replica.state is ReplicaState.DRAINING,
            fingerprint=replica.fingerprint,
            kv_total=replica.kv_tokens_total,
            kv_used=replica.kv_tokens_used,
            slots_free=replica.slots_free,
            running=tuple(sorted((s for s in here if s.state is not SessionState.WAITING), key=_by_length)),
            waiting=tuple(sorted((s for s in here if s.state is SessionState.WAITING), key=lambda s: (-s.age_s, s.id))),
        )
        return load._admitted()

    @property
    def freeness(self) -> float:
        if self.draining:
            return -math.inf
        head_of_line = self.waiting[0].length if self.waiting else 0
        return (self.kv_total - self.kv_used - head_of_line) / max(1, len(self.running))

    def without(self, session: Session) -> Self:
        if session.state is SessionState.WAITING:
            return replace(self, waiting=tuple(s for s in self.waiting if s.id != session.id))
        return replace(
            self,
            running=tuple(s for s in self.running if s.id != session.id),
            kv_used=max(0, self.kv_used - session.length),
            slots_free=self.slots_free + 1,
        )._admitted()

    def with_(self, session: Session) -> Self:
        placed = replace(session, replica=self.name, state=SessionState.RUNNING)
        return replace(
            self,
            running=tuple(sorted((*self.running, placed), key=_by_length)),
            kv_used=self.kv_used + session.length,
            slots_free=self.slots_free - 1,
        )

    def _admitted(self) -> Self:
        """A draining replica gives its slots to nobody."""
        load = self
        while load.waiting and load.slots_free and not load.draining:
            load = replace(load, waiting=load.waiting[1:]).with_(load.waiting[0])
        return load

    @property
    def accepts(self) -> bool:
        return not self.draining and not self.waiting and self.slots_free > 0

    def has_room_for(self, session: Session) -> bool:
        """KV room until the session's last token, beside what is held now."""
        return self.kv_used + session.length + session.remaining_tokens <= self.kv_total


def _by_length(session: Session) -> tuple[int, str]:
    return session.length, session.id


Loads = Mapping[str, Load]
Imbalance = tuple[int, int, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class MovePlan:
    """Moves in the order they should be made, why, and every replica's freeness before them.

    A freeness is None where there is none: draining, starting or down.
    """

    moves: tuple[Move, ...]
    reason: str
    freeness: Mapping[str, float | None]


def plan_moves(
    fleet: Fleet,
    *,
    source: str | None = None,
    max_moves: int = 8,
    first: First = First.WAITING,
    thresholds: Thresholds | None = None,
) -> MovePlan:
    """Plan at most `max_moves` moves, from any replica or from `source` only. Equal fleets, equal plans.

    No session moves twice, and no replica both gives and takes: every move of a plan is possible from the
    start, whatever becomes of the others, and no two replicas exchange sessions.
    """
    limits = thresholds or Thresholds()
    loads = before = loads_of(fleet)
    moves: list[Move] = []
    while len(moves) < max_moves and (move := _next_move(loads, moves, source, first, limits)):
        loads = after(loads, move)
        moves.append(move)
    return MovePlan(
        moves=tuple(moves),
        reason=_reason(before, moves, source, max_moves),
        freeness={r.name: _finite(before[r.name].freeness) if r.name in before else None for r in fleet.replicas},
    )


def loads_of(fleet: Fleet) -> Loads:
    """Replicas that answer, by name. Sessions of the others are the gateway's to rescue."""
    live: dict[str, list[Session]] = {}
    for session in fleet.sessions:
        if session.live:
            live.setdefault(session.replica, []).append(session)
    answering = (r for r in fleet.replicas if r.state in (ReplicaState.UP, ReplicaState.DRAINING))
    return {r.name: Load.of(r, live.get(r.name, ())) for r in sorted(answering, key=lambda r: r.name)}


def imbalance(loads: Loads) -> Imbalance:
    """What every move lowers: sessions to evacuate, then sessions starved of a slot, then unequal freeness.

    The last part compares like a leximin order: the least free replica first.
    """
    serving = [load for load in loads.values() if not load.draining]
    return (
        sum(len(load.running) + len(load.waiting) for load in loads.values() if load.draining),
        sum(len(load.waiting) for load in serving),
        tuple(-f for f in sorted(load.freeness for load in serving)),
    )


def after(loads: Loads, move: Move) -> Loads:
    """The loads once `move` is made. Raises: KeyError when the session is not on its source."""
    here = loads[move.source]
    session = {s.id: s for s in (*here.running, *here.waiting)}[move.session]
    return {**loads, move.source: here.without(session), move.target: loads[move.target].with_(session)}


def _next_move(loads: Loads, made: list[Move], source: str | None, first: First, limits: Thresholds) -> Move | None:
    gave, took = {m.source for m in made}, {m.target for m in made}
    moved = {m.session for m in made}
    for here, there in _pairs(loads, source):
        if here.name in took or there.name in gave:
            continue
        for session in _worth_moving(here, there, first, limits):
            if session.id not in moved and there.has_room_for(session):
                return Move(session.id, here.name, there.name)
    return None


def _pairs(loads: Loads, source: str | None) -> Iterator[tuple[Load, Load]]:
    """Lowest freeness to highest first; every other pair after them, so that one full target blocks nobody."""
    ascending = sorted(loads.values(), key=lambda load: (load.freeness, load.name))
    targets = sorted((t for t in loads.values() if t.accepts), key=lambda load: (-load.freeness, load.name))
    # Who must go, goes first: the replica with the lowest freeness need not be the one with a queue.
    for here in sorted(ascending, key=lambda load: (not load.draining, not load.waiting)):
        if source in (None, here.name):
            for there in targets:
                if there.name != here.name and there.fingerprint == here.fingerprint:
                    yield here, there


def _worth_moving(here: Load, there: Load, first: First, limits: Thresholds) -> Iterator[Session]:
    """Waiting ones by arrival, then running ones by length where the gap between the replicas pays for it.

    With `first` RUNNING, each that decodes and has enough to do yet comes before the queue that wants its slot.
    """
    if first is First.RUNNING and here.waiting and not here.draining:
        for session in here.running:
            # One that only this plan lets out of the queue has no slot, hence no KV, yet.
            decodes = session.state is SessionState.RUNNING and session.slot is not None
            if decodes and session.remaining_tokens >= limits.min_remaining_tokens:
                yield session
    yield from here.waiting
    movable = (s for s in here.running if s.state is SessionState.RUNNING)
    if here.draining:
        yield from movable
    elif (gap := there.freeness - here.freeness) > limits.gap_ratio * abs(here.freeness):
        for session in movable:
            left, arrived = here.without(session).freeness, there.with_(session).freeness
            if arrived <= here.freeness or left - arrived >= gap / 2:
                return  # the two would little more than trade places; with a longer session all the more
            if left > here.freeness and session.remaining_tokens >= limits.min_remaining_tokens:
                yield session


def _finite(freeness: float) -> float | None:
    return round(freeness, 3) if math.isfinite(freeness) else None


def _reason(before: Loads, moves: list[Move], source: str | None, max_moves: int) -> str:
    chosen = [load for load in before.values() if source in (None, load.name)]
    if source is not None and not chosen:
        return f"'{source}' is no replica that answers"
    leaving = sum(len(load.running) + len(load.waiting) for load in chosen if load.draining)
    starved = sum(len(load.waiting) for load in chosen if not load.draining)
    needs = ", ".join(
        text
        for number, text in (
            (leaving, f"{leaving} on draining replicas"),
            (starved, f"{starved} waiting without a free slot"),
        )
        if number
    )
    if not moves:
        blocked = "no equal replica that is up has a free slot, an empty queue and KV room"
        return f"sessions: {needs}; {blocked}" if needs else "balanced: no move would help enough to pay for itself"
    ways: dict[tuple[str, str], int] = {}
    for m in moves:
        ways[m.source, m.target] = ways.get((m.source, m.target), 0) + 1
    listed = ", ".join(f"{n} from {s} to {t}" for (s, t), n in ways.items())
    limit = f"; limited to {max_moves}" if len(moves) == max_moves else ""
    return f"{listed} ({'sessions: ' + needs if needs else 'uneven freeness'}){limit}"
