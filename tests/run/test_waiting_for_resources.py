"""Actions of several runs on one resource take turns, and every way out of an action gives its turn on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from agent.gate.policy import Policy
from agent.run import acts, leases
from agent.run.engine import Limits
from agent.run.events import EventKind, Outcome
from agent.run.holding import Holding
from agent.run.leases import Claimant
from agent.run.schema import RESOURCE_LEASE, RESOURCE_WAIT, RUN
from agent.run.state import RunStatus
from dag.model import Edge, Plan
from plugins.base import Observation
from tests.run.engine_bench import Bench, Script, ScriptedAction, action, check, plan_of
from tests.run.test_actions import PLAN, asking


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


def rows(bench: Bench, table: Any) -> int:
    return int(bench.journal.read_now(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one()))


def left_over(bench: Bench) -> int:
    return rows(bench, RESOURCE_LEASE) + rows(bench, RESOURCE_WAIT)


async def held_by_another_run(bench: Bench) -> str:
    """A run that does nothing and holds what PLAN's action writes."""
    run_id = await bench.open(PLAN)
    await bench.journal.write(lambda c: leases.take(c, Claimant(run_id, "act"), ["thing:x"], datetime.now(UTC)))
    return run_id


async def dies_before_its_intent(bench: Bench, monkeypatch: pytest.MonkeyPatch, plan: Plan = PLAN) -> str:
    """A run whose process died with a lease, and without an intent."""
    run_id = await bench.open(plan)
    reached = asyncio.Event()

    async def hangs(*_: object) -> None:
        reached.set()
        await asyncio.sleep(30)

    async def does_nothing_more(_: Holding) -> None:
        pass

    with monkeypatch.context() as patch:
        patch.setattr(ScriptedAction, "precheck", hangs)
        patch.setattr(Holding, "give_up", does_nothing_more)
        task = asyncio.create_task(bench.engine.advance(run_id))
        await asyncio.wait_for(reached.wait(), 20)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert rows(bench, RESOURCE_LEASE) == 1
    return run_id


async def test_runs_write_in_the_order_in_which_they_asked_and_are_woken_at_once(
    bench: Bench, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "POLL_S", 3600.0)  # nobody goes on by asking again
    go_on = asyncio.Event()

    async def waits(key: str) -> None:
        await go_on.wait()
        script.applied.append(key)

    script.apply = lambda key: waits(key)
    ids = [await bench.open(PLAN) for _ in range(5)]
    tasks = []
    for n, run_id in enumerate(ids):
        tasks.append(asyncio.create_task(bench.engine.advance(run_id)))
        await until(lambda n=n: left_over(bench) == n + 1)  # type: ignore[misc]
    go_on.set()
    async with asyncio.timeout(20):
        done = await asyncio.gather(*tasks)
    assert [d.outcome for d in done if d] == [Outcome.RESOLVED] * 5
    by_key = {bench.last(i, EventKind.INTENT).payload["key"]: i for i in ids}
    order = [by_key[key] for key in script.applied]
    assert order == ids
    assert left_over(bench) == 0
    assert [bench.kinds(i).count(EventKind.LEASE_WAITED) for i in ids] == [0, 1, 1, 1, 1]
    waited = bench.last(ids[2], EventKind.LEASE_WAITED).payload
    assert (waited["holder"], waited["step"], waited["resource"], waited["holds"]) == (ids[0], "act", "thing:x", True)


async def test_two_processes_take_turns(either_bench: Bench, script: Script) -> None:
    other = Bench(either_bench.path, script, url=either_bench.url)
    try:
        script.delays_s = {"push": 0.1}
        ids = [await either_bench.open(PLAN) for _ in range(4)]
        engines = [either_bench.engine, other.engine] * 2
        async with asyncio.timeout(30):
            done = await asyncio.gather(*(e.advance(i) for e, i in zip(engines, ids, strict=True)))
        assert [d.outcome for d in done if d] == [Outcome.RESOLVED] * 4
        assert script.most_pushing == 1
        assert left_over(either_bench) == 0
    finally:
        other.journal.close()


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        pytest.param(Policy.model_validate({"rule": []}), RunStatus.ENDED, id="it is refused"),
        pytest.param(asking(), RunStatus.PARKED, id="it parks for an approval"),
    ],
)
async def test_a_lease_of_a_dead_process_is_given_back_when_its_step_does_not_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, policy: Policy, status: RunStatus
) -> None:
    run_id = await dies_before_its_intent(bench, monkeypatch)
    bench.policy = policy
    bench.restart()
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.status is status
    assert left_over(bench) == 0


