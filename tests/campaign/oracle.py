"""A second opinion: what a case must come to, by walking its plan one step after another.

Written from what the design promises, not from the engine: no events, no asyncio, no CEL, no loops unrolled
ahead. A step runs when every edge into it is decided and at least one is taken; a failed read takes its stated
default, else people are asked and what lies behind it waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dag.model import START, Edge, EdgeKind, Kind
from tests.campaign.cases import LOOP_BOUND, Case


@dataclass
class Expected:
    """`ran`: instances that come to an end, failed ones too; `waits`: those that people are asked about."""

    ran: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    waits: set[str] = field(default_factory=set)
    pushed: set[str] = field(default_factory=set)
    resolved: bool = False


def expect(case: Case) -> Expected:
    expected = Expected()
    decided: dict[tuple[str, str], bool] = {}  # by source and target: was one of the edges between them taken
    forward = [e for e in case.plan.edges if e.kind is not EdgeKind.LOOP]
    todo = [s.id for s in case.plan.steps]
    while True:
        now = [s for s in todo if _inputs(s, forward, decided) is not None]
        if not now:
            break
        for step in now:
            todo.remove(step)
            taken = _walk(case, step, expected) if _inputs(step, forward, decided) else set()
            if taken is None:
                continue  # people are asked: nothing behind it is decided
            for edge in forward:
                if edge.source == step:
                    decided[step, edge.target] = edge.target in taken
    expected.resolved = decided.get(("join", "END.resolved"), False)
    return expected


def _inputs(step: str, forward: list[Edge], decided: dict[tuple[str, str], bool]) -> bool | None:
    """Whether the step runs; None while an edge into it is undecided."""
    into = [e for e in forward if e.target == step]
    if any(e.source != START and (e.source, step) not in decided for e in into):
        return None
    return any(e.source == START or decided[e.source, step] for e in into)


def _walk(case: Case, step: str, expected: Expected) -> set[str] | None:
    """Run one step to its end and return where it leads; None when people are asked."""
    kind = case.plan.by_id[step].kind
    leads_to = {e.target for e in case.plan.outgoing[step] if e.kind is not EdgeKind.LOOP and not e.default}
    if kind is Kind.ACTION:
        expected.ran.add(step)
        expected.pushed.add(step)
        return leads_to
    if kind is not Kind.QUERY:
        expected.ran.add(step)
        return leads_to
    look = case.looks[step]
    if step in case.loops:
        for count in range(LOOP_BOUND + 1):
            expected.ran.add(f"{step}@{count}")
            if look.answer(f"{step}@{count}") <= case.loops[step]:
                return {"join"}
        raise AssertionError("the case's loop is not left inside its bound")
    expected.ran.add(step)
    if look.fault.fails:
        expected.failed.add(step)
        defaults = {e.target for e in case.plan.outgoing[step] if e.default}
        if not defaults:
            expected.waits.add(step)
            return None
        return defaults
    over = {t: n for (source, t), n in case.over.items() if source == step}
    if not over:
        return leads_to
    return {t for t, n in over.items() if look.answers[0] > n} or {"join"}
