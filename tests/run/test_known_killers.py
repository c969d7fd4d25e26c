"""The faults that are known to kill run engines: each ends or parks the run, with a reason, and nothing hangs.

Every test looks at the journal's last word on every step, and that a restart changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.run.advance import Advanced
from agent.run.events import EventKind, Outcome
from agent.run.judge import Judgement, Question
from agent.run.state import RunState, RunStatus
from dag.model import Edge, EdgeKind, Effect, Plan
from plugins.base import Verdict
from plugins.errors import PluginError
from tests.run.engine_bench import Bench, Script, action, check, default, judged, manual, plan_of, query, when

ROOT = Path(__file__).resolve().parents[2]
IN_WORDS = plan_of(
    check("c"),
    manual("mend"),
    Edge("START", "c"),
    judged("c", "mend", "it looks broken"),
    judged("c", "END.resolved", "it looks fine"),
    Edge("mend", "END.resolved"),
)
BY_NUMBER = plan_of(
    query("a"),
    check("high"),
    check("low"),
    Edge("START", "a"),
    when("a", "high", "max(a) > 1.0", "a"),
    when("a", "low", "!(max(a) > 1.0)", "a", otherwise=True),
    Edge("high", "END.resolved"),
    Edge("low", "END.not_applicable"),
)


def with_default(plan: Plan, source: str) -> Plan:
    return plan_of(*plan.steps, *plan.edges, default(source, "END.escalate"))


def statuses(state: RunState) -> dict[str, str]:
    """Where each step stands, all steps of the plan included."""
    return {str(k): str(state.step(k).status) for k in {*state.steps, *state.shape.first_keys()}}


async def unchanged(bench: Bench, run_id: str, plan: Plan, advanced: Advanced) -> None:
    """A restart finds the run where it was, and adds not one event."""
    before = bench.journal.events(run_id)
    bench.restart()
    again, _ = await bench.go_on(run_id, plan)
    assert (again.status, again.outcome, again.reason) == (advanced.status, advanced.outcome, advanced.reason)
    assert bench.journal.events(run_id) == before


async def fate(bench: Bench, plan: Plan) -> tuple[str, Advanced, dict[str, str]]:
    """Run `plan` to where it stops and check that a restart leaves it there."""
    run_id = await bench.open(plan)
    advanced, state = await bench.go_on(run_id, plan)
    assert advanced.reason
    await unchanged(bench, run_id, plan, advanced)
    return run_id, advanced, statuses(state)


class Says:
    """A judge that does as the test says."""

    def __init__(self, answer: Callable[[Question], Any]) -> None:
        self.answer = answer

    async def judge(self, question: Question) -> Judgement:
        said = self.answer(question)
        if asyncio.iscoroutine(said):
            said = await said
        return said if isinstance(said, Judgement) else Judgement(said, "so it seems", "model-x")


def judging(bench: Bench, answer: Callable[[Question], Any]) -> None:
    bench.judge = Says(answer)
    bench.restart()


# -- 1: an edge that does not exist -----------------------------------------------------------


@pytest.mark.parametrize("edge", ["edge_step4_step99", "", 1, ["c"], {"edge": "c"}], ids=repr)
async def test_a_judge_that_chooses_an_unknown_edge_parks_the_run(bench: Bench, edge: Any) -> None:
    judging(bench, lambda _: edge)
    _, advanced, steps = await fate(bench, IN_WORDS)
    assert advanced.status is RunStatus.PARKED
    assert f"model-x chose {edge!r}, which is no edge it was asked about" in advanced.reason
    assert steps == {"c": "succeeded", "mend": "pending"}


async def test_a_judge_that_chooses_an_unknown_edge_takes_the_stated_default(bench: Bench) -> None:
    judging(bench, lambda _: "edge_step4_step99")
    _, advanced, steps = await fate(bench, with_default(IN_WORDS, "c"))
    assert advanced.outcome is Outcome.ESCALATED
    assert "edge_step4_step99" in advanced.reason
    assert steps == {"c": "succeeded", "mend": "skipped"}


async def test_a_judge_cannot_choose_an_edge_that_was_computed_to_be_false(bench: Bench, script: Script) -> None:
    script.answers = {"a": 0.0}
    plan = plan_of(
        query("a"),
        Edge("START", "a"),
        when("a", "END.resolved", "max(a) > 1.0", "a"),
        judged("a", "END.not_applicable", "nobody is affected"),
    )
    false = next(e.id for e in plan.outgoing["a"] if e.target == "END.resolved")
    judging(bench, lambda _: false)
    _, advanced, steps = await fate(bench, plan)
    assert advanced.status is RunStatus.PARKED
    assert "no edge it was asked about" in advanced.reason
    assert steps == {"a": "succeeded"}


async def test_a_person_who_names_an_unknown_edge_is_asked_again(bench: Bench) -> None:
    run_id = await bench.open(IN_WORDS)
    await bench.go_on(run_id, IN_WORDS)
    await bench.say(run_id, "answer", step="c", by="ann", answer={"edge": "edge_step4_step99"})
    advanced, state = await bench.go_on(run_id, IN_WORDS)
    assert advanced.status is RunStatus.PARKED
    assert "ann chose 'edge_step4_step99', which is no edge of this step" in advanced.reason
    assert statuses(state) == {"c": "succeeded", "mend": "pending"}
    await unchanged(bench, run_id, IN_WORDS, advanced)


async def test_a_failed_step_keeps_its_retry_after_an_answer_that_fits_nothing(bench: Bench, script: Script) -> None:
    script.answers = {"a": PluginError("down")}
    run_id = await bench.open(BY_NUMBER)
    await bench.go_on(run_id, BY_NUMBER)
    await bench.say(run_id, "answer", step="a", by="ann", answer={"edge": "nowhere"})
    advanced, state = await bench.go_on(run_id, BY_NUMBER)
    assert bench.last(run_id, EventKind.PARKED).payload["why"] == "failure"
    assert statuses(state) == {"a": "failed", "high": "pending", "low": "pending"}
    await unchanged(bench, run_id, BY_NUMBER, advanced)
    script.answers = {"a": 5.0}
    await bench.say(run_id, "answer", step="a", by="ann", answer={"retry": True})
    advanced, state = await bench.go_on(run_id, BY_NUMBER)
    assert advanced.outcome is Outcome.RESOLVED
    assert statuses(state) == {"a": "succeeded", "high": "succeeded", "low": "skipped"}


# -- 2: no edge chosen ------------------------------------------------------------------------


async def test_a_branch_of_which_nothing_holds_parks_with_what_was_seen(bench: Bench, script: Script) -> None:
    script.answers = {"a": 5.0}
    plan = plan_of(
        query("a"),
        check("x"),
        Edge("START", "a"),
        when("a", "x", "max(a) > 10.0", "a"),
        when("a", "END.resolved", "max(a) < 1.0", "a"),
        Edge("x", "END.resolved"),
    )
    _, advanced, steps = await fate(bench, plan)
    assert advanced.status is RunStatus.PARKED
    assert "no written branch holds" in advanced.reason
    assert "5" in advanced.reason
    assert steps == {"a": "succeeded", "x": "pending"}


async def test_a_judge_that_names_no_edge_parks_with_its_reason(bench: Bench) -> None:
    judging(bench, lambda _: Judgement(None, "the log shows neither", "model-x"))
    _, advanced, steps = await fate(bench, IN_WORDS)
    assert advanced.status is RunStatus.PARKED
    assert "the log shows neither" in advanced.reason
    assert steps == {"c": "succeeded", "mend": "pending"}


# -- 3: the executor dies ---------------------------------------------------------------------


def dies(_: Question) -> Any:
    raise RuntimeError("out of memory")


@pytest.mark.parametrize("stated", [False, True], ids=["without a default", "with a default"])
async def test_a_judge_that_crashes_counts_as_undecided(bench: Bench, stated: bool) -> None:
    judging(bench, dies)
    _, advanced, steps = await fate(bench, with_default(IN_WORDS, "c") if stated else IN_WORDS)
    assert "the judge failed: RuntimeError: out of memory" in advanced.reason
    assert advanced.outcome is (Outcome.ESCALATED if stated else None)
    assert steps == {"c": "succeeded", "mend": "skipped" if stated else "pending"}


async def test_a_plugin_that_crashes_fails_its_step_alone(bench: Bench, script: Script) -> None:
    script.answers = {"a": RuntimeError("segfault, nearly")}
    plan = plan_of(
        query("a"),
        query("b"),
        check("join"),
        Edge("START", "a"),
        Edge("START", "b"),
        Edge("a", "join"),
        Edge("b", "join"),
        Edge("join", "END.resolved"),
    )
    _, advanced, steps = await fate(bench, plan)
    assert advanced.status is RunStatus.PARKED
    assert "segfault, nearly" in advanced.reason
    assert steps == {"a": "failed", "b": "succeeded", "join": "pending"}


CHILD = """
import asyncio, sys
from pathlib import Path
from tests.run.engine_bench import Bench, Script
script = Script(delays_s={"slow": 600.0, "push": 600.0})
asyncio.run(Bench(Path(sys.argv[1]), script).engine.advance(sys.argv[2]))
"""


@pytest.mark.parametrize("step", [query("slow"), action("act")], ids=["in a query", "in an action"])
async def test_a_process_killed_in_mid_step_is_taken_over_by_another(bench: Bench, script: Script, step: Any) -> None:
    plan = plan_of(query("first"), step, Edge("START", "first"), Edge("first", step.id), Edge(step.id, "END.resolved"))
    run_id = await bench.open(plan)
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(bench.path), run_id], cwd=ROOT)
    try:
        begun = EventKind.INTENT if step.id == "act" else EventKind.STEP_STARTED
        async with asyncio.timeout(30):
            while not any(e.kind is begun and str(e.key) == step.id for e in bench.journal.events(run_id)):
                assert child.poll() is None
                await asyncio.sleep(0.05)
        assert await bench.engine.advance(run_id) is None  # its owner lives
        os.kill(child.pid, signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    advanced, state = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert statuses(state) == {"first": "succeeded", step.id: "succeeded"}
    assert script.calls == ([] if step.id == "act" else ["slow"])  # what was done is not done again
    assert len(script.applied) == (step.id == "act")
    await unchanged(bench, run_id, plan, advanced)


# -- 4: a cycle without an end ----------------------------------------------------------------


def loop_of(*edges: Edge) -> Plan:
    return plan_of(query("a"), check("c"), Edge("START", "a"), Edge("a", "c"), *edges)


STILL_HIGH = when("c", "a", "max(a) > 1.0", "a", kind=EdgeKind.LOOP, bound=2)
NOW_LOW = when("c", "END.resolved", "!(max(a) > 1.0)", "a", otherwise=True)


async def test_a_loop_whose_condition_stays_true_parks_at_its_bound(bench: Bench, script: Script) -> None:
    script.answers = {"a": 9.0}
    _, advanced, steps = await fate(bench, loop_of(STILL_HIGH, NOW_LOW))
    assert advanced.status is RunStatus.PARKED
    assert "the loop has used up its attempts" in advanced.reason
    assert steps == {f"{s}@{i}": "succeeded" for s in "ac" for i in range(3)}
    assert script.calls == ["a"] * 3


async def test_a_loop_that_only_a_judge_goes_round_ends_at_its_bound(bench: Bench, script: Script) -> None:
    plan = loop_of(
        Edge("c", "a", judged("c", "a", "it is still slow").condition, EdgeKind.LOOP, bound=2),
        judged("c", "END.resolved", "it is quick again"),
    )
    again = next(e.id for e in plan.outgoing["c"] if e.kind is EdgeKind.LOOP)
    judging(bench, lambda _: again)
    _, advanced, steps = await fate(bench, plan)
    assert advanced.status is RunStatus.PARKED
    assert "the loop has used up its attempts" in advanced.reason
    assert "model-x" in advanced.reason
    assert steps == {f"{s}@{i}": "succeeded" for s in "ac" for i in range(3)}


async def test_a_loop_that_is_the_stated_default_ends_at_its_bound(bench: Bench, script: Script) -> None:
    script.answers = {"a": PluginError("down")}
    plan = plan_of(
        query("a"),
        Edge("START", "a"),
        Edge("a", "a", kind=EdgeKind.LOOP, bound=2, default=True),
        when("a", "END.resolved", "max(a) > 1.0", "a"),
    )
    _, advanced, steps = await fate(bench, plan)
    assert advanced.status is RunStatus.PARKED
    assert "the loop has used up its attempts" in advanced.reason
    assert "down" in advanced.reason
    assert steps == {f"a@{i}": "failed" for i in range(3)}


# -- 5: a failed step -------------------------------------------------------------------------


NINE = (
    *(query(f"q{i}") for i in range(9)),
    check("join"),
    *(Edge("START", f"q{i}") for i in range(9)),
    *(Edge(f"q{i}", "join") for i in range(9)),
    Edge("join", "END.resolved"),
)


async def test_one_failure_in_nine_is_no_success_and_its_join_does_not_run(bench: Bench, script: Script) -> None:
    script.answers = {"q4": PluginError("the source is down")}
    _, advanced, steps = await fate(bench, plan_of(*NINE))
    assert advanced.status is RunStatus.PARKED
    assert advanced.reason == "q4: the source is down"
    assert steps == {f"q{i}": "failed" if i == 4 else "succeeded" for i in range(9)} | {"join": "pending"}


async def test_one_failure_in_nine_takes_the_way_on_that_the_guide_states(bench: Bench, script: Script) -> None:
    script.answers = {"q4": PluginError("the source is down")}
    _, advanced, steps = await fate(bench, plan_of(*NINE, default("q4", "END.escalate")))
    assert advanced.outcome is Outcome.ESCALATED
    assert "the source is down" in advanced.reason
    assert steps["q4"] == "failed"
    assert steps["join"] == "cancelled"


async def test_a_first_step_that_fails_concludes_nothing(bench: Bench, script: Script) -> None:
    script.answers = {"a": PluginError("the source is down")}
    _, advanced, steps = await fate(bench, BY_NUMBER)
    assert advanced.status is RunStatus.PARKED
    assert steps == {"a": "failed", "high": "pending", "low": "pending"}


# -- 6: an early end --------------------------------------------------------------------------


async def test_an_early_end_leaves_no_step_running_or_pending(bench: Bench, script: Script) -> None:
    script.delays_s = {"slow": 600.0}
    plan = plan_of(
        query("slow"),
        query("quick"),
        check("later"),
        check("last"),
        manual("m"),
        Edge("START", "slow"),
        Edge("START", "quick"),
        Edge("START", "m"),
        Edge("slow", "later"),
        Edge("later", "last"),
        Edge("last", "END.resolved"),
        Edge("m", "END.resolved"),
        Edge("quick", "END.not_applicable"),
    )
    _, advanced, steps = await fate(bench, plan)
    assert advanced.outcome is Outcome.NOT_APPLICABLE
    assert steps == {"quick": "succeeded", **dict.fromkeys(("slow", "later", "last", "m"), "cancelled")}


@pytest.mark.parametrize("holds", [True, False], ids=["verified", "undone"])
async def test_an_early_end_waits_for_the_action_in_flight(bench: Bench, script: Script, holds: bool) -> None:
    script.verdict = Verdict(holds, "as the target shows")
    plan = plan_of(
        action("act", timeout_s=20.0, risky=False),
        query("quick", effect=Effect(reads=frozenset({"other:y"})), retries=50),
        check("after"),
        Edge("START", "act"),
        Edge("START", "quick"),
        Edge("act", "after"),
        Edge("after", "END.resolved"),
        Edge("quick", "END.not_applicable"),
    )
    run_id = await bench.open(plan)
    begun: list[str] = []

    async def until_the_run_is_ending(key: str) -> None:
        begun.append(key)
        while bench.engine._live[run_id].state.ending is None:
            await asyncio.sleep(0.01)
        script.applied.append(key)

    script.apply = until_the_run_is_ending
    script.answers = {"quick": lambda: 1.0 if begun else PluginError("not yet")}
    advanced, state = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.NOT_APPLICABLE
    assert statuses(state) == {
        "act": "succeeded" if holds else "failed",
        "quick": "succeeded",
        "after": "cancelled",
    }
    kinds = bench.kinds(run_id)
    assert EventKind.VERIFIED in kinds
    assert (EventKind.COMPENSATED in kinds) is not holds
    assert script.undone == ([] if holds else script.applied)
    await unchanged(bench, run_id, plan, advanced)


# -- 7: a step beyond its deadline ------------------------------------------------------------


async def test_a_query_beyond_its_deadline_has_failed(bench: Bench, script: Script) -> None:
    script.delays_s = {"a": 600.0}
    _, advanced, steps = await fate(bench, plan_of(query("a", timeout_s=0.1), Edge("START", "a")))
    assert advanced.status is RunStatus.PARKED
    assert "look did not answer within 0.1 s" in advanced.reason
    assert steps == {"a": "failed"}


async def test_a_judge_beyond_its_deadline_counts_as_undecided(bench: Bench) -> None:
    judging(bench, lambda _: asyncio.sleep(600))
    plan = plan_of(
        check("c", timeout_s=0.1),
        Edge("START", "c"),
        judged("c", "END.resolved", "it is fine"),
        judged("c", "END.escalate", "not"),
    )
    _, advanced, steps = await fate(bench, plan)
    assert advanced.status is RunStatus.PARKED
    assert "the judge did not answer within 0.1 s" in advanced.reason
    assert steps == {"c": "succeeded"}


async def test_an_action_beyond_its_deadline_that_did_nothing_has_failed(bench: Bench, script: Script) -> None:
    script.delays_s = {"push": 600.0}
    plan = plan_of(
        action("act", plugin="push_once", timeout_s=0.2),
        Edge("START", "act"),
        Edge("act", "END.resolved"),
        default("act", "END.escalate"),
    )
    _, advanced, steps = await fate(bench, plan)
    assert advanced.outcome is Outcome.ESCALATED
    assert "did not answer within 0.2 s" in advanced.reason
    assert steps == {"act": "failed"}
    assert script.applied == []


# -- 8: a malformed value ---------------------------------------------------------------------


MALFORMED = [
    pytest.param([{"labels": {}, "value": float("nan")}], id="NaN"),
    pytest.param([{"labels": {}, "value": float("inf")}], id="infinity"),
    pytest.param([], id="an empty vector"),
    pytest.param(None, id="nothing"),
    pytest.param("maybe", id="a string"),
    pytest.param([{"labels": {}, "value": "9"}], id="a number in quotes"),
    pytest.param([{"labels": {}, "value": None}], id="a sample without a value"),
    pytest.param([{"labels": {}, "value": True}], id="a truth for a number"),
    pytest.param([9.0], id="numbers without labels"),
    pytest.param({"value": 9.0}, id="an object"),
]


@pytest.mark.parametrize("value", MALFORMED)
@pytest.mark.parametrize("stated", [False, True], ids=["parks", "takes the default"])
async def test_a_malformed_value_takes_no_conditional_edge(
    bench: Bench, script: Script, value: Any, stated: bool
) -> None:
    script.answers = {"a": lambda: value}
    run_id, advanced, steps = await fate(bench, with_default(BY_NUMBER, "a") if stated else BY_NUMBER)
    assert "a" in advanced.reason
    assert advanced.outcome is (Outcome.ESCALATED if stated else None)
    beyond = "skipped" if stated else "pending"
    assert steps == {"a": "succeeded", "high": beyond, "low": beyond}
    last = bench.last(run_id, EventKind.BRANCHED if stated else EventKind.PARKED)
    assert last.payload.get("by", "default") == "default"
