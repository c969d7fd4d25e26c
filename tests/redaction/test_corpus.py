"""A corpus of secrets, sent through a whole service: no prompt, report, sample, stream or `--json` has one."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

import agent.redact
from agent.doors.api import create_app, event_out
from agent.doors.render import render_report
from agent.doors.strict_json import dumps
from agent.report import report
from agent.run.events import EventKind
from agent.service import Service, build_service
from agent.settings import load_settings
from tests.attacks.attack import MODEL_OBEYS
from tests.attacks.bench import GUIDE
from tests.doors.conftest import bearer
from tests.doors.notifications import firing, notification, send
from tests.doors.pushing import pushing
from tests.doors.test_terminal_approvals import say
from tests.model.fault_server import FaultServer, completion, serving
from tests.plugins.http_target import Seen, Target, http_target, says
from tests.redaction.corpus import EACH, KINDS, Planted, missed, page, planted, taken

SECRETS = planted()
ROUNDS = [SECRETS[nth::EACH] for nth in range(EACH)]  # one of each kind
RAW = {EventKind.RUN_OPENED}  # what the alert said, as it said it: an input may need it


def test_every_planted_secret_goes_and_no_harmless_text_does() -> None:
    print(page())
    assert len(KINDS) >= 20
    assert len(SECRETS) >= 200
    assert not missed(SECRETS)
    assert taken() == []


class Stage:
    """A service whose target and alerts are full of secrets, and everything that it shows."""

    def __init__(self, folder: Path, service: Service, http: httpx.AsyncClient, target: Target, model: FaultServer):
        self.folder, self.service, self.http, self.target, self.model = folder, service, http, target, model

    async def round(self, nth: int, secrets: list[Planted]) -> str:
        """One run: the secrets stand in the log, as text or JSON, short or long, and in labels and annotations."""
        texts = sorted((p.text for p in secrets), key=len)  # people are shown the beginning
        long = ["all is well " * 2_000] if nth % 3 == 0 else []
        log: Any = "\n".join([*texts, *long]) if nth % 2 else {"lines": [*texts, *long]}
        self.target.answer = says(200, log)
        labels = {"alertname": "Hot", "host": "w1", **{f"l{i}": t for i, t in enumerate(texts)}}
        alert = firing(nth, labels=labels, annotations={f"a{i}": t for i, t in enumerate(texts)})
        answer = await send(self.http, notification(alert, groupKey=f"g{nth}"))
        run_id = str(answer.json()["accepted"][0]["run_id"])
        await asyncio.wait_for(self.service.wait(run_id), 30)
        return run_id

    async def shown(self, run_id: str) -> dict[str, str]:
        view = await self.service.run_view(run_id)
        made = report(view.row, view.plan, view.events)
        terminal = io.StringIO()
        render_report(made, Console(file=terminal, width=400, force_terminal=False))
        viewer = bearer("vera")
        base = f"/runs/{run_id}"
        on_terminal, as_json, audit = await asyncio.gather(
            *(say(self.folder, *c) for c in (("show", run_id), ("show", run_id, "--json"), ("audit", "show", "--json")))
        )
        return {
            "journal": json.dumps([e.payload for e in view.events if e.kind not in RAW], default=dict),
            "event stream": "\n".join(dumps(event_out(e)) for e in view.events),
            "report": (await self.http.get(f"{base}/report", headers=viewer)).text,
            "page": (await self.http.get(f"{base}/report?format=md", headers=viewer)).text,
            "detail": (await self.http.get(base, headers=viewer)).text,
            "terminal": terminal.getvalue() + on_terminal.stdout,
            "show --json": as_json.stdout,
            "audit show --json": audit.stdout,
            "prompts": "\n".join("".join(m["content"] for m in s.json["messages"]) for s in self.model.seen),
        }


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        target = await stack.enter_async_context(http_target(says(200, "")))
        model = await stack.enter_async_context(serving(lambda _: completion(MODEL_OBEYS)))
        file = pushing(tmp_path, target, rung="approve", guide=GUIDE, role="operator")
        file.write_text(f"{file.read_text()}\n[llm]\nbase_url = '{model.url}'\nmodel = 'm'\n")
        service = await stack.enter_async_context(build_service(load_settings(file)))
        transport = httpx.ASGITransport(create_app(service, service.settings))
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1"))
        yield Stage(tmp_path, service, http, target, model)


async def test_no_door_shows_a_secret_of_a_log_a_label_or_an_annotation(stage: Stage) -> None:
    leaks = []
    for nth, secrets in enumerate(ROUNDS):
        run_id = await stage.round(nth, secrets)
        for where, text in (await stage.shown(run_id)).items():
            assert len(text) > 200, where
            leaks += [(where, p.kind, p.secret) for p in secrets if p.secret in text]
    assert not leaks, leaks
    assert len(stage.model.seen) >= len(ROUNDS)


async def test_without_redaction_each_door_would(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent.redact, "redacted", lambda text, is_manifest=False: text)
    monkeypatch.setattr(agent.redact, "is_sensitive_name", lambda name: False)
    run_id = await stage.round(1, ROUNDS[1])
    shown = await stage.shown(run_id)
    in_process = {"journal", "event stream", "report", "page", "terminal", "prompts"}
    assert {where for where, text in shown.items() if any(p.secret in text for p in ROUNDS[1])} >= in_process


async def test_a_typed_call_still_gets_what_was_read(stage: Stage) -> None:
    """What is shown is redacted; what is decided and sent is not."""
    sent: list[Seen] = []

    async def answer(seen: Seen, writer: Any) -> None:
        sent.append(seen)
        await says(200, {"password": "hunter2hunter2", "state": "ok"})(seen, writer)

    stage.target.answer = answer
    alert = firing(labels={"alertname": "Hot", "host": "token=abcdef0123456789"})
    run_id = str((await send(stage.http, notification(alert))).json()["accepted"][0]["run_id"])
    await asyncio.wait_for(stage.service.wait(run_id), 30)
    assert sent[0].path == "/logs?host=token%3Dabcdef0123456789"
    view = await stage.service.run_view(run_id)
    (stored,) = (e.payload["values"]["logs"] for e in view.events if e.kind is EventKind.STEP_SUCCEEDED)
    assert stored["sample"]["body"] if "body" in stored["sample"] else stored["sample"]
    assert "hunter2hunter2" not in json.dumps(stored)
    assert "hunter2hunter2" in json.dumps(stage.service.journal.artifact(stored["artifact"]))
