"""Holds a journal against the oracle: nothing started too soon, nothing was left out, every branch is the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tests.campaign.cases import Case, is_plain, parse, show
from tests.campaign.oracle import Facts, Oracle, Unanswered

OUTCOMES = {"END.resolved": "resolved", "END.escalate": "escalated", "END.not_applicable": "not_applicable"}


class Row(Protocol):
    """An event, as read from its table."""

    @property
    def seq(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def payload(self) -> dict[str, Any]: ...
    @property
    def at(self) -> str: ...


def order_violations(case: Case, rows: Sequence[Row], outcome: str | None, waiting: Mapping[str, str]) -> list[str]:
    """`waiting`: why each step that waits for people does."""
    facts = facts_of(rows)
    oracle = Oracle(case, facts)
    ends = oracle.terminals()
    cancelled = [r.seq for r in rows if r.kind == "cancel_asked"]
    stop = min([*(at for at, _ in ends), *cancelled], default=None)
    wrong = [*_too_soon(oracle, facts), *_wrong_ways(oracle, facts), *_after_the_end(rows, stop)]
    if outcome:
        wrong += _wrong_outcome(outcome, ends, cancelled=bool(cancelled))
    elif stop is not None:
        wrong.append("the run should have ended, and waits for people")
    if stop is None and "unknown_outcome" not in waiting.values():  # what conflicts with such a step waits, too
        wrong += _left_out(oracle, facts, {} if outcome else waiting)
    return wrong


def facts_of(rows: Sequence[Row]) -> Facts:
    facts = Facts()
    for row in rows:
        match row.kind:
            case "step_started":
                facts.started.setdefault(row.key, row.seq)
            case "step_succeeded" | "step_failed":
                facts.started.setdefault(row.key, row.seq)  # a mere decision has no start
                facts.ended[row.key] = row.seq, row.kind == "step_succeeded"
            case "branched":
                facts.branched[row.key] = row.seq, frozenset(row.payload["taken"])
            case "answered":
                facts.answers.setdefault(row.key, []).append(row.payload)
            case _:
                pass
    return facts


def _too_soon(oracle: Oracle, facts: Facts) -> list[str]:
    wrong = []
    for key, at in facts.started.items():
        since = oracle.opens(parse(key))
        if since is None:
            wrong.append(f"{key} ran, and no path taken leads to it")
        elif at < since:
            wrong.append(f"{key} started as event {at}, and could not before event {since}")
    return wrong


def _wrong_ways(oracle: Oracle, facts: Facts) -> list[str]:
    wrong = []
    for key, (_, taken) in facts.branched.items():
        if key not in facts.ended:
            wrong.append(f"{key} was left before it ended")
            continue
        try:
            expected = oracle.taken(parse(key), succeeded=facts.ended[key][1])
        except Unanswered:
            wrong.append(f"{key} was left by {sorted(taken)}, which nobody could decide but a person")
        else:
            if taken != expected:
                wrong.append(f"{key} was left by {sorted(taken)}, expected {sorted(expected)}")
    return wrong


def _after_the_end(rows: Sequence[Row], stop: int | None) -> list[str]:
    if stop is None:
        return []
    intended = {r.key for r in rows if r.kind == "intent" and r.seq < stop}  # these are seen to their end
    late = [r for r in rows if r.seq > stop and r.kind in ("intent", "step_started") and r.key not in intended]
    return [f"{r.key}: {r.kind} as event {r.seq}, and event {stop} ended the run" for r in late]


def _wrong_outcome(outcome: str, ends: Sequence[tuple[int, str]], *, cancelled: bool) -> list[str]:
    reached = [OUTCOMES[terminal] for _, terminal in ends]
    if cancelled:
        expected = "cancelled"
    elif "escalated" in reached or not reached:
        expected = "escalated"  # escalate beats resolved; a guide without a conclusion is for people
    else:
        expected = reached[0]
    return [] if outcome == expected else [f"the run came to {outcome}, expected {expected}"]


def _left_out(oracle: Oracle, facts: Facts, waiting: Mapping[str, str]) -> list[str]:
    wrong = []
    for key in oracle.instances():
        name = show(key)
        if oracle.opens(key) is None or name in waiting:
            continue
        if name not in facts.ended:
            wrong.append(f"{name} did not run to its end, and nothing says why")
        elif name not in facts.branched:
            edges = oracle.case.plan.outgoing[key[0]]
            if not facts.ended[name][1] or not all(is_plain(e) for e in edges):
                wrong.append(f"nothing says where {name} leads")
    return wrong
