"""A run replayed on its own plan is the same run; on another plan, what the record cannot tell is unknown."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import StepfleetError
from agent.gate.policy import Policy
from agent.replay.replay import Replayed, replay
from agent.run.events import EventKind, Outcome
from agent.run.judge import Judgement, Question, Usage
from agent.service import RunView, view_run
from dag.model import Call, Edge, EdgeKind, Plan, Verify
from dag.model import Condition as Cond
from plugins.base import Observation, Verdict
from plugins.errors import ApplyFailed, PluginError
from plugins.registry import Registry
from tests.run.engine_bench import (
    Bench,
    OnceOnlyAction,
    Script,
    ScriptedAction,
    ScriptedQuery,
    action,
    check,
    default,
    judged,
    manual,
    plan_of,
    query,
    when,
)
from tests.run.test_speculation_changes_nothing import GENEROUS, random_plan


class Untouchable(Script):
    """A fleet that must not be asked: whatever touches it fails the test."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        raise AssertionError(f"the replay reached for the fleet: {name}")


def facts_only() -> Registry:
    nobody = Untouchable()
    return Registry.of(ScriptedQuery(nobody), ScriptedAction(nobody), OnceOnlyAction(nobody))


def again(bench: Bench, run_id: str, plan: Plan | None = None) -> Replayed:
    before = bench.journal.events(run_id)
    replayed = replay(view_run(bench.journal, run_id), bench.journal, facts_only(), plan)
    assert bench.journal.events(run_id) == before
    return replayed


ACTING = plan_of(
    query("a"),
    action("mend"),
    query("after"),
    check("well"),
    Edge("START", "a"),
    when("a", "mend", "max(a) > 1.0", "a"),
    when("a", "END.not_applicable", "!(max(a) > 1.0)", "a", otherwise=True),
    Edge("mend", "after"),
    default("mend", "END.escalate"),
    Edge("after", "well"),
    when("well", "END.resolved", "max(after) < 1.0", "after"),
    when("well", "END.escalate", "!(max(after) < 1.0)", "after", otherwise=True),
)


def _fails(_key: str) -> None:
    raise ApplyFailed("the target said no", hint="ask it nicely")


def _loses_its_answer(_key: str) -> None:
    raise ConnectionError("gone")


@pytest.mark.parametrize(
    ("prepare", "outcome"),
    [
        pytest.param(lambda s: s.answers.update(a=5.0, after=0.0), Outcome.RESOLVED, id="a change that helped"),
        pytest.param(lambda s: s.answers.update(a=0.0), Outcome.NOT_APPLICABLE, id="nothing to do"),
        pytest.param(lambda s: s.answers.update(a=5.0, after=3.0), Outcome.ESCALATED, id="a change that did not help"),
        pytest.param(
            lambda s: (s.answers.update(a=5.0), setattr(s, "apply", _fails)),
            Outcome.ESCALATED,
            id="a change that the target refused",
        ),
        pytest.param(
            lambda s: (s.answers.update(a=5.0), setattr(s, "verdict", Verdict(False, "no effect"))),
            Outcome.ESCALATED,
            id="a change that was undone",
        ),
        pytest.param(
            lambda s: (
                s.answers.update(a=5.0, after=0.0),
                setattr(s, "apply", _loses_its_answer),
                setattr(s, "seen", Observation.HAPPENED),
            ),
            Outcome.RESOLVED,
            id="a change whose answer was lost",
        ),
    ],
)
async def test_a_run_replays_to_the_same_path_values_and_end(
    bench: Bench, script: Script, prepare: Callable[[Script], object], outcome: Outcome
) -> None:
    prepare(script)
    run_id = await bench.open(ACTING)
    advanced, _ = await bench.go_on(run_id, ACTING)
    assert advanced.outcome is outcome
    replayed = await in_thread(again, bench, run_id)
    assert replayed.same, (replayed.differences, replayed.missing)
    assert replayed.replayed.outcome == outcome
    assert replayed.replayed.values == replayed.recorded.values
    assert replayed.replayed.order == replayed.recorded.order


async def in_thread(work: Callable[..., Replayed], *arguments: Any) -> Replayed:
    """A replay has an event loop of its own."""
    import asyncio

    return await asyncio.to_thread(work, *arguments)


