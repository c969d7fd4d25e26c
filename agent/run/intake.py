"""From a notification to runs: which alerts join, which start, which have had their run already.

A run's key is (source, group key, guide). A notification joins its run while that is not over; after
that, only an alert not seen before, by (fingerprint, startsAt), starts a new one. All of it happens
in one durable transaction: accepted means journalled.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Connection, insert, select

from agent.inputs import MissingInput, bind_inputs
from agent.run import values
from agent.run.events import Event, EventKind, Outcome
from agent.run.journal import Journal, open_run, say
from agent.run.schema import INTAKE, RUN, SEEN_ALERT, RunRow
from dag.model import Plan
from dag.serial import to_json
from telemetry.alerts import Alert, AlertStatus, Notification


class Decision(StrEnum):
    """What became of alerts of one notification."""

    STARTED = "started"
    JOINED = "joined"  # their run is still going on
    RESOLVED = "resolved"  # recorded as evidence
    DUPLICATE = "duplicate"  # they have had their run
    UNMATCHED = "unmatched"  # no guide is about them


@dataclass(frozen=True, slots=True)
class Accepted:
    """One decision, with the reason people read."""

    decision: Decision
    reason: str
    guide: str | None = None
    run_id: str | None = None
    alerts: int = 1
    team: str = ""


class Guides(Protocol):
    """What intake needs of the library: the plan for an alert, or why there is none."""

    def plan_for(self, alert: Alert) -> tuple[Plan | None, str]: ...


class Intake:
    """Turns notifications into runs and commands."""

    def __init__(
        self,
        journal: Journal,
        guides: Guides,
        *,
        run_deadline_s: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.journal = journal
        self.guides = guides
        self.run_deadline_s = run_deadline_s
        self.now = clock

    async def accept(self, notification: Notification) -> tuple[Accepted, ...]:
        """Journal the notification and decide on its alerts. Raises JournalError: then nothing was accepted."""
        matched: dict[str, tuple[Plan, list[Alert]]] = {}
        unmatched: list[Accepted] = []
        for alert in notification.alerts:
            plan, reason = self.guides.plan_for(alert)
            if plan is None:
                unmatched.append(Accepted(Decision.UNMATCHED, f"{alert.name}: {reason}"))
            else:
                matched.setdefault(plan.guide, (plan, []))[1].append(alert)
        now = self.now()

        def work(conn: Connection) -> tuple[Accepted, ...]:
            decided = [
                a for plan, alerts in matched.values() for a in self._decide(conn, notification, plan, alerts, now)
            ]
            conn.execute(
                insert(INTAKE).values(
                    source=notification.source,
                    group_key=notification.group_key,
                    body=json.dumps([_alert(a) for a in notification.alerts]),
                    decision=json.dumps([asdict(a) for a in (*decided, *unmatched)]),
                    at=now,
                )
            )
            return (*decided, *unmatched)

        return await self.journal.write(work)

    async def open(self, plan: Plan, inputs: Mapping[str, str], *, by: str, speculation: bool = True) -> str:
        """Start a run that no alert asked for; without `speculation` it reads nothing ahead. Raises MissingInput."""
        now = self.now()
        bound = bind_inputs(plan.inputs, inputs, None, now)
        return await self.journal.write(
            lambda conn: self._open(
                conn, plan, "person", by, bound, {"labels": dict(inputs), "by": by}, now, speculation=speculation
            )
        )

    def _decide(
        self, conn: Connection, notification: Notification, plan: Plan, alerts: Sequence[Alert], now: datetime
    ) -> list[Accepted]:
        going_on = conn.execute(
            select(RUN.c.id, RUN.c.team).where(
                RUN.c.source == notification.source,
                RUN.c.group_key == notification.group_key,
                RUN.c.guide == plan.guide,
                RUN.c.outcome.is_(None),
            )
        ).first()
        live, team = going_on or (None, "")
        decided: list[Accepted] = []
        resolved = [a for a in alerts if a.status is AlertStatus.RESOLVED]
        if resolved and live is not None:
            say(conn, live, "alert_resolved", {"alerts": [_alert(a) for a in resolved]}, now)
        if resolved:
            reason = "recorded as evidence" if live else "no run of theirs is going on"
            decided.append(Accepted(Decision.RESOLVED, reason, plan.guide, live, len(resolved), team))
        firing = [a for a in alerts if a.status is AlertStatus.FIRING]
        unseen = [a for a in firing if self._see(conn, notification.source, plan.guide, a, live or "")]
        if firing and live is not None:
            if unseen:
                say(conn, live, "alert_joined", {"alerts": [_alert(a) for a in unseen]}, now)
            reason = f"run {live} of this group is going on"
            decided.append(Accepted(Decision.JOINED, reason, plan.guide, live, len(firing), team))
        elif unseen:
            decided.append(self._start(conn, notification, plan, unseen, now))
        elif firing:
            reason = "these alerts, by fingerprint and startsAt, have had their run"
            decided.append(Accepted(Decision.DUPLICATE, reason, plan.guide, None, len(firing)))
        return decided

    def _see(self, conn: Connection, source: str, guide: str, alert: Alert, run_id: str) -> bool:
        """Whether the alert is new; it is remembered either way."""
        row = {
            "source": source,
            "guide": guide,
            "fingerprint": alert.fingerprint,
            "starts_at": alert.starts_at.isoformat(),
        }
        known = select(SEEN_ALERT.c.id).where(*(SEEN_ALERT.c[k] == v for k, v in row.items()))
        if conn.execute(known).first() is not None:
            return False
        conn.execute(insert(SEEN_ALERT).values(**row, run_id=run_id))
        return True

    def _start(
        self, conn: Connection, notification: Notification, plan: Plan, alerts: Sequence[Alert], now: datetime
    ) -> Accepted:
        first = alerts[0]
        key = notification.group_key
        facts = {**_alert(first), "alerts": [_alert(a) for a in alerts], "truncated": notification.truncated}
        try:
            bound = bind_inputs(plan.inputs, {}, first, now)
        except MissingInput as exc:
            run_id = self._open(conn, plan, notification.source, key, {}, facts, now, failed=str(exc))
            return Accepted(Decision.STARTED, f"{exc}: the run ended before its first step", plan.guide, run_id)
        run_id = self._open(conn, plan, notification.source, key, bound, facts, now)
        return Accepted(Decision.STARTED, f"{first.name} is firing", plan.guide, run_id, len(alerts), team_of(facts))

    def _open(
        self,
        conn: Connection,
        plan: Plan,
        source: str,
        group_key: str,
        inputs: Mapping[str, values.Stored],
        alert: Mapping[str, Any],
        now: datetime,
        *,
        failed: str | None = None,
        speculation: bool = True,
    ) -> str:
        run_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        facts: dict[str, Any] = {
            "guide": plan.guide,
            "plan_digest": plan.digest,
            "inputs": dict(inputs),
            "alert": dict(alert),
            "speculation": speculation,
        }
        events = [Event(0, EventKind.RUN_OPENED, now, payload=facts)]
        if failed is not None:
            events.append(
                Event(1, EventKind.RUN_ENDED, now, payload={"outcome": str(Outcome.FAILED), "reason": failed})
            )
        row = RunRow(
            id=run_id,
            source=source,
            group_key=group_key,
            guide=plan.guide,
            title=plan.title,
            guide_sha256=plan.guide_sha256,
            plan_digest=plan.digest,
            plan=json.dumps(to_json(plan, pairs=False)),
            opened_at=now,
            team=team_of(alert),
            deadline_at=now + timedelta(seconds=self.run_deadline_s),
            ended_at=now if failed is not None else None,
            outcome=str(Outcome.FAILED) if failed is not None else None,
        )
        open_run(conn, row, events)
        return run_id


def team_of(facts: Mapping[str, Any]) -> str:
    """Whose a run is: the label `team` of its first alert, or of what a person gave; empty without one."""
    return str(facts.get("labels", {}).get("team", ""))


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "name": alert.name,
        "status": str(alert.status),
        "fingerprint": alert.fingerprint,
        "starts_at": alert.starts_at.isoformat(),
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
    }
