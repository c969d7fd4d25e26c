"""A plan's fixed shape as the scheduler needs it: computed once, shared by every run of the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent.run.events import Iteration, StepKey
from dag.effects import effect_conflicts_of
from dag.model import START, TERMINALS, Edge, EdgeKind, Join, Kind, Plan, Step


@dataclass(frozen=True, slots=True)
class Loop:
    """The loop edges that leave one step: one decision, one body, one counter.

    `body` holds the steps on any path from the loop's targets back to its source.
    """

    source: str
    targets: frozenset[str]
    body: frozenset[str]
    bound: int


@dataclass(frozen=True, slots=True)
class Link:
    """An edge with its id at hand: the id is a hash, too dear to compute on every visit."""

    id: str
    edge: Edge

    @property
    def source(self) -> str:
        return self.edge.source

    @property
    def target(self) -> str:
        return self.edge.target


class Shape:
    """In-degrees, loops and exclusions of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.links: Mapping[str, tuple[Link, ...]] = {
            s: tuple(Link(e.id, e) for e in edges) for s, edges in plan.outgoing.items()
        }
        self.by_edge: Mapping[str, Link] = {lk.id: lk for links in self.links.values() for lk in links}
        self.forward: Mapping[str, tuple[Link, ...]] = {
            s: tuple(lk for lk in links if lk.edge.kind is not EdgeKind.LOOP) for s, links in self.links.items()
        }
        self.back: Mapping[str, tuple[Link, ...]] = {
            s: tuple(lk for lk in links if lk.edge.kind is EdgeKind.LOOP) for s, links in self.links.items()
        }
        self.loops: Mapping[str, Loop] = _loops(plan, self.forward)
        self.enclosing: Mapping[str, tuple[str, ...]] = self._enclosing()
        self._into: dict[str, list[Link]] = {}
        for links in self.forward.values():
            for link in links:
                self._into.setdefault(link.target, []).append(link)
        self.ways_out = {source: frozenset(lk.id for lk in links) for source, links in self.forward.items()}
        self._producers: dict[str, list[str]] = {}
        for step in plan.steps:
            for name in step.produces:
                self._producers.setdefault(name, []).append(step.id)
        self.joins_any: frozenset[str] = frozenset(s.id for s in plan.steps if s.join is Join.ANY)
        self.branches: frozenset[str] = frozenset(
            source for source, edges in plan.outgoing.items() if any(is_conditional(e) for e in edges)
        )
        self.beside: Mapping[str, frozenset[str]] = _symmetric(effect_conflicts_of(plan))
        self.alike: Mapping[str, frozenset[str]] = self._alike()
        self._in: Mapping[str, int] = {s.id: sum(1 for _ in plan.incoming[s.id]) for s in plan.steps}
        self._in_body: dict[tuple[str, str], int] = {
            (loop.source, s): sum(1 for e in plan.incoming[s] if e.source in loop.body)
            for loop in self.loops.values()
            for s in loop.body
        }

    def _alike(self) -> dict[str, frozenset[str]]:
        """For each step that something may bar, a set that is equal for those that everything bars alike.

        Steps that bar one another are alike too when the rest bars them alike. A check without calls is in no
        set: it has no work that could be beside anything.
        """
        others = {s: o for s, o in self.beside.items() if _has_work(self.plan.by_id[s])}
        whole = {s: o | {s} for s, o in others.items()}
        count = Counter(whole.values())
        return {s: whole[s] if count[whole[s]] > 1 else others[s] for s in others}

    def _enclosing(self) -> dict[str, tuple[str, ...]]:
        """Loops (by source) around each step, outermost first."""
        by_size = sorted(self.loops.values(), key=lambda lp: (-len(lp.body), lp.source))
        return {s.id: tuple(lp.source for lp in by_size if s.id in lp.body) for s in self.plan.steps}

    def first_keys(self) -> list[StepKey]:
        """Every step as its first pass would run it."""
        return [self.first(s.id) for s in self.plan.steps]

    def first(self, step: str) -> StepKey:
        """A step's instance in the first pass of every loop around it."""
        return StepKey(step, tuple(0 for _ in self.enclosing.get(step, ())))

    def into(self, step: str) -> Sequence[Link]:
        """The forward edges that lead to a step."""
        return self._into.get(step, ())

    def producers_of(self, names: Iterable[str]) -> set[str]:
        """The steps that give any of `names` a value."""
        return {step for name in names for step in self._producers.get(name, ())}

    def landing(self, source: StepKey, edge: Link) -> StepKey:
        """The instance that a forward edge leads to: shared loops keep their count, entered loops start at 0."""
        if not self.loops or edge.target in TERMINALS:
            return StepKey(edge.target)
        counts = dict(zip(self.enclosing.get(source.step, ()), source.iteration, strict=True))
        return StepKey(edge.target, tuple(counts.get(lp, 0) for lp in self.enclosing[edge.target]))

    def relanding(self, source: StepKey, edge: Link) -> StepKey:
        """The instance that a loop edge re-enters: its own count goes up, inner counts start over."""
        around = self.enclosing[source.step]
        counts = dict(zip(around, source.iteration, strict=True))
        counts[source.step] += 1
        inner = set(around[around.index(source.step) + 1 :])
        return StepKey(
            edge.target,
            tuple(0 if lp in inner else counts.get(lp, 0) for lp in self.enclosing[edge.target]),
        )

    def in_degree(self, key: StepKey) -> int:
        """Edges that must be decided before `key` may start; a repeated pass counts those of its body only."""
        for loop, count in zip(reversed(self.enclosing[key.step]), reversed(key.iteration), strict=True):
            if count:
                return self._in_body[loop, key.step]
        return self._in[key.step]

    def counts_edge(self, key: StepKey, edge: Link) -> bool:
        """Whether `edge` gates this instance: in a repeated pass, edges from outside its body do not."""
        for loop, count in zip(reversed(self.enclosing[key.step]), reversed(key.iteration), strict=True):
            if count:
                return edge.source in self.loops[loop].body
        return True

    def left_loops(self, source: StepKey, edge: Link) -> tuple[tuple[str, Iteration], ...]:
        """Loops that a forward edge leaves, each with the counts of the loops around it."""
        if not self.loops:
            return ()
        around = self.enclosing.get(source.step, ())
        kept = set(self.enclosing.get(edge.target, ()))
        return tuple((lp, source.iteration[:i]) for i, lp in enumerate(around) if lp not in kept)

    def loop_of(self, source: StepKey) -> tuple[str, Iteration]:
        around = self.enclosing[source.step]
        return source.step, source.iteration[: around.index(source.step)]

    def passes(self, source: StepKey) -> int:
        """How often the loop that leaves `source` has been taken before this instance."""
        return source.iteration[self.enclosing[source.step].index(source.step)]


