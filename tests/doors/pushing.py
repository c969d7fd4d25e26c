"""A guide whose one action is a request to a local target, its settings, and `stepfleet serve` as a process."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.doors.conftest import TOKENS
from tests.doors.notifications import firing, notification, send
from tests.plugins.http_target import Target

ROOT = Path(__file__).resolve().parents[2]
GUIDE = """---
title: Push the button
alerts: [Hot]
---
# Push the button

## Push

```http as=pushed timeout=20s
POST {url}/button

{{"speed": "slow"}}
```

If this fails or cannot be decided, go to [Escalate](#escalate).

## Resolved

It is pushed.

## Escalate

It is not.
"""


def pushing(
    folder: Path,
    target: Target,
    *,
    rung: str = "auto",
    port: int = 0,
    guide: str = GUIDE,
    journal: str = "url = 'sqlite:///journal.db'",
    **rule: Any,
) -> Path:
    """Write a guide that posts to `target`, a policy that rules on it, and settings; returns the settings' file."""
    (folder / "guides").mkdir(exist_ok=True)
    text = guide.format(url=target.url)
    (folder / "guides" / "push.md").write_text(text)
    bounds: dict[str, Any] = {"max_per_hour": 10, "max_blast_radius": 1} if rung == "auto" else {}
    bounds |= {"guides": [hashlib.sha256(text.encode()).hexdigest()]} if rung == "auto" else {}
    fields = {"action": "http_call", "rung": rung, **bounds, **rule}
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    (folder / "policy.toml").write_text("[[rule]]\n" + "\n".join(lines))
    for name, (token, _) in TOKENS.items():
        (folder / name).write_text(token)
    file = folder / "stepfleet.toml"
    file.write_text(
        "\n".join(
            [
                f"[journal]\n{journal}",
                "[library]\npath = 'guides'",
                "[policy]\nfile = 'policy.toml'",
                f"[api]\nport = {port}",
                f"[plugins.http]\nallow = [{json.dumps(target.host)}]\ntimeout_s = 30",
                *(
                    f"[[principals]]\nname = '{name}'\nroles = {json.dumps(roles)}\ntoken = {{file = '{name}'}}"
                    for name, (_, roles) in TOKENS.items()
                ),
            ]
        )
    )
    return file


@dataclass
class Served:
    """A `stepfleet serve` process and a client of it."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient
    said: str = ""

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code; what went to stderr is in `said`."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        _, err = await asyncio.wait_for(self.process.communicate(), 40)
        self.said = err.decode()
        assert self.process.returncode is not None
        return self.process.returncode


@contextlib.asynccontextmanager
async def served(config: Path, *options: str) -> AsyncIterator[Served]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent.doors.cli", "--config", str(config), "serve", "--json", *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        address = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))["address"]
        async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=20) as http:
            yield Served(process, http)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def alert(http: httpx.AsyncClient) -> str:
    """Let the alert fire; the run's id."""
    answer = await send(http, notification(firing()))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["accepted"][0]["run_id"])
