"""Which of the ready steps may start now, without looking at all that wait each time something moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from heapq import heappop, heappush

from agent.run.events import StepKey
from agent.run.shape import Shape

Entry = tuple[int, StepKey]


class ReadyQueue:
    """Ready steps in the order in which they became so; those that may not start yet wait behind one that bars them.

    A step at work, or an action whose outcome is not settled, bars the steps that `shape.beside` names for it.
    Steps that everything bars alike (`shape.alike`) queue in one line, and only the first in a line is looked at:
    when it gets there, and when the step that it waits behind leaves.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._place: dict[StepKey, int] = {}  # ascending: a place is given once, an entry with another one is stale
        self._places = 0
        self._lines: dict[Hashable, list[Entry]] = defaultdict(list)
        self._heads: list[tuple[int, StepKey, Hashable]] = []  # of lines that wait behind nothing
        self._behind: dict[str, list[Hashable]] = defaultdict(list)
        self._waiting: set[Hashable] = set()  # lines that wait behind something
        self._busy: dict[str, int] = {}  # by step: how often it is at work or unsettled

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
        # An action goes on with its own unsettled outcome, whoever stands in line.
        line = key if key.step in self._busy else self._shape.alike.get(key.step)
        heappush(self._lines[line], (self._places, key))
        if line not in self._waiting and len(self._lines[line]) == 1:
            self._show_head(line)

    def discard(self, key: StepKey) -> None:
        self._place.pop(key, None)

    def next(self) -> StepKey | None:
        """The longest waiting step that may start now; it stays queued until it is discarded."""
        while self._heads:
            place, key, line = self._heads[0]
            if self._place.get(key) != place:
                heappop(self._heads)
                self._show_head(line)
            elif (barring := self._barring(key.step)) is None:
                return key
            else:
                heappop(self._heads)
                self._behind[barring].append(line)
                self._waiting.add(line)
        return None

    def enter(self, step: str) -> None:
        """From now on `step` bars others: it is at work, or an action that is not settled."""
        self._busy[step] = self._busy.get(step, 0) + 1

    def leave(self, step: str) -> None:
        """Take back one `enter`."""
        self._busy[step] -= 1
        if not self._busy[step]:
            del self._busy[step]
            for line in self._behind.pop(step, ()):
                self._waiting.discard(line)
                self._show_head(line)

    def _show_head(self, line: Hashable) -> None:
        entries = self._lines[line]
        while entries and self._place.get(entries[0][1]) != entries[0][0]:
            heappop(entries)
        if entries:
            heappush(self._heads, (*entries[0], line))
        else:
            del self._lines[line]

    def _barring(self, step: str) -> str | None:
        if step not in self._shape.alike:
            return None
        barred = self._shape.beside[step]
        if len(barred) < len(self._busy):
            return next((s for s in barred if s in self._busy), None)
        # The one that began last: it is likely to leave last, and what waits is then looked at once.
        return next((s for s in reversed(self._busy) if s in barred), None)
