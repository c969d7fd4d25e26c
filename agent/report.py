"""The journal rendered as an account of the run: what was asked, decided and changed, with evidence.

Pure: a row, a plan and events in, a value out. Everything that comes from the fleet or an alert is
untrusted text here; whoever shows it escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from itertools import pairwise
from typing import Any, Self

from agent.run.events import Event, EventKind, StepKey
from agent.run.schema import RunRow
from dag.conditions import shown
from dag.model import Kind, Plan


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline; `at_s` counts from the run's start."""

    at_s: float
    step: str
    what: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One value that was read: what it was, where it came from, and as of when."""

    step: str
    name: str
    value: Any
    as_of: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Decided:
    """One branch: where it led, who decided (condition, default, a model, a person), why, and by what evidence."""

    step: str
    leads_to: list[str]
    by: str
    reason: str
    conditions: list[dict[str, str]]
    rests_on: list[dict[str, str]] = field(
        default_factory=list
    )  # name, step, as_of, evidence, artifact: what was shown
    past: list[str] = field(default_factory=list)  # runs whose end was shown, too

    @property
    def default_taken(self) -> bool:
        return self.by == "default"


@dataclass(frozen=True, slots=True)
class Changed:
    """One action: the exact call and how far it came."""

    step: str
    action: str
    arguments: dict[str, Any]
    writes: list[str] | None
    key: str
    approved_by: list[str]
    outcome: str  # verified | not verified | applied | not applied | unknown
    reason: str
    undone: str
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """One call that the policy or a person did not allow; nothing was done."""

    step: str
    action: str
    arguments: dict[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class Cost:
    """Time and tokens.

    `sequential_s` is the sum of all steps' times: what one after another would take. `waited_s` is how much
    of `seconds` passed while some step waited for a person.
    """

    seconds: float
    sequential_s: float
    model_calls: int
    prompt_tokens: int
    completion_tokens: int
    waited_s: float = 0.0
    model_cost: float = 0.0  # money, by the configured prices


@dataclass(frozen=True, slots=True)
class Report:
    """What happened in a run."""

    run_id: str
    guide: str
    title: str
    plan_digest: str
    outcome: str  # an Outcome, or "running" / "waiting"
    reason: str
    opened_at: str
    alert: dict[str, Any]
    cost: Cost
    timeline: list[Moment] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; unknown fields are ignored."""
        lists = {"timeline": Moment, "asked": Asked, "decided": Decided, "changed": Changed, "refused": Refused}
        known = {f.name for f in fields(cls)}
        values = {k: v for k, v in document.items() if k in known}
        for name, kind in lists.items():
            values[name] = [_read(kind, item) for item in values.get(name, ())]
        return cls(**{**values, "cost": _read(Cost, values["cost"])})


def report(row: RunRow, plan: Plan, events: Sequence[Event]) -> Report:
    """Render a run, ended or not."""
    opened = next((e for e in events if e.kind is EventKind.RUN_OPENED), None)
    ended = next((e for e in reversed(events) if e.kind is EventKind.RUN_ENDED), None)
    waiting = _waiting(events)
    return Report(
        run_id=row.id,
        guide=row.guide,
        title=row.title,
        plan_digest=row.plan_digest,
        outcome=str(ended.payload["outcome"]) if ended else ("waiting" if waiting else "running"),
        reason=str(ended.payload["reason"]) if ended else (waiting[0]["reason"] if waiting else ""),
        opened_at=row.opened_at.isoformat(timespec="seconds"),
        alert=dict(opened.payload.get("alert", {})) if opened else {},
        cost=_cost(row, events),
        timeline=[m for e in events if (m := _moment(row.opened_at, plan, e)) is not None],
        asked=[a for e in events for a in _asked(e)],
        decided=[_decided(e) for e in events if e.kind is EventKind.BRANCHED],
        changed=_changed(events),
        refused=[_refused(e) for e in events if e.kind is EventKind.REFUSED],
        waiting=[] if ended else waiting,
    )


def _read(kind: type[Any], value: Mapping[str, Any]) -> Any:
    known = {f.name for f in fields(kind)}
    return kind(**{k: v for k, v in value.items() if k in known})


