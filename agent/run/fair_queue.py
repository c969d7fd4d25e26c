"""Whose turn it is: round robin over teams, over a team's guides, and in order of arrival within a guide.

A storm of one guide makes a long line of its own; the others' runs still get every n-th turn.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple


class Lane(NamedTuple):
    """Where a run queues."""

    team: str
    guide: str


class FairQueue:
    """Runs that wait for their turn, each at most once."""

    def __init__(self) -> None:
        # Insertion order is the order of turns: who had one goes to the end.
        self._teams: OrderedDict[str, OrderedDict[str, OrderedDict[str, None]]] = OrderedDict()
        self._lanes: dict[str, Lane] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._lanes

    def put(self, run_id: str, lane: Lane) -> None:
        """Queue a run at the end of its lane; one that waits already keeps its place."""
        if run_id not in self._lanes:
            self._lanes[run_id] = lane
            guides = self._teams.setdefault(lane.team, OrderedDict())
            guides.setdefault(lane.guide, OrderedDict())[run_id] = None

    def take(self) -> tuple[str, Lane]:
        """The run whose turn it is. Raises IndexError: nobody waits."""
        if not self._teams:
            raise IndexError("nobody waits")
        team, guides = next(iter(self._teams.items()))
        guide, runs = next(iter(guides.items()))
        run_id, _ = runs.popitem(last=False)
        if runs:
            guides.move_to_end(guide)
        else:
            del guides[guide]
        if guides:
            self._teams.move_to_end(team)
        else:
            del self._teams[team]
        return run_id, self._lanes.pop(run_id)

    def depths(self) -> Mapping[Lane, int]:
        """How many wait, by team and guide."""
        return {Lane(team, guide): len(runs) for team, guides in self._teams.items() for guide, runs in guides.items()}
