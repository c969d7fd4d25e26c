"""Drafts into edges: who follows whom, what runs side by side, where a branch leads.

The one rule of parallelism: a run of neighbouring steps that only read forms a group; inside it a step
waits only for the steps whose results it uses. A step that a go-to leads to begins a new group, so a
group is always entered at its beginning and entering it means all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dag.model import START, Edge, EdgeKind, Kind, Step, Terminal
from tsg.compile.drafts import Draft, Ending, Exit, Onward, Place, Stop


@dataclass(frozen=True, slots=True)
class Joined:
    """The steps in the order of the text and the edges between them."""

    steps: tuple[Step, ...]
    edges: tuple[Edge, ...]
    unfinished: tuple[Step, ...]  # steps after which the text says nothing


@dataclass(frozen=True, slots=True)
class _Group:
    """Steps entered together and left together; most hold one step."""

    drafts: tuple[Draft, ...]
    heads: tuple[str, ...]
    tails: tuple[str, ...]
    inner: tuple[tuple[str, str], ...]
    fork: Step | None = None

    @property
    def entries(self) -> tuple[str, ...]:
        return (self.fork.id,) if self.fork is not None else self.heads


def join(stops: Sequence[Stop]) -> Joined:
    """Join drafts to a graph from START to the endings. Go-tos index the drafts, endings left out."""
    drafts = [s for s in stops if isinstance(s, Draft)]
    entered = {e.target.index for d in drafts for e in d.exits if isinstance(e.target, Place)}
    groups = _groups(stops, entered)
    taken = {d.step.id for d in drafts}
    first_of_chosen = {drafts[i].step.id for i in entered}
    for i, group in enumerate(groups):
        if isinstance(group, _Group) and (group.heads[0] in first_of_chosen or _chosen_from_before(groups, i)):
            groups[i] = _with_fork(group, taken)
    home = {d.step.id: i for i, g in enumerate(groups) if isinstance(g, _Group) for d in g.drafts}
    table = _Table(tuple(drafts), tuple(groups), home)
    nothing = [Edge(START, Terminal.ESCALATE, kind=EdgeKind.IMPLICIT)]
    edges = [Edge(START, t) for t in table.at(0)] or nothing
    unfinished: list[Step] = []
    for i, group in enumerate(groups):
        if isinstance(group, Ending):
            continue
        if group.fork is not None:
            edges += [Edge(group.fork.id, head) for head in group.heads]
        edges += [Edge(a, b) for a, b in group.inner]
        for draft in group.drafts:
            edges += table.written(draft, i)
        edges += table.onward(group, i, unfinished)
    steps = tuple(
        step
        for g in groups
        if isinstance(g, _Group)
        for step in ((g.fork,) if g.fork is not None else ()) + tuple(d.step for d in g.drafts)
    )
    return Joined(steps, tuple(dict.fromkeys(edges)), tuple(unfinished))


def _groups(stops: Sequence[Stop], entered: set[int]) -> list[_Group | Ending]:
    groups: list[_Group | Ending] = []
    run: list[Draft] = []
    index = -1
    for stop in stops:
        index += isinstance(stop, Draft)
        if isinstance(stop, Draft) and stop.reads and not (index in entered and run):
            run.append(stop)
            continue
        if run:
            groups.append(_group(run))
            run = []
        if isinstance(stop, Draft) and stop.reads:
            run.append(stop)
        else:
            groups.append(stop if isinstance(stop, Ending) else _group([stop]))
    return [*groups, _group(run)] if run else groups


def _group(drafts: Sequence[Draft]) -> _Group:
    """Order inside a group: a step that uses a result waits for the step that produces it."""
    made: dict[str, str] = {}
    inner: list[tuple[str, str]] = []
    for draft in drafts:
        inner += [(made[n], draft.step.id) for n in draft.step.consumes if n in made]
        made |= dict.fromkeys(draft.step.produces, draft.step.id)
    waits, used = {b for _, b in inner}, {a for a, _ in inner}
    ids = [d.step.id for d in drafts]
    heads = tuple(s for s in ids if s not in waits)
    tails = tuple(s for s in ids if s not in used)
    return _Group(tuple(drafts), heads, tails, tuple(dict.fromkeys(inner)))


def _with_fork(group: _Group, taken: set[str]) -> _Group:
    """Put one step before a group that a decision enters: a decision chooses one edge, not several."""
    if len(group.heads) == 1:
        return group
    first = group.drafts[0].step
    name = f"together-{first.id}"
    while name in taken:
        name += "-"
    title = "Together: " + ", ".join(d.step.title for d in group.drafts)
    lines = (replace(first.lines[0], last=first.lines[0].first),)
    return replace(group, fork=Step(name, title, Kind.CHECK, lines))


def _chosen_from_before(groups: Sequence[_Group | Ending], at: int) -> bool:
    """Whether the group before it says "continue" on some condition."""
    before = groups[at - 1] if at else None
    return isinstance(before, _Group) and any(isinstance(e.target, Onward) for d in before.drafts for e in d.exits)


@dataclass(frozen=True, slots=True)
class _Table:
    drafts: tuple[Draft, ...]
    groups: tuple[_Group | Ending, ...]
    home: dict[str, int]

    def at(self, index: int) -> tuple[str, ...]:
        """Targets of an edge into the group at `index`; empty behind the last."""
        if index >= len(self.groups):
            return ()
        group = self.groups[index]
        return (group.terminal,) if isinstance(group, Ending) else group.entries

    def onward(self, group: _Group, at: int, unfinished: list[Step]) -> list[Edge]:
        """Edges to what follows in the text, from a group that names no way out itself."""
        if any(not e.default for d in group.drafts for e in d.exits):
            return []
        following = self.at(at + 1)
        if following:
            return [Edge(tail, target) for tail in group.tails for target in following]
        unfinished += [d.step for d in group.drafts if d.step.id in group.tails]
        return [Edge(tail, Terminal.ESCALATE, kind=EdgeKind.IMPLICIT) for tail in group.tails]

    def written(self, draft: Draft, at: int) -> list[Edge]:
        return [edge for way in draft.exits for edge in self._edges(draft, way, at)]

    def _edges(self, draft: Draft, way: Exit, at: int) -> list[Edge]:
        loop = False
        match way.target:
            case Place(index):
                home = self.home[self.drafts[index].step.id]
                loop = home <= at
                targets = self.at(home)
            case Onward():
                targets = self.at(at + 1) or (Terminal.ESCALATE,)
            case terminal:
                targets = (terminal,)
        kind = EdgeKind.LOOP if loop else _kind(way)
        # A loop whose bound the guide leaves out is an error elsewhere; once is the safest reading of it.
        bound = (way.bound or 1) if loop else None
        lines = (way.lines,)
        return [
            Edge(draft.step.id, str(t), way.condition, kind, way.default, bound, way.otherwise, lines) for t in targets
        ]


def _kind(way: Exit) -> EdgeKind:
    if way.implicit:
        return EdgeKind.IMPLICIT
    return EdgeKind.COND if way.condition is not None or way.default else EdgeKind.SEQ