def _cost(row: RunRow, events: Sequence[Event]) -> Cost:
    last = events[-1].at if events else row.opened_at
    began: dict[StepKey, datetime] = {}
    sequential = 0.0
    tokens = {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0}
    for e in events:
        if e.key is not None and e.kind is EventKind.STEP_STARTED:
            began[e.key] = e.at
        elif e.key in began and e.kind in (EventKind.STEP_SUCCEEDED, EventKind.STEP_FAILED):
            assert e.key is not None
            sequential += (e.at - began.pop(e.key)).total_seconds()
        for name in tokens:
            tokens[name] += int(e.payload.get("usage", {}).get(name, 0))
    return Cost(
        seconds=round((last - row.opened_at).total_seconds(), 3),
        sequential_s=round(sequential, 3),
        model_calls=tokens["calls"],
        prompt_tokens=tokens["prompt_tokens"],
        completion_tokens=tokens["completion_tokens"],
        waited_s=round(_waited_s(events), 3),
        model_cost=round(sum(float(e.payload.get("usage", {}).get("cost", 0.0)) for e in events), 6),
    )


def _waited_s(events: Sequence[Event]) -> float:
    """For how long at least one step waited for a person; waits at the same time count once."""
    total = 0.0
    waiting: set[StepKey] = set()
    for earlier, e in pairwise(events):
        if earlier.key is not None and earlier.kind is EventKind.PARKED:
            waiting.add(earlier.key)
        elif earlier.key is not None and earlier.kind in _MOVES_ON:
            waiting.discard(earlier.key)
        if waiting:
            total += (e.at - earlier.at).total_seconds()
    return total


def _asked(e: Event) -> list[Asked]:
    if e.kind not in (EventKind.STEP_SUCCEEDED, EventKind.REREAD) or e.key is None:
        return []
    return [
        Asked(
            step=str(e.key),
            name=name,
            value=stored.get("sample", stored.get("value")),
            as_of=str(stored.get("as_of", "")),
            evidence=str(stored.get("evidence", "")),
        )
        for name, stored in e.payload.get("values", {}).items()
        if stored is not None
    ]


def _decided(e: Event) -> Decided:
    p = e.payload
    rests_on = [{"name": name, **lineage} for name, lineage in p.get("rests_on", {}).items()]
    leads_to, decisions = list(p.get("leads_to", [])), list(p["decisions"])
    return Decided(str(e.key), leads_to, str(p["by"]), str(p["reason"]), decisions, rests_on, list(p.get("past", [])))


def _refused(e: Event) -> Refused:
    call = e.payload["call"]
    return Refused(str(e.key), call["action"], call["arguments"], e.payload["reason"])


def _changed(events: Sequence[Event]) -> list[Changed]:
    """One entry an intent: what came of it is in the events of its step that follow."""
    found: list[Changed] = []
    for i, e in enumerate(events):
        if e.kind is not EventKind.INTENT:
            continue
        later: dict[EventKind, Mapping[str, Any]] = {}
        for other in events[i + 1 :]:
            if other.key == e.key and other.kind is EventKind.INTENT:
                break
            if other.key == e.key:
                later[other.kind] = other.payload
        before: Mapping[str, Any] = next(
            (o.payload["before"] for o in reversed(events[:i]) if o.key == e.key and o.kind is EventKind.PRECHECKED), {}
        )
        approvals = {
            o.payload["by"]
            for o in events[:i]
            if o.key == e.key and o.kind is EventKind.APPROVED and o.payload["digest"] == e.payload["digest"]
        }
        outcome, reason = _came_to(later)
        found.append(
            Changed(
                step=str(e.key),
                action=e.payload["call"]["action"],
                arguments=e.payload["call"]["arguments"],
                writes=e.payload["call"]["writes"],
                key=e.payload["key"],
                approved_by=sorted(approvals) or [str(e.payload.get("rule", ""))],
                outcome=outcome,
                reason=reason,
                undone=str(later.get(EventKind.COMPENSATED, {}).get("reason", "")),
                before=dict(before),
                after=dict(later.get(EventKind.VERIFIED, {}).get("evidence", {})),
            )
        )
    return found


def _came_to(later: Mapping[EventKind, Mapping[str, Any]]) -> tuple[str, str]:
    if EventKind.VERIFIED in later:
        verified = later[EventKind.VERIFIED]
        return ("verified" if verified["ok"] else "not verified"), str(verified["reason"])
    if EventKind.NOT_APPLIED in later:
        return "not applied", str(later[EventKind.NOT_APPLIED]["error"])
    if EventKind.APPLIED in later:
        return "applied", f"{later[EventKind.APPLIED]['evidence']}; not verified yet"
    return "unknown", str(later.get(EventKind.OUTCOME_UNKNOWN, {}).get("error", "its outcome is not journalled yet"))


def _waiting(events: Sequence[Event]) -> list[dict[str, Any]]:
    parked: dict[str, dict[str, Any]] = {}
    for e in events:
        if e.key is None:
            continue
        if e.kind is EventKind.PARKED:
            parked[str(e.key)] = {"step": str(e.key), **e.payload}
        elif e.kind in _MOVES_ON:
            parked.pop(str(e.key), None)
    return list(parked.values())


