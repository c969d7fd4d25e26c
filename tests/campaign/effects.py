"""What actions did, by the target's own count, held against what the journal says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.campaign.cases import Case
from tests.campaign.order import Row
from tests.campaign.target import Log


def effect_violations(case: Case, rows: Sequence[Row], log: Log, *, has_ended: bool) -> list[str]:
    return [
        *_each_effect_at_most_once(case, rows, log),
        *_the_journal_knows(rows, log, has_ended=has_ended),
        *_each_undo_at_most_once(case, rows, log, has_ended=has_ended),
        *_one_writer_at_a_time(case, rows),
    ]


def _each_effect_at_most_once(case: Case, rows: Sequence[Row], log: Log) -> list[str]:
    wrong = []
    intended = {r.payload["key"]: r.key for r in rows if r.kind == "intent"}
    arrived: dict[str, Counter[str]] = {}
    for request in log.arrived("push"):
        arrived.setdefault(request["step"], Counter())[request["key"]] += 1
        if intended.get(request["key"]) != request["step"]:
            wrong.append(f"{request['step']} sent a request that the journal does not intend")
    retries = Counter(r.key for r in rows if r.kind == "answered" and "retry" in r.payload["answer"])
    for step, keys in arrived.items():
        effects = len(keys) if _honours_keys(case, step) else sum(keys.values())
        if effects > 1 + retries[step]:  # only a person may want it once more
            wrong.append(f"{step} had {effects} effects")
    return wrong


def _the_journal_knows(rows: Sequence[Row], log: Log, *, has_ended: bool) -> list[str]:
    wrong = []
    there = {request["key"] for request in log.arrived("push")}
    for key, (step, said) in _told(rows).items():
        if {"applied", "not_applied"} <= said:
            wrong.append(f"{step} counts as applied and as not applied")
        if "applied" in said and key not in there:
            wrong.append(f"{step} counts as applied, and no request of it arrived")
        if "not_applied" in said and key in there:
            wrong.append(f"{step} counts as not applied, and its request arrived")
        if said == {"intent"} and key in there and has_ended:
            wrong.append(f"{step} had an effect that the ended run does not know of")
    return wrong


def _told(rows: Sequence[Row]) -> dict[str, tuple[str, set[str]]]:
    """By idempotency key: its step, and what the journal says came of it."""
    told: dict[str, tuple[str, set[str]]] = {}
    last: dict[str, str] = {}
    for row in rows:
        if row.kind == "intent":
            last[row.key] = row.payload["key"]
        if row.kind in ("intent", "applied", "not_applied", "outcome_unknown"):
            told.setdefault(last[row.key], (row.key, set()))[1].add(row.kind)
    return told


def _each_undo_at_most_once(case: Case, rows: Sequence[Row], log: Log, *, has_ended: bool) -> list[str]:
    wrong = []
    undone = Counter((request["step"], request["key"]) for request in log.arrived("undo"))
    done = {request["key"] for request in log.arrived("push")}
    begun = {r.key for r in rows if r.kind == "compensating"}
    told = {r.key for r in rows if r.kind in ("compensated", "outcome_unknown")}
    for (step, key), count in undone.items():
        if count > 1 and not _honours_keys(case, step):
            wrong.append(f"{step} was undone {count} times")
        if key not in done:
            wrong.append(f"{step} was undone, and had not been done")
        if step not in begun:
            wrong.append(f"{step} was undone, and the journal does not intend it")
        if has_ended and step not in told:
            wrong.append(f"{step} was undone, and the ended run does not know of it")
    return wrong


def _one_writer_at_a_time(case: Case, rows: Sequence[Row]) -> list[str]:
    wrong = []
    writes: dict[str, str] = {}  # by resource: the step whose change of it is not settled
    for row in rows:
        if row.kind == "intent":
            (resource,) = case.plan.by_id[row.key.partition("@")[0]].effect.writes or ()
            if writes.setdefault(resource, row.key) != row.key:
                wrong.append(f"{row.key} changed {resource} before {writes[resource]} was done with it")
        elif row.kind in ("step_succeeded", "step_failed"):
            writes = {resource: key for resource, key in writes.items() if key != row.key}
    return wrong


def _honours_keys(case: Case, key: str) -> bool:
    return case.plan.by_id[key.partition("@")[0]].calls[0].plugin == "push"
