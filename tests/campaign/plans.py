"""Grows a random case: stretches of steps one after another, some of them loops, joined by random edges."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

from dag.model import START, Call, Condition, Edge, EdgeKind, Effect, Join, Kind, Plan, Step, Terminal, ValueType
from tests.campaign.cases import Case, Loop, PushFault, ReadFault, Threshold, is_loop

THINGS = ("x", "y", "z")
READ_S, PUSH_S = 0.15, 0.1  # deadlines
END = "end"  # where everything that leads nowhere else comes together


def random_case(seed: int) -> Case:
    return _Grower(seed).case()


class _Grower:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.steps: list[Step] = []
        self.edges: list[Edge] = []
        self.reads: dict[str, ReadFault] = {}
        self.pushes: dict[str, PushFault] = {}
        self.asks: dict[str, Threshold] = {}
        self.loops: list[Loop] = []

    def case(self) -> Case:
        stretches = [self._stretch() for _ in range(self.rng.randint(2, 7))]
        for i, body in enumerate(stretches):
            later = [s[0] for s in stretches[i + 1 :]]
            self._inside(body, later)
            self._leave(body[-1], self._targets(later, self.rng.randint(1, 3)))
        self.steps.append(Step(END, END, Kind.CHECK, ()))
        if self.rng.random() < 0.9:  # else the guide states no conclusion
            self._edge(END, str(Terminal.RESOLVED))
        self._close()
        chance = self.rng.random
        jumps = {self.rng.randint(1, 60): self.rng.choice([-7200.0, -30.0, 30.0, 7200.0])} if chance() < 0.3 else {}
        plan = Plan(
            "campaign.md",
            "0" * 64,
            (),
            tuple(self.steps),
            tuple(self.edges),
            title=f"case {self.seed}",
            types=dict.fromkeys(self.reads, ValueType.VECTOR),
        )
        return Case(
            seed=self.seed,
            plan=plan,
            reads=self.reads,
            pushes=self.pushes,
            asks=self.asks,
            loops=tuple(self.loops),
            observes=chance() < 0.8,
            speculates=chance() < 0.5,
            has_judge=chance() < 0.5,
            needs_approval=chance() < 0.3,
            cancels=chance() < 0.05,
            clock_jumps=jumps,
        )

    # -- steps --------------------------------------------------------------------------------

    def _stretch(self) -> list[str]:
        if self.rng.random() < 0.7:
            return [self._step()]
        body = [self._step() for _ in range(self.rng.randint(0, 3))] + [self._query()]
        self.loops.append(Loop(tuple(body), bound=self.rng.randint(1, 3)))
        if len(body) > 2 and self.rng.random() < 0.4 and body[1] in self.reads:
            self.loops.append(Loop((body[1],), bound=self.rng.randint(1, 2)))
        return body

    def _step(self) -> str:
        kind = self.rng.random()
        if kind < 0.3:
            return self._action()
        if kind < 0.4:
            return self._add(Step("", "", Kind.CHECK, ()))
        if kind < 0.45:
            return self._add(Step("", "", Kind.MANUAL, (), text="Do it by hand."))
        return self._query()

    def _query(self) -> str:
        faulty = self.rng.random() < 0.25
        name = self._add(Step("", "", Kind.QUERY, (), timeout_s=READ_S, retries=1))
        self.reads[name] = self.rng.choice(list(ReadFault)) if faulty else ReadFault.NONE
        call = Call("look", {"step": name}, bind=name, result=ValueType.VECTOR)
        reads = None if self.rng.random() < 0.2 else frozenset[str]()
        self._amend(name, calls=(call,), produces=(name,), effect=Effect(reads=reads))
        return name

    def _action(self) -> str:
        thing, plugin = self.rng.choice(THINGS), self.rng.choice(["push", "push_once"])
        fault = self.rng.choice(list(PushFault)) if self.rng.random() < 0.5 else PushFault.NONE
        if fault is PushFault.ARRIVES_TWICE:
            plugin = "push"
        name = self._add(Step("", "", Kind.ACTION, (), timeout_s=PUSH_S, risky=self.rng.random() < 0.5))
        self.pushes[name] = fault
        call = Call(plugin, {"step": name, "thing": thing}, bind=name)
        self._amend(name, calls=(call,), produces=(name,), effect=Effect(writes=frozenset({f"thing:{thing}"})))
        return name

    def _add(self, step: Step) -> str:
        name = f"s{len(self.steps)}"
        self.steps.append(replace(step, id=name, title=name, optional=self.rng.random() < 0.1))
        return name

    def _amend(self, name: str, **how: object) -> None:
        at = next(i for i, s in enumerate(self.steps) if s.id == name)
        self.steps[at] = replace(self.steps[at], **how)  # type: ignore[arg-type]

    # -- edges --------------------------------------------------------------------------------

    def _inside(self, body: list[str], later: list[str]) -> None:
        """The edges of a loop's body: a chain or a fan, and now and then a way out of its middle."""
        between = body[1:-1]
        if self.rng.random() < 0.5 or not between:
            ways = {s: [t] for s, t in pairwise(body)}
        else:
            ways = {body[0]: between, **{s: [body[-1]] for s in between}}
        for source, targets in ways.items():
            out = self._targets(later, 1) if self.rng.random() < 0.2 else []
            self._leave(source, [*targets, *out])

    def _targets(self, later: list[str], n: int) -> list[str]:
        """Random places further on: steps, the end, or a terminal."""
        targets = self.rng.sample(later, k=min(n, len(later))) or [END]
        if self.rng.random() < 0.1:
            targets.append(self.rng.choice([str(t) for t in Terminal]))
        return targets

    def _leave(self, source: str, targets: list[str]) -> None:
        """Edges out of a step, of a sort that its kind allows."""
        step = next(s for s in self.steps if s.id == source)
        loop = next((lp for lp in self.loops if lp.source == source), None)
        before = [e.source for e in self.edges if e.target == source and not is_loop(e) and self._is_outside(e.source)]
        style = self.rng.random()
        if loop is not None:
            self._repeat(loop, targets)
        elif step.kind is Kind.QUERY and style < 0.5:
            self._branch(source, source, targets)
        elif step.kind is Kind.CHECK and style < 0.4 and (about := [s for s in before if s in self.reads]):
            self._branch(source, self.rng.choice(about), targets)
        elif step.kind is Kind.CHECK and style < 0.8:
            for target in dict.fromkeys([*targets, END if self._is_outside(source) else targets[0]]):
                self._edge(source, target, condition=Condition(f"it looks like {target}"), kind=EdgeKind.COND)
        else:
            for target in targets:
                self._edge(source, target)
        if self.rng.random() < 0.4:
            self._edge(source, self.rng.choice(targets), kind=EdgeKind.IMPLICIT, default=True)

    def _is_outside(self, step: str) -> bool:
        return not any(step in lp.body for lp in self.loops)

    def _branch(self, source: str, about: str, targets: list[str]) -> None:
        """To each target whose number the answer exceeds, and to one of them when it exceeds none."""
        over = {t: self.rng.uniform(0, 1) for t in targets}
        for target, number in over.items():
            self._ask(source, target, Threshold(about, number))
        self._ask(source, self.rng.choice(targets), Threshold(about, min(over.values()), below=True), otherwise=True)

    def _repeat(self, loop: Loop, targets: list[str]) -> None:
        again = Threshold(loop.source, self.rng.uniform(0.1, 0.8))
        self._ask(loop.source, loop.entry, again, kind=EdgeKind.LOOP, bound=loop.bound)
        for target in targets:
            self._ask(loop.source, target, replace(again, below=True), otherwise=True)

    def _ask(self, source: str, target: str, what: Threshold, **how: object) -> None:
        cel = f"max({what.step}) > {what.over!r}"
        condition = Condition(cel, cel=f"!({cel})" if what.below else cel, names=(what.step,))
        edge = self._edge(source, target, **{"condition": condition, "kind": EdgeKind.COND, **how})
        self.asks[edge.id] = what

    def _edge(self, source: str, target: str, **how: object) -> Edge:
        edge = Edge(source, target, **how)  # type: ignore[arg-type]
        if edge.id not in {e.id for e in self.edges}:
            self.edges.append(edge)
        return edge

    def _close(self) -> None:
        """What nothing leads to is an entry; what leads nowhere leads to the end; some joins wait for one only."""
        entered = {e.target for e in self.edges if not is_loop(e)}
        leaving = {e.source for e in self.edges if not is_loop(e)}
        for step in [s for s in self.steps if s.id != END]:
            if step.id not in entered:
                self._edge(START, step.id)
            if step.id not in leaving:
                self._edge(step.id, END)
        if END not in {e.target for e in self.edges}:
            self._edge(START, END)
        asks_others = {e.source for e in self.edges if e.id in self.asks and self.asks[e.id].step != e.source}
        for step in [s for s in self.steps if s.id not in asks_others]:  # who asks about another waits for it
            into = [e for e in self.edges if e.target == step.id and not is_loop(e)]
            if len(into) > 1 and self._is_outside(step.id) and self.rng.random() < 0.2:
                self._amend(step.id, join=Join.ANY)
