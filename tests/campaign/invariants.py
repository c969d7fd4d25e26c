"""What must hold after every case, whatever went wrong in it: read from the journal's rows and the target's log."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.campaign.cases import Case
from tests.campaign.oracle import expect
from tests.campaign.target import Log


@dataclass(frozen=True)
class Row:
    seq: int
    kind: str
    key: str
    payload: dict[str, Any]
    fence: int


def violations(case: Case, folder: Path) -> list[str]:
    """Everything that is wrong; empty when nothing is."""
    rows, outcome, last_fence = _rows(folder / "journal.db")
    return [
        *_is_a_journal(rows, last_fence),
        *_ends_with_a_reason(rows, outcome),
        *_each_result_is_its_own(rows),
        *_each_effect_at_most_once(case, rows, Log(folder / "target.log")),
        *_agrees_with_the_oracle(case, rows, outcome),
    ]


def ending(folder: Path) -> str:
    """How the run came to rest, in a word."""
    rows, outcome, _ = _rows(folder / "journal.db")
    told = {r.kind for r in rows}
    return outcome or ("asks what an action did" if "outcome_unknown" in told else "asks about a failure")


def _rows(path: Path) -> tuple[list[Row], str | None, int]:
    conn = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        ((run_id, outcome),) = conn.execute("SELECT id, outcome FROM run").fetchall()
        found = conn.execute(
            "SELECT seq, kind, step_key, payload, fence FROM run_event WHERE run_id = ? ORDER BY seq", (run_id,)
        ).fetchall()
        fence = conn.execute("SELECT fence FROM lease WHERE run_id = ?", (run_id,)).fetchone()
    finally:
        conn.close()
    rows = [Row(seq, kind, key or "", json.loads(payload), f) for seq, kind, key, payload, f in found]
    return rows, outcome, fence[0] if fence else 0


def _is_a_journal(rows: list[Row], last_fence: int) -> list[str]:
    wrong = []
    if [r.seq for r in rows] != list(range(len(rows))):
        wrong.append(f"events have gaps: {[r.seq for r in rows]}")
    for a, b in pairwise(rows):
        if b.fence < a.fence:
            wrong.append(f"event {b.seq} was written under fence {b.fence} after {a.fence}")
    if rows[-1].fence > last_fence:
        wrong.append(f"event {rows[-1].seq} was written under fence {rows[-1].fence}, which nobody was given")
    return wrong


def _ends_with_a_reason(rows: list[Row], outcome: str | None) -> list[str]:
    ended = [r for r in rows if r.kind == "run_ended"]
    if len(ended) > 1:
        return [f"the run ended {len(ended)} times"]
    if ended:
        return [] if ended[0].payload["reason"] and outcome == ended[0].payload["outcome"] else ["no reason to end"]
    parked = _waiting(rows)
    return [] if parked and all(parked.values()) else ["the run neither ended nor waits for people with a reason"]


def _waiting(rows: list[Row]) -> dict[str, str]:
    """The steps that wait for people, and why."""
    waiting: dict[str, str] = {}
    for row in rows:
        if row.kind == "parked":
            waiting[row.key] = row.payload["reason"]
        elif row.kind in ("step_succeeded", "branched", "step_cancelled"):
            waiting.pop(row.key, None)
    return waiting


def _each_result_is_its_own(rows: list[Row]) -> list[str]:
    wrong = []
    for row in rows:
        if row.kind != "step_succeeded":
            continue
        for name, stored in row.payload.get("values", {}).items():
            if name != row.key.partition("@")[0]:
                wrong.append(f"{row.key} was given the value of {name}")
            value = stored.get("value")
            if isinstance(value, list) and [v["labels"]["asked_by"] for v in value] != [row.key]:
                wrong.append(f"{row.key} was given what {value[0]['labels']['asked_by']} asked for")
    return wrong


def _each_effect_at_most_once(case: Case, rows: list[Row], log: Log) -> list[str]:
    wrong = []
    arrived = log.arrived()
    intended = {r.payload["key"]: r.key for r in rows if r.kind == "intent"}
    applied = {r.key for r in rows if r.kind == "applied"}
    by_step: dict[str, Counter[str]] = {}
    for request in arrived:
        by_step.setdefault(request["step"], Counter())[request["key"]] += 1
        if intended.get(request["key"]) != request["step"]:
            wrong.append(f"{request['step']} sent a request that the journal does not intend")
    for step, keys in by_step.items():
        honours_keys = case.plan.by_id[step.partition("@")[0]].calls[0].plugin == "push"
        effects = len(keys) if honours_keys else sum(keys.values())
        if effects > 1:
            wrong.append(f"{step} had {effects} effects")
    wrong += [f"{step} counts as applied, and no request of it arrived" for step in applied - by_step.keys()]
    if any(r.kind == "run_ended" for r in rows):
        wrong += [f"{step} had an effect that the ended run does not know of" for step in by_step.keys() - applied]
    not_applied = {r.key for r in rows if r.kind == "not_applied"}
    wrong += [f"{step} counts as not applied, and its request arrived" for step in not_applied & by_step.keys()]
    return wrong


def _agrees_with_the_oracle(case: Case, rows: list[Row], outcome: str | None) -> list[str]:
    expected = expect(case)
    ran = {r.key for r in rows if r.kind in ("step_succeeded", "step_failed")}
    done = {r.key for r in rows if r.kind == "step_succeeded"}
    failed = {r.key for r in rows if r.kind == "step_failed"}
    # An action whose outcome was lost may end in people's hands: then less has happened than without the fault.
    lost = {k for k in expected.pushed if k not in done}
    wrong = [f"{k} ran, and no path taken leads to it" for k in sorted(ran - expected.ran)]
    wrong += [f"{k} failed without a cause" for k in sorted(failed - expected.failed - lost)]
    wrong += [f"{k} did not fail" for k in sorted(done & expected.failed)]
    told = {r.key for r in rows if r.kind in ("outcome_unknown", "not_applied")}
    if lost and not lost & told and not expected.waits:
        wrong.append(f"{sorted(lost)} did not come to an end, and nothing says why")
    if not lost & told:
        wrong += [f"{k} did not run" for k in sorted(expected.ran - ran)]
        if (outcome == "resolved") != expected.resolved:
            wrong.append(f"the run came to {outcome}, expected {'resolved' if expected.resolved else 'people'}")
    return wrong
