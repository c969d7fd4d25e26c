"""Whether more alerts may come in: how many runs may wait, in all and of one team."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager

from agent.errors import StepfleetError
from agent.run.fair_queue import Lane


class Overloaded(StepfleetError):
    """Too many runs wait already; the sender should try again."""


class Admission:
    """Bounds what waits. Fair turns alone would let a team that storms fill the queue, and shut all others out.

    `waiting`: runs that wait for their turn now; `depths`: the same by team and guide, as far as this process knows.
    """

    def __init__(
        self,
        waiting: Callable[[], int],
        depths: Callable[[], Mapping[Lane, int]],
        *,
        most: int,
        most_of_a_team: int,
    ) -> None:
        self._waiting = waiting
        self._depths = depths
        self._most = most
        self._most_of_a_team = most_of_a_team
        self._entering: Counter[str] = Counter()  # by team: on their way into the journal
        self._notifications = 0

    @contextmanager
    def enter(self, teams: Set[str]) -> Iterator[None]:
        """Hold a place for a notification about `teams` while it is journalled. Raises Overloaded: nothing is taken."""
        # What is being journalled counts, too: a burst must not pass the bound before its first run waits.
        waiting = self._waiting() + self._notifications
        if waiting >= self._most:
            raise Overloaded(
                f"{waiting} runs wait, the bound is {self._most}", hint="nothing was accepted; send it again"
            )
        of_team = self._entering.copy()
        for lane, count in self._depths().items():
            of_team[lane.team] += count
        for team in sorted(teams):
            if of_team[team] >= self._most_of_a_team:
                raise Overloaded(
                    f"{of_team[team]} runs of team '{team}' wait, the bound of one team is {self._most_of_a_team}",
                    hint="nothing was accepted; send it again",
                )
        self._notifications += 1
        self._entering.update(teams)
        try:
            yield
        finally:
            self._notifications -= 1
            self._entering.subtract(teams)
