"""A recorded run again: the stored plan to prove that its journal explains it, or a guide as it is now.

Nothing outside is touched: no plugin is called, and the journal that holds the run is only read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from agent.errors import StepfleetError
from agent.inputs import bind_inputs
from agent.replay.memory_journal import MemoryJournal
from agent.replay.recorded_words import RecordedGate, RecordedJudge, RecordedPeople
from agent.replay.recorded_world import Missing, RecordedWorld
from agent.replay.recording import Load, Recorder
from agent.replay.stage import Played, Stage
from agent.replay.trace import Difference, Trace, differences, trace
from agent.replay.turns import Turns
from agent.replay.virtual_time import Clock, run_virtually
from agent.run.events import Event, EventKind
from agent.run.journal import Journal, open_run
from agent.run.schema import RunRow
from agent.run.state import RunStatus
from agent.run.values import load
from agent.service import RunView
from dag.model import Plan
from dag.serial import to_json
from plugins.registry import Registry
from telemetry.alerts import Alert, AlertStatus


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What another plan has that the run's had not, and the other way round."""

    steps_added: tuple[str, ...]
    steps_removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run beside its replay. `change` is None for the run's own plan."""

    run_id: str
    guide: str
    recorded: Trace
    replayed: Trace
    differences: list[Difference]
    missing: list[Missing]
    change: PlanChange | None = None

    @property
    def same(self) -> bool:
        return not self.differences and not self.missing

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.run_id,
            "guide": self.guide,
            "same": self.same,
            "outcome": {"recorded": self.recorded.outcome, "replayed": self.replayed.outcome},
            "path": {"recorded": list(self.recorded.order), "replayed": list(self.replayed.order)},
            "differences": [d.to_json() for d in self.differences],
            "no_recorded_answer": [asdict(m) for m in self.missing],
            "plan": asdict(self.change) if self.change else None,
        }


def replay(view: RunView, journal: Journal, installed: Registry, plan: Plan | None = None) -> Replayed:
    """Replay a run on its own plan, or on `plan`. `journal` holds its larger values. Blocking.

    Raises: StepfleetError for a run that is still at work or never began; PluginError when a plugin that the
    plan calls is not installed; JournalError; MissingInput when `plan` wants an input that the alert lacks.
    """
    _require_rest(view)
    events = view.events

    def fetch(stored: Mapping[str, Any]) -> Any:
        return load(journal, stored)

    played, missing = run_virtually(_play(view, plan or view.plan, installed, fetch))
    recorded, replayed = trace(view.plan, events), trace(plan or view.plan, played.events)
    change = None if plan is None else _change(view.plan, plan)
    # Under another guide, what was read keeps its step's name or not; the path and the deeds are what counts.
    found = differences(recorded, replayed, values=plan is None)
    return Replayed(view.row.id, view.row.guide, recorded, replayed, found, list(missing), change)


async def _play(view: RunView, plan: Plan, installed: Registry, fetch: Load) -> tuple[Played, dict[Missing, None]]:
    events, opened = view.events, view.events[0]
    clock = Clock(opened.at)
    turns = Turns(events, clock)
    world = RecordedWorld(plan, Recorder(view.plan, installed, fetch).read(events), turns)

    async def open_(journal: MemoryJournal) -> str:
        row, event = _reopened(view, plan, opened)
        await journal.write(lambda conn: open_run(conn, row, [event]))
        return row.id

    stage = Stage(
        plan=plan,
        installed=installed,
        clock=clock,
        world=world,
        people=RecordedPeople(events, world.missing),
        judge=RecordedJudge(events, turns, world.missing),
        gate=lambda journal: RecordedGate(events, journal),
        open_run=open_,
        turns=turns,
    )
    return await stage.play(), world.missing


def _reopened(view: RunView, plan: Plan, opened: Event) -> tuple[RunRow, Event]:
    """The run as it was opened, under the plan that is to be replayed."""
    row = RunRow(
        **{
            **view.row.model_dump(),
            "guide_sha256": plan.guide_sha256,
            "plan_digest": plan.digest,
            "plan": view.row.plan if plan is view.plan else _stored(plan),
            "ended_at": None,
            "outcome": None,
            "parked": None,
            "wake_at": None,
        }
    )
    payload = {**opened.payload, "plan_digest": plan.digest}
    if plan is not view.plan:
        payload["inputs"] = _inputs(plan, opened)
    return row, Event(0, EventKind.RUN_OPENED, opened.at, payload=payload)


def _inputs(plan: Plan, opened: Event) -> dict[str, Mapping[str, Any]]:
    """The inputs of another plan: the run's own where they have the name and type, else as an alert gives them."""
    known = {
        i.name: stored
        for i in plan.inputs
        if (stored := opened.payload["inputs"].get(i.name)) is not None and stored["type"] == str(i.type)
    }
    others = [i for i in plan.inputs if i.name not in known]
    return {**bind_inputs(others, {}, _alert(opened), opened.at), **known}


def _alert(opened: Event) -> Alert | None:
    facts = opened.payload.get("alert", {})
    if "fingerprint" not in facts:
        return None
    return Alert(
        name=facts["name"],
        status=AlertStatus(facts["status"]),
        fingerprint=facts["fingerprint"],
        starts_at=datetime.fromisoformat(facts["starts_at"]),
        labels=facts["labels"],
        annotations=facts["annotations"],
    )


def _stored(plan: Plan) -> str:
    return json.dumps(to_json(plan, pairs=False))


def _require_rest(view: RunView) -> None:
    row = view.row
    if len(view.events) == 2 and view.events[1].kind is EventKind.RUN_ENDED:
        raise StepfleetError(
            f"run {row.id} ended before its first step: {view.events[1].payload['reason']}",
            hint="there is nothing to replay",
        )
    if view.state.status is RunStatus.RUNNING:
        raise StepfleetError(
            f"run {row.id} is still at work", hint=f"wait for its end, or go on with it: stepfleet resume {row.id}"
        )


def _change(before: Plan, after: Plan) -> PlanChange:
    return PlanChange(
        steps_added=tuple(s.id for s in after.steps if s.id not in before.by_id),
        steps_removed=tuple(s.id for s in before.steps if s.id not in after.by_id),
    )
