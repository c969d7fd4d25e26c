"""What can happen in a run. The journal is a list of these; a run's state is their fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from agent.errors import JournalError

Iteration = tuple[int, ...]


class EventKind(StrEnum):
    """Each member's payload is listed; every payload is JSON."""

    RUN_OPENED = (
        "run_opened"  # inputs, alert {labels, annotations, fingerprint, starts_at}, guide, plan_digest, speculation
    )
    ALERT_JOINED = "alert_joined"  # command, alerts
    ALERT_RESOLVED = "alert_resolved"  # command, alerts: evidence only
    STEP_STARTED = "step_started"
    STEP_SUCCEEDED = "step_succeeded"  # values {name: stored value}, ahead_s: read that long before it was wanted
    STEP_FAILED = "step_failed"  # error, hint, cause (failed | refused | unverified)
    STEP_CANCELLED = "step_cancelled"  # reason
    # taken [edge id], by, reason, decisions [{edge, truth, reason}], usage; of a judgement also rests_on {value's name:
    # {step, as_of, evidence, artifact}} and past [run id]: what it was shown
    BRANCHED = "branched"
    HELD = "held"  # edge, for_s: a condition began to hold
    READ_AHEAD = "read_ahead"  # costs {cost: calls}: a read began before it was decided whether it is wanted
    READ_DROPPED = "read_dropped"  # reason, seconds, values: what was read ahead and decides nothing
    REREAD = "reread"  # values, error: the queries behind a branch, read again
    PARKED = "parked"  # why (approval | judgement | manual | failure | unknown_outcome), reason, ask
    ANSWERED = "answered"  # command, by, answer {edge | retry | done}, reason
    APPROVAL_ASKED = "approval_asked"  # digest, call, effect, role, approvers, expires_at
    APPROVED = "approved"  # command, by, role, digest, expires_at
    REJECTED = "rejected"  # command, by, reason
    REFUSED = "refused"  # reason, call: the policy does not let this happen
    LEASE_WAITED = "lease_waited"  # keys, resource, holder (run), step, holds: or waits for it and came first
    PRECHECKED = "prechecked"  # before
    INTENT = "intent"  # key, call, digest, effect, deadline_s
    APPLIED = "applied"  # values, observed: bool, evidence
    NOT_APPLIED = "not_applied"  # error: the target says nothing changed
    OUTCOME_UNKNOWN = "outcome_unknown"  # error
    VERIFIED = "verified"  # ok, reason, evidence
    COMPENSATING = "compensating"  # reason
    COMPENSATED = "compensated"  # ok, reason
    CANCEL_ASKED = "cancel_asked"  # command, by, reason
    COMMAND_IGNORED = "command_ignored"  # command, reason
    RUN_ENDING = "run_ending"  # terminal, reason
    RUN_ENDED = "run_ended"  # outcome, reason


# What must survive a power cut before anything else happens: intents, what actions did, who agreed to what.
DURABLE = frozenset(
    {
        EventKind.RUN_OPENED,
        EventKind.ALERT_JOINED,
        EventKind.ALERT_RESOLVED,
        EventKind.ANSWERED,
        EventKind.APPROVED,
        EventKind.REJECTED,
        EventKind.INTENT,
        EventKind.APPLIED,
        EventKind.NOT_APPLIED,
        EventKind.OUTCOME_UNKNOWN,
        EventKind.VERIFIED,
        EventKind.COMPENSATING,
        EventKind.COMPENSATED,
        EventKind.CANCEL_ASKED,
        EventKind.COMMAND_IGNORED,
        EventKind.RUN_ENDED,
    }
)


class Outcome(StrEnum):
    """How a run ended."""

    RESOLVED = "resolved"  # the guide's verification holds
    ESCALATED = "escalated"  # handed to people, with what is known
    NOT_APPLICABLE = "not_applicable"  # the guide is not about this
    FAILED = "failed"  # the run could not go on, or its deadline passed
    CANCELLED = "cancelled"  # a person stopped it


class StepKey(NamedTuple):
    """Identity of one execution of a step: never depends on the order in which things finished.

    A tuple, because every event is looked up by its key several times.
    """

    step: str
    iteration: Iteration = ()

    def __str__(self) -> str:
        return f"{self.step}@{'.'.join(map(str, self.iteration))}" if self.iteration else self.step


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `at` is aware and UTC; `seq` counts from 0 within the run."""

    seq: int
    kind: EventKind
    at: datetime
    key: StepKey | None = None
    attempt: int = 0
    payload: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise JournalError(f"event {self.seq} ({self.kind}) has a naive time")