_MOVES_ON = frozenset(
    {
        EventKind.STEP_STARTED,
        EventKind.STEP_SUCCEEDED,
        EventKind.STEP_FAILED,
        EventKind.STEP_CANCELLED,
        EventKind.BRANCHED,
        EventKind.ANSWERED,
        EventKind.INTENT,
    }
)


# -- the timeline -----------------------------------------------------------------------------


def sentence(plan: Plan, e: Event) -> str | None:
    """What one event means, for people; None for events that say nothing by themselves."""
    p = e.payload
    match e.kind:
        case EventKind.RUN_OPENED:
            names = [a.get("name", "") for a in p.get("alert", {}).get("alerts", ())]
            return f"run opened: {', '.join(sorted(set(names)))} firing" if names else "run opened by a person"
        case EventKind.STEP_STARTED:
            step = plan.by_id.get(e.key.step) if e.key else None
            return "asks" if step is not None and step.kind is Kind.QUERY else "begins"
        case EventKind.STEP_SUCCEEDED:
            return (
                "answered: " + "; ".join(f"{n} = {short(v)}" for n, v in p["values"].items())
                if p.get("values")
                else None
            )
        case EventKind.READ_AHEAD:
            return "is read ahead of its branch"
        case EventKind.READ_DROPPED:
            return f"what was read ahead is dropped: {p['reason']}"
        case EventKind.STEP_FAILED:
            return f"failed: {p['error']}"
        case EventKind.STEP_CANCELLED:
            return f"cancelled: {p['reason']}"
        case EventKind.BRANCHED:
            return _branched(p)
        case EventKind.HELD:
            return f"holds; watched for {p['for_s']:g} s"
        case EventKind.PARKED:
            return f"waits for a person ({p['why']}): {p['reason']}"
        case EventKind.ANSWERED:
            return f"{p['by']} answers {p['answer']}"
        case EventKind.APPROVED:
            return f"approved by {p['by']} ({p['role']})"
        case EventKind.REJECTED:
            return f"rejected by {p['by']}"
        case EventKind.REFUSED:
            return f"not done: {p['reason']}"
        case EventKind.LEASE_WAITED:
            does = "writes" if p.get("holds", True) else "asked first to write"
            return f"waits for run {p['holder']}, which {does} {p.get('resource') or ', '.join(p['keys'])}"
        case _:
            return _of_an_action(e)


def _of_an_action(e: Event) -> str | None:
    p = e.payload
    match e.kind:
        case EventKind.INTENT:
            return f"intends {p['call']['action']} on {', '.join(p['call']['writes'] or ['unknown resources'])}"
        case EventKind.APPLIED:
            return f"applied: {p['evidence']}"
        case EventKind.NOT_APPLIED:
            return f"not applied: {p['error']}"
        case EventKind.OUTCOME_UNKNOWN:
            return f"outcome unknown: {p['error']}"
        case EventKind.VERIFIED:
            return f"{'verified' if p['ok'] else 'NOT verified'}: {p['reason']}"
        case EventKind.COMPENSATING:
            return f"is undone: {p['reason']}"
        case EventKind.COMPENSATED:
            return f"undone: {p['reason']}" if p["ok"] else f"could not be undone: {p['reason']}"
        case EventKind.ALERT_JOINED:
            return f"{len(p['alerts'])} more alert(s) joined"
        case EventKind.ALERT_RESOLVED:
            return f"{len(p['alerts'])} alert(s) resolved, says the sender"
        case EventKind.CANCEL_ASKED:
            return f"{p['by']} asks to cancel: {p.get('reason', '')}"
        case EventKind.RUN_ENDED:
            return f"ended: {p['outcome']} ({p['reason']})"
        case _:
            return None


def _branched(p: Mapping[str, Any]) -> str:
    where = ", ".join(p.get("leads_to", [])) or "nowhere"
    if p["by"] == "default":
        return f"default taken, to {where}: {p['reason']}"
    return f"decided by {p['by']}, to {where}: {p['reason']}" if p["reason"] else f"to {where}"


def _moment(opened_at: datetime, plan: Plan, e: Event) -> Moment | None:
    text = sentence(plan, e)
    if text is None:
        return None
    return Moment(round((e.at - opened_at).total_seconds(), 3), str(e.key or ""), text)


def short(stored: Mapping[str, Any] | None) -> str:
    """A stored value in a few words."""
    if stored is None:
        return "no value"
    text = shown(stored.get("sample", stored.get("value")))
    return f"{text} (what may be shown of {stored['bytes']:,} bytes)" if "artifact" in stored else text
