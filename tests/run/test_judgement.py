"""Words are judged by whoever is there; only an edge of the step counts, whoever names it."""

from __future__ import annotations

from agent.run.events import EventKind, Outcome
from agent.run.judge import Judgement, Question, Usage
from agent.run.state import RunStatus
from dag.model import Edge, EdgeKind, Plan
from tests.run.engine_bench import Bench, check, default, judged, plan_of, query

ASKED = plan_of(
    query("waiting"),
    check("one-client", text="Look at `waiting`.", consumes=("waiting",)),
    Edge("START", "waiting"),
    Edge("waiting", "one-client"),
    judged("one-client", "END.escalate", "it looks like one client's retries"),
    Edge("one-client", "END.resolved", otherwise=True, kind=EdgeKind.IMPLICIT),
    default("one-client", "END.not_applicable"),
)


class Scripted:
    """Answers with what its test says; remembers what it was asked."""

    def __init__(self, target: str | None, *, edge: str | None = None) -> None:
        self.target = target
        self.edge = edge
        self.asked: list[Question] = []

    async def judge(self, question: Question) -> Judgement:
        self.asked.append(question)
        edge = self.edge or next((o.edge for o in question.options if o.leads_to == self.target), None)
        return Judgement(edge, "because", by="model:scripted", usage=Usage(1, 100, 10, 0.1))


async def judge(bench: Bench, model: Scripted, plan: Plan = ASKED) -> tuple[str, Outcome | None]:
    bench.judge = model
    bench.restart()
    run_id = await bench.open(plan)
    advanced, _ = await bench.go_on(run_id, plan)
    return run_id, advanced.outcome


async def test_a_models_choice_is_taken_and_accounted(bench: Bench) -> None:
    run_id, outcome = await judge(bench, Scripted("END.escalate"))
    assert outcome is Outcome.ESCALATED
    branched = bench.last(run_id, EventKind.BRANCHED).payload
    assert (branched["by"], branched["usage"]["prompt_tokens"]) == ("model:scripted", 100)


async def test_the_model_sees_its_step_and_declared_inputs_and_nothing_else(bench: Bench) -> None:
    model = Scripted("END.resolved")
    await judge(bench, model)
    (question,) = model.asked
    assert question.text == "Look at `waiting`."
    assert list(question.values) == ["waiting"]
    assert {o.leads_to for o in question.options} == {"END.escalate", "END.resolved"}


async def test_an_edge_that_is_not_the_steps_decides_nothing(bench: Bench) -> None:
    _, outcome = await judge(bench, Scripted(None, edge="elsewhere->END.resolved#00000000"))
    assert outcome is Outcome.NOT_APPLICABLE  # the stated default


async def test_an_undecided_model_takes_the_stated_default(bench: Bench) -> None:
    run_id, outcome = await judge(bench, Scripted(None))
    assert outcome is Outcome.NOT_APPLICABLE
    assert bench.last(run_id, EventKind.BRANCHED).payload["by"] == "default"


async def test_without_a_default_an_undecided_model_leaves_it_to_a_person(bench: Bench) -> None:
    plan = plan_of(*ASKED.steps, *(e for e in ASKED.edges if not e.default))
    bench.judge = Scripted(None)
    bench.restart()
    advanced, state = await bench.run(plan)
    assert advanced.status is RunStatus.PARKED
    assert state.usage.prompt_tokens == 100  # what was spent is spent, decided or not


async def test_a_judge_that_raises_has_not_decided_and_harms_no_process(bench: Bench) -> None:
    class Broken(Scripted):
        async def judge(self, question: Question) -> Judgement:
            raise RuntimeError("a defect")

    bench.judge = Broken(None)
    bench.restart()
    advanced, _ = await bench.run(ASKED)
    assert advanced.outcome is Outcome.NOT_APPLICABLE
    assert "the judge failed: RuntimeError: a defect" in advanced.reason
