"""The order in which a recorded run heard its answers and started its steps, kept in the replay.

Latencies alone do not keep it: what took a recorded process its own time takes a replay none, and two things that
came a moment apart could change places. So an answer, and a step that is ready, wait for their turn: until what was
journalled before them has been journalled again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from agent.replay.virtual_time import Clock
from agent.run.events import Event, EventKind, StepKey

GRACE_S = 0.05  # for the turns before one's own, beyond the recorded time
_SAID = frozenset({EventKind.ANSWERED, EventKind.APPROVED, EventKind.REJECTED})
_TAKEN = _SAID | frozenset(
    {
        EventKind.STEP_STARTED,
        EventKind.STEP_SUCCEEDED,
        EventKind.STEP_FAILED,
        EventKind.BRANCHED,
        EventKind.REREAD,
        EventKind.PRECHECKED,
        EventKind.APPLIED,
        EventKind.NOT_APPLIED,
        EventKind.VERIFIED,
        EventKind.COMPENSATED,
        EventKind.PARKED,
    }
)


class Turns:
    """Turns are known by the recorded event's place in its journal."""

    def __init__(self, events: Sequence[Event], clock: Clock) -> None:
        self.clock = clock
        self._left = {e.seq: e for e in _once(events)}  # in their order
        self._moved = asyncio.Event()
        self.on_move: Callable[[], None] = lambda: None

    async def take(self, event: Event | None, *, within_s: float) -> None:
        """Return when it is this event's turn, with the clock at its time.

        Another plan may never come to what was before it: after its recorded time, or `within_s`, those are
        passed over.
        """
        if event is None:
            return
        patience_s = max(0.0, (event.at - self.clock.now()).total_seconds()) + GRACE_S
        try:
            async with asyncio.timeout(min(within_s, patience_s)):
                while next(iter(self._left), event.seq) < event.seq:
                    await self._moved.wait()
        except TimeoutError:
            self._left = {seq: e for seq, e in self._left.items() if seq >= event.seq}
            self._wake()
        self.clock.not_before(event.at)

    def seen(self, event: Event) -> None:
        """The replay has journalled an event."""
        same = (seq for seq, e in self._left.items() if (e.kind, e.key) == (event.kind, event.key))
        first = next(same, None) if event.kind in _TAKEN else None
        if first is not None:
            del self._left[first]
            self._wake()

    def may_start(self, key: StepKey) -> bool:
        """Whether it is a ready step's turn to start. One that never started has none to wait for."""
        for event in self._left.values():
            if event.key == key and event.kind is EventKind.STEP_STARTED:
                return event is next(iter(self._left.values()))
        return True

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
        self.on_move()


def _once(events: Sequence[Event]) -> Iterator[Event]:
    """The events that make turns. What only a restart repeated is left out: a replay never dies.

    A restarted process starts anew what was at work, and asks again what waits.
    """
    at_work: set[StepKey | None] = set()
    asking: set[StepKey | None] = set()
    for event in events:
        if event.kind is EventKind.STEP_STARTED:
            if event.key in at_work or event.key in asking:
                continue
            at_work.add(event.key)
        elif event.kind is EventKind.PARKED:
            if event.key in asking:
                continue
            asking.add(event.key)
            at_work.discard(event.key)
        elif event.kind in _SAID:
            asking.discard(event.key)
        elif event.kind in (EventKind.STEP_SUCCEEDED, EventKind.STEP_FAILED, EventKind.STEP_CANCELLED):
            at_work.discard(event.key)
        if event.kind in _TAKEN:
            yield event