async def test_people_are_heard_again(tmp_path: Path, script: Script) -> None:
    asks = Policy.model_validate({"rule": [{"action": "*", "rung": "approve", "approvers": 2}]})
    bench = Bench(tmp_path / "journal.db", script, policy=asks)
    plan = plan_of(
        manual("walk"),
        action("mend"),
        judged("mend", "END.resolved", "it looks better"),
        judged("mend", "END.escalate", "it looks worse"),
        Edge("START", "walk"),
        Edge("walk", "mend"),
    )
    run_id = await bench.open(plan)
    await bench.go_on(run_id, plan)
    await bench.say(run_id, "answer", step="walk", by="olga", answer={"done": True})
    await bench.go_on(run_id, plan)
    asked = bench.last(run_id, EventKind.APPROVAL_ASKED).payload
    for by in ("olga", "oskar"):
        word = {k: asked[k] for k in ("digest", "role", "plan_digest", "expires_at")}
        await bench.say(run_id, "approve", step="mend", by=by, **word)
        await bench.go_on(run_id, plan)
    replayed = await in_thread(again, bench, run_id)
    assert replayed.same, replayed.differences  # as far as it has come: it waits
    assert replayed.replayed.waits == {"mend": "judgement"}

    edge = next(o for o in bench.last(run_id, EventKind.PARKED).payload["ask"]["options"])["edge"]
    await bench.say(run_id, "answer", step="mend", by="olga", answer={"edge": edge})
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.RESOLVED
    replayed = await in_thread(again, bench, run_id)
    assert replayed.same, (replayed.differences, replayed.missing)
    bench.journal.close()


async def test_a_rejection_and_a_refusal_are_heard_again(tmp_path: Path, script: Script) -> None:
    rules = [{"action": "push", "rung": "approve"}, {"action": "push_once", "rung": "observe"}]
    bench = Bench(tmp_path / "journal.db", script, policy=Policy.model_validate({"rule": rules}))
    plan = plan_of(
        action("never", plugin="push_once", what="y"),
        action("mend"),
        Edge("START", "never"),
        default("never", "mend"),
        default("mend", "END.escalate"),
    )
    run_id = await bench.open(plan)
    await bench.go_on(run_id, plan)
    await bench.say(run_id, "reject", step="mend", by="olga", reason="not tonight")
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.ESCALATED
    replayed = await in_thread(again, bench, run_id)
    assert replayed.same, (replayed.differences, replayed.missing)
    assert replayed.replayed.errors["never"].startswith("the policy only observes")
    bench.journal.close()


class Chooses:
    """A judge that takes the first branch, or none."""

    def __init__(self, *, decides: bool) -> None:
        self.decides = decides

    async def judge(self, question: Question) -> Judgement:
        edge = question.options[0].edge if self.decides else None
        return Judgement(edge, "it seems so", by="a model", usage=Usage(1, 10, 2))


@pytest.mark.parametrize("decides", [True, False])
async def test_judgements_are_the_recorded_ones(tmp_path: Path, script: Script, decides: bool) -> None:
    bench = Bench(tmp_path / "journal.db", script, judge=Chooses(decides=decides))
    plan = plan_of(
        query("a"),
        Edge("START", "a"),
        judged("a", "END.resolved", "it looks fine"),
        judged("a", "END.not_applicable", "it looks like something else"),
        default("a", "END.escalate"),
    )
    run_id = await bench.open(plan)
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is (Outcome.RESOLVED if decides else Outcome.ESCALATED)
    replayed = await in_thread(again, bench, run_id)
    assert replayed.same, (replayed.differences, replayed.missing)
    bench.journal.close()


