"""Which of the ready steps may start now, without looking at all that wait each time something moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush

from agent.run.events import StepKey
from agent.run.shape import Shape


class ReadyQueue:
    """Ready steps in the order in which they became so; those that may not start yet wait behind one that bars them.

    A step at work, or an action whose outcome is not settled, bars the steps that `shape.beside` names for it.
    A step is looked at when it becomes ready and when the one it waits behind leaves, never in between.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._place: dict[StepKey, int] = {}  # ascending: a place is given once
        self._places = 0
        self._free: list[tuple[int, StepKey]] = []  # heaps; an entry whose place has changed is stale
        self._barrable: list[tuple[int, StepKey]] = []
        self._busy: dict[str, int] = {}  # by step: how often it is at work or unsettled
        self._behind: dict[str, list[tuple[int, StepKey]]] = defaultdict(list)
        self._alone = 0  # how many of the steps at work bar every other

    def __contains__(self, key: object) -> bool:
        return key in self._place

    def __iter__(self) -> Iterator[StepKey]:
        return iter(self._place)

    def __len__(self) -> int:
        return len(self._place)

    def add(self, key: StepKey) -> None:
        """Queue a step at the end, wherever it stood before."""
        self._place.pop(key, None)
        self._places += 1
        self._place[key] = self._places
        heappush(self._barrable if key.step in self._shape.barrable else self._free, (self._places, key))

    def discard(self, key: StepKey) -> None:
        self._place.pop(key, None)

    def next(self) -> StepKey | None:
        """The longest waiting step that may start now; it stays queued until it is discarded."""
        free = self._first(self._free)
        while (entry := None if self._alone else self._first(self._barrable)) and (free is None or entry < free):
            barring = self._barring(entry[1].step)
            if barring is None:
                return entry[1]
            self._behind[barring].append(heappop(self._barrable))
        return free[1] if free else None

    def enter(self, step: str, *, at_work: bool) -> None:
        """From now on `step` bars others: it is at work, or an action that is not settled."""
        self._busy[step] = self._busy.get(step, 0) + 1
        self._alone += at_work and step in self._shape.alone

    def leave(self, step: str, *, at_work: bool) -> None:
        """Take back one `enter` with the same arguments."""
        self._alone -= at_work and step in self._shape.alone
        self._busy[step] -= 1
        if not self._busy[step]:
            del self._busy[step]
            for entry in self._behind.pop(step, ()):
                heappush(self._barrable, entry)

    def _first(self, heap: list[tuple[int, StepKey]]) -> tuple[int, StepKey] | None:
        while heap and self._place.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0] if heap else None

    def _barring(self, step: str) -> str | None:
        barred = self._shape.beside[step]
        if len(barred) < len(self._busy):
            return next((s for s in barred if s in self._busy), None)
        # The one that began last: it is likely to leave last, and what waits is then looked at once.
        return next((s for s in reversed(self._busy) if s in barred), None)
