"""What the serving actions make of lost answers, strangers' answers, and sessions that stand still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from plugins.base import Action, Observation, Query, effect_of
from plugins.errors import ApplyFailed, BadArguments, NoData, PluginError, TargetUnreachable
from plugins.serving.access import Access, ServingSettings, connector
from plugins.serving.cluster import Move, Refused, Unreadable
from plugins.serving.kv_migrate import KvMigrate, KvMigrateArgs
from plugins.serving.replica_add import ReplicaAdd, ReplicaAddArgs
from plugins.serving.replica_drain import ReplicaDrain, ReplicaDrainArgs
from plugins.serving.reschedule import RescheduleArgs, RescheduleQuery
from tests.plugins.serving.fake_gateway import FakeGateway, Fault, answers, cut, lost
from tests.plugins.serving.serving_stage import ctx

MIGRATIONS = "/admin/migrations"
DRAIN_A = ReplicaDrainArgs(fleet="demo", replica="a")
ADD_D = ReplicaAddArgs(fleet="demo", replica="d")


@pytest.fixture
def migrate(gateway: FakeGateway) -> KvMigrate:
    return KvMigrate(gateway.connect)


@pytest.fixture
def pair(gateway: FakeGateway) -> KvMigrateArgs:
    """Two sessions that run on a, to b and to c."""
    one, two = gateway.opens("a", 2)
    moves = [{"session": one, "source": "a", "target": "b"}, {"session": two, "source": "a", "target": "c"}]
    return KvMigrateArgs.model_validate({"fleet": "demo", "plan": {"moves": moves}})


def arrived(gateway: FakeGateway) -> list[str]:
    """Keys of the moves that arrived at the gateway, in order."""
    return [key or "" for method, path, key in gateway.asked if (method, path) == ("POST", MIGRATIONS)]


# -- what is known after an answer that never came ------------------------------------------------


async def test_after_the_last_answer_was_lost_the_records_tell_that_all_happened(
    gateway: FakeGateway, migrate: KvMigrate, pair: KvMigrateArgs
) -> None:
    gateway.opens("b")
    gateway.next("POST", MIGRATIONS, lambda request, do: do())
    gateway.next("POST", MIGRATIONS, lost)
    with pytest.raises(TargetUnreachable, match=r"POST http://gateway.test/admin/migrations: ReadTimeout"):
        await migrate.apply(pair, "k", ctx())
    assert await migrate.observe(pair, "k", ctx()) is Observation.HAPPENED


async def test_a_call_that_stopped_half_way_has_not_happened_and_asked_again_does_only_the_rest(
    gateway: FakeGateway, migrate: KvMigrate, pair: KvMigrateArgs
) -> None:
    gateway.next("POST", MIGRATIONS, lost)
    with pytest.raises(TargetUnreachable):
        await migrate.apply(pair, "k", ctx())
    assert await migrate.observe(pair, "k", ctx()) is Observation.NOT_HAPPENED

    result = await migrate.apply(pair, "k", ctx())

    assert arrived(gateway) == ["k/0", "k/0", "k/1"]
    assert result.value["moved"] == 2
    assert [s.moves for s in gateway.sessions.values()] == [1, 1]


async def test_a_request_that_never_arrived_has_not_happened(
    gateway: FakeGateway, migrate: KvMigrate, pair: KvMigrateArgs
) -> None:
    gateway.next("POST", MIGRATIONS, cut)
    with pytest.raises(TargetUnreachable, match="ConnectError connection refused") as raised:
        await migrate.apply(pair, "k", ctx())
    assert "is the gateway running" in raised.value.hint
    assert await migrate.observe(pair, "k", ctx()) is Observation.NOT_HAPPENED


async def test_while_a_move_runs_nothing_is_known_and_once_it_settles_it_is(
    gateway: FakeGateway, migrate: KvMigrate, pair: KvMigrateArgs
) -> None:
    await migrate.apply(pair, "k", ctx())
    settled = dict(gateway.migrations["k/1"])
    gateway.migrations["k/1"]["status"] = "running"
    assert await migrate.observe(pair, "k", ctx(0.4)) is Observation.UNKNOWN
    verdict = await migrate.compensate(pair, "k", ctx(0.4))
    assert (verdict.ok, verdict.reason) == (False, "1 back; 1 moves still run")
    gateway.migrations["k/1"] = settled
    assert await migrate.observe(pair, "k", ctx()) is Observation.HAPPENED


async def test_a_drain_whose_answer_was_lost_is_asked_again_and_moves_nothing_twice(gateway: FakeGateway) -> None:
    gateway.opens("a", 2)
    drain = ReplicaDrain(gateway.connect)
    gateway.next("POST", MIGRATIONS, lost)
    with pytest.raises(TargetUnreachable):
        await drain.apply(DRAIN_A, "k", ctx())
    assert await drain.observe(DRAIN_A, "k", ctx()) is Observation.NOT_HAPPENED
    assert (await drain.apply(DRAIN_A, "k", ctx())).value["left"] == []
    assert await drain.observe(DRAIN_A, "k", ctx()) is Observation.HAPPENED
    assert [s.moves for s in gateway.sessions.values()] == [1, 1]


async def test_a_start_whose_answer_was_lost_is_known_by_its_key(gateway: FakeGateway) -> None:
    add = ReplicaAdd(gateway.connect)
    gateway.next("POST", "/admin/replicas", lost)
    with pytest.raises(TargetUnreachable):
        await add.apply(ADD_D, "k", ctx())
    assert await add.observe(ADD_D, "k", ctx()) is Observation.HAPPENED


@pytest.mark.parametrize(
    ("status", "seen", "undo"),
    [
        pytest.param("running", Observation.UNKNOWN, "it is still being started", id="that still runs is not known"),
        pytest.param("failed", Observation.NOT_HAPPENED, "nothing had been added", id="that failed has not happened"),
    ],
)
async def test_a_start(gateway: FakeGateway, status: str, seen: Observation, undo: str) -> None:
    gateway.operations["k"] = {"key": "k", "kind": "add", "status": status}
    add = ReplicaAdd(gateway.connect)
    assert await add.observe(ADD_D, "k", ctx(0.3)) is seen
    assert (await add.compensate(ADD_D, "k", ctx(0.3))).reason.startswith(undo)


# -- who may say that nothing happened ------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(answers(500, "Internal Server Error"), TargetUnreachable, id="an internal error leaves it open"),
        pytest.param(answers(503, "<html>busy</html>"), TargetUnreachable, id="a proxy without a gateway, too"),
        pytest.param(answers(408, ""), TargetUnreachable, id="a request that timed out, too"),
        pytest.param(answers(403, "<html>forbidden</html>"), Unreadable, id="a proxy's refusal, too"),
        pytest.param(answers(302, ""), Unreadable, id="a redirect is not followed"),
        pytest.param(answers(200, "<html>welcome</html>"), Unreadable, id="a page is no record"),
        pytest.param(answers(200, "{}"), Unreadable, id="nor is an empty document"),
    ],
)
async def test_only_the_gateway_says_that_nothing_changed(
    gateway: FakeGateway, migrate: KvMigrate, pair: KvMigrateArgs, fault: Fault, error: type[PluginError]
) -> None:
    gateway.next("POST", MIGRATIONS, fault)
    with pytest.raises(error) as raised:
        await migrate.apply(pair, "k", ctx())
    assert not isinstance(raised.value, ApplyFailed)
    assert raised.value.hint


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(answers(404, "<html>not found</html>"), id="a page"),
        pytest.param(answers(404, '{"error": {"code": "not_found", "message": "Not Found"}}'), id="a wrong path"),
        pytest.param(answers(401, '{"error": {"code": "unauthorized", "message": "no"}}'), id="a wrong token"),
    ],
)
async def test_never_seen_is_not_read_from(
    gateway: FakeGateway, migrate: KvMigrate, pair: KvMigrateArgs, fault: Fault
) -> None:
    gateway.next("GET", MIGRATIONS, fault)
    with pytest.raises(Unreadable):
        await migrate.observe(pair, "k", ctx())


async def test_a_record_of_another_move_is_not_taken_for_ours(gateway: FakeGateway) -> None:
    session, *_ = gateway.opens("a", 2)
    other = {"key": "k", "session": "s9", "source": "a", "target": "b", "status": "done"}
    gateway.next("POST", MIGRATIONS, lambda request, do: httpx.Response(200, json=other))
    async with gateway.connect("demo", Access.CHANGE) as cluster:
        with pytest.raises(Unreadable, match=f"asked for {session}: a -> b, told of s9: a -> b"):
            await cluster.move(Move(session, "a", "b"), "k")


async def test_the_token_of_queries_changes_nothing(gateway: FakeGateway) -> None:
    async with gateway.connect("demo", Access.READ) as cluster:
        with pytest.raises(Refused, match="read_only") as raised:
            await cluster.drain("a")
    assert "write_token_file" in raised.value.hint
    assert gateway.asked == []


async def test_a_gateway_of_another_fleet_is_not_touched(gateway: FakeGateway) -> None:
    gateway.fleet = "production"
    with pytest.raises(Unreadable, match="serves the fleet 'production', not 'demo'"):
        await ReplicaDrain(gateway.connect).precheck(DRAIN_A, ctx())


async def test_a_fleet_without_replicas_is_no_data(gateway: FakeGateway) -> None:
    gateway.replicas.clear()
    with pytest.raises(NoData):
        await RescheduleQuery(gateway.connect).run(RescheduleArgs(fleet="demo"), ctx())


# -- what is verified, what is undone -------------------------------------------------------------


async def test_a_session_that_arrived_and_stands_still_is_not_verified(
    gateway: FakeGateway, migrate: KvMigrate, pair: KvMigrateArgs
) -> None:
    before = await migrate.precheck(pair, ctx())
    await migrate.apply(pair, "k", ctx())
    stuck = pair.moves[1].session
    gateway.frozen.add(stuck)
    verdict = await migrate.verify(pair, before, ctx(0.4))
    assert (verdict.ok, verdict.reason) == (False, f"2 arrived; no new token from {stuck}")


async def test_sessions_that_never_left_are_not_verified(migrate: KvMigrate, pair: KvMigrateArgs) -> None:
    verdict = await migrate.verify(pair, {}, ctx(0.4))
    assert (verdict.ok, verdict.reason) == (False, "no session left its source")


async def test_a_session_that_somebody_moved_on_is_left_where_it_is(
    gateway: FakeGateway, migrate: KvMigrate, pair: KvMigrateArgs
) -> None:
    await migrate.apply(pair, "k", ctx())
    gateway.sessions[pair.moves[0].session].replica = "c"
    verdict = await migrate.compensate(pair, "k", ctx())
    assert (verdict.ok, verdict.reason) == (False, "1 back, 1 left where they are")
    assert verdict.evidence["left"] == {pair.moves[0].session: "is on 'c'"}


async def test_a_replica_that_does_not_empty_is_not_verified_as_drained(gateway: FakeGateway) -> None:
    """Room vanishes between precheck and drain: the session goes on where it is, and the undo lets it."""
    (session,) = gateway.opens("a")
    drain = ReplicaDrain(gateway.connect)
    before = await drain.precheck(DRAIN_A, ctx())
    gateway.opens("b", 2)
    gateway.opens("c", 2)
    assert (await drain.apply(DRAIN_A, "k", ctx(0.5))).value["left"] == [session]
    assert await drain.observe(DRAIN_A, "k", ctx()) is Observation.NOT_HAPPENED
    verdict = await drain.verify(DRAIN_A, before, ctx(0.5))
    assert (verdict.ok, verdict.reason) == (False, "1 sessions are still on 'a'")
    assert (await drain.compensate(DRAIN_A, "k", ctx())).ok
    assert gateway.replicas["a"].state == "up"


async def test_a_drain_goes_on_when_a_move_is_refused_and_room_comes_later(gateway: FakeGateway) -> None:
    gateway.opens("a")
    drain = ReplicaDrain(gateway.connect)
    full = '{"error": {"code": "no_free_slot", "message": "just taken"}}'
    gateway.next("POST", MIGRATIONS, answers(409, full))
    value = (await drain.apply(DRAIN_A, "k", ctx())).value
    assert (value["moved"], value["failed"], value["left"]) == (1, 1, [])


async def test_an_added_replica_that_cannot_be_emptied_is_left_draining(gateway: FakeGateway) -> None:
    add = ReplicaAdd(gateway.connect)
    await add.apply(ADD_D, "k", ctx())
    for name in "abcd":
        gateway.opens(name, 2)
    verdict = await add.compensate(ADD_D, "k", ctx(0.5))
    assert (verdict.ok, gateway.replicas["d"].state) == (False, "draining")
    assert "not_empty" in verdict.reason


async def test_a_replica_of_that_name_that_this_key_did_not_add_is_not_removed(gateway: FakeGateway) -> None:
    add = ReplicaAdd(gateway.connect)
    await add.apply(ADD_D, "somebody else's", ctx())
    with pytest.raises(ApplyFailed, match="exists"):
        await add.apply(ADD_D, "ours", ctx())
    assert (await add.compensate(ADD_D, "ours", ctx())).reason == "nothing had been added"
    assert "d" in gateway.replicas


# -- what the engine and the settings see ---------------------------------------------------------


def test_each_is_what_the_engine_takes_it_for_even_before_a_fleet_is_configured() -> None:
    assert isinstance(RescheduleQuery.from_settings({}), Query)
    for kind in (KvMigrate, ReplicaDrain, ReplicaAdd):
        assert isinstance(kind.from_settings({}), Action)


@pytest.mark.parametrize(
    ("action", "arguments", "writes"),
    [
        pytest.param(KvMigrate, {"fleet": "demo"}, {"sessions:demo"}, id="kv_migrate"),
        pytest.param(
            ReplicaDrain, {"fleet": "demo", "replica": "a"}, {"replica:demo/a", "sessions:demo"}, id="replica_drain"
        ),
        pytest.param(ReplicaAdd, {"fleet": "demo", "replica": "{{ n }}"}, {"replica:demo/{{ n }}"}, id="replica_add"),
    ],
)
def test_what_each_writes(action: Any, arguments: dict[str, str], writes: set[str]) -> None:
    assert effect_of(action.from_settings({}), arguments).writes == writes


def test_how_much_stops_serving(gateway: FakeGateway, migrate: KvMigrate, pair: KvMigrateArgs) -> None:
    assert migrate.blast_radius(pair) == 1  # one replica's sessions pause
    assert ReplicaDrain(gateway.connect).blast_radius(DRAIN_A) == 1
    assert ReplicaAdd(gateway.connect).blast_radius(ADD_D) == 0


async def test_the_value_of_reschedule_is_the_plan_of_kv_migrate(gateway: FakeGateway) -> None:
    gateway.replicas["c"].state = "draining"
    gateway.opens("a", 3)
    plan = (await RescheduleQuery(gateway.connect).run(RescheduleArgs(fleet="demo"), ctx())).value
    args = KvMigrateArgs.model_validate({"fleet": "demo", "plan": plan})
    assert [str(m) for m in args.moves] == ["s2: a -> b"]
    assert args.model_dump(mode="json")["plan"] == plan


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        pytest.param(
            {"ulr": "http://x"}, "[plugins.serving]: unknown setting 'ulr'", "did you mean 'url'?", id="unknown"
        ),
        pytest.param({"url": "gateway"}, "[plugins.serving] url: ", "mend it in stepfleet.toml", id="no address"),
        pytest.param({"timeout_s": 0}, "[plugins.serving] timeout_s: ", "mend it in stepfleet.toml", id="out of range"),
    ],
)
def test_a_setting_is_refused_that_is(settings: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(PluginError) as raised:
        KvMigrate.from_settings(settings)
    assert str(raised.value).startswith(message)
    assert raised.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        pytest.param({}, PluginError, "no serving fleet is configured", id="no url"),
        pytest.param(
            {"url": "http://x", "fleet": "b"}, BadArguments, "no fleet 'demo' is configured", id="other fleet"
        ),
        pytest.param({"url": "http://x"}, PluginError, "read_token_file is not set", id="no token"),
        pytest.param(
            {"url": "http://x", "read_token_file": "nowhere/read"}, PluginError, "cannot be read", id="no token file"
        ),
    ],
)
async def test_no_fleet_is_opened_with(settings: dict[str, Any], error: type[PluginError], message: str) -> None:
    with pytest.raises(error, match=message) as raised:
        async with connector(ServingSettings.model_validate(settings))("demo", Access.READ):
            pass
    assert raised.value.hint


async def test_a_token_is_read_anew_at_each_call_and_shown_in_no_error(tmp_path: Path) -> None:
    file = tmp_path / "token"
    open_fleet = connector(ServingSettings(url="http://127.0.0.1:9", read_token_file=file, timeout_s=1))
    file.write_text("two\nlines")
    with pytest.raises(PluginError, match="holds no token") as raised:
        async with open_fleet("demo", Access.READ):
            pass
    assert "lines" not in f"{raised.value} {raised.value.hint}"
    file.write_text("s3cret\n")
    async with open_fleet("demo", Access.READ) as cluster:
        with pytest.raises(TargetUnreachable) as unreachable:
            await cluster.replicas()
    assert "s3cret" not in f"{unreachable.value} {unreachable.value.hint}"
