"""Which steps may run at the same time: the one relation that the scheduler and the plan's JSON use.

Sets of steps are bit masks over `plan.steps`: a plan of 5,000 steps needs 5,000 integers for a relation,
not 25 million entries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import reduce
from itertools import combinations
from operator import and_

from dag.model import START, TERMINALS, Condition, Edge, EdgeKind, Effect, Plan
from dag.order import ancestors, descendants, topological_order


def conflicts(a: Effect, b: Effect) -> bool:
    """Whether two effects must not overlap: a write conflicts with any access to the same key.

    Unknown writes conflict with everything, unknown reads with every write, a symbolic key with every
    key of its kind.
    """
    return _writes_into(a, b) or _writes_into(b, a)


def effect_conflicts_of(plan: Plan) -> dict[str, frozenset[str]]:
    """For each step that writes or is risky, the steps that must not run beside it.

    Order is not in it, for it does not always keep two steps apart: a step that joins any of its edges
    starts beside a slower one before it, and so does the next pass of a loop beside what left the last.
    """
    ids = [s.id for s in plan.steps]
    barred = _barred(plan)
    return {
        step.id: frozenset(ids[j] for j in _bits(barred[i]))
        for i, step in enumerate(plan.steps)
        if step.effect.is_write or step.risky
    }


@dataclass(frozen=True)
class Relation:
    """Everything that keeps two steps of a plan from running at the same time, as masks by step."""

    index: Mapping[str, int]
    ordered: tuple[int, ...]  # a path joins them
    exclusive: tuple[int, ...]  # branches of one decision, or alternatives
    barred: tuple[int, ...]  # their effects conflict, or one is risky

    def may_overlap(self, a: str, b: str) -> bool:
        """Whether the two steps may run at the same time. Raises KeyError for an unknown step."""
        i, j = self.index[a], self.index[b]
        return i != j and not (self.ordered[i] | self.exclusive[i] | self.barred[i]) >> j & 1

    def is_settled(self, a: str, b: str) -> bool:
        """Whether the plan says which of the two comes first, or that only one of them comes."""
        i, j = self.index[a], self.index[b]
        return i == j or bool((self.ordered[i] | self.exclusive[i]) >> j & 1)


def relation(plan: Plan) -> Relation:
    """The relation of a whole plan. Raises CycleError."""
    after, before = descendants(plan), ancestors(plan)
    return Relation(
        index={s.id: i for i, s in enumerate(plan.steps)},
        ordered=tuple(after[s.id] | before[s.id] for s in plan.steps),
        exclusive=tuple(_exclusive(plan)),
        barred=tuple(_barred(plan)),
    )


def parallel_pairs(plan: Plan) -> tuple[tuple[str, str], ...]:
    """All pairs of steps that may run at the same time, each sorted, in the order of the plan.

    Only steps of which the plan says on which side of every change they stand: a read that may come before a
    change or after it is no pair with what follows the change.

    Raises: CycleError.
    """
    held = relation(plan)
    unsettled = _unsettled(plan, held)
    every = (1 << len(plan.steps)) - 1
    pairs: list[tuple[str, str]] = []
    for i, step in enumerate(plan.steps):
        free = every & ~(held.ordered[i] | held.exclusive[i] | held.barred[i] | unsettled[i])
        later = free >> (i + 1) << (i + 1)
        pairs += [(min(step.id, other.id), max(step.id, other.id)) for other in (plan.steps[j] for j in _bits(later))]
    return tuple(pairs)


def _unsettled(plan: Plan, held: Relation) -> list[int]:
    """Per step, the steps behind a change that conflicts with it and that the plan puts in no order to it."""
    after = descendants(plan)
    behind = [0] * len(plan.steps)
    for i, step in enumerate(plan.steps):
        if not step.effect.is_write:
            continue
        loose = held.barred[i] & ~(held.ordered[i] | held.exclusive[i])
        for j in _bits(loose):
            behind[j] |= after[step.id]
        for j in _bits(after[step.id]):
            behind[j] |= loose
    return behind


# -- effects and risk -------------------------------------------------------------------------


@dataclass
class _Touch:
    """Which steps touch what. A symbolic key, one that holds `{{ name }}`, is kept under its kind alone."""

    unknown: int = 0
    by_key: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_kind: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    symbolic: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, keys: Iterable[str] | None, bit: int) -> None:
        if keys is None:
            self.unknown |= bit
            return
        for key in keys:
            self.by_kind[_kind(key)] |= bit
            if _is_symbolic(key):
                self.symbolic[_kind(key)] |= bit
            else:
                self.by_key[key] |= bit

    def of(self, keys: Iterable[str]) -> int:
        """The steps that touch one of `keys`, or may turn out to."""
        mask = self.unknown
        for key in keys:
            kind = _kind(key)
            mask |= self.by_kind[kind] if _is_symbolic(key) else self.by_key[key] | self.symbolic[kind]
        return mask


def _barred(plan: Plan) -> list[int]:
    """Per step, the steps whose effects conflict with its own or that risk keeps from it."""
    every = (1 << len(plan.steps)) - 1
    touched, written = _Touch(), _Touch()
    writers = risky = 0
    for i, step in enumerate(plan.steps):
        bit = 1 << i
        touched.add(step.effect.reads, bit)
        touched.add(step.effect.writes, bit)
        written.add(step.effect.writes, bit)
        writers |= bit if step.effect.is_write else 0
        risky |= bit if step.risky else 0
    together = _together(plan)
    masks: list[int] = []
    for i, step in enumerate(plan.steps):
        reads, writes = step.effect.reads, step.effect.writes
        conflicting = written.unknown | (writers if reads is None else written.of(reads))
        if writes is None:
            conflicting = every
        elif writes:
            conflicting |= touched.of(writes)
        barred = (conflicting | (every if step.risky else risky)) & ~(1 << i)
        for j in _bits(barred & together.get(step.id, 0)):
            if not conflicts(_known(step.effect), _known(plan.steps[j].effect)):
                barred &= ~(1 << j)
        masks.append(barred)
    return masks


def _known(effect: Effect) -> Effect:
    """Where the guide's own words name two steps as simultaneous, only what is known keeps them apart."""
    return Effect(effect.reads or frozenset(), effect.writes or frozenset())