def _has_work(step: Step) -> bool:
    return bool(step.calls) or step.kind is not Kind.CHECK


def is_conditional(edge: Edge) -> bool:
    return edge.condition is not None or edge.default or edge.kind is EdgeKind.LOOP or edge.otherwise


def _loops(plan: Plan, forward: Mapping[str, tuple[Link, ...]]) -> dict[str, Loop]:
    backward: dict[str, list[str]] = {s.id: [] for s in plan.steps}
    for source, links in forward.items():
        for link in links:
            if link.target in backward and source != START:
                backward[link.target].append(source)
    ahead = {s: [lk.target for lk in links if lk.target not in TERMINALS] for s, links in forward.items()}
    loops: dict[str, Loop] = {}
    for source, outgoing in plan.outgoing.items():
        back = [e for e in outgoing if e.kind is EdgeKind.LOOP]
        if not back:
            continue
        targets = frozenset(e.target for e in back)
        body = (_reach(targets, ahead) & _reach({source}, backward)) | targets | {source}
        loops[source] = Loop(source, targets, frozenset(body), min(e.bound or 1 for e in back))
    return loops


def _reach(starts: Iterable[str], table: Mapping[str, list[str]]) -> set[str]:
    seen = set(starts)
    todo = list(seen)
    while todo:
        for nxt in table.get(todo.pop(), ()):
            if nxt not in seen:
                seen.add(nxt)
                todo.append(nxt)
    return seen


def _symmetric(conflicts: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for step, others in conflicts.items():
        for other in others:
            table.setdefault(step, set()).add(other)
            table.setdefault(other, set()).add(step)
    return {k: frozenset(v) for k, v in table.items()}
