"""Who writes what, and who waits for it, as the terminal and the HTTP door tell it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from agent.doors import lease_command
from agent.run import leases
from agent.run.leases import Claimant
from agent.service import Service
from tests.doors.conftest import bearer

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def take(service: Service, run_id: str, *keys: str) -> None:
    await service.journal.write(lambda c: leases.take(c, Claimant(run_id, "act"), keys, NOW))


async def three_runs(service: Service) -> list[str]:
    """The first writes `a`, the second waits for `a` and `b`, the third behind it for `b`."""
    ids = [await service.open_run("ask", {}, by="ann") for _ in range(3)]
    for run_id, keys in zip(ids, (["a"], ["a", "b"], ["b"]), strict=True):
        await take(service, run_id, *keys)
    return ids


async def test_the_http_door_tells_who_writes_and_who_waits_in_the_order_of_asking(
    http: httpx.AsyncClient, service: Service
) -> None:
    first, second, third = [{"run_id": i, "step": "act", "since": NOW.isoformat()} for i in await three_runs(service)]
    answer = await http.get("/leases", headers=bearer("vera"))
    assert answer.json() == {
        "leases": [
            {"key": "a", "holder": first, "waiting": [second]},
            {"key": "b", "holder": None, "waiting": [second, third]},
        ]
    }


async def test_what_nobody_holds_is_not_listed(http: httpx.AsyncClient, service: Service) -> None:
    for run_id in await three_runs(service):
        await service.journal.write(lambda c, i=run_id: leases.give_back(c, Claimant(i, "act")))  # type: ignore[misc]
    assert (await http.get("/leases", headers=bearer("vera"))).json() == {"leases": []}


async def test_the_terminal_tells_the_same(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "stepfleet.toml"
    config.write_text(f'[journal]\nurl = "sqlite:///{tmp_path}/journal.db"\n')
    assert lease_command.leases(config, as_json=False) == 0
    assert "nobody waits" in capsys.readouterr().out
    ids = await three_runs(service)
    assert lease_command.leases(config, as_json=True) == 0
    a, b = json.loads(capsys.readouterr().out)["leases"]
    assert (a["holder"]["run_id"], b["holder"], [w["run_id"] for w in b["waiting"]]) == (ids[0], None, ids[1:])
    assert lease_command.leases(config, as_json=False) == 0
    _, *shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[-5:-2] for line in shown] == [
        ["writes", ids[0], "act"],
        ["waits", ids[1], "act"],
        ["waits", ids[1], "act"],
        ["waits", ids[2], "act"],
    ]
    assert [line[0] for line in shown] == ["a", "waits", "b", "waits"]
