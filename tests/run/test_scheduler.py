"""A step starts the moment its inputs are decided; a run always ends or waits, with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

import pytest

from agent.run import advance
from agent.run.events import Event, EventKind, Outcome, StepKey
from agent.run.parking import Rest
from agent.run.state import RunStatus, Status
from agent.run.store import Lease
from dag.model import Edge, EdgeKind, Join
from plugins.errors import ApplyFailed, PluginError
from tests.run.engine_bench import Bench, Script, action, check, default, judged, manual, plan_of, query, when


async def test_independent_steps_overlap_and_a_slow_neighbour_holds_nobody_up(bench: Bench, script: Script) -> None:
    script.delays_s = {"slow": 0.4, "quick": 0.02, "after": 0.02}
    plan = plan_of(
        query("slow"),
        query("quick"),
        query("after"),
        check("join"),
        Edge("START", "slow"),
        Edge("START", "quick"),
        Edge("quick", "after"),
        Edge("slow", "join"),
        Edge("after", "join"),
        Edge("join", "END.resolved"),
    )
    advanced, _ = await bench.run(plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert script.spans["after"][1] < script.spans["slow"][1]


async def test_a_step_waits_for_all_its_edges_and_dead_paths_count_as_decided(bench: Bench, script: Script) -> None:
    script.answers = {"a": 5.0}
    plan = plan_of(
        query("a"),
        check("yes"),
        check("no"),
        check("beyond"),
        check("join"),
        Edge("START", "a"),
        when("a", "yes", "max(a) > 1.0", "a"),
        when("a", "no", "!(max(a) > 1.0)", "a", otherwise=True),
        Edge("no", "beyond"),
        Edge("beyond", "join"),
        Edge("yes", "join"),
        Edge("join", "END.resolved"),
    )
    advanced, state = await bench.run(plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert {k.step: s.status for k, s in state.steps.items() if k.step in ("no", "beyond")} == {
        "no": Status.SKIPPED,
        "beyond": Status.SKIPPED,
    }


async def test_an_any_join_starts_with_the_first_taken_edge(bench: Bench, script: Script) -> None:
    script.delays_s = {"slow": 0.3}
    plan = plan_of(
        query("slow"),
        query("quick"),
        query("early", join=Join.ANY),
        Edge("START", "slow"),
        Edge("START", "quick"),
        Edge("slow", "early"),
        Edge("quick", "early"),
        Edge("early", "END.resolved"),
    )
    advanced, state = await bench.run(plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert state.step(StepKey("slow")).status is Status.CANCELLED
    assert script.calls.count("early") == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(5.0, Outcome.RESOLVED, id="a true condition takes its edge"),
        pytest.param(0.0, Outcome.NOT_APPLICABLE, id="a false one takes the complement"),
        pytest.param(float("nan"), None, id="NaN takes neither: the run waits for a person"),
        pytest.param([], None, id="an empty answer takes neither: the run waits for a person"),
    ],
)
async def test_conditions_decide_by_value_and_never_by_missing_data(
    bench: Bench, script: Script, answer: object, outcome: Outcome | None
) -> None:
    script.answers = {"a": [{"labels": {}, "value": answer}] if isinstance(answer, float) else answer}
    plan = plan_of(
        query("a"),
        Edge("START", "a"),
        when("a", "END.resolved", "max(a) > 1.0", "a"),
        when("a", "END.not_applicable", "!(max(a) > 1.0)", "a", otherwise=True),
    )
    advanced, _ = await bench.run(plan)
    assert advanced.outcome is outcome
    assert advanced.status is (RunStatus.ENDED if outcome else RunStatus.PARKED)


async def test_an_undecided_branch_takes_the_stated_default_and_the_journal_names_it(
    bench: Bench, script: Script
) -> None:
    script.answers = {"a": []}
    plan = plan_of(
        query("a"), Edge("START", "a"), when("a", "END.resolved", "max(a) > 1.0", "a"), default("a", "END.escalate")
    )
    run_id = await bench.open(plan)
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.ESCALATED
    branched = bench.last(run_id, EventKind.BRANCHED)
    assert branched.payload["by"] == "default"
    assert "a" in branched.payload["reason"]


async def test_a_failed_step_never_counts_as_success(bench: Bench, script: Script) -> None:
    script.answers = {"a": PluginError("the source is down", hint="start it")}
    plan = plan_of(query("a"), Edge("START", "a"), Edge("a", "END.resolved"))
    advanced, state = await bench.run(plan)
    assert advanced.status is RunStatus.PARKED
    assert "the source is down" in advanced.reason
    assert state.step(StepKey("a")).status is Status.FAILED


async def test_an_optional_step_may_fail_and_the_run_goes_on_without_its_value(bench: Bench, script: Script) -> None:
    script.answers = {"a": PluginError("down")}
    plan = plan_of(query("a", optional=True), Edge("START", "a"), Edge("a", "END.resolved"))
    advanced, state = await bench.run(plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert "a" not in state.values


async def test_a_query_is_retried_as_often_as_the_plan_says(bench: Bench, script: Script) -> None:
    answers = iter([PluginError("once"), PluginError("twice"), 3.0])
    script.answers = {"a": lambda: next(answers)}
    plan = plan_of(query("a", retries=2), Edge("START", "a"), Edge("a", "END.resolved"))
    advanced, _ = await bench.run(plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert script.calls == ["a", "a", "a"]


async def test_a_query_that_hangs_fails_at_its_deadline(bench: Bench, script: Script) -> None:
    script.delays_s = {"a": 30.0}
    plan = plan_of(query("a", timeout_s=0.1), Edge("START", "a"), default("a", "END.escalate"))
    advanced, state = await bench.run(plan)
    assert advanced.outcome is Outcome.ESCALATED
    assert "did not answer within 0.1 s" in state.step(StepKey("a")).error


async def test_a_step_at_work_is_in_the_journal_long_before_it_ends(bench: Bench, script: Script) -> None:
    script.delays_s = {"slow": 60.0}
    run_id = await bench.open(plan_of(query("slow"), Edge("START", "slow"), Edge("slow", "END.resolved")))
    advancing = asyncio.create_task(bench.engine.advance(run_id))
    while EventKind.STEP_STARTED not in bench.kinds(run_id):
        await asyncio.sleep(0.01)
    bench.engine.pause()
    await advancing
    assert bench.kinds(run_id) == [EventKind.RUN_OPENED, EventKind.STEP_STARTED]


async def test_reads_one_after_the_other_share_commits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advance, "LINGER_S", 60.0)
    plan = plan_of(
        *(query(f"q{i}") for i in range(20)),
        *(Edge(f"q{i}", f"q{i + 1}") for i in range(19)),
        Edge("START", "q0"),
        Edge("q19", "END.resolved"),
    )
    run_id = await bench.open(plan)
    appended: list[int] = []
    append = bench.journal.append

    def counted(lease: Lease, events: Sequence[Event], rest: Rest | None = None) -> Future[None]:
        appended.append(len(events))
        return append(lease, events, rest)

    monkeypatch.setattr(bench.journal, "append", counted)
    await bench.engine.advance(run_id)
    assert len(appended) == 1, "the run's end takes along what nothing waited for"
    assert len(bench.kinds(run_id)) == 1 + sum(appended)


async def test_an_early_end_cancels_what_still_reads_and_leaves_nothing_running(bench: Bench, script: Script) -> None:
    script.delays_s = {"slow": 30.0}
    plan = plan_of(
        query("slow"),
        query("quick"),
        check("later"),
        Edge("START", "slow"),
        Edge("START", "quick"),
        Edge("slow", "later"),
        Edge("later", "END.resolved"),
        Edge("quick", "END.not_applicable"),
    )
    advanced, state = await bench.run(plan)
    assert advanced.outcome is Outcome.NOT_APPLICABLE
    assert {s.status for s in state.steps.values()} <= {Status.SUCCEEDED, Status.CANCELLED, Status.SKIPPED}


async def test_escalate_beats_resolved_when_an_action_in_flight_fails_after_the_early_end(
    bench: Bench, script: Script
) -> None:
    script.delays_s = {"push": 0.3, "quick": 0.05}
    script.apply = lambda key: (_ for _ in ()).throw(ApplyFailed("refused"))
    plan = plan_of(
        action("act"),
        query("quick"),
        Edge("START", "act"),
        Edge("act", "END.resolved"),
        default("act", "END.escalate"),
        Edge("START", "quick"),
        Edge("quick", "END.resolved"),
    )
    advanced, _ = await bench.run(plan)
    assert advanced.outcome is Outcome.ESCALATED


async def test_a_guide_that_states_no_conclusion_is_escalated_not_resolved(bench: Bench) -> None:
    advanced, _ = await bench.run(plan_of(check("a"), Edge("START", "a")))
    assert advanced.outcome is Outcome.ESCALATED
    assert "no conclusion" in advanced.reason


async def test_a_loop_runs_again_until_its_condition_changes(bench: Bench, script: Script) -> None:
    answers = iter([9.0, 9.0, 0.0])
    script.answers = {"a": lambda: next(answers)}
    plan = plan_of(
        query("a"),
        check("c"),
        Edge("START", "a"),
        Edge("a", "c"),
        when("c", "a", "max(a) > 1.0", "a", kind=EdgeKind.LOOP, bound=5),
        when("c", "END.resolved", "!(max(a) > 1.0)", "a", otherwise=True),
    )
    advanced, state = await bench.run(plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert script.calls == ["a", "a", "a"]
    assert {k for k in state.steps if k.step == "a"} == {StepKey("a", (i,)) for i in range(3)}


async def test_a_loop_that_uses_up_its_bound_takes_the_default(bench: Bench, script: Script) -> None:
    script.answers = {"a": 9.0}
    plan = plan_of(
        query("a"),
        check("c"),
        Edge("START", "a"),
        Edge("a", "c"),
        when("c", "a", "max(a) > 1.0", "a", kind=EdgeKind.LOOP, bound=2),
        when("c", "END.resolved", "!(max(a) > 1.0)", "a", otherwise=True),
        default("c", "END.escalate"),
    )
    advanced, _ = await bench.run(plan)
    assert advanced.outcome is Outcome.ESCALATED
    assert script.calls == ["a"] * 3


async def test_an_exit_out_of_a_loop_is_decided_by_the_last_pass(bench: Bench, script: Script) -> None:
    answers = iter([9.0, 0.0])
    script.answers = {"a": lambda: next(answers)}
    plan = plan_of(
        query("a"),
        check("c"),
        check("out"),
        check("other"),
        check("join"),
        Edge("START", "a"),
        Edge("START", "other"),
        Edge("a", "c"),
        when("c", "a", "max(a) > 1.0", "a", kind=EdgeKind.LOOP, bound=5),
        when("c", "out", "!(max(a) > 1.0)", "a", otherwise=True),
        Edge("out", "join"),
        Edge("other", "join"),
        Edge("join", "END.resolved"),
    )
    advanced, _ = await bench.run(plan)
    assert advanced.outcome is Outcome.RESOLVED


async def test_a_condition_must_hold_for_its_time(bench: Bench, script: Script) -> None:
    answers = iter([9.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    script.answers = {"a": lambda: next(answers)}
    plan = plan_of(
        query("a"),
        Edge("START", "a"),
        when("a", "END.escalate", "max(a) > 1.0", "a", for_s=0.3),
        when("a", "END.resolved", "!(max(a) > 1.0)", "a", otherwise=True),
    )
    run_id = await bench.open(plan)
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert EventKind.HELD in bench.kinds(run_id)


async def test_words_without_a_model_wait_for_a_person_whose_answer_is_an_edge_of_the_plan(bench: Bench) -> None:
    plan = plan_of(
        check("c"),
        Edge("START", "c"),
        judged("c", "END.escalate", "it looks like one client"),
        Edge("c", "END.resolved", otherwise=True, kind=EdgeKind.IMPLICIT),
    )
    run_id = await bench.open(plan)
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.status is RunStatus.PARKED
    edge = next(e for e in plan.edges if e.target == "END.escalate")
    await bench.say(run_id, "answer", step="c", by="ann", answer={"edge": edge.id})
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.ESCALATED
    assert bench.last(run_id, EventKind.BRANCHED).payload["by"] == "ann"


async def test_a_manual_step_waits_for_a_person_and_costs_nothing_meanwhile(bench: Bench) -> None:
    plan = plan_of(manual("m"), Edge("START", "m"), Edge("m", "END.resolved"))
    run_id = await bench.open(plan)
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.status is RunStatus.PARKED
    bench.restart()
    await bench.say(run_id, "answer", step="m", by="ann", answer={"done": True})
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.RESOLVED


async def test_a_failed_step_can_be_retried_by_a_person(bench: Bench, script: Script) -> None:
    answers = iter([PluginError("down"), 1.0])
    script.answers = {"a": lambda: next(answers)}
    plan = plan_of(query("a"), Edge("START", "a"), Edge("a", "END.resolved"))
    run_id = await bench.open(plan)
    assert (await bench.go_on(run_id, plan))[0].status is RunStatus.PARKED
    await bench.say(run_id, "answer", step="a", by="ann", answer={"retry": True})
    assert (await bench.go_on(run_id, plan))[0].outcome is Outcome.RESOLVED


async def test_cancelling_stops_reads_and_names_who_asked(bench: Bench) -> None:
    plan = plan_of(manual("m"), Edge("START", "m"), Edge("m", "END.resolved"))
    run_id = await bench.open(plan)
    await bench.go_on(run_id, plan)
    await bench.say(run_id, "cancel", by="ann", reason="false alarm")
    advanced, state = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.CANCELLED
    assert "ann" in advanced.reason
    assert state.step(StepKey("m")).status is Status.CANCELLED


async def test_a_run_past_its_deadline_ends_with_that_reason(bench: Bench) -> None:
    plan = plan_of(manual("m"), Edge("START", "m"), Edge("m", "END.resolved"))
    run_id = await bench.open(plan)
    await bench.go_on(run_id, plan)
    later = bench.engine.now
    bench.engine.now = lambda: later().replace(year=later().year + 1)  # type: ignore[method-assign]
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.FAILED
    assert "deadline" in advanced.reason


async def test_a_step_identity_does_not_depend_on_what_finished_first(bench: Bench, script: Script) -> None:
    plan = plan_of(
        *(query(f"q{i}") for i in range(20)),
        check("join"),
        *(Edge("START", f"q{i}") for i in range(20)),
        *(Edge(f"q{i}", "join") for i in range(20)),
        Edge("join", "END.resolved"),
    )
    script.answers = {f"q{i}": float(i) for i in range(20)}
    script.delays_s = {f"q{i}": (19 - i) * 0.005 for i in range(20)}
    _, state = await bench.run(plan)
    assert {n: v["value"][0]["value"] for n, v in state.values.items()} == {f"q{i}": float(i) for i in range(20)}


async def test_a_large_result_is_kept_by_reference_and_still_decides(bench: Bench, script: Script) -> None:
    script.answers = {"a": [{"labels": {"i": "x" * 40}, "value": float(i)} for i in range(2_000)]}
    plan = plan_of(
        query("a"),
        Edge("START", "a"),
        when("a", "END.resolved", "max(a) > 1998.0", "a"),
        when("a", "END.escalate", "!(max(a) > 1998.0)", "a", otherwise=True),
    )
    advanced, state = await bench.run(plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert len(state.values["a"]["sample"]) == 3
    assert state.values["a"]["bytes"] > 100_000


async def test_a_read_never_runs_beside_a_write_it_may_see(bench: Bench, script: Script) -> None:
    from dag.model import READS_UNKNOWN

    script.delays_s = {"push": 0.1, "a": 0.1}
    plan = plan_of(
        action("act"),
        replace(query("a"), effect=READS_UNKNOWN),
        check("join"),
        Edge("START", "act"),
        Edge("START", "a"),
        Edge("act", "join"),
        Edge("a", "join"),
        Edge("join", "END.resolved"),
    )
    run_id = await bench.open(plan)
    await bench.go_on(run_id, plan)
    order = [(e.kind, str(e.key)) for e in bench.journal.events(run_id) if e.key and str(e.key) in ("act", "a")]
    first, second = order.index((EventKind.STEP_STARTED, "act")), order.index((EventKind.STEP_STARTED, "a"))
    ended = {s: order.index((EventKind.STEP_SUCCEEDED, s)) for s in ("act", "a")}
    assert ended["act"] < second or ended["a"] < first


async def test_an_edge_out_of_a_loop_counts_once_however_many_passes_left_it_untaken(
    bench: Bench, script: Script
) -> None:
    answers = iter([5.0, 5.0, 0.0])
    script.answers["probe"] = lambda: next(answers)
    script.delays_s = {"slow": 0.1}
    plan = plan_of(
        query("probe"),
        query("slow"),
        query("join"),
        Edge("START", "probe"),
        Edge("START", "slow"),
        when("probe", "probe", "max(probe) > 1.0", "probe", kind=EdgeKind.LOOP, bound=5),
        when("probe", "join", "!(max(probe) > 1.0)", "probe", otherwise=True),
        Edge("slow", "join"),
        Edge("join", "END.resolved"),
    )
    _, state = await bench.run(plan)
    assert state.outcome is Outcome.RESOLVED
    assert script.calls.index("join") > script.calls.index("slow")
    assert script.spans["join"][0] >= script.spans["slow"][1]
