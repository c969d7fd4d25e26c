"""What people and alerts say to a run, turned into its events.

A command is durable before its sender gets an answer; it changes a run only when the run's advancer
folds it in. Whether it still fits is judged where it is used: an approval counts only for its digest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from agent.run.events import EventKind, StepKey
from agent.run.journal import parse_key
from agent.run.schema import COMMAND, CommandRow
from agent.run.state import RunState, Status

_KINDS: Mapping[str, EventKind] = {
    "alert_joined": EventKind.ALERT_JOINED,
    "alert_resolved": EventKind.ALERT_RESOLVED,
    "approve": EventKind.APPROVED,
    "reject": EventKind.REJECTED,
    "answer": EventKind.ANSWERED,
    "cancel": EventKind.CANCEL_ASKED,
}


def fold_command(command: CommandRow, state: RunState) -> list[tuple[EventKind, StepKey | None, dict[str, Any]]]:
    """The events of one command. One that names no step of the run is kept as evidence and moves nothing."""
    kind = _KINDS[command.kind]
    payload = {**json.loads(command.payload), "command": command.id}
    if kind in (EventKind.ALERT_JOINED, EventKind.ALERT_RESOLVED, EventKind.CANCEL_ASKED):
        return [(kind, None, payload)]
    key = parse_key(str(payload.pop("step")))
    if key not in state.steps:
        return [(EventKind.COMMAND_IGNORED, None, {**payload, "reason": f"the run has no step '{key}'"})]
    step = state.steps[key]
    question = payload.pop("question", step.answers)
    if kind is EventKind.ANSWERED and (step.parked is None or question != step.answers):
        # Two people may answer one question: the second must not answer the next one, a retry least of all.
        return [(EventKind.COMMAND_IGNORED, None, {**payload, "reason": f"step '{key}' no longer asks that"})]
    return [(kind, key, payload)]


def is_early(command: CommandRow, state: RunState) -> bool:
    """Whether it answers a step that is at work: the answer waits until the step asks, so that it is not lost."""
    if _KINDS[command.kind] is not EventKind.ANSWERED:
        return False
    step = state.steps.get(parse_key(str(json.loads(command.payload)["step"])))
    return step is not None and step.status is Status.RUNNING


def objection(conn: Connection, run_id: str, key: StepKey, state: RunState) -> str | None:
    """A no that is written and not folded in yet: the rejection of the step's call, or the run's cancelling.

    Asked inside the transaction of an intent, so that nothing begins after such a word was acknowledged.
    """
    query = select(COMMAND.c.id, COMMAND.c.kind, COMMAND.c.payload).where(
        COMMAND.c.run_id == run_id, COMMAND.c.kind.in_(("reject", "cancel"))
    )
    for row in conn.execute(query):
        said = json.loads(row.payload)
        if row.id in state.commands or (row.kind == "reject" and parse_key(str(said["step"])) != key):
            continue
        return f"{'rejected' if row.kind == 'reject' else 'cancelled'} by {said['by']} as the call was about to begin"
    return None
