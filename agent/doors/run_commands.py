"""run, runs, show, approve, cancel, resume, kill-switch."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.doors.live import LiveView
from agent.doors.printing import print_json
from agent.doors.render import COLOURS, plain, render_report
from agent.errors import NotAllowed, SettingsError, StepfleetError
from agent.gate.principals import Principal
from agent.report import Report, report
from agent.run.engine import Advanced
from agent.run.events import Event
from agent.run.state import RunStatus
from agent.service import Service, build_service, open_journal, view_run
from agent.settings import Settings, load_settings

TOKEN_VARIABLE = "STEPFLEET_TOKEN"  # noqa: S105 - a variable's name
FINE, NOT_FINE, FOR_A_PERSON = 0, 1, 3


def exit_code(made: Report) -> int:
    """0 resolved or not applicable, 3 waiting for a person, 1 otherwise."""
    if made.outcome == "waiting":
        return FOR_A_PERSON
    return FINE if made.outcome in ("resolved", "not_applicable") else NOT_FINE


def run(config: Path | None, guide: str, inputs: Mapping[str, str], *, llm: bool, as_json: bool) -> int:
    settings = load_settings(config)
    if llm and settings.llm is None:
        raise SettingsError("--llm: no model is configured", hint="add [llm] to stepfleet.toml, see docs/model.md")
    return asyncio.run(_run(settings, guide, inputs, as_json=as_json))


async def _run(settings: Settings, guide: str, inputs: Mapping[str, str], *, as_json: bool) -> int:
    console = Console(stderr=True, quiet=as_json)
    show: list[Callable[[Event], None]] = []

    def watch(_run_id: str, event: Event) -> None:
        for view in show:
            view(event)

    service = build_service(settings, watch=watch)
    async with service.quietly():
        run_id = await service.open_run(guide, inputs, by=_who_locally())
        view = await service.run_view(run_id)
        with LiveView(view.plan, console) as live:
            for event in view.events:
                live.show(event)
            show.append(live.show)
            await _to_the_end(service, run_id)
        return await _tell(service, run_id, as_json=as_json)


async def _to_the_end(service: Service, run_id: str) -> Advanced:
    advanced = await service.engine.advance(run_id)
    if advanced is None:
        raise StepfleetError(f"run {run_id} is being advanced by another process", hint="see `stepfleet show`")
    return advanced


async def _tell(service: Service, run_id: str, *, as_json: bool) -> int:
    view = await service.run_view(run_id)
    made = report(view.row, view.plan, view.events)
    if as_json:
        print_json(made.to_json())
    else:
        render_report(made, Console())
    return exit_code(made)


def resume(config: Path | None, run_id: str | None, *, as_json: bool) -> int:
    return asyncio.run(_resume(load_settings(config), run_id, as_json=as_json))


async def _resume(settings: Settings, run_id: str | None, *, as_json: bool) -> int:
    service = build_service(settings)
    async with service.quietly():
        ids = [run_id] if run_id else [r.id for r in await service.runs(limit=10_000, only_live=True)]
        done = await asyncio.gather(*(service.engine.advance(i) for i in ids))
    rows = [
        {
            "id": i,
            "status": str(a.status) if a else "advanced by another process",
            "outcome": str(a.outcome) if a and a.outcome else None,
            "reason": a.reason if a else "",
        }
        for i, a in zip(ids, done, strict=True)
    ]
    if as_json:
        print_json({"runs": rows})
    else:
        for row in rows:
            sys.stdout.write(f"{row['id']}  {row['outcome'] or row['status']}  {row['reason']}\n")
        if not rows:
            sys.stdout.write("no run is waiting to go on\n")
    return FOR_A_PERSON if any(a and a.status is RunStatus.PARKED for a in done) else FINE


def runs(config: Path | None, *, live: bool, limit: int, as_json: bool) -> int:
    journal = open_journal(load_settings(config))
    rows = journal.runs(limit=limit, only_live=live)
    journal.close()
    if as_json:
        keep = ("id", "guide", "title", "source", "outcome")
        times = ("opened_at", "ended_at")
        print_json(
            {"runs": [{**{k: getattr(r, k) for k in keep}, **{t: _iso(getattr(r, t)) for t in times}} for r in rows]}
        )
        return FINE
    table = Table(box=None, pad_edge=False)
    for name in ("run", "opened", "guide", "outcome"):
        table.add_column(name, no_wrap=True)
    for r in rows:
        outcome = r.outcome or "live"
        table.add_row(
            r.id, f"{r.opened_at:%Y-%m-%d %H:%M:%S}", plain(r.guide), plain(outcome, COLOURS.get(outcome, ""))
        )
    Console().print(table if rows else "no runs yet")
    return FINE


def show(config: Path | None, run_id: str, *, as_json: bool) -> int:
    journal = open_journal(load_settings(config))
    try:
        view = view_run(journal, run_id)
    finally:
        journal.close()
    made = report(view.row, view.plan, view.events)
    if as_json:
        print_json(made.to_json())
    else:
        render_report(made, Console())
    return FINE


def approve(
    config: Path | None,
    run_id: str,
    *,
    step: str | None,
    reject: bool,
    answer: Mapping[str, object],
    reason: str,
    as_json: bool,
) -> int:
    async def say(service: Service, who: Principal) -> dict[str, Any]:
        if answer:
            return {"step": await service.answer(run_id, who, answer=answer, step=step, reason=reason)}
        return dict(await service.approve(run_id, who, step=step, reject=reject, reason=reason))

    said = asyncio.run(_as_principal(load_settings(config), say))
    if as_json:
        print_json(said)
        return FINE
    if "call" in said:
        call = said["call"]
        sys.stdout.write(f"{'rejected' if reject else 'approved'}: {call['action']} {call['arguments']}\n")
        sys.stdout.write(f"  digest {said['digest']}, step {said['step']}\n")
    sys.stdout.write("recorded; a running server goes on by itself, else: stepfleet resume " + run_id + "\n")
    return FINE


def cancel(config: Path | None, run_id: str, *, reason: str, as_json: bool) -> int:
    async def say(service: Service, who: Principal) -> dict[str, Any]:
        await service.cancel(run_id, who, reason=reason)
        return {"run_id": run_id, "by": who.name}

    said = asyncio.run(_as_principal(load_settings(config), say))
    if as_json:
        print_json(said)
    else:
        sys.stdout.write(f"recorded; a running server ends it, else: stepfleet resume {run_id}\n")
    return FINE


def kill_switch(config: Path | None, state: str, *, reason: str, as_json: bool) -> int:
    async def look(service: Service) -> dict[str, Any]:
        now = await service.gate.switch()
        return {"engaged": now.engaged, "by": now.by, "reason": now.reason}

    async def say(service: Service, who: Principal) -> dict[str, Any]:
        await service.kill_switch(who, engaged=state == "on", reason=reason)
        return await look(service)

    settings = load_settings(config)
    said = asyncio.run(_quietly(settings, look) if state == "status" else _as_principal(settings, say))
    if as_json:
        print_json(said)
    else:
        stopped = f"all writes are stopped: {said['reason']} (by {said['by']})"
        sys.stdout.write((stopped if said["engaged"] else "writes are allowed, as far as the policy goes") + "\n")
    return FINE


async def _quietly(settings: Settings, work: Callable[[Service], Any]) -> Any:
    service = build_service(settings)
    async with service.quietly():
        return await work(service)


async def _as_principal(settings: Settings, work: Callable[[Service, Principal], Any]) -> Any:
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise NotAllowed(f"{TOKEN_VARIABLE} is not set", hint="set it to your principal's token")

    async def known(service: Service) -> Any:
        return await work(service, service.principals.require(token))

    return await _quietly(settings, known)


def _who_locally() -> str:
    return f"uid-{os.getuid()}"


def _iso(at: Any) -> str | None:
    return at.isoformat() if at is not None else None
