"""What the serving actions do to a fleet; the same for real llama.cpp servers and for the fake of the fault tests."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.base import Observation
from plugins.errors import ApplyFailed, BadArguments, PrecheckFailed
from plugins.serving.kv_migrate import KvMigrate, KvMigrateArgs
from plugins.serving.replica_add import ReplicaAdd, ReplicaAddArgs
from plugins.serving.replica_drain import ReplicaDrain, ReplicaDrainArgs
from plugins.serving.reschedule import RescheduleArgs, RescheduleQuery
from tests.plugins.serving.serving_stage import Stage, ctx

pytestmark = pytest.mark.asyncio(loop_scope="session")


def move(session: str, source: str, target: str) -> dict[str, str]:
    return {"session": session, "source": source, "target": target}


def migrate_args(*moves: dict[str, str]) -> KvMigrateArgs:
    return KvMigrateArgs.model_validate({"fleet": "demo", "plan": {"moves": moves}})


async def planned(stage: Stage, **more: Any) -> dict[str, Any]:
    result = await stage.plugin(RescheduleQuery).run(RescheduleArgs(fleet="demo", **more), ctx())
    value: dict[str, Any] = result.value
    return value


async def test_the_waiting_sessions_of_a_hot_replica_are_planned_away_and_never_to_other_weights(stage: Stage) -> None:
    sessions = await stage.open("a", 4)
    plan = await planned(stage)
    assert {m["session"] for m in plan["moves"]} == set(sessions[2:])
    assert {m["target"] for m in plan["moves"]} == {"b", "c"}
    assert plan["freeness"]["a"] < plan["freeness"]["b"]


async def test_a_replica_that_is_not_there_cannot_be_relieved(stage: Stage) -> None:
    with pytest.raises(BadArguments, match="no replica of 'demo' is named 'z'"):
        await planned(stage, source="z")


async def test_a_plan_is_made_true_observed_verified_and_needs_no_second_one(stage: Stage) -> None:
    await stage.open("a", 4)
    plan, action = await planned(stage), stage.plugin(KvMigrate)
    args = KvMigrateArgs.model_validate({"fleet": "demo", "plan": plan})
    before = await action.precheck(args, ctx())
    assert {s["replica"] for s in before["sessions"].values()} == {"a"}

    result = await action.apply(args, "hot", ctx())

    assert (result.value["moved"], result.value["failed"]) == (2, 0)
    assert await action.observe(args, "hot", ctx()) is Observation.HAPPENED
    verdict = await action.verify(args, before, ctx())
    assert verdict.ok, verdict.reason
    where = await stage.where()
    assert all(where[m["session"]] == m["target"] for m in plan["moves"])
    assert (await planned(stage))["moves"] == []


async def test_a_running_session_takes_its_kv_along(stage: Stage) -> None:
    (session,) = await stage.open("a", 1)
    action, args = stage.plugin(KvMigrate), migrate_args(move(session, "a", "b"))
    before = await action.precheck(args, ctx())
    value = (await action.apply(args, "running", ctx())).value
    assert value["kv_tokens"] >= 100
    assert value["cache_tokens"] + 2 >= value["kv_tokens"]
    assert value["evaluated_tokens"] <= 2
    assert 0 < value["gap_s"] < 5
    assert (await action.verify(args, before, ctx())).ok


async def test_the_same_key_again_moves_nothing_again(stage: Stage) -> None:
    (session,) = await stage.open("a", 1)
    action, args = stage.plugin(KvMigrate), migrate_args(move(session, "a", "b"))
    first = await action.apply(args, "twice", ctx())
    again = await action.apply(args, "twice", ctx())
    assert first.value == again.value


async def test_moves_are_taken_back_and_taking_them_back_again_changes_nothing(stage: Stage) -> None:
    sessions = await stage.open("a", 2)
    action = stage.plugin(KvMigrate)
    args = migrate_args(move(sessions[0], "a", "b"), move(sessions[1], "a", "c"))
    await action.apply(args, "undone", ctx())
    for _ in range(2):
        verdict = await action.compensate(args, "undone", ctx())
        assert (verdict.ok, verdict.reason) == (True, "2 back")
        assert await stage.where() == dict.fromkeys(sessions, "a")


async def test_a_session_that_waited_cannot_go_back_to_a_full_replica_and_is_left_where_it_runs(stage: Stage) -> None:
    waiting = (await stage.open("a", 3))[2]
    action, args = stage.plugin(KvMigrate), migrate_args(move(waiting, "a", "b"))
    await action.apply(args, "no way back", ctx())
    verdict = await action.compensate(args, "no way back", ctx())
    assert (verdict.ok, verdict.reason) == (False, "1 left where they are")
    assert "no_free_slot" in verdict.evidence["left"][waiting]
    assert (await stage.where())[waiting] == "b"


async def test_what_was_never_asked_has_not_happened_and_needs_no_undo(stage: Stage) -> None:
    args = migrate_args(move("s-x", "a", "b"))
    assert await stage.plugin(KvMigrate).observe(args, "new", ctx()) is Observation.NOT_HAPPENED
    assert (await stage.plugin(KvMigrate).compensate(args, "new", ctx())).ok
    add = ReplicaAddArgs(fleet="demo", replica="z")
    assert await stage.plugin(ReplicaAdd).observe(add, "new", ctx()) is Observation.NOT_HAPPENED
    assert (await stage.plugin(ReplicaAdd).compensate(add, "new", ctx())).ok
    drain = ReplicaDrainArgs(fleet="demo", replica="a")
    assert await stage.plugin(ReplicaDrain).observe(drain, "new", ctx()) is Observation.NOT_HAPPENED


async def test_one_session_that_ended_meanwhile_stops_no_other(stage: Stage) -> None:
    gone, there = await stage.open("a", 2)
    action, args = stage.plugin(KvMigrate), migrate_args(move(gone, "a", "b"), move(there, "a", "c"))
    await stage.end(gone)
    before = await action.precheck(args, ctx())
    value = (await action.apply(args, "one gone", ctx())).value
    assert (value["moved"], value["failed"]) == (1, 1)
    assert "finished" in value["refused"][0]["why"]
    assert (await action.verify(args, before, ctx())).reason == "1 arrived, 1 ended"


async def test_a_call_that_moves_nothing_has_failed(stage: Stage) -> None:
    (session,) = await stage.open("a", 1)
    action, args = stage.plugin(KvMigrate), migrate_args(move(session, "a", "odd"))
    with pytest.raises(ApplyFailed, match="no session moved: .*: fingerprint"):
        await action.apply(args, "nothing", ctx())
    assert await action.observe(args, "nothing", ctx()) is Observation.NOT_HAPPENED


@pytest.mark.parametrize(
    ("moves", "reason"),
    [
        pytest.param([], "there is nothing to move", id="no moves"),
        pytest.param([("0", "a", "odd")], "model_sha256 of 'a' and 'odd' differ", id="to other weights"),
        pytest.param([("0", "a", "c")], "'c' is draining", id="to a draining replica"),
        pytest.param([("0", "a", "z")], "there is no replica 'z'", id="to nowhere"),
        pytest.param([("0", "b", "a")], "is on 'a', not on 'b'", id="from where it is not"),
        pytest.param([("0", "a", "b"), ("0", "a", "b")], "is to move twice", id="the same session twice"),
        pytest.param([("0", "a", "a")], "is to move to where it is", id="to where it is"),
        pytest.param([("0", "a", "b"), ("2", "b", "a")], "'a' and 'b' are to exchange sessions", id="both ways"),
        pytest.param(
            [("0", "a", "b"), ("1", "a", "b")], "'b' has 1 free slots for 2 sessions", id="into too few slots"
        ),
        pytest.param([("gone", "a", "b")], "all of the sessions have ended", id="sessions that are over"),
        pytest.param([("0", "a", "b")] * 33, "33 moves, at most 32", id="too many at once"),
    ],
)
async def test_a_plan_is_refused_that_moves(stage: Stage, moves: list[tuple[str, str, str]], reason: str) -> None:
    opened = [*await stage.open("a", 2), *await stage.open("b", 1)]
    await stage.drain("c")
    named = [move(opened[int(s)] if s.isdigit() else s, source, target) for s, source, target in moves]
    with pytest.raises(PrecheckFailed, match=reason):
        await stage.plugin(KvMigrate).precheck(migrate_args(*named), ctx())


async def test_a_drained_replica_is_empty_and_serves_again_after_the_undo(stage: Stage) -> None:
    sessions = await stage.open("a", 2)
    action, args = stage.plugin(ReplicaDrain), ReplicaDrainArgs(fleet="demo", replica="a")
    before = await action.precheck(args, ctx())
    value = (await action.apply(args, "drain", ctx())).value
    assert (value["moved"], value["left"]) == (2, [])
    assert await action.observe(args, "drain", ctx()) is Observation.HAPPENED
    verdict = await action.verify(args, before, ctx())
    assert verdict.ok, verdict.reason
    assert set(verdict.evidence["sessions"]) == set(sessions)
    assert (await stage.states())["a"] == "draining"
    assert (await action.apply(args, "drain", ctx())).value["moved"] == 0
    assert (await action.compensate(args, "drain", ctx())).ok
    assert (await stage.states())["a"] == "up"


@pytest.mark.parametrize(
    ("replica", "reason"),
    [
        pytest.param("z", "there is no replica 'z'", id="is not there"),
        pytest.param("c", "'c' drains already", id="drains already"),
        pytest.param("odd", "no other replica that is up equals 'odd'", id="has no equal"),
        pytest.param("a", "2 sessions decode on 'a', 1 slots are free elsewhere", id="holds more than fits elsewhere"),
    ],
)
async def test_a_replica_is_not_drained_that(stage: Stage, replica: str, reason: str) -> None:
    await stage.open("a", 2)
    await stage.open("b", 1)
    await stage.drain("c")
    with pytest.raises(PrecheckFailed, match=reason):
        await stage.plugin(ReplicaDrain).precheck(ReplicaDrainArgs(fleet="demo", replica=replica), ctx())


async def test_a_replica_is_added_once_and_its_undo_moves_its_sessions_off_and_removes_it(stage: Stage) -> None:
    action, args = stage.plugin(ReplicaAdd), ReplicaAddArgs(fleet="demo", replica="d")
    before = await action.precheck(args, ctx())
    assert (await action.apply(args, f"add {id(stage)}", ctx())).value["state"] == "up"
    assert (await action.apply(args, f"add {id(stage)}", ctx())).value["state"] == "up"
    assert await action.observe(args, f"add {id(stage)}", ctx()) is Observation.HAPPENED
    verdict = await action.verify(args, before, ctx())
    assert (verdict.ok, verdict.evidence["equals"]) == (True, ["a", "b", "c"])
    with pytest.raises(PrecheckFailed, match="a replica 'd' exists, it is up"):
        await action.precheck(args, ctx())
    with pytest.raises(ApplyFailed, match="no_capacity"):
        await action.apply(ReplicaAddArgs(fleet="demo", replica="e"), f"more {id(stage)}", ctx())

    (session,) = await stage.open("d", 1)
    undone = await action.compensate(args, f"add {id(stage)}", ctx())
    assert (undone.ok, undone.reason) == (True, "'d' was removed")
    assert (await stage.where())[session] in ("a", "b", "c")
    assert "d" not in await stage.states()
