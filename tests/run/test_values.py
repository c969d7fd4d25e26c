"""A value that is too large, or no JSON, is refused before anything of it is kept."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.run import values
from agent.run.events import EventKind, Outcome
from agent.run.schema import ARTIFACT
from dag.model import Edge, ValueType
from plugins.base import Result
from plugins.errors import PluginError
from tests.run.engine_bench import Bench, Script, default, plan_of, query

MEGABYTE = "x" * 2**20


async def test_an_answer_of_5_gb_fails_its_step_and_is_not_written_out(bench: Bench, script: Script) -> None:
    script.answers = {"look": [MEGABYTE] * 5_120}  # one string many times: 5 GB only for who writes it out
    plan = plan_of(query("look"), Edge("START", "look"), Edge("look", "END.resolved"), default("look", "END.escalate"))
    run_id = await bench.open(plan)
    tracemalloc.start()
    try:
        advanced, _ = await bench.go_on(run_id, plan)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert advanced.outcome is Outcome.ESCALATED
    failed = bench.last(run_id, EventKind.STEP_FAILED).payload
    assert failed["error"] == "the answer has more than 67,108,864 bytes"
    assert "aggregate in the query" in failed["hint"]
    assert peak_bytes < values.MAX_VALUE_BYTES
    assert bench.journal.read_now(lambda conn: conn.execute(ARTIFACT.select()).all()) == []


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("y" * 101, id="a string"),
        pytest.param(["y"] * 40, id="a list"),
        pytest.param({str(n): n for n in range(20)}, id="a mapping"),
        pytest.param("\N{SNOWMAN}" * 20, id="only its escapes are too long"),
        pytest.param([[[["y" * 50]]], {"a": {"b": "y" * 50}}], id="nested"),
    ],
)
def test_the_limit_holds_whatever_the_value_is(bench: Bench, monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    monkeypatch.setattr(values, "MAX_VALUE_BYTES", 100)
    monkeypatch.setattr(values, "SMALL_BYTES", 10)
    lease = bench.journal.acquire("r", "me")
    assert lease is not None
    with pytest.raises(PluginError, match="more than 100 bytes"):
        values.store(bench.journal, lease, Result(value, ValueType.DYN, datetime.now(UTC)))


def test_a_value_that_holds_itself_is_no_json(bench: Bench) -> None:
    value: list[Any] = []
    value.append(value)
    lease = bench.journal.acquire("r", "me")
    assert lease is not None
    with pytest.raises(PluginError, match="not JSON"):
        values.store(bench.journal, lease, Result(value, ValueType.DYN, datetime.now(UTC)))
