"""A run that waits, at the terminal: the exact call is shown, agreed to by its digest, and made once."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.doors.conftest import TOKENS
from tests.doors.pushing import pushing
from tests.doors.test_terminal import config_in, stepfleet
from tests.plugins.http_target import Seen, Target, http_target, says

OPERATOR = {"STEPFLEET_TOKEN": TOKENS["olga"][0]}


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with http_target(says(200, {"pushed": True})) as running:
        yield running


async def say(folder: Path, *arguments: str) -> Any:
    """A command as the operator gives it."""
    return await asyncio.to_thread(stepfleet, *arguments, cwd=folder, env=OPERATOR)


async def waiting(folder: Path, target: Target) -> str:
    pushing(folder, target, rung="approve")
    began = await say(folder, "run", "push", "--json")
    assert began.returncode == 3, began.stderr
    return str(json.loads(began.stdout)["run_id"])


async def test_the_exact_call_is_shown_before_it_is_agreed_to_and_made_when_the_run_goes_on(
    tmp_path: Path, target: Target
) -> None:
    run_id = await waiting(tmp_path, target)
    shown = await say(tmp_path, "show", run_id)
    assert f'"url":"{target.url}/button"' in re.sub(r"[│\s]", "", shown.stdout)
    command = re.search(rf"stepfleet approve {run_id} --digest ([0-9a-f]+)", shown.stdout)
    assert command, shown.stdout
    agreed = await say(tmp_path, "approve", run_id, "--digest", command[1])
    assert agreed.returncode == 0, agreed.stderr
    call, recorded = agreed.stdout.index("http_call"), agreed.stdout.index("approved;")
    assert call < recorded
    assert f"digest    {command[1]}" in agreed.stdout
    assert f"stepfleet resume {run_id}" in agreed.stdout
    assert target.seen == []
    resumed = await say(tmp_path, "resume", run_id, "--json")
    assert json.loads(resumed.stdout)["runs"][0]["outcome"] == "resolved"
    assert len(target.seen) == 1


async def test_another_digest_than_the_one_that_waits_agrees_to_nothing(tmp_path: Path, target: Target) -> None:
    run_id = await waiting(tmp_path, target)
    refused = await say(tmp_path, "approve", run_id, "--digest", "0123456789ab")
    assert refused.returncode == 2
    assert "waits with another call" in refused.stderr
    resumed = await say(tmp_path, "resume", "--json")
    assert resumed.returncode == 3
    assert target.seen == []


async def test_a_rejected_call_is_never_made_and_the_stated_default_is_taken(tmp_path: Path, target: Target) -> None:
    run_id = await waiting(tmp_path, target)
    assert (await say(tmp_path, "approve", run_id, "--reject", "--reason", "not tonight")).returncode == 0
    resumed = await say(tmp_path, "resume")
    assert "escalated" in resumed.stdout
    assert target.seen == []
    assert "not tonight" in (await say(tmp_path, "show", run_id)).stdout


async def test_without_a_token_nothing_is_said(tmp_path: Path, target: Target) -> None:
    run_id = await waiting(tmp_path, target)
    done = await asyncio.to_thread(stepfleet, "approve", run_id, cwd=tmp_path)
    assert done.returncode == 2
    assert "hint: set it to your principal's token" in done.stderr


CHOICE = """---
title: Choose
alerts: [Lamp]
---
# Choose

## Look

If the lamp is green, go to [Resolved](#resolved); otherwise go to [Escalate](#escalate).

## Resolved

Green.

## Escalate

Not green.
"""


async def test_a_branch_is_chosen_by_where_it_leads(tmp_path: Path) -> None:
    config_in(tmp_path)
    (tmp_path / "guides" / "choose.md").write_text(CHOICE)
    run_id = json.loads((await say(tmp_path, "run", "choose", "--json")).stdout)["run_id"]
    wrong = await say(tmp_path, "approve", run_id, "--choose", "END.nowhere")
    assert wrong.returncode == 2
    assert "possible: " in wrong.stderr
    right = await say(tmp_path, "approve", run_id, "--choose", "END.resolved", "--reason", "it is green")
    assert right.returncode == 0, right.stderr
    assert json.loads((await say(tmp_path, "resume", "--json")).stdout)["runs"][0]["outcome"] == "resolved"


async def test_a_run_that_is_interrupted_lets_its_action_reach_its_outcome(tmp_path: Path) -> None:
    import sys

    from tests.doors.test_terminal import ROOT

    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(seen: Seen, writer: Any) -> None:
        arrived.set()
        await go_on.wait()
        await says(200)(seen, writer)

    async with http_target(slowly) as target:
        config = pushing(tmp_path, target)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent.doors.cli", "--config", str(config), "run", "push"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await asyncio.wait_for(arrived.wait(), 20)
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.5)
        go_on.set()
        _, err = await asyncio.wait_for(process.communicate(), 20)
        resumed = await say(tmp_path, "resume", "--json")
    assert process.returncode == 130, err.decode()
    assert "stepfleet resume" in err.decode()
    assert json.loads(resumed.stdout)["runs"][0]["outcome"] == "resolved"
    assert len(target.seen) == 1
