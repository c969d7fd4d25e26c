"""What a run's journal says that the fleet answered: reads with their values, changes with their ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agent.replay.calls import declared, identity
from agent.run.branching import HOLD_PAUSE_MOST_S, HOLD_PROBES
from agent.run.events import Event, EventKind
from agent.run.shape import Shape
from agent.run.state import RunState
from dag.model import Call, Kind, Plan, Step, ValueType
from plugins.base import Result
from plugins.registry import Registry

Load = Callable[[Mapping[str, Any]], Any]
FOREVER = 1_000_000_000


@dataclass(slots=True)
class Reading:
    """What one query call answered: `result`, or `error`; neither: it never did.

    `latency_s` is how long it took; `told` is the event that its answer became; `left` how often it may be given.
    """

    key: str
    step: str
    call: str  # its identity
    bind: str
    arguments: Mapping[str, Any]
    result: Result | None = None
    error: str = ""
    hint: str = ""
    latency_s: float = 0.0
    told: Event | None = None
    left: int = 1


@dataclass(slots=True)
class Deed:
    """One attempt at a change, stage by stage. `arguments` is None when the journal does not say them."""

    key: str
    step: str
    action: str
    arguments: Mapping[str, Any] | None = None
    before: Mapping[str, Any] | None = None
    error: str = ""  # of the precheck, as journalled
    result: Result | None = None
    lost_answer: bool = False
    unknown: bool = False
    not_applied: Mapping[str, Any] | None = None
    verified: Mapping[str, Any] | None = None
    compensated: Mapping[str, Any] | None = None
    told: dict[EventKind, Event] = field(default_factory=dict)  # its last event of each kind


@dataclass(frozen=True, slots=True)
class Recording:
    """All answers of one run."""

    readings: list[Reading]
    deeds: list[Deed]


class Recorder:
    """Reads a journal from its beginning. `load` fetches a stored value, `registry` knows the plugins' facts."""

    def __init__(self, plan: Plan, registry: Registry, load: Load) -> None:
        self.plan, self.registry, self.load = plan, registry, load
        self.state = RunState(Shape(plan))
        self.readings: list[Reading] = []
        self.deeds: list[Deed] = []
        self._started: dict[str, datetime] = {}
        self._open: dict[str, Deed] = {}
        self._probing: dict[str, tuple[datetime, float, set[str]]] = {}  # key: last look, pause, read since
        self._by_name = {n: s for s in plan.steps if s.kind is not Kind.ACTION and s.calls for n in s.produces}

    def read(self, events: Sequence[Event]) -> Recording:
        for event in events:
            if event.key is not None:
                step = self.plan.by_id.get(event.key.step)
                self._hear(event, str(event.key), step)
            self.state.apply(event)
        for key in self._started:
            step = self.plan.by_id.get(key.partition("@")[0])
            if step is not None and step.kind is not Kind.ACTION:
                self._keep(key, step, step.calls, left=FOREVER)
        return Recording(self.readings, self.deeds)

    def _hear(self, event: Event, key: str, step: Step | None) -> None:
        if event.kind is EventKind.HELD:
            pause_s = min(event.payload["for_s"] / HOLD_PROBES, HOLD_PAUSE_MOST_S)
            self._probing[key] = (event.at, pause_s, set())
        elif event.kind is EventKind.REREAD:
            self._reread(event, key)
        elif event.kind is EventKind.STEP_STARTED:
            self._started[key] = event.at
        elif step is not None and step.kind is Kind.ACTION and step.calls:
            self._change(event, key, step)
        elif step is not None and event.kind in _ENDS:
            began = self._started.pop(key, None)
            if began is not None:
                self._finish(event, key, step, (event.at - began).total_seconds())

    # -- reads --------------------------------------------------------------------------------

    def _finish(self, event: Event, key: str, step: Step, took_s: float) -> None:
        p = event.payload
        if event.kind is EventKind.STEP_SUCCEEDED:
            self._keep(key, step, step.calls, results=self._results(p.get("values", {})), latency_s=took_s, told=event)
        elif event.kind is EventKind.STEP_FAILED:
            # One answer for every try: the journal knows only how the last one ended.
            failed = {"error": p["error"], "hint": p.get("hint", ""), "told": event, "left": step.retries + 1}
            self._keep(key, step, step.calls, **failed)
        else:
            self._keep(key, step, step.calls, left=FOREVER)

    def _reread(self, event: Event, key: str) -> None:
        values, error = event.payload["values"], event.payload.get("error", "")
        step = next((self._by_name[n] for n in values if n in self._by_name), None)
        if step is None:
            return
        took_s = self._probe_s(event, key, step)
        kept = {n: v for n, v in values.items() if v is not None}
        left = 1 if not error else step.retries + 1
        self._keep(
            key, step, step.calls, results=self._results(kept), error=error, latency_s=took_s, told=event, left=left
        )

    def _probe_s(self, event: Event, key: str, step: Step) -> float:
        """How long a look took while a condition had to hold: the time since the last one, but for the pause."""
        if key not in self._probing:
            return 0.0
        last, pause_s, seen = self._probing[key]
        is_new_probe = not seen or step.id in seen
        self._probing[key] = (event.at, pause_s, {step.id} if is_new_probe else {*seen, step.id})
        return max(0.0, (event.at - last).total_seconds() - (pause_s if is_new_probe else 0.0))

    def _keep(
        self, key: str, step: Step, calls: Sequence[Call], *, results: Mapping[str, Result] | None = None, **how: Any
    ) -> None:
        values = self._values(step)
        for call in calls:
            arguments = declared(self.registry, call, values)
            if arguments is not None:  # what could not be asked had no answer
                name = call.bind or call.plugin
                if results is not None and name not in results and not how.get("error"):
                    continue
                result = (results or {}).get(name)
                call_id = identity(call.plugin, arguments)
                self.readings.append(Reading(key, step.id, call_id, name, arguments, result, **how))

    def _values(self, step: Step) -> dict[str, Any]:
        """What the step may see. A verification's calls may use more than the step consumes."""
        known = self.state.values
        wanted = step.consumes if step.kind is not Kind.ACTION else tuple(known)
        return {n: self.load(known[n]) for n in wanted if n in known}

    def _results(self, stored: Mapping[str, Mapping[str, Any]]) -> dict[str, Result]:
        return {name: self._result(s) for name, s in stored.items()}

    def _result(self, stored: Mapping[str, Any]) -> Result:
        return Result(
            value=self.load(stored),
            type=ValueType(stored["type"]),
            as_of=datetime.fromisoformat(stored["as_of"]),
            unit=stored.get("unit"),
            evidence=stored.get("evidence", ""),
        )

    # -- changes ------------------------------------------------------------------------------

    def _change(self, event: Event, key: str, step: Step) -> None:
        p, kind = event.payload, event.kind
        if key not in self._open:
            self._open[key] = Deed(key, step.id, step.calls[0].plugin)
            self.deeds.append(self._open[key])
        deed = self._open[key]
        deed.told[kind] = event
        match kind:
            case EventKind.APPROVAL_ASKED | EventKind.REFUSED | EventKind.INTENT:
                deed.arguments = p["call"]["arguments"]
            case EventKind.PRECHECKED:
                deed.before = p["before"]
            case EventKind.APPLIED:
                deed.lost_answer = p["observed"]
                deed.result = self._applied(event, step)
            case EventKind.NOT_APPLIED:
                deed.not_applied = p
            case EventKind.OUTCOME_UNKNOWN:
                deed.unknown = True
            case EventKind.VERIFIED:
                deed.verified = p
                self._verification(event, key, step)
            case EventKind.COMPENSATED:
                deed.compensated = p
            case EventKind.STEP_FAILED:
                deed.error = p["error"]
                self._started.pop(key, None)
                del self._open[key]  # another attempt is another deed
            case EventKind.STEP_SUCCEEDED | EventKind.STEP_CANCELLED:
                self._started.pop(key, None)
            case _:
                pass

    def _applied(self, event: Event, step: Step) -> Result:
        stored = event.payload["values"].get(step.calls[0].bind)
        if stored is not None:
            return self._result(stored)
        return Result({}, ValueType.DYN, event.at, evidence=event.payload.get("evidence", ""))

    def _verification(self, event: Event, key: str, step: Step) -> None:
        """What the guide's own post-condition read: its values when it held, the last reason when it did not."""
        if step.verify is None:
            return
        p = event.payload
        if p["ok"]:
            results = {
                name: Result(p["evidence"][name], call.result, event.at)
                for call in step.verify.calls
                if (name := call.bind or call.plugin) in p["evidence"]
            }
            self._keep(key, step, step.verify.calls, results=results, told=event)
        elif (said := guides_reason(step, p["reason"])) is not None:
            self._keep(key, step, step.verify.calls, error=said, left=FOREVER)


_ENDS = (EventKind.STEP_SUCCEEDED, EventKind.STEP_FAILED, EventKind.STEP_CANCELLED)


def guides_reason(step: Step, reason: str) -> str | None:
    """Why the guide's own post-condition did not hold; None when it was the action's that did not."""
    if step.verify is None:
        return None
    head = f"within {step.verify.within_s:g} s: "
    return reason.removeprefix(head) if reason.startswith(head) else None


def own_reason(step: Step, verified: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What the action's own verification said, without the guide's part: reason and evidence."""
    guides = {call.bind or call.plugin for call in step.verify.calls} if step.verify else set()
    evidence = {n: v for n, v in verified["evidence"].items() if n not in guides}
    return str(verified["reason"]), evidence
