"""A second opinion on a plan: which steps may start, and since when; which edges are taken.

Written from what the design promises, not from the engine: no fold, no queue, no CEL. What plugins and people
did is taken from the journal as a fact with its place; everything that follows from it is worked out here, by
asking backwards from each step: is every edge into it decided, is one of them taken, and since when?
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from dag.model import START, TERMINALS, Edge, Join
from tests.campaign.cases import Case, Key, Loop, is_computed, is_loop, is_plain, show

Left = tuple[int, frozenset[str]]  # since when an instance is left, and by which edges


@dataclass(frozen=True)
class Facts:
    """What the journal holds, by instance (`step@passes`); numbers are places in the journal."""

    started: dict[str, int] = field(default_factory=dict)
    ended: dict[str, tuple[int, bool]] = field(default_factory=dict)  # the last time; whether it succeeded
    branched: dict[str, Left] = field(default_factory=dict)
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Decided:
    at: int
    taken: bool


class Unanswered(Exception):
    """Nobody but a person can say where the step leads, and none has."""


class Oracle:
    """Answers about one case, as far as the facts go."""

    def __init__(self, case: Case, facts: Facts) -> None:
        self.case, self.facts = case, facts
        self._into: dict[str, list[Edge]] = {s.id: [] for s in case.plan.steps}
        for edge in case.plan.edges:
            if edge.target not in TERMINALS and not is_loop(edge):
                self._into[edge.target].append(edge)
        self._around = {s.id: case.around(s.id) for s in case.plan.steps}
        self._left: dict[Key, Left | None] = {}
        self._decided: dict[Key, list[Decided | None]] = {}

    def instances(self) -> Iterator[Key]:
        """Every instance that a run could come to."""
        for step in self.case.plan.steps:
            for passes in product(*(range(lp.bound + 1) for lp in self._around[step.id])):
                yield step.id, passes

    def opens(self, key: Key) -> int | None:
        """Since when the instance may start; None: it may not."""
        decided = self._decisions(key)
        taken = [d.at for d in decided if d and d.taken]
        if not taken:
            return None
        if self.case.plan.by_id[key[0]].join is Join.ANY:
            return min(taken)
        return max(d.at for d in decided if d) if all(decided) else None

    def leaves(self, key: Key) -> Left | None:
        """When the edges out of an instance are decided, and which are taken; None while they are not."""
        if key not in self._left:
            self._left[key] = self._look_at(key)
        return self._left[key]

    def taken(self, key: Key, *, succeeded: bool) -> frozenset[str]:
        """The edges by which the instance is left. Raises Unanswered."""
        edges = self.case.plan.outgoing[key[0]]
        plain = frozenset(e.id for e in edges if is_plain(e))
        default = frozenset(e.id for e in edges if e.default)
        said = [a["answer"]["edge"] for a in self.facts.answers.get(show(key), []) if "edge" in a["answer"]]
        if said:
            return frozenset(said[-1:])
        if not succeeded:
            return _or_a_person(default or (plain if self.case.plan.by_id[key[0]].optional else default))
        computed = {e: self._holds(e, key) for e in edges if is_computed(e)}
        true = {e for e, holds in computed.items() if holds}
        if any(is_loop(e) for e in true) and self._passes(key) >= self._loop_from(key[0]).bound:
            return _or_a_person(default)
        if true:
            return plain | {e.id for e in true}
        if None in computed.values():
            return _or_a_person(default)
        judged = [e.id for e in edges if e.condition is not None and e.condition.cel is None]
        if judged and self.case.has_judge:
            return frozenset({self.case.judgement(show(key), judged)})
        return _or_a_person(default) if judged else plain

    def terminals(self) -> list[tuple[int, str]]:
        """Where taken edges lead to an end, and since when; earliest first."""
        return sorted(
            (left[0], edge.target)
            for key in self.instances()
            if (left := self.leaves(key)) is not None
            for edge in self.case.plan.outgoing[key[0]]
            if edge.target in TERMINALS and edge.id in left[1]
        )

    # -- out of a step ------------------------------------------------------------------------

    def _look_at(self, key: Key) -> Left | None:
        decided = self._decisions(key)
        if decided and all(d and not d.taken for d in decided):
            return max(d.at for d in decided if d), frozenset()  # no path leads here: nor through here
        ended = self.facts.ended.get(show(key))
        if ended is None:
            return None
        edges = self.case.plan.outgoing[key[0]]
        if ended[1] and all(is_plain(e) for e in edges):
            return ended[0], frozenset(e.id for e in edges)
        branched = self.facts.branched.get(show(key))
        if branched is None:
            return None
        try:
            return branched[0], self.taken(key, succeeded=ended[1])
        except Unanswered:
            return None

    def _holds(self, edge: Edge, key: Key) -> bool | None:
        asked = self.case.asks[edge.id]
        of = show(key) if asked.step == key[0] else asked.step
        if not self.facts.ended.get(of, (0, False))[1]:
            return None
        return (self.case.answer(of) > asked.over) is not asked.below

    def _loop_from(self, source: str) -> Loop:
        return next(lp for lp in self.case.loops if lp.source == source)

    def _passes(self, key: Key) -> int:
        return key[1][self._around[key[0]].index(self._loop_from(key[0]))]

    # -- into a step --------------------------------------------------------------------------

    def _decisions(self, key: Key) -> list[Decided | None]:
        """What is known of every edge that the instance waits for."""
        if key not in self._decided:
            self._decided[key] = self._look_back(key)
        return self._decided[key]

    def _look_back(self, key: Key) -> list[Decided | None]:
        step, passes = key
        counts = dict(zip(self._around[step], passes, strict=True))
        repeated = [lp for lp, n in counts.items() if n]
        if repeated and repeated[-1].entry == step:
            return [self._again(repeated[-1], counts)]
        return [
            self._edge(edge, counts)
            for edge in self._into[step]
            if not any(n and edge.source not in lp.body for lp, n in counts.items())  # decided in the first pass
        ]

    def _again(self, loop: Loop, counts: dict[Loop, int]) -> Decided | None:
        """The edge back into a loop: it opens the next pass, and there is none when it is not taken."""
        before = {**counts, loop: counts[loop] - 1}
        left = self.leaves((loop.source, tuple(before.get(lp, 0) for lp in self._around[loop.source])))
        return Decided(left[0], True) if left and self._goes_on(loop, left[1]) else None

    def _goes_on(self, loop: Loop, taken: frozenset[str]) -> bool:
        return any(is_loop(e) and e.id in taken for e in self.case.plan.outgoing[loop.source])

    def _edge(self, edge: Edge, counts: dict[Loop, int]) -> Decided | None:
        """An edge as one instance of its target sees it; one out of a loop: over all passes of the loop."""
        if edge.source == START:
            return Decided(0, True)
        around = self._around[edge.source]
        ways = [range(counts[lp], counts[lp] + 1) if lp in counts else range(lp.bound + 1) for lp in around]
        instances = [(edge.source, passes) for passes in product(*ways)]
        lefts = {k: left for k in instances if (left := self.leaves(k)) is not None}
        taken = [at for at, edges in lefts.values() if edge.id in edges]
        if taken:
            return Decided(min(taken), True)
        known = [at for at, _ in lefts.values()]
        for loop in [lp for lp in around if lp not in counts][:1]:
            over = self._over(loop, counts)
            if over is None:
                return None
            known.append(over)
        if not lefts or any(k not in lefts and self.opens(k) is not None for k in instances):
            return None
        return Decided(max(known), False)

    def _over(self, loop: Loop, counts: dict[Loop, int]) -> int | None:
        """When the loop was left for good; None while it may go round again."""
        around = self._around[loop.source]
        for n in range(loop.bound + 1):
            left = self.leaves((loop.source, tuple(n if lp is loop else counts.get(lp, 0) for lp in around)))
            if left is None:
                return None
            if not self._goes_on(loop, left[1]):
                return left[0]
        return None


def _or_a_person(edges: frozenset[str]) -> frozenset[str]:
    if not edges:
        raise Unanswered
    return edges
