"""`stepfleet demo`: the main job on a live example fleet, from the alert to the verified fix.

Everything in it is real and runs as a process of its own: llama.cpp replicas behind their gateway,
Prometheus, Alertmanager, `stepfleet serve`. This module only starts them, makes the trouble, and watches
through the same doors that anybody has.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from agent.doors.api_client import ApiClient
from agent.doors.live import LiveView
from agent.doors.render import render_report
from agent.errors import StepfleetError
from agent.report import Report
from agent.settings import load_settings

ALERT = "ReplicaHotspot"
HOT_REPLICA = "a"
PINNED_SESSIONS = 5  # a replica has two slots: three of them wait
FLEET_READY_S = 120.0
SERVE_READY_S = 30.0
ALERT_WITHIN_S = 60.0
RUN_WITHIN_S = 180.0
CLEAR_WITHIN_S = 45.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line says. `act` False disables the action: a control, in which nothing may get better."""

    json_file: Path | None = None
    keep: bool = False
    llm: bool = False
    act: bool = True


@dataclass(frozen=True, slots=True)
class DemoResult:
    """How it ended: the incident counts as resolved only when the run says so and the alert has gone."""

    report: Report
    alert_cleared: bool

    @property
    def resolved(self) -> bool:
        return self.report.outcome == "resolved" and self.alert_cleared


def main(json_file: Path | None = None, *, keep: bool = False, llm: bool = False) -> int:
    """Run the demo; 0 only when the incident is verified as resolved. Raises StepfleetError."""
    console = Console(stderr=json_file is not None and str(json_file) == "-")
    result = asyncio.run(_with_signals(demo(DemoOptions(json_file, keep, llm), console)))
    return 0 if result.resolved else 1


async def _with_signals(work: Coroutine[Any, Any, DemoResult]) -> DemoResult:
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise StepfleetError("stopped before the incident was resolved") from None


