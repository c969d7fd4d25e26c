"""run, runs, show, approve, cancel, resume, kill-switch."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.doors.escape import one_line
from agent.doors.live import LiveView
from agent.doors.printing import print_json
from agent.doors.render import COLOURS, call_lines, plain, render_report
from agent.doors.signals import STOPPED, on_stop
from agent.errors import NotAllowed, SettingsError, StepfleetError, UnknownRun
from agent.gate.principals import Principal
from agent.report import Report, report
from agent.run.advance import Advanced
from agent.run.events import Event
from agent.run.journal import Journal
from agent.run.state import RunStatus
from agent.service import RunView, Service, build_service, open_journal, view_run, waiting_step
from agent.settings import Settings, load_settings

TOKEN_VARIABLE = "STEPFLEET_TOKEN"  # noqa: S105 - a variable's name
FINE, NOT_FINE, FOR_A_PERSON = 0, 1, 3
FAILED = "failed to go on"


def exit_code(made: Report) -> int:
    """0 resolved or not applicable, 3 waiting for a person, 1 otherwise."""
    if made.outcome == "waiting":
        return FOR_A_PERSON
    return FINE if made.outcome in ("resolved", "not_applicable") else NOT_FINE


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a person wants a guide run."""

    inputs: Mapping[str, str]
    llm: bool = False
    speculation: bool = True


def run(config: Path | None, guide: str, options: RunOptions, *, as_json: bool) -> int:
    settings = load_settings(config)
    if options.llm and settings.llm is None:
        raise SettingsError("--llm: no model is configured", hint="add [llm] to stepfleet.toml, see docs/model.md")
    return asyncio.run(_run(settings, guide, options, as_json=as_json))


async def _run(settings: Settings, guide: str, options: RunOptions, *, as_json: bool) -> int:
    console = Console(stderr=True, quiet=as_json)
    show: list[Callable[[Event], None]] = []

    def watch(_run_id: str, event: Event) -> None:
        for view in show:
            view(event)

    service = build_service(settings, watch=watch)
    async with service.quietly():
        await service.before_writes()
        run_id = await service.open_run(guide, options.inputs, by=_who_locally(), speculation=options.speculation)
        view = await service.run_view(run_id)
        with LiveView(view.plan, console) as live, on_stop(service.engine.pause) as stopped:
            for event in view.events:
                live.show(event)
            show.append(live.show)
            await _to_the_end(service, run_id)
        code = await _tell(service, run_id, as_json=as_json)
        if not stopped:
            return code
        sys.stderr.write(f"stopped; nothing is cut off: stepfleet resume {run_id}\n")
        return STOPPED


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
        await service.before_writes()
        ids = [run_id] if run_id else [r.id for r in await service.runs(limit=10_000, only_live=True)]
        places = asyncio.Semaphore(settings.engine.runs_at_once)
        with on_stop(service.engine.pause) as stopped:
            rows = await asyncio.gather(*(_go_on(service, i, places, stopped) for i in ids))
    if as_json:
        print_json({"runs": rows})
    else:
        for row in rows:
            sys.stdout.write(one_line(f"{row['id']}  {row['outcome'] or row['status']}  {row['reason']}") + "\n")
        if not rows:
            sys.stdout.write("no run is waiting to go on\n")
    if stopped:
        return STOPPED
    statuses = {row["status"] for row in rows}
    return NOT_FINE if FAILED in statuses else FOR_A_PERSON if RunStatus.PARKED in statuses else FINE


async def _go_on(
    service: Service, run_id: str, places: asyncio.Semaphore, stopped: Sequence[object]
) -> dict[str, str | None]:
    """One run as far as it goes; what goes wrong with it keeps no other from going on."""
    row: dict[str, str | None] = {"id": run_id, "status": "left as it is", "outcome": None, "reason": ""}
    async with places:
        if stopped:
            return row
        try:
            advanced = await service.engine.advance(run_id)
        except UnknownRun:
            raise
        except StepfleetError as exc:
            return {**row, "status": FAILED, "reason": f"{exc}; {exc.hint}"}
    if advanced is None:
        return {**row, "status": "advanced by another process"}
    outcome = str(advanced.outcome) if advanced.outcome else None
    return {**row, "status": str(advanced.status), "outcome": outcome, "reason": advanced.reason}


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


