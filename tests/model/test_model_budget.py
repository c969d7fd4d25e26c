"""What judgement may cost, and that nothing is sent beyond it."""

from __future__ import annotations

import pytest

from agent.model.budget import Budget, Meter, RunLedger, estimate_tokens
from agent.model.llm import BudgetExceeded
from agent.run.judge import Usage

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
