"""What people and alerts say to a run, turned into its events.

A command is durable before its sender gets an answer; it changes a run only when the run's advancer
folds it in. Whether it still fits is judged where it is used: an approval counts only for its digest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agent.run.events import EventKind, StepKey
from agent.run.journal import parse_key
from agent.run.schema import CommandRow
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