def show(config: Path | None, run_id: str, *, artifact: str | None = None, as_json: bool) -> int:
    """A run's report, or one whole value of it, as far as it may be shown. Raises UnknownRun, StepfleetError."""
    journal = open_journal(load_settings(config))
    try:
        view = view_run(journal, run_id)
        if artifact is not None:
            print_json(_artifact(journal, view, artifact))
            return FINE
    finally:
        journal.close()
    made = report(view.row, view.plan, view.events)
    if as_json:
        print_json(made.to_json())
    else:
        render_report(made, Console())
    return FINE


def _artifact(journal: Journal, view: RunView, sha256: str) -> Any:
    """A value that the run read, by its hash or the beginning of it: never another run's."""
    own = {
        v["artifact"] for e in view.events for v in (e.payload.get("values") or {}).values() if v and "artifact" in v
    }
    found = [known for known in own if known.startswith(sha256)]
    if len(found) != 1:
        many = "no value" if not found else "more than one value"
        raise StepfleetError(f"run {view.row.id} read {many} '{sha256}'", hint="its report names them: stepfleet show")
    return journal.artifact(found[0])


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says to a run: an answer, or else approval or rejection of the call that has `digest`."""

    step: str | None = None
    reject: bool = False
    digest: str | None = None
    answer: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    sure: bool = False  # do not ask again, on a terminal


def approve(config: Path | None, run_id: str, word: Word, *, as_json: bool) -> int:
    """Show what is meant, then record it. 1 when the person, asked again, says no."""

    async def say(service: Service, who: Principal) -> dict[str, Any] | None:
        view = await service.run_view(run_id)
        if word.answer:
            answer = named_edge(view, word)
            return {"step": await service.answer(run_id, who, answer=answer, step=word.step, reason=word.reason)}
        key = waiting_step(view, "approval", word.step)
        asked = view.state.step(key).action.asked or {}
        if not as_json:
            head = plain(f"{key} of run {run_id} waits with", "bold")
            Console().print(head, *call_lines(asked["call"], asked["digest"]), sep="\n", soft_wrap=True)
        if not word.sure and not as_json and not _is_sure("reject" if word.reject else "approve"):
            return None
        digest = word.digest or asked["digest"]
        said = await service.approve(run_id, who, step=str(key), reject=word.reject, reason=word.reason, digest=digest)
        return dict(said)

    said = asyncio.run(_as_principal(load_settings(config), say))
    if said is None:
        sys.stdout.write("nothing was recorded\n")
        return NOT_FINE
    if as_json:
        print_json(said)
    else:
        what = "answered" if word.answer else "rejected" if word.reject else "approved"
        sys.stdout.write(f"{what}; a running server goes on by itself, else: stepfleet resume {run_id}\n")
    return FINE


def named_edge(view: RunView, word: Word) -> dict[str, object]:
    """The answer with its edge's id where the person gave the step or ending that it leads to."""
    given = word.answer.get("edge")
    if given is None:
        return dict(word.answer)
    parked = view.state.step(waiting_step(view, None, word.step)).parked or {}
    there = [o["edge"] for o in parked.get("ask", {}).get("options", ()) if given in (o["edge"], o["leads_to"])]
    return {**word.answer, "edge": there[0] if len(there) == 1 else given}


def _is_sure(verb: str) -> bool:
    """Ask again where a person can answer; a script has said it already."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    sys.stdout.write(f"{verb} exactly this? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


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
        stopped = one_line(f"all writes are stopped: {said['reason']} (by {said['by']})")
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