async def test_a_loop_a_hold_and_a_verification_replay_with_their_times(bench: Bench, script: Script) -> None:
    falling = iter([9.0, 8.0, 7.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    script.answers = {"a": lambda: next(falling), "seen": lambda: 0.0}
    verify = Verify((query("seen").calls[0],), Cond("max(seen) < 1.0", cel="max(seen) < 1.0", names=("seen",)), 2.0)
    plan = plan_of(
        query("a"),
        action("mend", verify=verify),
        check("again"),
        Edge("START", "a"),
        Edge("a", "mend"),
        Edge("mend", "again"),
        when("again", "END.resolved", "max(a) < 1.0", "a", for_s=0.5),
        when("again", "a", "!(max(a) < 1.0)", "a", kind=EdgeKind.LOOP, bound=5),
        default("again", "END.escalate"),
    )
    plan = replace(plan, types={**plan.types, "seen": Call("look", {}).result})
    run_id = await bench.open(plan)
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.RESOLVED
    assert EventKind.HELD in bench.kinds(run_id)
    replayed = await in_thread(again, bench, run_id)
    assert replayed.same, (replayed.differences, replayed.missing)


async def test_a_post_condition_that_never_held_does_not_hold_again(bench: Bench, script: Script) -> None:
    script.answers = {"seen": 5.0}
    verify = Verify((query("seen").calls[0],), Cond("max(seen) < 1.0", cel="max(seen) < 1.0", names=("seen",)), 1.5)
    plan = plan_of(action("mend", verify=verify), Edge("START", "mend"), default("mend", "END.escalate"))
    run_id = await bench.open(plan)
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.ESCALATED
    replayed = await in_thread(again, bench, run_id)
    assert replayed.same, (replayed.differences, replayed.missing)
    assert replayed.replayed.ends == {"mend": "undone"}


async def test_failed_reads_fail_again_and_large_values_are_found_again(bench: Bench, script: Script) -> None:
    script.answers = {"bad": PluginError("no such host"), "large": [{"labels": {"n": "x" * 50}, "value": 1.0}] * 500}
    plan = plan_of(
        query("bad", retries=2),
        query("large"),
        check("join"),
        Edge("START", "bad"),
        Edge("START", "large"),
        Edge("large", "join"),
        default("bad", "join"),
        when("join", "END.resolved", "count(large) > 499.0", "large"),
        default("join", "END.escalate"),
    )
    run_id = await bench.open(plan)
    advanced, _ = await bench.go_on(run_id, plan)
    assert advanced.outcome is Outcome.RESOLVED
    replayed = await in_thread(again, bench, run_id)
    assert replayed.same, (replayed.differences, replayed.missing)
    assert "artifact" in replayed.replayed.values["large"]["large"]


async def test_a_run_that_is_at_work_is_not_replayed(bench: Bench) -> None:
    run_id = await bench.open(ACTING)
    with pytest.raises(StepfleetError, match="still at work") as told:
        await in_thread(again, bench, run_id)
    assert told.value.hint.endswith(f"stepfleet resume {run_id}")


# -- another guide ----------------------------------------------------------------------------


async def recorded(bench: Bench, script: Script) -> str:
    script.answers = {"a": 5.0, "after": 0.0}
    run_id = await bench.open(ACTING)
    await bench.go_on(run_id, ACTING)
    return run_id


def other(**changed: Any) -> Plan:
    """ACTING with some of its steps and edges replaced, by step id or by `source->target`."""
    steps = [changed.pop(s.id, s) for s in ACTING.steps]
    edges = [changed.pop(f"{e.source}->{e.target}", e) for e in ACTING.edges]
    return plan_of(*steps, *edges, *changed.values())


async def test_an_equal_plan_differs_in_nothing(bench: Bench, script: Script) -> None:
    replayed = await in_thread(again, bench, await recorded(bench, script), other())
    assert replayed.same
    assert replayed.change is not None
    assert (replayed.change.steps_added, replayed.change.steps_removed) == ((), ())


async def test_another_threshold_shows_the_other_branch(bench: Bench, script: Script) -> None:
    plan = other(
        **{
            "a->mend": when("a", "mend", "max(a) > 9.0", "a"),
            "a->END.not_applicable": when("a", "END.not_applicable", "!(max(a) > 9.0)", "a", otherwise=True),
        }
    )
    replayed = await in_thread(again, bench, await recorded(bench, script), plan)
    assert replayed.replayed.outcome == Outcome.NOT_APPLICABLE
    assert not replayed.missing
    told = {(d.what, d.step): (d.before, d.after) for d in replayed.differences}
    assert told["outcome", ""] == ("resolved", "not_applicable")
    assert told["branch", "a"] == ("mend", "END.not_applicable")
    assert told["action", "mend"][1] in ("nothing", "no end")
    assert told["step", "well"] == ("succeeded", "not run")


async def test_other_arguments_have_no_recorded_answer_and_count_as_unknown(bench: Bench, script: Script) -> None:
    plan = other(mend=action("mend", what="z"), a=query("a"))
    replayed = await in_thread(again, bench, await recorded(bench, script), plan)
    (missing,) = replayed.missing
    assert (missing.step, missing.what) == ("mend", "change")
    assert (missing.question, missing.nearest) == ("push(what=z)", "push(what=x)")
    assert replayed.replayed.outcome == Outcome.ESCALATED  # the guide's default for what cannot be decided


async def test_a_read_that_nobody_made_is_unknown(bench: Bench, script: Script) -> None:
    replayed = await in_thread(again, bench, await recorded(bench, script), other(a=query("a", what="elsewhere")))
    (missing,) = replayed.missing
    assert (missing.step, missing.what, missing.question) == ("a", "read", "look(what=elsewhere)")
    assert missing.nearest == "look(what=a)"
    assert replayed.replayed.waits == {"a": "failure"}  # there is no default: a person would be asked


async def test_steps_that_come_and_go_are_named(bench: Bench, script: Script) -> None:
    plan = plan_of(
        query("a"),
        check("fresh"),
        Edge("START", "a"),
        Edge("a", "fresh"),
        Edge("fresh", "END.resolved"),
    )
    replayed = await in_thread(again, bench, await recorded(bench, script), plan)
    assert replayed.change is not None
    assert replayed.change.steps_added == ("fresh",)
    assert replayed.change.steps_removed == ("mend", "after", "well")


# -- any plan ---------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**9), n=st.integers(3, 14), ahead=st.booleans())
def test_any_run_replays_to_itself(seed: int, n: int, ahead: bool) -> None:
    import asyncio

    plan, script = random_plan(random.Random(seed), n)
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "journal.db", script, speculation=GENEROUS if ahead else None)
        try:

            async def go() -> RunView:
                run_id = await bench.open(plan)
                await bench.go_on(run_id, plan)
                return view_run(bench.journal, run_id)

            view = asyncio.run(go())
            replayed = replay(view, bench.journal, facts_only())
            assert replayed.same, (replayed.differences, replayed.missing)
        finally:
            bench.journal.close()
