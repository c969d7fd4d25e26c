"""The executor of one judged step: gather, ask, validate, at most one repair; an edge of the plan or undecided.

A small langgraph graph without a checkpointer: the run's journal is the only memory. Its state holds the
case's id and where it stands, never a question, a prompt or an answer: those stay in this process, so
that nothing which observes graphs sees the fleet's data.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
import traceback
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypedDict

import structlog

from agent.model import prompt as prompts
from agent.model.budget import FREE, Budget, Price, RunLedger, estimate_tokens
from agent.model.llm import LLM, BudgetExceeded, Malformed, ModelError, ModelTimeout, Prompt, Reply, WrongSchema
from agent.model.settings import LlmSettings
from agent.redact import one_line
from agent.run.judge import Judgement, Question, Usage

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

log = structlog.get_logger(__name__)

GRACE_S = 1.0  # past the deadline, for a client that ends by itself; then it is cut off
REPAIRABLE = (Malformed, WrongSchema)


class CaseState(TypedDict):
    """All that the graph knows: which case, and what comes next."""

    case: str
    phase: str


@dataclass(slots=True)
class Case:
    """One judgement in progress."""

    question: Question
    granted: Budget
    ends_at: float
    asked: prompts.Asked | None = None
    prompt: Prompt | None = None
    reply: Reply[prompts.Choice] | None = None
    error: ModelError | None = None
    repaired: bool = False
    edge: str | None = None
    reason: str = ""
    usage: Usage = field(default_factory=Usage)


class ModelJudge:
    """A `Judge` that asks a language model; for anything but a valid option it says undecided, and why."""

    def __init__(
        self,
        llm: LLM,
        step: Budget,
        run: Budget,
        *,
        price: Price = FREE,
        spent_before: Callable[[str], Usage] = lambda _run_id: Usage(),
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._llm = llm
        self._step = step
        self._price = price
        self._ledger = RunLedger(run, spent_before)
        self._rng = rng
        self._clock = clock
        self._cases: dict[str, Case] = {}
        self._ids = itertools.count(1)
        self._graph: CompiledStateGraph[Any, Any, Any, Any] | None = None

    @classmethod
    def from_settings(
        cls, llm: LLM, settings: LlmSettings, *, spent_before: Callable[[str], Usage] = lambda _run_id: Usage()
    ) -> ModelJudge:
        step, run = settings.per_judgement, settings.per_run
        return cls(llm, step, run, price=settings.price, spent_before=spent_before)

    async def judge(self, question: Question) -> Judgement:
        """See `agent.run.judge.Judge`. Raises nothing but cancellation."""
        granted = self._ledger.reserve(question.run_id, self._step)
        seconds = min(granted.seconds, question.deadline_s)
        case = Case(question, replace(granted, seconds=seconds), self._clock() + seconds)
        case_id = f"case-{next(self._ids)}"
        self._cases[case_id] = case
        try:
            await self._walk(case_id)
        except Exception as exc:
            # A judge must answer: the run then waits for a person, and the log holds the defect.
            # The traceback as text: renderers that show local variables would show the evidence.
            log.error("judgement_failed", step=question.step_id, traceback=traceback.format_exc(limit=-8))
            case.edge, case.reason = None, f"the judgement failed in stepfleet itself: {type(exc).__name__}"
        finally:
            del self._cases[case_id]
            self._ledger.settle(question.run_id, granted, case.usage)
        return Judgement(case.edge, case.reason, self._llm.model, case.usage)

    async def _walk(self, case_id: str) -> None:
        if self._graph is None:
            # In a thread: importing the graph library takes most of a second, and others are waiting.
            self._graph = await asyncio.to_thread(self._build)
        from langsmith.run_helpers import tracing_context

        # Ambient variables could have the graph library report every run to a web service; not from here.
        with tracing_context(enabled=False):
            await self._graph.ainvoke({"case": case_id, "phase": "gather"})

    def _build(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        from langgraph.graph import END, START, StateGraph

        graph: StateGraph[Any, Any, Any, Any] = StateGraph(CaseState)
        for name, node in (
            ("gather", self._gather),
            ("ask", self._ask),
            ("validate", self._validate),
            ("repair", self._repair),
            ("undecided", self._undecided),
        ):
            graph.add_node(name, node)
        graph.add_edge(START, "gather")
        ends: dict[Hashable, str] = {"ask": "ask", "repair": "repair", "undecided": "undecided", "done": END}
        for name in ("gather", "validate", "repair"):
            graph.add_conditional_edges(name, _phase, ends)
        graph.add_edge("ask", "validate")
        graph.add_edge("undecided", END)
        return graph.compile()

    async def _gather(self, state: CaseState) -> dict[str, str]:
        """Write the prompt from what the question holds and nothing else."""
        case = self._cases[state["case"]]
        try:
            case.asked = prompts.build(case.question, self._rng)
        except ValueError as exc:
            case.reason = f"no question could be put to a model: {one_line(str(exc), 200)}"
            return {"phase": "undecided"}
        case.prompt = case.asked.prompt
        return {"phase": "ask"}

    async def _ask(self, state: CaseState) -> dict[str, str]:
        """One question to the model, inside what is left of the step's budget."""
        case = self._cases[state["case"]]
        assert case.asked
        assert case.prompt
        case.reply, case.error = None, None
        left = case.granted.minus(case.usage)
        seconds = max(0.0, min(left.seconds, case.ends_at - self._clock()))
        if why := replace(left, seconds=seconds).refusal(estimate_tokens(case.prompt.chars), self._price):
            case.error = BudgetExceeded(f"the model's budget is used up: {why}")
            return {"phase": "validate"}
        try:
            async with asyncio.timeout(seconds + GRACE_S):
                case.reply = await self._llm.ask(
                    case.prompt,
                    case.asked.schema,
                    deadline_s=seconds,
                    max_tokens=left.tokens,
                    max_calls=left.calls,
                    max_cost=left.cost,
                )
            case.usage += case.reply.usage
        except TimeoutError:
            case.error = ModelTimeout(f"{self._llm.model} held the line past its deadline of {seconds:g} s")
            case.usage += Usage(calls=1, seconds=seconds + GRACE_S, estimated=True)
        except ModelError as exc:
            case.error = exc
            case.usage += exc.usage
        return {"phase": "validate"}

    async def _validate(self, state: CaseState) -> dict[str, str]:
        """Hold the answer against the options, whatever the client promises about it."""
        case = self._cases[state["case"]]
        assert case.asked
        if case.error is None and case.reply is not None:
            case.error = wrong_choice(case.reply, case.asked)
        if case.error is None and case.reply is not None:
            case.reason = one_line(case.reply.value.reason, prompts.REASON_CHARS)
            case.edge = case.asked.edges.get(case.reply.value.choice)
            return {"phase": "done"}
        may_repair = isinstance(case.error, REPAIRABLE) and not (case.repaired or case.error.repaired)
        return {"phase": "repair" if may_repair else "undecided"}

    async def _repair(self, state: CaseState) -> dict[str, str]:
        """Show the model its useless answer, once."""
        case = self._cases[state["case"]]
        assert case.asked
        assert case.error
        case.prompt = prompts.correction(case.asked, case.error.raw, str(case.error))
        case.repaired = True
        return {"phase": "ask"}

    async def _undecided(self, state: CaseState) -> dict[str, str]:
        case = self._cases[state["case"]]
        if case.error is not None:
            case.reason = f"{type(case.error).__name__}: {one_line(str(case.error), 400)}"
        return {"phase": "done"}


def wrong_choice(reply: Reply[Any], asked: prompts.Asked) -> WrongSchema | None:
    """Say what is wrong with an answer's choice, or None when it is one of the options or undecided."""
    value = reply.value
    if not isinstance(value, prompts.Choice):
        return WrongSchema(f"the model's client returned a {type(value).__name__} instead of a choice")
    if value.choice in asked.edges or value.choice == prompts.UNDECIDED:
        return None
    choice = one_line(str(value.choice), 60)
    return WrongSchema(f"'{choice}' is not one of the options {asked.labels}", raw=value.model_dump_json())


def _phase(state: CaseState) -> str:
    return state["phase"]
