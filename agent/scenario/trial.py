"""One guide's scenarios, each run on the real engine in a world of its own, in virtual time."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.errors import StepfleetError
from agent.gate.gate import Gate
from agent.gate.policy import Policy, Rule, Rung, load_policy
from agent.inputs import bind_inputs
from agent.replay.calls import calls_of
from agent.replay.memory_journal import MemoryJournal
from agent.replay.stage import LIMITS, Played, Stage
from agent.replay.trace import Trace, trace
from agent.replay.virtual_time import Clock, run_virtually
from agent.run.intake import Intake
from agent.run.shape import Shape
from agent.scenario.coverage import Coverage, coverage
from agent.scenario.files import Place, ScenarioError, Scenarios
from agent.scenario.findings import Finding
from agent.scenario.model import Answer, Scenario
from agent.scenario.verdict import unmet
from agent.scenario.words import ScriptedJudge, ScriptedPeople
from agent.scenario.world import ScriptedWorld
from dag.model import START, Plan
from plugins.registry import Registry
from telemetry.alerts import Alert, AlertStatus, Notification

_BOUNDLESS = 1_000_000  # a scenario that states no bounds tests none


@dataclass(frozen=True, slots=True)
class Trial:
    """How one scenario came out. `line` is where it begins, `took_s` the run's virtual time in seconds."""

    name: str
    line: int
    findings: tuple[tuple[int, Finding], ...]  # each with its line
    trace: Trace
    took_s: float

    @property
    def ok(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True)
class GuideTrials:
    """All trials of one scenario file; `findings` are about the file itself, each with its line."""

    file: str
    guide: str
    trials: tuple[Trial, ...]
    findings: tuple[tuple[int, Finding], ...]
    coverage: Coverage

    @property
    def ok(self) -> bool:
        return not self.findings and all(t.ok for t in self.trials)


def try_guide(made: Scenarios, plan: Plan, installed: Registry, wanted: Sequence[int]) -> GuideTrials:
    """Run the scenarios with these places in the file. Blocking.

    Raises: ScenarioError for names that the guide does not have, and a policy or an input that does not fit;
    PluginError when a plugin that the plan calls is not installed.
    """
    check_names(made, plan)
    shape, shared_used = Shape(plan), set[int]()
    trials = tuple(_try(made, i, shape, installed, shared_used) for i in wanted)
    unused = [
        (made.line("answers", i), Finding("this shared answer is never used", "take it out", ("answers", i)))
        for i in range(len(made.common.answers))
        if i not in shared_used and len(wanted) == len(made.scenarios)  # a selection may leave answers over
    ]
    return GuideTrials(
        str(made.file), str(made.guide), trials, tuple(unused), coverage(shape, (t.trace for t in trials))
    )


def _try(made: Scenarios, index: int, shape: Shape, installed: Registry, shared_used: set[int]) -> Trial:
    scenario, plan = made.scenarios[index], shape.plan
    clock = Clock(scenario.at)
    world = ScriptedWorld(plan, clock.now, scenario.at, scenario.answers, made.common.answers, scenario.actions)
    people = ScriptedPeople(scenario.people, world.findings)
    judge = ScriptedJudge(scenario.judgements, world.findings)
    policy = _policy(made, index, plan)

    async def open_(journal: MemoryJournal) -> str:
        return await _open(scenario, plan, journal, clock)

    async def play() -> Played:
        stage = Stage(
            plan=plan,
            installed=installed,
            clock=clock,
            world=world,
            people=people,
            judge=judge,
            gate=lambda journal: Gate(policy, journal, clock.now),
            open_run=open_,
        )
        return await stage.play()

    try:
        bind_inputs(plan.inputs, scenario.inputs, _alert(scenario, plan), scenario.at)
    except StepfleetError as exc:
        raise _fault(made, str(exc), ("scenarios", index), exc.hint) from exc
    played = run_virtually(play())
    came = trace(plan, played.events)
    shared_used |= world.shared_used
    found = [
        *world.findings,
        *unmet(scenario.expect, came, shape, played.advanced.reason),
        *world.unused(),
        *people.unused(),
        *judge.unused(),
    ]
    took_s = (played.events[-1].at - played.events[0].at).total_seconds()
    placed = tuple((made.line("scenarios", index, *f.place), f) for f in found)
    return Trial(scenario.name, made.line("scenarios", index), placed, came, took_s)


# -- the run's beginning ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OneGuide:
    """Satisfies `agent.run.intake.Guides`: whatever rings means the guide under test."""

    plan: Plan

    def plan_for(self, alert: Alert) -> tuple[Plan | None, str]:
        return self.plan, f"{alert.name} of the scenario"


