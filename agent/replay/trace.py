"""What a run comes down to when times and wording are left out, and how two runs differ in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agent.run.events import Event, EventKind
from agent.run.shape import Shape
from agent.run.state import SETTLED, RunState, Status
from dag.model import START, Plan

WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Made:
    """One change that was begun, in the order of their intents."""

    step: str
    action: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trace:
    """`steps` holds every execution that the run touched; `parked` those that asked a person, and why.

    `edges` are those taken, by the execution they leave; `values` what each execution found out, as stored.
    `ends` says how each change ended: verified, not verified, undone.
    """

    outcome: str
    steps: Mapping[str, str]
    order: tuple[str, ...]
    edges: Mapping[str, tuple[str, ...]]
    values: Mapping[str, Mapping[str, Any]]
    made: tuple[Made, ...]
    ends: Mapping[str, str]
    parked: Mapping[str, str]
    waits: Mapping[str, str]  # those of `parked` that still do at the end
    errors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two runs do not have in common. `what`: outcome, step, branch, value, action, question."""

    what: str
    step: str
    before: str
    after: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def trace(plan: Plan, events: Sequence[Event]) -> Trace:
    """Fold a run's events. Steps that the end of a run cancelled unstarted count as untouched."""
    shape = Shape(plan)
    state = RunState(shape)
    edges: dict[str, tuple[str, ...]] = {}
    found: dict[str, Mapping[str, Any]] = {}
    made: list[Made] = []
    ends: dict[str, str] = {}
    parked: dict[str, str] = {}
    order: dict[str, None] = {}
    for event in events:
        state.apply(event)
        key, p = str(event.key), event.payload
        match event.kind:
            case EventKind.STEP_STARTED:
                order.setdefault(key)
            case EventKind.STEP_SUCCEEDED:
                order.setdefault(key)
                found[key] = p.get("values", {})
                if event.key is not None and event.key.step not in shape.branches:
                    edges[key] = tuple(sorted(lk.id for lk in shape.forward[event.key.step]))
            case EventKind.BRANCHED:
                edges[key] = tuple(sorted(p["taken"]))
            case EventKind.INTENT:
                made.append(Made(key, p["call"]["action"], p["call"]["arguments"]))
            case EventKind.VERIFIED:
                ends[key] = "verified" if p["ok"] else "not verified"
            case EventKind.NOT_APPLIED:
                ends[key] = "not applied"
            case EventKind.COMPENSATED:
                ends[key] = "undone" if p["ok"] else "not undone"
            case EventKind.PARKED:
                parked[key] = p["why"]
            case _:
                pass
    if START not in shape.branches:
        edges[START] = tuple(sorted(lk.id for lk in shape.forward[START]))
    return Trace(
        outcome=str(state.outcome or WAITING),
        steps={str(k): str(s.status) for k, s in state.steps.items() if _is_touched(str(k), s.status, order)},
        order=tuple(order),
        edges=edges,
        values=found,
        made=tuple(made),
        ends=ends,
        parked=parked,
        waits={str(k): parked.get(str(k), "") for k in sorted(state.parked)} if state.outcome is None else {},
        errors={str(k): s.error for k, s in state.steps.items() if s.status is Status.FAILED},
    )


def _is_touched(key: str, status: Status, order: Mapping[str, None]) -> bool:
    return key in order and (status in SETTLED or status is Status.PARKED)


def differences(before: Trace, after: Trace, *, values: bool = True) -> list[Difference]:
    """What `after` does otherwise, in the order of its importance; `values`: what was read counts, too."""
    found = []
    if before.outcome != after.outcome:
        found.append(Difference("outcome", "", before.outcome, after.outcome))
    found += _made(before.made, after.made)
    found += _tables("step", before.steps, after.steps, absent="not run")
    found += _tables("branch", _led(before), _led(after), absent="not decided")
    found += _tables("action", before.ends, after.ends, absent="no end")
    found += _tables("question", before.parked, after.parked, absent="nobody was asked")
    if values:
        found += _tables("value", _flat(before.values), _flat(after.values), absent="no value")
    return found


def _led(made: Trace) -> dict[str, str]:
    return {key: ", ".join(e.partition("->")[2].partition("#")[0] for e in taken) for key, taken in made.edges.items()}


def _flat(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Where a value came from and its time are part of it: what is replayed is exactly what was recorded."""
    return {f"{key}: {name}": str(stored) for key, values in found.items() for name, stored in values.items()}


def _made(before: Sequence[Made], after: Sequence[Made]) -> list[Difference]:
    """Changes in their order: the first that is another makes all that follow another story."""
    found = []
    for i in range(max(len(before), len(after))):
        was, now = (side[i] if i < len(side) else None for side in (before, after))
        if was != now:
            step = (now or was or Made("", "", {})).step
            found.append(Difference("action", step, shown_made(was), shown_made(now)))
    return found


def shown_made(made: Made | None) -> str:
    if made is None:
        return "nothing"
    return f"{made.action}({', '.join(f'{k}={v}' for k, v in made.arguments.items())})"


def _tables(what: str, before: Mapping[str, str], after: Mapping[str, str], *, absent: str) -> list[Difference]:
    keys = [*before, *(k for k in after if k not in before)]
    return [
        Difference(what, key, before.get(key, absent), after.get(key, absent))
        for key in keys
        if before.get(key) != after.get(key)
    ]