async def demo(options: DemoOptions, console: Console) -> DemoResult:
    """Start everything, make one replica hot, follow the run, and tell what happened."""
    checkout = _checkout()
    state = Path(tempfile.mkdtemp(prefix="stepfleet-demo-"))
    try:
        async with contextlib.AsyncExitStack() as stack:
            stage = await _set_up(stack, checkout, state, options, console)
            result = await _play(stage, options, console)
            if options.json_file is not None:
                _write_json(options.json_file, result)
            if options.keep:
                await _keep(stage, console)
            return result
    finally:
        shutil.rmtree(state, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Stage:
    """What runs, and where."""

    fleet: dict[str, Any]
    api: ApiClient
    checkout: Path
    state: Path
    stack: contextlib.AsyncExitStack


async def _set_up(
    stack: contextlib.AsyncExitStack, checkout: Path, state: Path, options: DemoOptions, console: Console
) -> _Stage:
    tokens = {name: _secret(state / f"{name}.token") for name in ("webhook", "operator")}
    port = _free_port()
    with console.status("starting the fleet: 3 replicas, gateway, Prometheus, Alertmanager"):
        fleet = await _start_fleet(stack, checkout, state, port)
    console.print(f"[bold]fleet[/]      {fleet['gateway']}   3 llama.cpp replicas: {', '.join(fleet['replicas'])}")
    console.print(f"[bold]prometheus[/] {fleet['prometheus']}   [bold]alertmanager[/] {fleet['alertmanager']}")
    config = state / "stepfleet.toml"
    config.write_text(_settings(checkout, state, fleet, port, options), encoding="utf-8")
    api = await stack.enter_async_context(ApiClient(f"http://127.0.0.1:{port}", tokens["operator"]))
    with console.status("starting stepfleet serve"):
        serve = await _spawn(stack, checkout, state, "serve", ["-m", "agent.doors.cli", "--config", config, "serve"])
        await _until(serve, state / "serve.log", api.is_up, SERVE_READY_S, "stepfleet serve")
    console.print(f"[bold]stepfleet[/]  http://127.0.0.1:{port}")
    return _Stage(fleet, api, checkout, state, stack)


async def _play(stage: _Stage, options: DemoOptions, console: Console) -> DemoResult:
    load: list[str | Path] = ["-m", "examples.fleet.load", "--dir", stage.state / "fleet"]
    await _spawn(
        stage.stack, stage.checkout, stage.state, "background", [*load, "--seed", "1", "background", "--rate", "0.2"]
    )
    pin = ["pin", "--replica", HOT_REPLICA, "--sessions", str(PINNED_SESSIONS)]
    await _spawn(stage.stack, stage.checkout, stage.state, "pin", [*load, *pin])
    console.print(
        f"\n[bold]load[/]       {PINNED_SESSIONS} long sessions pinned to replica {HOT_REPLICA}, which has 2 slots"
    )
    with console.status(f"waiting for {ALERT} to fire"):
        run_id = await _first_run(stage.api)
    console.print(f"[bold]alert[/]      {ALERT} fired; run {run_id} started\n")
    await _watch(stage, run_id, console)
    report = await stage.api.report(run_id)
    cleared = await _alert_cleared(stage.fleet["prometheus"], CLEAR_WITHIN_S if report.outcome == "resolved" else 0.0)
    render_report(report, console, timeline=console.is_terminal)
    said = "is no longer firing" if cleared else "is still firing"
    console.print(f"\n[bold]{ALERT}[/] {said}, says Prometheus.")
    return DemoResult(report, cleared)


async def _watch(stage: _Stage, run_id: str, console: Console) -> None:
    try:
        with LiveView(await stage.api.plan(run_id), console) as view:
            async with asyncio.timeout(RUN_WITHIN_S):
                async for event in stage.api.events(run_id):
                    view.show(event)
    except TimeoutError:
        said = (await asyncio.to_thread((stage.state / "serve.log").read_bytes))[-1500:].decode(errors="replace")
        raise StepfleetError(
            f"run {run_id} did not end within {RUN_WITHIN_S:g} s; the server's last words: {said}"
        ) from None


# -- parts ------------------------------------------------------------------------------------


def _checkout() -> Path:
    root = Path(__file__).resolve().parents[2]
    if not (root / "examples" / "fleet" / "__main__.py").exists():
        raise StepfleetError(
            "the demo's fleet is not part of the installed package",
            hint="run `make demo` in a checkout of the project",
        )
    return root


async def _start_fleet(stack: contextlib.AsyncExitStack, checkout: Path, state: Path, port: int) -> dict[str, Any]:
    card = state / "fleet" / "fleet.json"
    hook: list[str | Path] = ["--webhook", f"http://127.0.0.1:{port}/webhooks/alertmanager"]
    token: list[str | Path] = ["--webhook-token-file", state / "webhook.token"]
    up: list[str | Path] = ["-m", "examples.fleet", "up", "--dir", state / "fleet", *hook, *token]
    process = await _spawn(stack, checkout, state, "fleet", up)

    async def is_up() -> bool:
        return card.exists()

    await _until(process, state / "fleet.log", is_up, FLEET_READY_S, "the fleet")
    document: dict[str, Any] = json.loads(card.read_text(encoding="utf-8"))
    return document


def _settings(checkout: Path, state: Path, fleet: dict[str, Any], port: int, options: DemoOptions) -> str:
    """The demo's stepfleet.toml; JSON strings are TOML strings."""
    policy = checkout / "examples" / "guides" / ("policy.toml" if options.act else "policy-observe.toml")
    q = json.dumps
    lines = [
        f"[journal]\nurl = {q(f'sqlite:///{state}/journal.db')}",
        f"[library]\npath = {q(str(checkout / 'examples' / 'guides'))}",
        f"[policy]\nfile = {q(str(policy))}",
        f"[api]\nport = {port}",
        _principal("alertmanager", "webhook", state / "webhook.token"),
        _principal("demo", "operator", state / "operator.token"),
        f"[plugins.promql]\nurl = {q(fleet['prometheus'])}",
        f"[plugins.serving]\nurl = {q(fleet['gateway'])}\nfleet = {q(fleet['fleet'])}\n"
        f"read_token_file = {q(fleet['tokens']['read'])}\nwrite_token_file = {q(fleet['tokens']['change'])}",
    ]
    if options.llm:
        llm = load_settings().llm
        if llm is None:
            raise StepfleetError("--llm: no model is configured", hint="add [llm] to stepfleet.toml, see docs/model.md")
        known = llm.model_dump(mode="json", exclude_none=True)
        lines.append("[llm]\n" + "\n".join(f"{k} = {q(v)}" for k, v in known.items()))
    return "\n\n".join(lines) + "\n"


def _principal(name: str, role: str, token: Path) -> str:
    q = json.dumps
    return f"[[principals]]\nname = {q(name)}\nroles = [{q(role)}]\ntoken = {{file = {q(str(token))}}}"


async def _first_run(api: ApiClient) -> str:
    end = time.monotonic() + ALERT_WITHIN_S
    while time.monotonic() < end:
        runs = await api.runs()
        if runs:
            return str(runs[0]["id"])
        await asyncio.sleep(0.3)
    raise StepfleetError(
        f"{ALERT} did not fire within {ALERT_WITHIN_S:g} s", hint="is the machine very busy? Try again, or use --keep"
    )


async def _alert_cleared(prometheus: str, within_s: float) -> bool:
    """Whether Prometheus no longer has the alert firing; it is asked until it has not, or time is up."""
    query = {"query": f'ALERTS{{alertname="{ALERT}",alertstate="firing"}}'}
    end = time.monotonic() + within_s
    async with httpx.AsyncClient(trust_env=False, timeout=5.0) as http:
        while True:
            answer = (await http.get(f"{prometheus}/api/v1/query", params=query)).json()
            if answer.get("status") == "success" and not answer["data"]["result"]:
                return True
            if time.monotonic() >= end:
                return False
            await asyncio.sleep(0.5)


async def _keep(stage: _Stage, console: Console) -> None:
    console.print("\nThe fleet stays up until Ctrl-C:")
    for name in ("gateway", "prometheus", "alertmanager"):
        console.print(f"  {name}: {stage.fleet[name]}")
    console.print(f"  stepfleet: {stage.api.url}\n  state: {stage.state}")
    with contextlib.suppress(asyncio.CancelledError):  # being asked to stop is how this ends well
        await asyncio.Event().wait()


def _write_json(path: Path, result: DemoResult) -> None:
    document = {**result.report.to_json(), "alert_cleared": result.alert_cleared, "verified_resolved": result.resolved}
    text = json.dumps(document, indent=2) + "\n"
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")


# -- processes --------------------------------------------------------------------------------


async def _spawn(
    stack: contextlib.AsyncExitStack, checkout: Path, state: Path, name: str, arguments: Sequence[str | Path]
) -> asyncio.subprocess.Process:
    """Start a Python program that dies with this one; its output goes to STATE/NAME.log."""
    tether = [sys.executable, "-IS", str(checkout / "examples" / "fleet" / "tether.py"), str(os.getpid())]
    with (state / f"{name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *tether,
            sys.executable,
            *map(str, arguments),
            cwd=checkout,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    await stack.enter_async_context(_stopping(process))
    return process


@contextlib.asynccontextmanager
async def _stopping(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(20):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _until(process: asyncio.subprocess.Process, log: Path, is_up: Any, within_s: float, what: str) -> None:
    end = time.monotonic() + within_s
    while not await is_up():
        if process.returncode is not None or time.monotonic() > end:
            said = (await asyncio.to_thread(log.read_bytes))[-1500:].decode(errors="replace").strip()
            state = f"ended with code {process.returncode}" if process.returncode is not None else "is not ready"
            raise StepfleetError(f"{what} {state}: {said or 'no word'}", hint=f"waited {within_s:g} s at most")
        await asyncio.sleep(0.1)


def _secret(path: Path) -> str:
    token = secrets.token_urlsafe(32)
    path.touch(mode=0o600)
    path.write_text(token + "\n", encoding="utf-8")
    return token


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
