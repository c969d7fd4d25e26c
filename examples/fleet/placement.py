"""Who holds which slot, who waits, and where a session goes: no I/O, no clock, no awaits.

Everything here changes between two awaits of one event loop, so a check and the change it allows are one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Seats:
    """One replica's slots and the queue before them.

    `holders[i]` names who holds slot i: a session, a move that reserved it, or a clean-up of what ended.
    """

    holders: list[str | None]
    waiting: deque[str] = field(default_factory=deque)

    @property
    def free(self) -> int:
        return self.holders.count(None)

    @property
    def busy(self) -> int:
        return len(self.holders) - self.free

    @property
    def empty(self) -> bool:
        return not self.busy and not self.waiting

    def take(self, holder: str) -> int | None:
        """Hold the first free slot, or None when there is none."""
        for slot, held in enumerate(self.holders):
            if held is None:
                self.holders[slot] = holder
                return slot
        return None

    def hand_over(self, slot: int, holder: str) -> None:
        """A held slot changes its holder without ever being free."""
        self.holders[slot] = holder

    def release(self, slot: int) -> None:
        self.holders[slot] = None

    def leave_queue(self, session: str) -> None:
        if session in self.waiting:
            self.waiting.remove(session)

    def admit(self) -> tuple[str, int] | None:
        """Give a free slot to the one who waits longest; None when nobody waits or nothing is free."""
        if not self.waiting or not self.free:
            return None
        session = self.waiting.popleft()
        slot = self.take(session)
        return None if slot is None else (session, slot)


def choose(accepting: Mapping[str, Seats]) -> str | None:
    """The replica for a new session: most free slots, then the shortest queue, then the name."""
    return min(
        accepting,
        key=lambda name: (-accepting[name].free, len(accepting[name].waiting), name),
        default=None,
    )
