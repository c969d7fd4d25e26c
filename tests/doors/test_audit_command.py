"""`stepfleet audit` on a journal that real runs wrote: what was said, whether it stands, and its exported heads."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.doors.pushing import alert, pushing, served
from tests.doors.test_terminal import stepfleet
from tests.doors.test_terminal_approvals import say
from tests.plugins.http_target import Target, http_target, says


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with http_target(says(200, {"pushed": True})) as running:
        yield running


def forge(folder: Path, *statements: str) -> None:
    """What somebody with the file can do."""
    conn = sqlite3.connect(folder / "journal.db")
    with conn:
        for name in ("audit_no_update", "audit_no_delete"):
            conn.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            conn.execute(statement)
    conn.close()


def with_heads(folder: Path) -> None:
    config = folder / "stepfleet.toml"
    config.write_text(f'{config.read_text()}\n[audit]\nheads = "elsewhere/heads.jsonl"\n', encoding="utf-8")


async def approved_run(folder: Path, target: Target) -> str:
    pushing(folder, target, rung="approve")
    with_heads(folder)
    run_id = str(json.loads((await say(folder, "run", "push", "--json")).stdout)["run_id"])
    assert (await say(folder, "approve", run_id)).returncode == 0
    assert (await say(folder, "resume")).returncode == 0
    return run_id


async def test_who_agreed_and_what_was_changed_can_be_shown_and_verified(tmp_path: Path, target: Target) -> None:
    run_id = await approved_run(tmp_path, target)
    shown = json.loads((await say(tmp_path, "audit", "show", "--run", run_id, "--json")).stdout)["entries"]
    assert [e["kind"] for e in shown] == ["approval_asked", "approved", "intent", "applied", "verified"]
    assert shown[1]["facts"]["by"] == "olga"
    words = await say(tmp_path, "audit", "show")
    assert "policy" in words.stdout
    assert "olga" in words.stdout
    verified = await say(tmp_path, "audit", "verify")
    assert verified.returncode == 0, verified.stdout
    assert "no exported head was given" in verified.stdout
    kept = (await say(tmp_path, "audit", "head")).stdout.strip()
    assert (await say(tmp_path, "audit", "verify", "--head", kept)).stdout.startswith(
        "the audit holds: 6 entries, 1 ex"
    )


async def test_an_entry_that_was_altered_is_named_and_stops_all_writes(tmp_path: Path, target: Target) -> None:
    await approved_run(tmp_path, target)
    forge(tmp_path, "UPDATE audit SET entry = replace(entry, 'olga', 'otto')")
    verified = await say(tmp_path, "audit", "verify", "--json")
    assert verified.returncode == 1
    assert "entry 3 was altered" in json.loads(verified.stdout)["faults"][0]
    ran = await say(tmp_path, "run", "push", "--json")
    assert "the audit was altered: entry 3" in ran.stdout
    assert len(target.seen) == 1, "a write began on an audit that does not hold"
    assert "(by audit)" in (await say(tmp_path, "kill-switch", "status")).stdout


async def test_a_server_exports_its_heads_and_a_cut_off_end_shows_in_them(tmp_path: Path, target: Target) -> None:
    config = pushing(tmp_path, target)
    with_heads(tmp_path)
    async with served(config) as server:
        await alert(server.http)
        await server.stop()
    heads = tmp_path / "elsewhere" / "heads.jsonl"
    last = json.loads(heads.read_text().splitlines()[-1])
    assert (await say(tmp_path, "audit", "verify", "--json")).returncode == 0
    forge(
        tmp_path,
        "DELETE FROM audit WHERE number > 1",
        "UPDATE audit_head SET number = 1, hash = (SELECT hash FROM audit)",
        "DROP TRIGGER run_event_no_delete",
        "DELETE FROM run_event",
    )
    verified = await say(tmp_path, "audit", "verify")
    assert verified.returncode == 1
    assert f"entry {last['number']} was exported, it ends at 1" in verified.stdout


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        pytest.param(("--head", "12"), "'12' is not a head", id="a head without its hash"),
        pytest.param(("--heads", "none.jsonl"), "none.jsonl: the exported heads cannot be read", id="no such file"),
        pytest.param(("--heads", "stepfleet.toml"), "stepfleet.toml:1: not an exported head", id="another file"),
    ],
)
def test_what_is_no_head_is_said(tmp_path: Path, arguments: tuple[str, ...], want: str) -> None:
    (tmp_path / "stepfleet.toml").write_text('[journal]\nurl = "sqlite:///journal.db"\n', encoding="utf-8")
    refused: Any = stepfleet("audit", "verify", *arguments, cwd=tmp_path)
    assert refused.returncode == 2
    assert want in refused.stderr