def _together(plan: Plan) -> dict[str, int]:
    """Per step, the steps that a sentence of the guide names as simultaneous with it."""
    index = {s.id: i for i, s in enumerate(plan.steps)}
    named: dict[str, int] = defaultdict(int)
    for group in plan.simultaneous:
        mask = _mask(group, index)
        for step in group:
            named[step] |= mask
    return named


def _writes_into(writer: Effect, other: Effect) -> bool:
    if writer.writes is None:
        return True
    if not writer.writes:
        return False
    if other.reads is None or other.writes is None:
        return True
    return any(_may_be_same(w, key) for w in writer.writes for key in (*other.reads, *other.writes))


def _may_be_same(a: str, b: str) -> bool:
    if _is_symbolic(a) or _is_symbolic(b):
        return _kind(a) == _kind(b)
    return a == b


def _is_symbolic(key: str) -> bool:
    return "{{" in key


def _kind(key: str) -> str:
    return key.partition(":")[0]


# -- branches ---------------------------------------------------------------------------------


class _Taken(Enum):
    """When an edge is taken."""

    ALWAYS = 1
    CHOSEN = 2  # its condition holds, or none of its siblings' does
    UNDECIDED = 3  # the stated default


Way = tuple[str, str]  # from a step to a step, by one edge or several


def _exclusive(plan: Plan) -> list[int]:
    """Per step, the steps of which only one is meant: alternatives, and what one decision separates.

    A decision separates what only one of its ways leads to from what only another does. What runs
    whichever way is taken, since a third step leads to it too, is separated from nothing.
    """
    ways = _ways(plan)
    masks = _separated(plan, ways, {})
    same = _same_ways(plan, ways, masks)
    if same:
        # Branches that exclude each other may ask one question: what follows its answers is then separated too.
        masks = _separated(plan, ways, same)
    index = {s.id: i for i, s in enumerate(plan.steps)}
    for group in plan.alternatives:
        mask = _mask(group, index)
        for i in _bits(mask):
            masks[i] |= mask & ~(1 << i)
    return masks


