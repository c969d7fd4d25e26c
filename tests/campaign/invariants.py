"""What must hold after every case, whatever went wrong in it: read from the journal's rows and the target's log."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.campaign.cases import Case
from tests.campaign.effects import effect_violations
from tests.campaign.order import order_violations
from tests.campaign.people import people_violations
from tests.campaign.target import Log


@dataclass(frozen=True)
class Row:
    seq: int
    kind: str
    key: str
    payload: dict[str, Any]
    fence: int
    at: str  # UTC, as SQLite holds it


@dataclass(frozen=True)
class Record:
    """One run as its database holds it."""

    rows: list[Row]
    outcome: str | None
    fence: int  # the last one that was given out
    artifacts: dict[str, Any]
    commands: dict[int, dict[str, Any]]  # what people said, by number

    def of(self, *kinds: str) -> Iterator[Row]:
        return (r for r in self.rows if r.kind in kinds)

    def waiting(self) -> dict[str, Row]:
        """The steps that wait for people, by the event that says why."""
        waiting: dict[str, Row] = {}
        for row in self.rows:
            if row.kind == "parked":
                waiting[row.key] = row
            elif row.kind in ("step_succeeded", "step_failed", "branched", "step_cancelled"):
                waiting.pop(row.key, None)
        return waiting


def violations(case: Case, folder: Path) -> list[str]:
    """Everything that is wrong; empty when nothing is."""
    record = _read(folder / "journal.db")
    waiting = {key: row.payload["why"] for key, row in record.waiting().items()}
    return [
        *_is_a_journal(record),
        *_ends_with_a_reason(record),
        *_each_result_is_its_own(case, record),
        *_each_failure_has_a_cause(case, record),
        *people_violations(case, record.rows, record.commands),
        *effect_violations(case, record.rows, Log(folder / "target.log"), has_ended=record.outcome is not None),
        *order_violations(case, record.rows, record.outcome, waiting),
    ]


def ending(folder: Path) -> str:
    """How the run came to rest, in a word."""
    record = _read(folder / "journal.db")
    if record.outcome:
        return record.outcome
    asked = sorted({r.payload["why"] for r in record.waiting().values()})
    return f"waits: {asked[0]}" if asked else "neither ended nor waiting"


def _read(path: Path) -> Record:
    conn = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        ((run_id, outcome),) = conn.execute("SELECT id, outcome FROM run").fetchall()
        found = conn.execute(
            "SELECT seq, kind, step_key, payload, fence, at FROM run_event WHERE run_id = ? ORDER BY seq", (run_id,)
        ).fetchall()
        fence = conn.execute("SELECT fence FROM lease WHERE run_id = ?", (run_id,)).fetchone()
        bodies = conn.execute("SELECT sha256, body FROM artifact").fetchall()
        said = conn.execute("SELECT id, payload FROM run_command").fetchall()
    finally:
        conn.close()
    rows = [Row(seq, kind, key or "", json.loads(payload), f, at) for seq, kind, key, payload, f, at in found]
    artifacts = {sha: json.loads(body) for sha, body in bodies}
    commands = {n: json.loads(payload) for n, payload in said}
    return Record(rows, outcome, fence[0] if fence else 0, artifacts, commands)


def _is_a_journal(record: Record) -> list[str]:
    rows, wrong = record.rows, []
    if [r.seq for r in rows] != list(range(len(rows))):
        wrong.append(f"events have gaps: {[r.seq for r in rows]}")
    for a, b in pairwise(rows):
        if b.fence < a.fence:
            wrong.append(f"event {b.seq} was written under fence {b.fence} after {a.fence}")
    if rows[-1].fence > record.fence:
        wrong.append(f"event {rows[-1].seq} was written under fence {rows[-1].fence}, which nobody was given")
    return wrong


def _ends_with_a_reason(record: Record) -> list[str]:
    ended = list(record.of("run_ended"))
    if len(ended) > 1:
        return [f"the run ended {len(ended)} times"]
    if ended:
        whole = ended[0].payload["reason"] and record.outcome == ended[0].payload["outcome"]
        return [] if whole else ["no reason to end"]
    parked = record.waiting().values()
    whole = parked and all(r.payload["reason"] for r in parked)
    return [] if whole else ["the run neither ended nor waits for people with a reason"]


def _each_result_is_its_own(case: Case, record: Record) -> list[str]:
    wrong = []
    for row in record.of("step_succeeded"):
        step, values = row.key.partition("@")[0], row.payload.get("values", {})
        wrong += [f"{row.key} was given the value of {name}" for name in values if name != step]
        if step not in case.reads or step not in values:
            continue
        stored = values[step]
        value = record.artifacts.get(stored["artifact"]) if "artifact" in stored else stored["value"]
        if value is None:
            wrong.append(f"{row.key} was given a value that is not there")
        elif (asked_by := value[0]["labels"]["asked_by"]) != row.key:
            wrong.append(f"{row.key} was given what {asked_by} asked for")
        elif value[0]["value"] != case.answer(row.key):
            wrong.append(f"{row.key} was given {value[0]['value']}, the source said {case.answer(row.key)}")
    silent = [r.key for r in record.of("step_succeeded") if r.key.partition("@")[0] in case.reads]
    return [*wrong, *(f"{k} succeeded without a value" for k in silent if not _has_value(record, k))]


def _has_value(record: Record, key: str) -> bool:
    return all(r.payload.get("values") for r in record.of("step_succeeded") if r.key == key)


def _each_failure_has_a_cause(case: Case, record: Record) -> list[str]:
    wrong = []
    not_applied = {r.key for r in record.of("not_applied")}
    for row in record.of("step_failed", "step_succeeded"):
        step, failed = row.key.partition("@")[0], row.kind == "step_failed"
        cause, error = row.payload.get("cause"), row.payload.get("error", "")
        if cause == "internal":
            wrong.append(f"{row.key} failed inside: {error}")
        elif step in case.reads and case.fault_of(row.key).fails is not failed:
            # A machine that is too busy makes a read late, and then the engine is right to say so.
            if not failed or "did not answer within" not in error:
                wrong.append(f"{row.key} failed without a cause: {error}" if failed else f"{row.key} did not fail")
        elif step in case.pushes and case.pushes[step].fails and not failed:
            wrong.append(f"{row.key} succeeded, and its target {case.pushes[step]}")
        elif step in case.pushes and failed and not case.pushes[step].fails:
            was_lost = cause == "failed" and row.key in not_applied
            if cause != "refused" and not was_lost:
                wrong.append(f"{row.key} failed without a cause: {error}")
    return wrong
