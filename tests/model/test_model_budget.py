"""What judgement may cost, and that nothing is sent beyond it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.model.budget import MAX_ANSWER_TOKENS, Budget, Meter, Price, RunLedger, estimate_tokens
from agent.model.executor import ModelJudge
from agent.model.llm import BudgetExceeded
from agent.model.openai_chat import OpenAiChat
from agent.model.settings import LlmSettings
from agent.report import report
from agent.run.events import Outcome
from agent.run.judge import Usage
from dag.model import Edge
from tests.model.fault_server import always, completion, serving
from tests.run.engine_bench import Bench, Script, default, judged, plan_of, query

STEP = Budget(calls=4, tokens=1_000, seconds=60)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("budget", "want"),
    [
        pytest.param(Budget(1, 200, 1), None, id="enough of everything"),
        pytest.param(Budget(0, 200, 1), "no calls are left", id="no calls"),
        pytest.param(Budget(1, 163, 1), "163 tokens are left", id="no room for an answer"),
        pytest.param(Budget(1, 200, 0), "no time is left", id="no time"),
    ],
)
def test_a_refusal_says_what_is_missing(budget: Budget, want: str | None) -> None:
    said = budget.refusal(prompt_tokens=100)
    assert said is None if want is None else (said or "").startswith(want)


def test_the_estimate_is_a_quarter_of_the_characters_rounded_up() -> None:
    assert [estimate_tokens(n) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_a_meter_counts_calls_tokens_and_seconds() -> None:
    clock = Clock()
    meter = Meter(STEP, clock)
    assert meter.open_call(400) == 512
    meter.charge(100, 20)
    clock.now = 2.5
    assert meter.usage == Usage(1, 100, 20, 2.5)
    assert meter.left() == Budget(3, 880, 57.5)
    clock.now = 61
    with pytest.raises(BudgetExceeded, match="no time is left") as caught:
        meter.open_call(400)
    assert caught.value.usage.prompt_tokens == 100


def test_usage_adds_up_and_stays_marked_as_estimated() -> None:
    total = Usage(1, 10, 1, 0.5) + Usage(2, 20, 2, 1.0, estimated=True) + Usage(1)
    assert total == Usage(4, 30, 3, 1.5, estimated=True)


def test_steps_judged_at_once_cannot_together_exceed_the_run() -> None:
    ledger = RunLedger(Budget(calls=6, tokens=1_500, seconds=100))
    first, second, third = (ledger.reserve("r", STEP) for _ in range(3))
    assert [b.calls for b in (first, second, third)] == [4, 2, 0]
    assert [b.tokens for b in (first, second, third)] == [1_000, 500, 0]


def test_what_a_step_did_not_use_is_there_for_the_next() -> None:
    ledger = RunLedger(Budget(calls=6, tokens=1_500, seconds=100))
    granted = ledger.reserve("r", STEP)
    ledger.settle("r", granted, Usage(1, 100, 20, 3.0))
    assert ledger.reserve("r", Budget(9, 9_999, 999)) == Budget(5, 1_380, 97.0)


def test_runs_do_not_share_a_purse() -> None:
    ledger = RunLedger(Budget(calls=4, tokens=1_000, seconds=60))
    assert ledger.reserve("a", STEP).calls == ledger.reserve("b", STEP).calls == 4


def test_a_resumed_run_does_not_start_with_a_full_purse() -> None:
    ledger = RunLedger(Budget(6, 1_500, 100), spent_before=lambda run: Usage(5, 0, 0, 0) if run == "old" else Usage())
    assert [ledger.reserve(run, STEP).calls for run in ("old", "new")] == [1, 4]


# -- money ------------------------------------------------------------------------------------

DEAR = Price(prompt=10.0, completion=50.0)  # of a million


def test_money_bounds_the_answer_and_then_the_question() -> None:
    meter = Meter(Budget(9, 100_000, 60, cost=0.02), price=DEAR)
    assert meter.open_call(4_000) == 200  # 1,000 tokens cost 0.01, which leaves 200 completion tokens
    meter.charge(1_000, 100)
    assert meter.usage.cost == pytest.approx(0.015)
    with pytest.raises(BudgetExceeded, match=r"0\.0050 of money is left and the shortest answer costs 0\.0132"):
        meter.open_call(4_000)


def test_without_prices_or_a_bound_money_is_no_matter() -> None:
    assert Meter(Budget(9, 100_000, 60), price=DEAR).open_call(4_000) == MAX_ANSWER_TOKENS
    meter = Meter(Budget(9, 100_000, 60, cost=0.01))
    assert meter.open_call(4_000) == MAX_ANSWER_TOKENS
    meter.charge(1_000, 100)
    assert meter.usage.cost == 0


@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 512)), max_size=20), st.floats(0.001, 1.0))
def test_what_is_admitted_never_costs_more_than_the_bound(asked: list[tuple[int, int]], bound: float) -> None:
    """Prompts as long as they were estimated, and answers within what was granted."""
    meter = Meter(Budget(100, 10_000_000, 60, cost=bound), price=DEAR)
    for chars, wanted in asked:
        try:
            room = meter.open_call(chars)
        except BudgetExceeded:
            continue
        assert room >= 1
        meter.charge(estimate_tokens(chars), min(wanted, room))
    assert meter.usage.cost <= bound + 1e-9


def test_judgements_at_once_share_a_runs_money_and_give_back_what_they_did_not_spend() -> None:
    ledger = RunLedger(Budget(99, 99_999, 99, cost=1.0), spent_before=lambda _run: Usage(cost=0.2))
    step = Budget(4, 1_000, 10, cost=0.5)
    first, second = ledger.reserve("r", step), ledger.reserve("r", step)
    assert (first.cost, second.cost) == pytest.approx((0.5, 0.3))
    assert ledger.reserve("r", step).cost == pytest.approx(0.0)
    ledger.settle("r", first, Usage(1, 10, 10, 1.0, cost=0.1))
    assert ledger.reserve("r", step).cost == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("more", "want"),
    [
        pytest.param({"max_cost": 1.0}, "need price_in and price_out", id="a bound without prices"),
        pytest.param({"run_max_cost": 1.0}, "need price_in and price_out", id="a run's bound without prices"),
        pytest.param({"price_in": 1.0}, "give both price_in and price_out", id="half a price"),
        pytest.param({"price_in": -1.0, "price_out": 1.0}, "greater than or equal to 0", id="a negative price"),
    ],
)
def test_money_without_prices_is_refused(more: dict[str, float], want: str) -> None:
    with pytest.raises(ValidationError, match=want):
        LlmSettings(base_url="http://127.0.0.1:1/v1", model="m", **more)  # type: ignore[arg-type]


async def test_a_runs_money_holds_over_its_judgements_and_stands_in_its_report(tmp_path: Path) -> None:
    said = completion(json.dumps({"reason": "r", "choice": "A"}), usage=(1_000, 20))
    async with serving(always(said)) as server:
        prices = {"price_in": 10.0, "price_out": 50.0, "run_max_cost": 0.04}
        settings = LlmSettings(base_url=server.url, model="m", **prices)  # type: ignore[arg-type]
        bench = Bench(tmp_path / "journal.db", Script())
        client = OpenAiChat(settings, None)
        bench.judge = ModelJudge.from_settings(client, settings, spent_before=lambda run: bench.engine.usage(run))
        bench.restart()
        steps = [query(f"look{n}") for n in range(6)]
        edges = [
            edge
            for n in range(6)
            for edge in (
                judged(f"look{n}", f"look{n + 1}" if n < 5 else "END.resolved", "it grows"),
                default(f"look{n}", "END.escalate"),
            )
        ]
        plan = plan_of(*steps, Edge("START", "look0"), *edges)
        run_id = await bench.open(plan)
        advanced, _ = await bench.go_on(run_id, plan)
        row = bench.journal.run(run_id)
        assert row is not None
        made = report(row, plan, bench.journal.events(run_id))
        await client.close()
        bench.journal.close()
    assert advanced.outcome is Outcome.ESCALATED
    assert len(server.seen) == made.cost.model_calls == 3
    assert made.cost.model_cost == pytest.approx(0.033)
    assert "of money is left" in made.decided[-1].reason