async def _open(scenario: Scenario, plan: Plan, journal: MemoryJournal, clock: Clock) -> str:
    intake = Intake(journal, _OneGuide(plan), run_deadline_s=LIMITS.run_deadline_s, clock=clock.now)
    alert = _alert(scenario, plan)
    if alert is None:
        return await intake.open(plan, scenario.inputs, by="the scenario", speculation=False)
    accepted = await intake.accept(Notification("scenario", scenario.name, (alert,)))
    run_id = accepted[0].run_id
    assert run_id is not None
    return run_id


def _alert(scenario: Scenario, plan: Plan) -> Alert | None:
    if scenario.alert is None:
        return None
    labels = scenario.alert.labels
    return Alert(
        name=labels.get("alertname", plan.title),
        status=AlertStatus.FIRING,
        fingerprint="scenario",
        starts_at=scenario.at,
        labels=labels,
        annotations=scenario.alert.annotations,
    )


def _policy(made: Scenarios, index: int, plan: Plan) -> Policy:
    said = made.scenarios[index].policy
    if said is not None and not isinstance(said, dict):
        try:
            return load_policy(made.file.parent / said)
        except StepfleetError as exc:
            raise _fault(made, str(exc), ("scenarios", index, "policy"), exc.hint) from exc
    rungs = {"*": Rung.AUTO} if said is None else said
    return Policy(
        rule=tuple(
            Rule(
                action=action,
                rung=rung,
                guides=(plan.guide_sha256,),
                max_per_hour=_BOUNDLESS,
                max_blast_radius=_BOUNDLESS,
            )
            for action, rung in rungs.items()
        )
    )


# -- names ------------------------------------------------------------------------------------


def check_names(made: Scenarios, plan: Plan) -> None:
    """Every step and name that a file speaks of is the plan's. Raises: ScenarioError with the nearest ones."""
    steps = list(plan.by_id)
    calls = [c for step in plan.steps for c in calls_of(step)]
    known = {
        "step": steps,
        "value": [c.bind for c in calls if c.bind],
        "plugin": sorted({c.plugin for c in calls}),
        "judged step": [START, *steps],
    }
    told = []
    for what, said, place in _spoken_of(made):
        if said not in known[what]:
            near = difflib.get_close_matches(said, known[what], n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known[what]) or 'none'}"
            told.append(f"{made.file}:{made.line(*place)}: the guide has no {what} '{said}'; {hint}")
    if told:
        raise ScenarioError("\n".join(told))


def _spoken_of(made: Scenarios) -> Iterator[tuple[str, str, Place]]:
    yield from _calls(made.common.answers, ("answers",))
    for i, scenario in enumerate(made.scenarios):
        at: Place = ("scenarios", i)
        yield from _calls(scenario.answers, (*at, "answers"))
        for j, change in enumerate(scenario.actions):
            for what, said in (("step", change.step), ("plugin", change.action)):
                if said is not None:
                    yield what, said, (*at, "actions", j)
        for j, word in enumerate(scenario.people):
            if word.step is not None:
                yield "step", word.step, (*at, "people", j)
        for step in scenario.judgements:
            yield "judged step", step, (*at, "judgements", step)
        yield from _expected(scenario, (*at, "expect"))


def _calls(answers: Sequence[Answer], at: Place) -> Iterator[tuple[str, str, Place]]:
    for j, answer in enumerate(answers):
        for what, name in (("step", "step"), ("value", "as_"), ("plugin", "query")):
            if (said := getattr(answer, name)) is not None:
                yield what, said, (*at, j, name.rstrip("_"))


def _expected(scenario: Scenario, at: Place) -> Iterator[tuple[str, str, Place]]:
    for part in ("ran", "order", "skipped", "failed", "waits"):
        for j, step in enumerate(getattr(scenario.expect, part) or ()):
            yield "step", step, (*at, part, j)
    for j, edge in enumerate(scenario.expect.edges):
        yield "judged step", edge.partition(" -> ")[0], (*at, "edges", j)
    actions = scenario.expect.actions
    for j, item in enumerate(() if actions == "none" else actions):
        yield "plugin", item.action, (*at, "actions", j)
        if item.step is not None:
            yield "step", item.step, (*at, "actions", j)


def _fault(made: Scenarios, message: str, place: Place, hint: str) -> ScenarioError:
    return ScenarioError(f"{made.file}:{made.line(*place)}: {message}", hint=hint)
