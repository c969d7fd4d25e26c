"""What is remembered of a run once it has ended: what was asked, decided, changed and verified, for what.

Made from the run's report, so it can be made again at any time. It holds no values that were read, and what others
wrote is redacted and bounded: it will be shown to people and to a model, as something that happened and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from agent.redact import redacted_value, safe_text
from agent.report import Report

TEXT_CHARS = 300  # of one text of others
WORDS_CHARS = 8_000  # what full-text search looks at
MOST = 50  # entries of a kind
# Labels that say what kind of alert it is, not what it is about.
NOT_TARGETS = frozenset({"alertname", "severity", "team", "priority", "job", "receiver", "environment", "cluster"})


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)


class Decision(_Kept):
    """A branch: where it led, who decided (condition, default, a model, a person), and why."""

    step: str
    leads_to: tuple[str, ...]
    by: str
    reason: str


class Change(_Kept):
    """An action, what it wrote, how far it came (see `agent.report.Changed.outcome`), and its undoing."""

    action: str
    writes: tuple[str, ...]
    approved_by: tuple[str, ...]
    outcome: str
    reason: str
    undone: str


class Incident(_Kept):
    """One remembered run. `targets` are label values of its alerts and keys that it wrote."""

    run_id: str
    guide: str
    title: str
    opened_at: str
    outcome: str
    reason: str
    alerts: tuple[str, ...]
    targets: tuple[str, ...]
    asked: tuple[str, ...]
    decided: tuple[Decision, ...]
    changed: tuple[Change, ...]
    refused: tuple[str, ...]


def incident_of(report: Report) -> Incident:
    """What is kept of an ended run's report."""
    changed = report.changed[:MOST]
    return Incident(
        run_id=report.run_id,
        guide=report.guide,
        title=_text(report.title),
        opened_at=report.opened_at,
        outcome=report.outcome,
        reason=_text(report.reason),
        alerts=_few(_text(a.get("name", "")) for a in report.alert.get("alerts", ())),
        targets=_few([*_named(report.alert), *(key for c in changed for key in c.writes or ())]),
        asked=_few(f"{a.step}: {a.name}" for a in report.asked),
        decided=tuple(
            Decision(step=d.step, leads_to=tuple(d.leads_to), by=_text(d.by), reason=_text(d.reason))
            for d in report.decided[:MOST]
        ),
        changed=tuple(
            Change(
                action=c.action,
                writes=tuple(_text(key) for key in c.writes or ()),
                approved_by=tuple(_text(who) for who in c.approved_by),
                outcome=c.outcome,
                reason=_text(c.reason),
                undone=_text(c.undone),
            )
            for c in changed
        ),
        refused=_few(_text(f"{r.action}: {r.reason}") for r in report.refused),
    )


def account_of(incident: Incident) -> str:
    """The incident in one line for somebody who judges a like case: what was about it, done, and came of it."""
    about = ", ".join([*incident.alerts, *incident.targets][:8])
    decided = "; ".join(f"{d.step} led to {', '.join(d.leads_to)} ({d.by})" for d in incident.decided[:6])
    changed = "; ".join(f"{c.action} on {', '.join(c.writes)}: {c.outcome}" for c in incident.changed[:6])
    return (
        f"{incident.opened_at[:10]} {incident.title} ({about}): {incident.outcome}; "
        f"changed: {changed or 'nothing'}; decided: {decided or 'nothing'}"
    )


def words_of(incident: Incident, alert: Mapping[str, Any]) -> str:
    """What full-text search finds the incident by: its own texts, and those of its alerts."""
    texts = [incident.guide, incident.title, incident.reason, *incident.alerts, *incident.targets]
    texts += [d.reason for d in incident.decided]
    texts += [f"{c.action} {c.outcome} {c.reason}" for c in incident.changed]
    texts += [_text(v) for a in alert.get("alerts", ()) for v in redacted_value(a.get("annotations", {})).values()]
    return " ".join(texts)[:WORDS_CHARS]


def targets_of(alert: Mapping[str, Any]) -> tuple[str, ...]:
    """What the alerts of a run, or the labels that a person started it with, are about."""
    return _few(_named(alert))


def _named(alert: Mapping[str, Any]) -> Iterator[str]:
    for labels in [a.get("labels", {}) for a in alert.get("alerts", ())] or [alert.get("labels", {})]:
        yield from (_text(v) for k, v in redacted_value(labels).items() if k not in NOT_TARGETS)


def _few(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t for t in texts if t))[:MOST]


def _text(text: Any) -> str:
    return safe_text(str(text), TEXT_CHARS)