async def test_a_step_that_goes_on_after_a_death_finds_its_own_lease(
    bench: Bench, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await dies_before_its_intent(bench, monkeypatch)
    bench.restart()
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.RESOLVED
    assert EventKind.LEASE_WAITED not in bench.kinds(run_id)
    assert left_over(bench) == 0


async def test_a_step_that_is_cut_off_while_its_intent_is_written_keeps_its_lease(
    bench: Bench, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await bench.open(PLAN)
    usual = bench.journal.append_decided
    tasks: list[asyncio.Task[Any]] = []

    def cut_off(*given: Any) -> Any:
        written = usual(*given)
        tasks[0].cancel()
        return written

    with monkeypatch.context() as patch:
        patch.setattr(bench.journal, "append_decided", cut_off)
        tasks.append(asyncio.create_task(bench.engine.advance(run_id)))
        await asyncio.gather(*tasks, return_exceptions=True)
    assert bench.kinds(run_id)[-1] is EventKind.INTENT
    assert (script.applied, rows(bench, RESOURCE_LEASE)) == ([], 1)
    bench.restart()
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert (advanced.outcome, len(script.applied), left_over(bench)) == (Outcome.RESOLVED, 1, 0)


async def test_what_a_run_holds_while_an_outcome_is_unknown_ends_with_the_run(bench: Bench, script: Script) -> None:
    def hangs(key: str) -> object:
        return asyncio.sleep(30)

    script.apply, script.seen = hangs, Observation.UNKNOWN
    run_id = await bench.open(PLAN)
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert (advanced.status, rows(bench, RESOURCE_LEASE)) == (RunStatus.PARKED, 1)
    await bench.say(run_id, "cancel", by="ann", reason="enough")
    advanced, _ = await bench.go_on(run_id, PLAN)
    assert (advanced.outcome, left_over(bench)) == (Outcome.CANCELLED, 0)


@pytest.mark.parametrize("ends_by", ["deadline", "cancel", "pause"])
async def test_a_wait_ends_with_its_run_and_leaves_no_place_behind(bench: Bench, script: Script, ends_by: str) -> None:
    bench.limits = Limits(poll_s=0.05)
    bench.restart()
    await held_by_another_run(bench)
    run_id = await bench.open(PLAN)
    if ends_by == "deadline":
        soon = datetime.now(UTC) + timedelta(seconds=1)
        await bench.journal.write(lambda c: c.execute(update(RUN).where(RUN.c.id == run_id).values(deadline_at=soon)))
    task = asyncio.create_task(bench.engine.advance(run_id))
    await until(lambda: rows(bench, RESOURCE_WAIT) == 1)
    if ends_by == "cancel":
        await bench.say(run_id, "cancel", by="ann", reason="enough")
    if ends_by == "pause":
        bench.engine.pause()
    advanced = await asyncio.wait_for(task, 20)
    assert advanced is not None
    assert advanced.outcome is {"deadline": Outcome.FAILED, "cancel": Outcome.CANCELLED, "pause": None}[ends_by]
    assert (rows(bench, RESOURCE_WAIT), rows(bench, RESOURCE_LEASE), script.applied) == (0, 1, [])


async def test_an_action_of_unknown_effect_waits_for_all_others_and_keeps_them_waiting(
    bench: Bench, script: Script
) -> None:
    holder = await held_by_another_run(bench)
    wide = await bench.open(PLAN)
    await bench.journal.write(lambda c: leases.take(c, Claimant(wide, "other"), [], datetime.now(UTC)))
    run_id = await bench.open(PLAN)
    task = asyncio.create_task(bench.engine.advance(run_id))
    await until(lambda: EventKind.LEASE_WAITED in bench.kinds(run_id))
    assert bench.last(run_id, EventKind.LEASE_WAITED).payload["holder"] == holder
    await bench.journal.write(lambda c: leases.give_back(c, Claimant(holder, "act")))
    taken = await bench.journal.write(lambda c: leases.take(c, Claimant(wide, "other"), [], datetime.now(UTC)))
    assert taken is None
    assert script.applied == []
    await bench.journal.write(lambda c: leases.give_back(c, Claimant(wide, "other")))
    advanced = await asyncio.wait_for(task, 20)
    assert advanced is not None
    assert advanced.outcome is Outcome.RESOLVED


async def test_what_a_dead_process_held_for_one_step_keeps_no_other_step_of_its_run_waiting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(
        action("b"),
        action("a"),
        check("join"),
        Edge("START", "b"),
        Edge("START", "a"),
        Edge("b", "join"),
        Edge("a", "join"),
        Edge("join", "END.resolved"),
    )
    await dies_before_its_intent(bench, monkeypatch, plan)
    assert bench.journal.read_now(lambda c: c.execute(select(RESOURCE_LEASE.c.step_key)).scalars().all()) == ["b"]
    bench.restart()
    (run,) = bench.journal.runs()
    _, state = await bench.go_on(run.id, plan)  # 'a' comes first now, and wants what 'b' was left with
    assert state.outcome is Outcome.RESOLVED
    assert left_over(bench) == 0
