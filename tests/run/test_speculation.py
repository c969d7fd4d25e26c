"""Reads behind an undecided branch may start early; nothing else may, and nothing of them shows unless wanted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agent.catalogue import PluginCatalogue
from agent.run.events import Event, EventKind, Outcome, StepKey
from agent.run.judge import Judgement, Question
from agent.run.speculation import Speculation
from agent.run.state import RunState
from agent.settings import SpeculationSettings
from dag.model import Edge, EdgeKind, Plan, Step
from dag.serial import from_json, to_json
from plugins.base import Cost
from plugins.errors import PluginError
from plugins.registry import Registry
from tests.run.engine_bench import (
    Bench,
    Script,
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
from tsg.compile.compiler import compile_guide
from tsg.parse import parse_guide

ON = Speculation()


class Waits:
    """Judges once `until` holds: what starts before is read ahead. Then it takes the branch to `target`."""

    def __init__(self, target: str, until: Callable[[], bool], *, most_s: float = 5.0) -> None:
        self.target, self.until, self.most_s = target, until, most_s
        self.held = False

    async def judge(self, question: Question) -> Judgement:
        loop = asyncio.get_running_loop()
        end = loop.time() + self.most_s
        while not self.until() and loop.time() < end:
            await asyncio.sleep(0.005)
        self.held = self.until()
        edge = next((o.edge for o in question.options if o.leads_to == self.target), None)
        return Judgement(edge, "it looks like it", by="model:scripted")


def fork(*more: Step | Edge, left: Step | None = None, **kw: Any) -> Plan:
    """ask -> (left | right): words decide which of the two reads is wanted."""
    return plan_of(
        query("ask"),
        left or query("left"),
        query("right"),
        Edge("START", "ask"),
        judged("ask", "left", "the left one is hot"),
        judged("ask", "right", "the right one is hot"),
        default("ask", "END.escalate"),
        Edge("left", "END.resolved"),
        Edge("right", "END.resolved"),
        *more,
        **kw,
    )


async def go(
    bench: Bench, plan: Plan, judge: Waits | None = None, speculation: Speculation | None = ON
) -> tuple[list[Event], RunState]:
    bench.judge, bench.speculation = judge, speculation
    bench.restart()
    run_id = await bench.open(plan)
    _, state = await bench.go_on(run_id, plan)
    return bench.journal.events(run_id), state


def of(events: list[Event], kind: EventKind) -> dict[str, Event]:
    return {str(e.key): e for e in events if e.kind is kind}


def names(events: list[Event], kind: EventKind) -> set[str]:
    return set(of(events, kind))


async def test_both_sides_of_a_branch_are_read_while_it_is_judged(bench: Bench, script: Script) -> None:
    judge = Waits("left", lambda: len(script.spans) == 3)
    events, state = await go(bench, fork(), judge)
    assert judge.held  # both were answered before the branch was decided
    assert names(events, EventKind.READ_AHEAD) == {"left", "right"}
    assert "ahead_s" in of(events, EventKind.STEP_SUCCEEDED)["left"].payload
    assert script.calls.count("left") == 1  # what was read ahead was not read again
    assert state.outcome is Outcome.RESOLVED


async def test_what_is_not_wanted_is_journalled_as_dropped_and_decides_nothing(bench: Bench, script: Script) -> None:
    script.answers["right"] = 42.0
    events, state = await go(bench, fork(), Waits("left", lambda: "right" in script.spans))
    dropped = of(events, EventKind.READ_DROPPED)["right"].payload
    assert dropped["reason"] == "its branch was not taken"
    assert dropped["values"]["right"]["value"] == [{"labels": {}, "value": 42.0}]
    assert "right" not in state.values
    assert not state.ahead.open


async def test_a_read_still_at_work_is_waited_for_when_its_branch_is_taken(bench: Bench, script: Script) -> None:
    script.delays_s["left"] = 0.2
    events, state = await go(bench, fork(), Waits("left", lambda: "left" in script.calls))
    assert script.calls.count("left") == 1
    assert "ahead_s" in of(events, EventKind.STEP_SUCCEEDED)["left"].payload
    assert state.outcome is Outcome.RESOLVED


async def test_a_branch_is_overtaken_while_the_read_it_rests_on_is_still_at_work(bench: Bench, script: Script) -> None:
    script.answers["ask"] = lambda: seen(script, "left", 1.0)
    events, _ = await go(bench, fork(), Waits("left", lambda: True))
    assert of(events, EventKind.READ_AHEAD)["left"].seq < of(events, EventKind.STEP_SUCCEEDED)["ask"].seq


async def seen(script: Script, name: str, answer: float) -> float:
    """Answer once `name` has been answered, or after a while without it."""
    for _ in range(400):
        if name in script.spans:
            break
        await asyncio.sleep(0.005)
    return answer


async def test_conditions_behind_conditions_are_overtaken_too(bench: Bench, script: Script) -> None:
    plan = fork(
        query("deep"),
        judged("right", "deep", "it goes on"),
        default("right", "END.escalate"),
        Edge("deep", "END.resolved"),
    )
    events, _ = await go(bench, plan, Waits("left", lambda: "deep" in script.spans))
    assert names(events, EventKind.READ_AHEAD) == {"left", "right", "deep"}


async def test_a_mere_decision_hides_nothing_behind_it(bench: Bench, script: Script) -> None:
    plan = plan_of(
        query("ask"),
        check("decide"),
        query("left"),
        Edge("START", "ask"),
        judged("ask", "decide", "it is bad"),
        default("ask", "END.resolved"),
        judged("decide", "left", "it is very bad"),
        default("decide", "END.escalate"),
        Edge("left", "END.resolved"),
    )
    events, _ = await go(bench, plan, Waits("decide", lambda: "left" in script.spans))
    assert names(events, EventKind.READ_AHEAD) == {"left"}


async def test_the_first_pass_of_a_loop_is_read_ahead_and_its_next_passes_are_not(bench: Bench, script: Script) -> None:
    answers = iter([5.0, 5.0, 0.0])
    script.answers["probe"] = lambda: next(answers)
    plan = plan_of(
        query("ask"),
        query("probe"),
        Edge("START", "ask"),
        judged("ask", "probe", "it is bad"),
        default("ask", "END.escalate"),
        when("probe", "probe", "max(probe) > 1.0", "probe", kind=EdgeKind.LOOP, bound=5),
        when("probe", "END.resolved", "!(max(probe) > 1.0)", "probe", otherwise=True),
    )
    events, state = await go(bench, plan, Waits("probe", lambda: "probe" in script.spans))
    assert state.outcome is Outcome.RESOLVED
    assert names(events, EventKind.READ_AHEAD) == {"probe@0"}
    assert script.calls.count("probe") == 3


# -- what is never read ahead -----------------------------------------------------------------


async def test_a_step_that_simply_comes_first_is_never_overtaken(bench: Bench, script: Script) -> None:
    after = [query("after"), Edge("right", "after"), Edge("after", "END.resolved")]
    script.answers["right"] = lambda: seen(script, "after", 1.0)
    script.delays_s["after"] = 0.01
    events, _ = await go(bench, fork(*after), Waits("left", lambda: len(script.spans) >= 2, most_s=0.5))
    assert "after" not in names(events, EventKind.READ_AHEAD)


async def test_a_write_never_starts_early_and_nothing_behind_it_does(bench: Bench, script: Script) -> None:
    plan = plan_of(
        query("ask"),
        action("do"),
        query("behind"),
        query("far"),
        Edge("START", "ask"),
        judged("ask", "do", "it is bad"),
        default("ask", "END.resolved"),
        judged("do", "behind", "it helped"),
        default("do", "END.escalate"),
        judged("behind", "far", "it goes on"),
        default("behind", "END.resolved"),
        Edge("far", "END.resolved"),
    )
    judge = Waits("END.resolved", lambda: bool(script.applied) or len(script.calls) > 1, most_s=0.3)
    events, _ = await go(bench, plan, judge)
    assert not judge.held
    assert names(events, EventKind.READ_AHEAD) == set()
    assert script.applied == []


async def test_nothing_behind_a_persons_work_is_read_ahead(bench: Bench, script: Script) -> None:
    plan = plan_of(
        query("ask"),
        manual("mend"),
        query("behind"),
        Edge("START", "ask"),
        judged("ask", "mend", "it is bad"),
        default("ask", "END.resolved"),
        judged("mend", "behind", "it helped"),
        default("mend", "END.escalate"),
        Edge("behind", "END.resolved"),
    )
    events, _ = await go(bench, plan, Waits("END.resolved", lambda: "behind" in script.calls, most_s=0.3))
    assert names(events, EventKind.READ_AHEAD) == set()


async def test_a_read_waits_for_the_values_it_consumes(bench: Bench, script: Script) -> None:
    left = replace(query("left"), consumes=("ask",))
    script.answers["ask"] = lambda: seen(script, "right", 1.0)
    events, _ = await go(bench, fork(left=left), Waits("left", lambda: len(script.spans) == 3))
    ahead = of(events, EventKind.READ_AHEAD)
    answered = of(events, EventKind.STEP_SUCCEEDED)["ask"].seq
    assert ahead["right"].seq < answered < ahead["left"].seq


async def test_an_action_that_begins_voids_what_was_read_before_it(bench: Bench, script: Script) -> None:
    plan = fork(action("do"), Edge("START", "do"))
    script.answers["ask"] = lambda: seen(script, "left", 1.0)
    events, _ = await go(bench, plan, Waits("left", lambda: bool(script.applied)))
    began = next(e.seq for e in events if e.kind is EventKind.INTENT)
    assert of(events, EventKind.READ_AHEAD)["left"].seq < began
    assert of(events, EventKind.READ_DROPPED)["left"].payload["reason"] == "an action began after it"
    assert "ahead_s" not in of(events, EventKind.STEP_SUCCEEDED)["left"].payload
    assert script.calls.count("left") == 2


async def test_a_plugin_that_must_not_is_never_called_early(
    bench: Bench, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedQuery, "speculative", False)
    events, _ = await go(bench, fork(), Waits("left", lambda: len(script.calls) > 1, most_s=0.2))
    assert names(events, EventKind.READ_AHEAD) == set()


# -- switches and budget ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "speculation"),
    [
        (fork(), None),
        (fork(speculation=False), ON),
        (fork(), Speculation(plugins_off=frozenset({"look"}))),
        (fork(), Speculation(calls={Cost.LIGHT: 10, Cost.HEAVY: 10})),  # the query's cost is moderate
        (fork(), Speculation(seconds=0.0)),
    ],
    ids=["process", "guide", "plugin", "cost", "seconds"],
)
async def test_each_switch_and_budget_turns_it_off(
    bench: Bench, script: Script, plan: Plan, speculation: Speculation | None
) -> None:
    judge = Waits("left", lambda: len(script.calls) > 1, most_s=0.2)
    events, state = await go(bench, plan, judge, speculation)
    assert not judge.held
    assert names(events, EventKind.READ_AHEAD) == set()
    assert state.outcome is Outcome.RESOLVED


async def test_a_run_can_be_opened_without_it(bench: Bench, script: Script) -> None:
    bench.judge, bench.speculation = Waits("left", lambda: len(script.calls) > 1, most_s=0.2), ON
    bench.restart()
    plan = fork()
    run_id = await bench.open(plan, speculation=False)
    await bench.go_on(run_id, plan)
    assert EventKind.READ_AHEAD not in bench.kinds(run_id)


@pytest.mark.parametrize(("budget", "most"), [({Cost.MODERATE: 3}, 3), ({Cost.MODERATE: 100}, 10)])
async def test_no_more_calls_than_the_budget_has(
    bench: Bench, script: Script, budget: dict[Cost, int], most: int
) -> None:
    many = [query(f"q{i}") for i in range(10)]
    plan = plan_of(
        query("ask"),
        *many,
        Edge("START", "ask"),
        *[judged("ask", q.id, f"case {q.id}") for q in many],
        default("ask", "END.escalate"),
        *[Edge(q.id, "END.resolved") for q in many],
    )
    judge = Waits("q0", lambda: len(script.spans) > most, most_s=1.0)
    events, _ = await go(bench, plan, judge, Speculation(calls=budget))
    assert len(names(events, EventKind.READ_AHEAD)) == most


async def test_only_so_many_at_once(bench: Bench, script: Script) -> None:
    at_work, most = Counter[str](), []

    async def slowly() -> float:
        at_work["now"] += 1
        most.append(at_work["now"])
        await asyncio.sleep(0.02)
        at_work["now"] -= 1
        return 1.0

    many = [query(f"q{i}") for i in range(6)]
    script.answers = {q.id: slowly for q in many}
    plan = plan_of(
        query("ask"),
        *many,
        Edge("START", "ask"),
        *[judged("ask", q.id, f"case {q.id}") for q in many],
        default("ask", "END.escalate"),
        *[Edge(q.id, "END.resolved") for q in many],
    )
    await go(bench, plan, Waits("q0", lambda: len(script.spans) == 7), Speculation(at_once=2))
    assert max(most) == 2


# -- faults -----------------------------------------------------------------------------------


async def test_a_read_that_failed_early_is_made_again_when_it_is_due(bench: Bench, script: Script) -> None:
    tries: list[int] = []

    def unsteady() -> float:
        tries.append(1)
        if len(tries) == 1:
            raise PluginError("the source was away")
        return 7.0

    script.answers["left"] = unsteady
    events, state = await go(bench, fork(), Waits("left", lambda: bool(tries)))
    assert of(events, EventKind.READ_DROPPED)["left"].payload["reason"] == "it failed: the source was away"
    assert state.values["left"]["value"] == [{"labels": {}, "value": 7.0}]


async def test_an_answer_that_has_grown_old_is_read_again(bench: Bench, script: Script) -> None:
    loop = asyncio.get_running_loop()
    old = Speculation(max_age_s=0.05)
    judge = Waits("left", lambda: "left" in script.spans and loop.time() - script.spans["left"][0] > 0.1)
    events, _ = await go(bench, fork(), judge, old)
    assert of(events, EventKind.READ_DROPPED)["left"].payload["reason"] == "it is older than 0.05 s"
    assert script.calls.count("left") == 2


async def test_what_a_dead_process_was_reading_is_journalled_as_lost(bench: Bench, script: Script) -> None:
    script.delays_s = {"left": 30.0, "right": 30.0}
    bench.judge, bench.speculation = Waits("left", lambda: False, most_s=30.0), ON
    bench.restart()
    plan = fork()
    run_id = await bench.open(plan)
    dying = asyncio.create_task(bench.engine.advance(run_id))
    while bench.kinds(run_id).count(EventKind.READ_AHEAD) < 2:
        await asyncio.sleep(0.005)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    script.delays_s.clear()
    bench.judge = Waits("left", lambda: True)
    bench.restart()
    _, state = await bench.go_on(run_id, plan)
    events = bench.journal.events(run_id)
    assert [e.payload["reason"] for e in events if e.kind is EventKind.READ_DROPPED][:2] == [
        "the process that read it ended"
    ] * 2
    assert state.outcome is Outcome.RESOLVED


async def test_an_ending_run_drops_what_it_was_reading(bench: Bench, script: Script) -> None:
    script.delays_s = {"left": 30.0, "right": 30.0}
    judge = Waits("END.escalate", lambda: len(script.calls) == 3)
    plan = fork(judged("ask", "END.escalate", "neither"))
    events, state = await go(bench, plan, judge)
    assert {e.payload["reason"] for e in of(events, EventKind.READ_DROPPED).values()} <= {
        "the run ended before it",
        "its branch was not taken",
    }
    assert names(events, EventKind.READ_DROPPED) == {"left", "right"}
    assert events[-1].kind is EventKind.RUN_ENDED
    assert StepKey("left") in state.steps


# -- from the outside -------------------------------------------------------------------------


def test_the_settings_say_what_may_be_spent() -> None:
    assert SpeculationSettings(enabled=False).value() is None
    spent = SpeculationSettings(moderate_calls=3, seconds=1.5, plugins_off=("promql",)).value()
    assert spent is not None
    assert (spent.calls[Cost.MODERATE], spent.seconds, spent.plugins_off) == (3, 1.5, {"promql"})


@pytest.mark.parametrize(("line", "wanted"), [("speculation: false", False), ("", True)])
def test_a_guide_says_whether_its_reads_may_start_early(line: str, wanted: bool) -> None:
    text = f"---\nalerts: [X]\n{line}\n---\n\n# X\n\n## Look\n\n```promql as=a\nup\n```\n"
    catalogue = PluginCatalogue(Registry.installed({}))
    plan = compile_guide(parse_guide(text, "x.md"), catalogue).plan
    assert plan.speculation is wanted
    assert from_json(to_json(plan)).speculation is wanted


def test_a_guide_that_says_it_in_another_way_is_told_how() -> None:
    text = "---\nalerts: [X]\nspeculation: sometimes\n---\n\n# X\n"
    (finding,) = [f for f in parse_guide(text, "x.md").findings if "speculation" in f.message]
    assert (finding.line, finding.hint) == (3, "write speculation: false, or leave it out")
