"""An action is at most once in effect, agreed to exactly, verified, and undone when it did not help."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.gate.policy import Policy
from agent.run.engine import Limits
from agent.run.events import EventKind, Outcome
from agent.run.state import RunStatus
from dag.model import Call, Condition, Edge, Plan, ValueType, Verify
from plugins.base import Observation, Verdict
from plugins.errors import ApplyFailed, TargetUnreachable
from tests.run.engine_bench import Bench, Script, action, check, default, manual, plan_of, query, when

PLAN = plan_of(action("act"), Edge("START", "act"), Edge("act", "END.resolved"), default("act", "END.escalate"))
ONCE = plan_of(
    action("act", plugin="push_once"), Edge("START", "act"), Edge("act", "END.resolved"), default("act", "END.escalate")
)


def asking(**rule: object) -> Policy:
    return Policy.model_validate({"rule": [{"action": "*", "rung": "approve", "role": "sre", **rule}]})


async def ask(bench: Bench, plan: Plan = PLAN) -> tuple[str, dict[str, object]]:
    run_id = await bench.open(plan)
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.status is RunStatus.PARKED
    return run_id, dict(bench.last(run_id, EventKind.APPROVAL_ASKED).payload)


async def approve(bench: Bench, run_id: str, asked: dict[str, object], by: str = "ann", **over: object) -> None:
    fields = {k: asked[k] for k in ("digest", "plan_digest", "expires_at", "role")}
    await bench.say(run_id, "approve", step="act", by=by, **{**fields, **over})


async def test_every_stage_is_journalled_before_the_next_begins(bench: Bench, script: Script) -> None:
    run_id = await bench.open(PLAN)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.RESOLVED
    assert len(script.applied) == 1
    stages = [k for k in bench.kinds(run_id) if k not in (EventKind.BRANCHED, EventKind.RUN_ENDING)]
    assert stages == [
        EventKind.RUN_OPENED,
        EventKind.STEP_STARTED,
        EventKind.PRECHECKED,
        EventKind.INTENT,
        EventKind.APPLIED,
        EventKind.VERIFIED,
        EventKind.STEP_SUCCEEDED,
        EventKind.RUN_ENDED,
    ]
    assert bench.last(run_id, EventKind.INTENT).payload["key"] == script.applied[0]


async def test_an_action_that_was_not_verified_is_undone_and_has_failed(bench: Bench, script: Script) -> None:
    script.verdict = Verdict(False, "still waiting")
    run_id = await bench.open(PLAN)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.ESCALATED
    assert script.undone == script.applied
    assert bench.last(run_id, EventKind.COMPENSATED).payload["ok"]


async def test_the_guides_own_post_condition_is_read_until_it_holds(bench: Bench, script: Script) -> None:
    answers = iter([5.0, 0.0])
    script.answers = {"after": lambda: next(answers)}
    call = Call("look", {"what": "after"}, bind="after", result=ValueType.VECTOR)
    verify = Verify((call,), Condition("gone", cel="max(after) < 1.0", names=("after",)), within_s=10.0)
    plan = replace(PLAN, steps=(replace(PLAN.steps[0], verify=verify),), types={"after": ValueType.VECTOR})
    advanced, _ = await bench.run(plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert script.calls == ["after", "after"]


async def test_a_post_condition_that_never_holds_undoes_the_action(bench: Bench, script: Script) -> None:
    script.answers = {"after": 5.0}
    call = Call("look", {"what": "after"}, bind="after", result=ValueType.VECTOR)
    verify = Verify((call,), Condition("gone", cel="max(after) < 1.0", names=("after",)), within_s=1.2)
    plan = replace(PLAN, steps=(replace(PLAN.steps[0], verify=verify),), types={"after": ValueType.VECTOR})
    advanced, _ = await bench.run(plan)
    assert advanced.outcome is Outcome.ESCALATED
    assert len(script.undone) == 1


async def test_a_refusal_by_the_target_changes_nothing_and_is_not_repeated(bench: Bench, script: Script) -> None:
    asked: list[str] = []

    def refuse(key: str) -> None:
        asked.append(key)
        raise ApplyFailed("no free slot")

    script.apply = refuse
    run_id = await bench.open(PLAN)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.ESCALATED
    assert len(asked) == 1
    assert EventKind.COMPENSATED not in bench.kinds(run_id)


async def test_a_lost_answer_is_settled_by_asking_the_target(bench: Bench, script: Script) -> None:
    def happens_silently(key: str) -> None:
        script.applied.append(key)
        raise TargetUnreachable("connection reset")

    script.apply = happens_silently
    run_id = await bench.open(PLAN)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.RESOLVED
    assert len(script.applied) == 1
    assert bench.last(run_id, EventKind.APPLIED).payload["observed"]


async def test_a_lost_request_is_sent_again_under_the_same_key_where_keys_are_honoured(
    bench: Bench, script: Script
) -> None:
    keys: list[str] = []

    def lost_once(key: str) -> None:
        keys.append(key)
        if len(keys) == 1:
            raise TargetUnreachable("connection reset")
        script.applied.append(key)

    script.apply = lost_once
    advanced, _ = await bench.run(PLAN)
    assert advanced.outcome is Outcome.RESOLVED
    assert len(keys) == 2
    assert len(set(keys)) == 1


async def test_a_lost_request_is_never_repeated_where_keys_mean_nothing(bench: Bench, script: Script) -> None:
    keys: list[str] = []

    def lost(key: str) -> None:
        keys.append(key)
        raise TargetUnreachable("connection reset")

    script.apply = lost
    advanced, _ = await bench.run(ONCE)
    assert advanced.outcome is Outcome.ESCALATED
    assert len(keys) == 1


async def test_an_outcome_nobody_can_tell_waits_for_a_person(bench: Bench, script: Script) -> None:
    def hangs(key: str) -> object:
        return asyncio.sleep(30)

    script.apply, script.seen = hangs, Observation.UNKNOWN
    run_id = await bench.open(PLAN)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.status is RunStatus.PARKED
    assert "cannot be told" in advanced.reason
    await bench.say(run_id, "answer", step="act", by="ann", answer={"happened": True})
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.RESOLVED


async def test_a_restart_between_intent_and_outcome_asks_the_target_and_does_nothing_twice(
    bench: Bench, script: Script
) -> None:
    async def dies_after_effect(key: str) -> None:
        script.applied.append(key)
        await asyncio.sleep(30)

    script.apply = lambda key: dies_after_effect(key)
    run_id = await bench.open(PLAN)
    task = asyncio.create_task(bench.engine.advance(run_id))
    while not script.applied:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    bench.restart()
    script.apply = None
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.RESOLVED
    assert len(script.applied) == 1


async def test_what_the_policy_no_longer_allows_is_not_sent_again_after_a_crash(bench: Bench, script: Script) -> None:
    keys: list[str] = []

    async def lost_and_killed(key: str) -> None:
        keys.append(key)
        await asyncio.sleep(30)

    script.apply = lambda key: lost_and_killed(key)
    run_id = await bench.open(PLAN)
    task = asyncio.create_task(bench.engine.advance(run_id))
    while not keys:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    bench.policy = Policy.model_validate({"rule": [{"action": "*", "rung": "observe"}]})
    bench.restart()
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.status is RunStatus.PARKED
    assert "only observes" in advanced.reason
    assert len(keys) == 1


async def test_a_re_issue_needs_no_second_rate_slot(bench: Bench, script: Script) -> None:
    rule = {"action": "*", "rung": "auto", "guides": ["0" * 64], "max_per_hour": 1, "max_blast_radius": 1}
    bench.policy = Policy.model_validate({"rule": [rule]})
    bench.restart()
    keys: list[str] = []

    def lost_once(key: str) -> None:
        keys.append(key)
        if len(keys) == 1:
            raise TargetUnreachable("connection reset")
        script.applied.append(key)

    script.apply = lost_once
    advanced, _ = await bench.run(PLAN)
    assert advanced.outcome is Outcome.RESOLVED


async def test_a_policy_without_a_rule_does_nothing(bench: Bench, script: Script) -> None:
    bench.policy = Policy()
    bench.restart()
    run_id = await bench.open(PLAN)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.ESCALATED
    assert script.applied == []
    assert "no rule of the policy covers" in bench.last(run_id, EventKind.REFUSED).payload["reason"]


async def test_automatic_runs_are_bound_to_reviewed_guides(bench: Bench, script: Script) -> None:
    plan = replace(PLAN, guide_sha256="1" * 64)
    advanced, _ = await bench.run(plan)
    assert advanced.outcome is Outcome.ESCALATED
    assert script.applied == []


async def test_an_approval_is_for_the_exact_call_and_lets_it_happen(bench: Bench, script: Script) -> None:
    bench.policy = asking()
    bench.restart()
    run_id, asked = await ask(bench)
    assert script.applied == []
    await approve(bench, run_id, asked)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.RESOLVED
    assert len(script.applied) == 1


@pytest.mark.parametrize(
    "over",
    [
        pytest.param({"digest": "f" * 64}, id="an approval of another call counts for nothing"),
        pytest.param(
            {"expires_at": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()},
            id="an approval that has expired counts for nothing",
        ),
    ],
)
async def test_what_is_no_approval(bench: Bench, script: Script, over: dict[str, object]) -> None:
    bench.policy = asking()
    bench.restart()
    run_id, asked = await ask(bench)
    await approve(bench, run_id, asked, **over)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.status is RunStatus.PARKED
    assert script.applied == []


async def test_two_approvers_means_two_people(bench: Bench, script: Script) -> None:
    bench.policy = asking(approvers=2)
    bench.restart()
    run_id, asked = await ask(bench)
    await approve(bench, run_id, asked, by="ann")
    await approve(bench, run_id, asked, by="ann")
    assert (await bench.go_on(run_id, PLAN))[0].status is RunStatus.PARKED
    await approve(bench, run_id, asked, by="ben")
    assert (await bench.go_on(run_id, PLAN))[0].outcome is Outcome.RESOLVED
    assert len(script.applied) == 1


async def test_a_rejection_is_a_refusal_with_its_reason(bench: Bench, script: Script) -> None:
    bench.policy = asking()
    bench.restart()
    run_id, asked = await ask(bench)
    await bench.say(run_id, "reject", step="act", by="ann", digest=asked["digest"], reason="not now")
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.ESCALATED
    assert script.applied == []


async def test_nobody_approving_in_time_is_a_refusal(bench: Bench, script: Script) -> None:
    bench.policy = asking(expires_s=0.2)
    bench.restart()
    run_id, _ = await ask(bench)
    await asyncio.sleep(0.3)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.ESCALATED
    assert script.applied == []


async def test_the_kill_switch_holds_over_a_restart_and_is_looked_at_last(bench: Bench, script: Script) -> None:
    await bench.gate.set_switch(engaged=True, by="ann", reason="fire drill")
    bench.restart()
    run_id = await bench.open(PLAN)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.ESCALATED
    assert script.applied == []
    assert "fire drill" in bench.last(run_id, EventKind.REFUSED).payload["reason"]


async def test_the_rate_bound_holds_over_runs(bench: Bench, script: Script) -> None:
    rule = {"action": "*", "rung": "auto", "guides": ["0" * 64], "max_per_hour": 2, "max_blast_radius": 1}
    bench.policy = Policy.model_validate({"rule": [rule]})
    bench.restart()
    ids = [await bench.open(PLAN) for _ in range(5)]
    await asyncio.gather(*(bench.engine.advance(i) for i in ids))
    assert len(script.applied) == 2


async def test_two_runs_never_write_one_resource_at_the_same_time(bench: Bench, script: Script) -> None:
    script.delays_s = {"push": 0.2}
    ids = [await bench.open(PLAN) for _ in range(3)]
    done = await asyncio.gather(*(bench.engine.advance(i) for i in ids))
    assert [d.outcome for d in done if d] == [Outcome.RESOLVED] * 3
    assert script.most_pushing == 1
    assert any(EventKind.LEASE_WAITED in bench.kinds(i) for i in ids)


async def test_cancelling_lets_an_action_in_flight_reach_its_outcome(bench: Bench, script: Script) -> None:
    bench.limits = Limits(poll_s=0.05)
    bench.restart()
    script.delays_s = {"push": 0.3}
    run_id = await bench.open(PLAN)
    task = asyncio.create_task(bench.engine.advance(run_id))
    while EventKind.INTENT not in bench.kinds(run_id):
        await asyncio.sleep(0.01)
    await bench.say(run_id, "cancel", by="ann", reason="stop")
    advanced = await task
    assert advanced is not None
    assert advanced.outcome is Outcome.CANCELLED
    assert len(script.applied) == 1
    assert EventKind.VERIFIED in bench.kinds(run_id)


async def test_only_one_process_advances_a_run(bench: Bench) -> None:
    run_id = await bench.open(PLAN)
    lease = await asyncio.to_thread(bench.journal.acquire, run_id, "another")
    assert lease is not None
    assert await bench.engine.advance(run_id) is None
    bench.journal.release(lease)
    assert await bench.engine.advance(run_id) is not None


async def test_a_run_that_ends_after_a_crash_settles_its_action_first(bench: Bench, script: Script) -> None:
    async def dies_after_effect(key: str) -> None:
        script.applied.append(key)
        await asyncio.sleep(30)

    script.apply = lambda key: dies_after_effect(key)
    run_id = await bench.open(PLAN)
    task = asyncio.create_task(bench.engine.advance(run_id))
    while not script.applied:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await bench.say(run_id, "cancel", by="ann", reason="stop")
    bench.restart()
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.CANCELLED
    assert EventKind.VERIFIED in bench.kinds(run_id)
    assert len(script.applied) == 1


async def test_a_late_retry_repeats_no_action_that_somebody_moved_on_from(bench: Bench, script: Script) -> None:
    keys: list[str] = []

    def refuse(key: str) -> None:
        keys.append(key)
        raise ApplyFailed("no free slot")

    script.apply = refuse
    plan = plan_of(action("act"), manual("m"), Edge("START", "act"), Edge("act", "m"), Edge("m", "END.resolved"))
    run_id = await bench.open(plan)
    await bench.go_on(run_id, plan)
    await bench.say(run_id, "answer", step="act", by="ann", answer={"edge": plan.outgoing["act"][0].id})
    await bench.go_on(run_id, plan)
    await bench.say(run_id, "answer", step="act", by="ben", answer={"retry": True})
    await bench.go_on(run_id, plan)
    assert len(keys) == 1
    assert "no longer asks" in bench.last(run_id, EventKind.COMMAND_IGNORED).payload["reason"]


async def test_two_answers_to_one_question_are_one_answer(bench: Bench, script: Script) -> None:
    keys: list[str] = []

    def refuse(key: str) -> None:
        keys.append(key)
        raise ApplyFailed("no free slot")

    script.apply = refuse
    plan = plan_of(action("act"), Edge("START", "act"), Edge("act", "END.resolved"))
    run_id = await bench.open(plan)
    await bench.go_on(run_id, plan)
    await bench.say(run_id, "answer", step="act", by="ann", answer={"retry": True}, question=0)
    await bench.go_on(run_id, plan)
    await bench.say(run_id, "answer", step="act", by="ben", answer={"retry": True}, question=0)
    await bench.go_on(run_id, plan)
    assert len(keys) == 2


async def test_nothing_that_conflicts_starts_beside_an_action_of_unknown_outcome(bench: Bench, script: Script) -> None:
    keys: list[str] = []

    def lost_once(key: str) -> None:
        keys.append(key)
        if len(keys) == 1:
            raise TargetUnreachable("connection reset")

    script.apply, script.seen = lost_once, Observation.UNKNOWN
    parts = [action("one"), action("two"), check("join"), Edge("START", "one"), Edge("START", "two")]
    plan = plan_of(*parts, Edge("one", "join"), Edge("two", "join"), Edge("join", "END.resolved"))
    run_id = await bench.open(plan)
    advanced, state = await bench.go_on(run_id, plan)
    assert (advanced.status, state.status) == (RunStatus.PARKED, RunStatus.PARKED)
    assert len(keys) == 1
    bench.restart()
    await bench.go_on(run_id, plan)
    assert len(keys) == 1
    await bench.say(run_id, "answer", step="one", by="ann", answer={"happened": True})
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert len(keys) == 2


async def test_a_branch_after_a_change_rests_on_what_was_read_after_it(bench: Bench, script: Script) -> None:
    answers = iter([5.0, 0.0, 0.0])
    script.answers = {"q": lambda: next(answers)}
    plan = plan_of(
        query("q"),
        action("act"),
        Edge("START", "q"),
        Edge("q", "act"),
        when("act", "END.resolved", "max(q) < 1.0", "q"),
        when("act", "END.escalate", "!(max(q) < 1.0)", "q", otherwise=True),
    )
    advanced, _ = await bench.run(plan)
    assert advanced.outcome is Outcome.RESOLVED


async def test_an_approval_by_a_role_the_policy_no_longer_names_counts_for_nothing(
    bench: Bench, script: Script
) -> None:
    bench.policy = asking(role="operator")
    bench.restart()
    run_id, asked = await ask(bench)
    await approve(bench, run_id, asked)
    bench.policy = asking(role="sre")
    bench.restart()
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.status is RunStatus.PARKED
    assert script.applied == []
    assert bench.last(run_id, EventKind.APPROVAL_ASKED).payload["role"] == "sre"


async def test_the_kill_switch_stops_an_undo_too_and_the_journal_says_so(bench: Bench, script: Script) -> None:
    async def verified_never(*_: object) -> Verdict:
        await bench.gate.set_switch(engaged=True, by="ann", reason="fire drill")
        return Verdict(False, "still waiting")

    bench.engine.registry.action("push").verify = verified_never  # type: ignore[method-assign]
    run_id = await bench.open(PLAN)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.ESCALATED
    assert script.undone == []
    assert "fire drill" in bench.last(run_id, EventKind.COMPENSATED).payload["reason"]


async def test_an_action_that_is_ruled_on_while_the_run_ends_is_not_begun(
    bench: Bench, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(
        query("look"),
        action("act", risky=False),
        Edge("START", "look"),
        Edge("START", "act"),
        Edge("look", "END.escalate"),
        Edge("act", "END.resolved"),
    )
    rulings, last_word = 0, asyncio.Event()

    async def found() -> float:
        await last_word.wait()
        return 1.0

    script.answers["look"] = found
    usual = bench.gate.rule_on

    async def slow(*given: object, **more: object) -> object:
        nonlocal rulings
        rulings += 1
        if rulings == 2:  # the last ruling before the intent: meanwhile the other branch ends the run
            last_word.set()
            while EventKind.STEP_SUCCEEDED not in bench.kinds(run_id):
                await asyncio.sleep(0.01)
        return await usual(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.gate, "rule_on", slow)
    run_id = await bench.open(plan)
    advanced, _ = await bench.go_on(run_id, plan)
    assert rulings == 2
    assert advanced.outcome is Outcome.ESCALATED
    assert script.applied == []
    assert EventKind.INTENT not in bench.kinds(run_id)