def _separated(plan: Plan, ways: Mapping[str, Mapping[str, set[_Taken]]], same: Mapping[Way, Way]) -> list[int]:
    masks = [0] * len(plan.steps)
    only = _only_through(plan, ways, same)
    for source, branches in ways.items():
        asked = {target: _questions(plan, source, target) for target in branches}
        for (left, one), (right, other) in combinations(branches.items(), 2):
            one_question = asked[left] == asked[right] and None not in asked[left]
            if not one_question and not _may_both_be_taken(one, other):
                _part(masks, only[source, left], only[source, right])
    return masks


def _same_ways(plan: Plan, ways: Mapping[str, Mapping[str, set[_Taken]]], masks: Sequence[int]) -> dict[Way, Way]:
    """Ways to one step under one condition of the guide, from steps of which only one runs: each to the first."""
    index = {s.id: i for i, s in enumerate(plan.steps)}
    asked: dict[tuple[str, frozenset[Condition | None]], list[str]] = defaultdict(list)
    for source, branches in ways.items():
        for target in branches:
            conditions = _questions(plan, source, target)
            if None not in conditions and source in index:
                asked[target, conditions].append(source)
    return {
        (source, target): (sources[0], target)
        for (target, _), sources in asked.items()
        if all(masks[index[a]] >> index[b] & 1 for a, b in combinations(sources, 2))
        for source in sources[1:]
    }


def _questions(plan: Plan, source: str, target: str) -> frozenset[Condition | None]:
    """What decides a way; two ways under one condition are taken together. None: a default, or nothing decides it."""
    edges = [e for e in plan.outgoing[source] if e.target == target and e.kind is not EdgeKind.LOOP]
    return frozenset(e.condition if not e.default else None for e in edges)


def _ways(plan: Plan) -> dict[str, dict[str, set[_Taken]]]:
    """For each step that decides between steps, its ways and when each is taken."""
    ways: dict[str, dict[str, set[_Taken]]] = {}
    for source, edges in plan.outgoing.items():
        branches: dict[str, set[_Taken]] = defaultdict(set)
        for edge in edges:
            if edge.kind is not EdgeKind.LOOP and edge.target not in TERMINALS:
                branches[edge.target].add(_when_taken(edge))
        if len(branches) > 1 and set.union(*branches.values()) != {_Taken.ALWAYS}:
            ways[source] = branches
    return ways


def _when_taken(edge: Edge) -> _Taken:
    if edge.default:
        return _Taken.UNDECIDED
    return _Taken.CHOSEN if edge.condition is not None or edge.otherwise else _Taken.ALWAYS


def _may_both_be_taken(one: set[_Taken], other: set[_Taken]) -> bool:
    """One condition of a decision holds; beside it everything unconditional is taken, but no default."""
    together = ({_Taken.ALWAYS}, {_Taken.ALWAYS, _Taken.CHOSEN}, {_Taken.UNDECIDED})
    return any({a, b} in together for a in one for b in other)


def _only_through(plan: Plan, ways: Mapping[str, Mapping[str, set[_Taken]]], same: Mapping[Way, Way]) -> dict[Way, int]:
    """For each way, the steps that run only if it, or one that is the same, is taken."""
    number = {(source, target): n for n, (source, target) in enumerate((s, t) for s, b in ways.items() for t in b)}
    number |= {way: number[first] for way, first in same.items()}
    needed: dict[str, int] = {START: 0}  # the ways that must all be taken before a step can run
    for step in topological_order(plan):
        arriving = [
            needed[e.source] | (1 << number[e.source, step] if (e.source, step) in number else 0)
            for e in plan.incoming[step]
        ]
        needed[step] = reduce(and_, arriving) if arriving else 0
    only = [0] * len(number)
    for i, known in enumerate(plan.steps):
        for n in _bits(needed[known.id]):
            only[n] |= 1 << i
    return {way: only[n] for way, n in number.items()}


def _part(masks: list[int], left: int, right: int) -> None:
    for i in _bits(left):
        masks[i] |= right
    for i in _bits(right):
        masks[i] |= left


def _mask(steps: Iterable[str], index: Mapping[str, int]) -> int:
    return sum(1 << index[s] for s in steps if s in index)


def _bits(mask: int) -> Iterator[int]:
    """Positions of the set bits, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
