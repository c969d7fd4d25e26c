"""The serving plugins under the real engine and journal: plan, move, and what it makes of a lost answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.run.engine import Engine
from agent.run.events import EventKind, Outcome
from dag.model import Call, Edge, Kind, Step, ValueType
from plugins.registry import Registry
from plugins.serving.kv_migrate import KvMigrate
from plugins.serving.reschedule import RescheduleQuery
from tests.plugins.serving.fake_gateway import FakeGateway, answers, lost
from tests.run.engine_bench import Bench, Script, default, plan_of

LOOK = Step(
    "look",
    "Plan the moves",
    Kind.QUERY,
    (),
    calls=(Call("reschedule", {"fleet": "demo"}, bind="moves", result=ValueType.DYN),),
    produces=("moves",),
)
MOVE = Step(
    "move",
    "Move the sessions",
    Kind.ACTION,
    (),
    calls=(Call("kv_migrate", {"fleet": "demo", "plan": "{{ moves }}"}, bind="moved"),),
    consumes=("moves",),
    produces=("moved",),
    timeout_s=1.0,
)
PLAN = plan_of(
    LOOK,
    MOVE,
    Edge("START", "look"),
    Edge("look", "move"),
    Edge("move", "END.resolved"),
    default("move", "END.escalate"),
)


@pytest.fixture
def serving(tmp_path: Path, gateway: FakeGateway) -> Iterator[Bench]:
    bench = Bench(tmp_path / "journal.db", Script())
    registry = Registry.of(RescheduleQuery(gateway.connect), KvMigrate(gateway.connect))
    bench.engine = Engine(bench.journal, registry, bench.gate, owner="test")
    yield bench
    bench.journal.close()


async def test_the_waiting_sessions_of_a_hot_replica_are_moved(serving: Bench, gateway: FakeGateway) -> None:
    gateway.opens("a", 4)
    advanced, _ = await serving.run(PLAN)
    assert advanced.outcome is Outcome.RESOLVED
    assert [s.replica for s in gateway.sessions.values()] == ["a", "a", "b", "c"]


async def test_after_a_lost_answer_half_way_every_session_has_moved_once(serving: Bench, gateway: FakeGateway) -> None:
    gateway.opens("a", 4)
    gateway.next("POST", "/admin/migrations", lost)
    run_id = await serving.open(PLAN)
    advanced, _ = await serving.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.RESOLVED
    assert serving.kinds(run_id).count(EventKind.INTENT) == 1
    assert [s.moves for s in gateway.sessions.values()] == [0, 0, 1, 1]


async def test_moves_that_leave_a_session_standing_still_are_taken_back(serving: Bench, gateway: FakeGateway) -> None:
    sessions = gateway.opens("a", 2)
    gateway.frozen.update(sessions)
    run_id = await serving.open(PLAN)
    advanced, _ = await serving.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.ESCALATED
    assert serving.last(run_id, EventKind.COMPENSATED).payload["reason"] == "1 back"
    assert {s.replica for s in gateway.sessions.values()} == {"a"}


async def test_a_fleet_that_needs_no_moves_refuses_the_action_before_it_is_intended(
    serving: Bench, gateway: FakeGateway
) -> None:
    run_id = await serving.open(PLAN)
    advanced, _ = await serving.go_on(run_id, PLAN)
    assert advanced.outcome is Outcome.ESCALATED
    assert EventKind.INTENT not in serving.kinds(run_id)


async def test_a_gateway_that_refuses_every_move_leaves_the_action_not_applied(
    serving: Bench, gateway: FakeGateway
) -> None:
    gateway.opens("a", 3)
    gateway.replicas["c"].state = "draining"
    gateway.next("POST", "/admin/migrations", answers(409, '{"error": {"code": "busy", "message": "being moved"}}'))
    run_id = await serving.open(PLAN)
    await serving.go_on(run_id, PLAN)
    assert "no session moved: s2: a -> b: busy" in serving.last(run_id, EventKind.NOT_APPLIED).payload["error"]
