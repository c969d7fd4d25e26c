"""A process whose run another has taken over writes nothing more, neither to the journal nor to the target."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from agent.errors import LeaseLost
from agent.run.events import EventKind
from agent.run.schema import LEASE
from dag.model import Edge
from plugins.base import Verdict
from tests.run.engine_bench import Bench, Script, ScriptedAction, action, plan_of

PLAN = plan_of(action("act"), Edge("START", "act"), Edge("act", "END.resolved"))


@pytest.mark.parametrize(
    ("stage", "applied", "never"),
    [
        pytest.param("precheck", 0, EventKind.INTENT, id="before its intent: nothing reaches the target"),
        pytest.param("verify", 1, EventKind.COMPENSATING, id="before its undo: the undo is the new owner's to decide"),
    ],
)
async def test_a_stale_owner_stops_before_its_next_write(
    bench: Bench, script: Script, monkeypatch: pytest.MonkeyPatch, stage: str, applied: int, never: EventKind
) -> None:
    script.verdict = Verdict(False, "still waiting")
    run_id = await bench.open(PLAN)
    usual = getattr(ScriptedAction, stage)

    async def overtaken(*given: object) -> object:
        await bench.journal.write(lambda conn: conn.execute(update(LEASE).values(fence=LEASE.c.fence + 1)))
        return await usual(*given)

    monkeypatch.setattr(ScriptedAction, stage, overtaken)
    with pytest.raises(LeaseLost, match="another process advances it now"):
        await bench.go_on(run_id, PLAN)
    assert len(script.applied) == applied
    assert script.undone == []
    assert never not in bench.kinds(run_id)
