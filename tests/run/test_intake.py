"""Which alerts start a run, which join one, which have had theirs: accepted means journalled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from agent.inputs import MissingInput, bind_inputs
from agent.run.events import EventKind, Outcome
from agent.run.intake import Decision, Intake
from dag.model import Edge, Input, Plan, ValueType
from telemetry.alerts import Alert, AlertStatus, Notification
from tests.run.engine_bench import Bench, manual, plan_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class OneGuide:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def plan_for(self, alert: Alert) -> tuple[Plan | None, str]:
        return (self.plan, "its name fits") if alert.name == "Hot" else (None, "no guide names it")


PLAN = plan_of(manual("m"), Edge("START", "m"), Edge("m", "END.resolved"))


def alert(name: str = "Hot", fingerprint: str = "f1", *, status: str = "firing", started: datetime = NOW) -> Alert:
    return Alert(name, AlertStatus(status), fingerprint, started, labels={"alertname": name, "replica": "a"})


def note(*alerts: Alert, key: str = "{}:{}") -> Notification:
    return Notification("alertmanager", key, alerts)


def intake(bench: Bench, plan: Plan = PLAN) -> Intake:
    return Intake(bench.journal, OneGuide(plan), run_deadline_s=3600)


async def decisions(bench: Bench, *notes: Notification) -> list[Sequence[Decision]]:
    door = intake(bench)
    return [[a.decision for a in await door.accept(n)] for n in notes]


async def test_a_repeat_joins_the_run_that_is_going_on(bench: Bench) -> None:
    got = await decisions(bench, note(alert()), note(alert()))
    assert got == [[Decision.STARTED], [Decision.JOINED]]
    assert len(bench.journal.runs()) == 1


async def test_another_group_is_another_run(bench: Bench) -> None:
    got = await decisions(bench, note(alert(), key="x"), note(alert(fingerprint="f2"), key="y"))
    assert got == [[Decision.STARTED], [Decision.STARTED]]


async def test_forty_alerts_of_one_group_are_one_run(bench: Bench) -> None:
    got = await decisions(bench, note(*(alert(fingerprint=f"f{i}") for i in range(40))))
    assert got == [[Decision.STARTED]]


async def test_a_repeat_after_the_end_starts_nothing_and_a_new_firing_does(bench: Bench) -> None:
    door = intake(bench)
    first = (await door.accept(note(alert())))[0]
    assert first.run_id is not None
    await bench.say(first.run_id, "cancel", by="ann", reason="")
    await bench.go_on(first.run_id, PLAN)
    assert [a.decision for a in await door.accept(note(alert()))] == [Decision.DUPLICATE]
    again = alert(started=datetime(2026, 1, 2, tzinfo=UTC))
    assert [a.decision for a in await door.accept(note(again))] == [Decision.STARTED]


async def test_resolved_is_evidence_for_the_run_and_cancels_nothing(bench: Bench) -> None:
    door = intake(bench)
    started = (await door.accept(note(alert())))[0]
    got = await door.accept(note(alert(status="resolved")))
    assert [(a.decision, a.run_id) for a in got] == [(Decision.RESOLVED, started.run_id)]
    assert started.run_id is not None
    advanced, _ = await bench.go_on(started.run_id, PLAN)
    assert advanced.outcome is None
    assert EventKind.ALERT_RESOLVED in bench.kinds(started.run_id)


async def test_an_alert_without_a_guide_is_said_so_and_not_lost(bench: Bench) -> None:
    got = await intake(bench).accept(note(alert("Odd")))
    assert [(a.decision, a.reason) for a in got] == [(Decision.UNMATCHED, "Odd: no guide names it")]


async def test_a_mixed_group_is_decided_alert_by_alert(bench: Bench) -> None:
    got = await intake(bench).accept(note(alert(status="resolved", fingerprint="f0"), alert(), alert("Odd")))
    assert {a.decision for a in got} == {Decision.RESOLVED, Decision.STARTED, Decision.UNMATCHED}


async def test_what_comes_at_the_same_time_starts_one_run(bench: Bench) -> None:
    door = intake(bench)
    got = await asyncio.gather(*(door.accept(note(alert())) for _ in range(20)))
    assert sorted(str(a.decision) for g in got for a in g) == ["joined"] * 19 + ["started"]


async def test_an_alert_that_lacks_an_input_ends_its_run_before_the_first_step(bench: Bench) -> None:
    plan = Plan(PLAN.guide, PLAN.guide_sha256, (Input("zone", source="labels.zone"),), PLAN.steps, PLAN.edges)
    got = (await intake(bench, plan).accept(note(alert())))[0]
    assert "input 'zone' has no value: expected from labels.zone" in got.reason
    assert got.run_id is not None
    assert bench.state(got.run_id, plan).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("declared", "given", "want"),
    [
        pytest.param(Input("replica", source="labels.replica"), {}, "a", id="from the alert"),
        pytest.param(
            Input("replica", source="labels.replica"), {"replica": "b"}, "b", id="a person's word beats the alert"
        ),
        pytest.param(Input("n", ValueType.SCALAR, default=3), {}, 3.0, id="the default, as a double"),
        pytest.param(Input("b", ValueType.BOOL), {"b": "true"}, True, id="a bool"),
    ],
)
def test_where_inputs_come_from(declared: Input, given: dict[str, str], want: object) -> None:
    assert bind_inputs((declared,), given, alert(), NOW)[declared.name]["value"] == want


@pytest.mark.parametrize(
    ("declared", "given", "says"),
    [
        pytest.param(Input("n", ValueType.SCALAR), {"n": "many"}, "'many' is no scalar", id="a wrong type"),
        pytest.param(Input("n"), {"m": "x", "n": "y"}, "declares no input 'm'", id="an undeclared input"),
        pytest.param(Input("n"), {}, "expected from a person", id="a missing one"),
    ],
)
def test_inputs_that_are_refused(declared: Input, given: dict[str, str], says: str) -> None:
    with pytest.raises(MissingInput, match=says):
        bind_inputs((declared,), given, None, NOW)
