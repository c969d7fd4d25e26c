"""The report: the journal rendered, with who decided, what was changed and what it cost, and nothing made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.gate.policy import Policy
from agent.report import Report, report
from dag.model import Plan
from plugins.base import Verdict
from tests.run.engine_bench import Bench, Script, action, default, judged, manual, plan_of, query, when

E = "END.escalate"
R = "END.resolved"


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def bench(tmp_path: Path, script: Script) -> Any:
    made = Bench(tmp_path / "journal.db", script)
    yield made
    made.journal.close()


def told(bench: Bench, plan: Plan, run_id: str) -> Report:
    row = bench.journal.run(run_id)
    assert row is not None
    return report(row, plan, bench.journal.events(run_id))


async def run(bench: Bench, plan: Plan) -> Report:
    run_id = await bench.open(plan)
    await bench.go_on(run_id, plan)
    return told(bench, plan, run_id)


ACT = plan_of(action("act"), when("START", "act", "true"), when("act", R, "true"), default("act", E))


async def test_a_change_carries_its_exact_call_its_key_and_its_verification(bench: Bench, script: Script) -> None:
    made = await run(bench, ACT)
    (changed,) = made.changed
    assert (changed.action, changed.arguments, changed.writes) == ("push", {"what": "x"}, ["thing:x"])
    assert (changed.outcome, changed.reason) == ("verified", "the target shows it")
    assert changed.key == script.applied[0]
    assert changed.before == {"pushed": 0}


async def test_a_change_that_was_not_verified_says_how_it_was_undone(bench: Bench, script: Script) -> None:
    script.verdict = Verdict(False, "still waiting")
    (changed,) = (await run(bench, ACT)).changed
    assert (changed.outcome, changed.undone) == ("not verified", "pulled back")


async def test_a_refused_call_is_shown_and_is_no_change(bench: Bench) -> None:
    bench.policy = Policy()
    bench.restart()
    made = await run(bench, ACT)
    assert made.changed == []
    assert [(r.action, r.arguments) for r in made.refused] == [("push", {"what": "x"})]
    assert made.outcome == "escalated"


async def test_only_those_who_approved_this_very_call_are_named(bench: Bench) -> None:
    bench.policy = Policy.model_validate({"rule": [{"action": "*", "rung": "approve"}]})
    bench.restart()
    run_id = await bench.open(ACT)
    await bench.go_on(run_id, ACT)
    asked = dict(told(bench, ACT, run_id).waiting[0]["ask"])
    words = {"step": "act", "role": "operator", "plan_digest": ACT.digest, "expires_at": asked["expires_at"]}
    await bench.say(run_id, "approve", by="bob", digest="0" * 64, **words)
    await bench.say(run_id, "approve", by="ann", digest=asked["digest"], **words)
    await bench.go_on(run_id, ACT)
    assert told(bench, ACT, run_id).changed[0].approved_by == ["ann"]


async def test_a_default_that_was_taken_is_named_as_taken(bench: Bench, script: Script) -> None:
    script.answers = {"q": RuntimeError("no route")}
    plan = plan_of(query("q"), when("START", "q", "true"), when("q", R, "max(q) > 0.0", "q"), default("q", E))
    made = await run(bench, plan)
    (decided,) = [d for d in made.decided if d.step == "q"]
    assert decided.default_taken
    assert decided.leads_to == [E]
    assert any("default taken" in m.what for m in made.timeline)


async def test_a_branch_shows_the_truth_of_each_of_its_conditions(bench: Bench, script: Script) -> None:
    script.answers = {"q": 3.0}
    plan = plan_of(
        query("q"),
        when("START", "q", "true"),
        when("q", R, "max(q) > 2.0", "q"),
        when("q", E, "max(q) <= 2.0", "q"),
    )
    made = await run(bench, plan)
    (decided,) = [d for d in made.decided if d.step == "q"]
    assert {c["truth"] for c in decided.conditions} == {"true", "false"}
    assert all("3" in c["reason"] for c in decided.conditions)
    (asked,) = made.asked
    assert (asked.name, asked.evidence) == ("q", "look at q")


async def test_without_a_model_no_call_is_counted_and_the_run_waits(bench: Bench) -> None:
    plan = plan_of(query("q"), when("START", "q", "true"), judged("q", R, "it looks fine"))
    made = await run(bench, plan)
    assert made.cost.model_calls == 0
    assert made.outcome == "waiting"
    assert made.waiting[0]["why"] == "judgement"


async def test_time_spent_waiting_for_a_person_is_not_work(bench: Bench) -> None:
    plan = plan_of(manual("m"), when("START", "m", "true"), when("m", R, "true"))
    run_id = await bench.open(plan)
    await bench.go_on(run_id, plan)
    row, events = bench.journal.run(run_id), bench.journal.events(run_id)
    assert row is not None
    from datetime import timedelta

    from agent.run.events import Event, EventKind, StepKey

    later = events[-1].at + timedelta(hours=5)
    answered = Event(len(events), EventKind.ANSWERED, later, StepKey("m"), payload={"by": "ann", "answer": {}})
    made = report(row, plan, [*events, answered])
    assert made.cost.waited_s == pytest.approx(18_000, abs=2)
    assert made.cost.sequential_s < 1


async def test_a_report_read_back_is_the_report_that_was_written(bench: Bench) -> None:
    made = await run(bench, ACT)
    document = {**made.to_json(), "novelty": 1}
    assert Report.from_json(document) == made
    assert Report.from_json({**document, "cost": {**document["cost"], "novelty": 2}}) == made
    assert replace(made, run_id="x") != made
