"""The composition root: settings in, a service out that takes alerts and commands and advances runs.

Doors (terminal, HTTP, chat) call this and decide nothing themselves. Every command is durable before
its sender hears of it; the dispatcher then wakes the run, in this process or whichever advances it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import structlog
from sqlalchemy import func, select

from agent.audit_heads import HeadExporter, read_heads
from agent.catalogue import PluginCatalogue
from agent.errors import NotAllowed, SettingsError, StepfleetError, UnknownRun
from agent.gate.gate import Gate, SwitchState
from agent.gate.policy import Policy, load_policy
from agent.gate.principals import Principal, Principals
from agent.guides import GuideShelf
from agent.memory.incident import account_of
from agent.memory.recall import Recalled, like
from agent.run.admission import Admission
from agent.run.advance import Advanced
from agent.run.audit import verify
from agent.run.dispatch import Dispatcher
from agent.run.engine import Engine, Limits
from agent.run.events import Event, StepKey
from agent.run.fair_queue import Lane
from agent.run.intake import Accepted, Intake, team_of
from agent.run.journal import Journal, parse_key, say
from agent.run.judge import Judge, PastIncident
from agent.run.schema import RUN, RunRow
from agent.run.shape import Shape
from agent.run.state import RunState, RunStatus
from agent.settings import Settings
from dag.model import Plan
from dag.serial import from_json
from plugins.registry import Registry
from telemetry.alerts import Notification
from tsg.findings import Severity

if TYPE_CHECKING:
    from agent.run.shared_dispatch import SharedDispatcher  # its library is an extra

log = structlog.get_logger()
Watch = Callable[[str, Event], None]
REFRESH_S = 5.0  # how soon a guide that was pushed is compiled: when it changes, not when the pager rings
SUBSCRIBER_EVENTS = 10_000  # a slower reader of live events loses its stream, never the run


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as people look at it."""

    row: RunRow
    plan: Plan
    events: list[Event]
    state: RunState


class Service:
    """A running stepfleet. Use as an async context manager; leaving it lets actions in flight settle."""

    def __init__(
        self,
        settings: Settings,
        *,
        journal: Journal,
        registry: Registry,
        policy: Policy,
        shelf: GuideShelf[PluginCatalogue],
        principals: Principals,
        watch: Watch | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        advance: bool = True,
    ) -> None:
        self.settings = settings
        self.journal = journal
        self.registry = registry
        self.catalogue = shelf.catalogue
        self.library = shelf
        self.principals = principals
        self.now = clock
        self.gate = Gate(policy, journal, clock)
        self._heads = HeadExporter(journal, settings.audit.heads, settings.audit.every_s)
        self._nearness = settings.memory.nearness()
        self._watch = watch
        self._subscribers: list[tuple[str | None, asyncio.Queue[tuple[str, Event]]]] = []
        self.engine = Engine(
            journal,
            registry,
            self.gate,
            clock=clock,
            limits=Limits(
                calls_per_plugin=settings.engine.calls_per_plugin, run_deadline_s=settings.engine.run_deadline_s
            ),
            speculation=settings.speculation.value(),
            owner=f"{socket.gethostname()}/{os.getpid()}",
            watch=self._tell,
        )
        self.intake = Intake(journal, shelf, run_deadline_s=settings.engine.run_deadline_s, clock=clock)
        self.dispatcher = _dispatcher(settings, self.engine, advance=advance)
        self.admission = Admission(
            lambda: self.dispatcher.waiting,
            lambda: self.dispatcher.depths(),
            most=settings.api.max_queued,
            most_of_a_team=settings.api.max_queued_per_team,
        )

    async def __aenter__(self) -> Self:
        await self.before_writes()
        await self.dispatcher.start()
        self._beside = [asyncio.create_task(work) for work in (self._refresh(), self._heads.keep_telling())]
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self.dispatcher.stop()
        await self._heads.tell()
        await asyncio.to_thread(self.journal.close)

    async def before_writes(self) -> None:
        """What comes before this process may change anything: the audit holds, and knows the policy.

        An audit that was altered stops all writes: a person looks at it, and releases the switch.
        """
        heads = self.settings.audit.heads
        exported = read_heads(heads) if heads is not None and heads.exists() else []
        found = await self.journal.read(lambda conn: verify(conn, exported))
        for fault in found.faults:
            log.error("audit_altered", fault=fault)
        if found.faults and not (await self.gate.switch()).engaged:
            reason = f"the audit was altered: {found.faults[0]}; see `stepfleet audit verify`"
            await self.gate.set_switch(engaged=True, by="audit", reason=reason)
        await self.gate.tell_policy()

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            if await asyncio.to_thread(self.library.refresh):
                wrong = [str(f) for f in self.library.findings if f.severity is Severity.ERROR]
                log.info("library_changed", errors=wrong)

    @contextlib.asynccontextmanager
    async def quietly(self) -> AsyncIterator[Self]:
        """Use the service without picking up anybody's runs: for commands that look, say or run one thing."""
        try:
            yield self
        finally:
            await asyncio.to_thread(self.journal.close)

    # -- alerts and runs ----------------------------------------------------------------------

    async def accept(self, notification: Notification) -> tuple[Accepted, ...]:
        """Journal a notification and start or join its runs.

        Raises: Overloaded before anything is written; JournalError when nothing could be.
        """
        with self.admission.enter({team_of({"labels": a.labels}) for a in notification.alerts}):
            accepted = await self.intake.accept(notification)
        for decision in accepted:
            if decision.run_id is not None:
                self.dispatcher.wake(decision.run_id, Lane(decision.team, decision.guide or ""))
        return accepted

    async def start_run(self, guide: str, inputs: Mapping[str, str], *, by: str) -> str:
        """Open a run of a guide by name or path. Raises GuideError, MissingInput."""
        run_id = await self.open_run(guide, inputs, by=by)
        await self._wake(run_id)
        return run_id

    async def open_run(self, guide: str, inputs: Mapping[str, str], *, by: str, speculation: bool = True) -> str:
        """The same without waking it: the caller advances it. Without `speculation` it reads nothing ahead."""
        plan = await asyncio.to_thread(self.library.plan, guide)
        return await self.intake.open(plan, inputs, by=by, speculation=speculation)

    async def wait(self, run_id: str) -> Advanced:
        """Return when the run has ended or waits for a person."""
        return await self.dispatcher.settled(run_id)

    async def runs(self, *, limit: int = 100, only_live: bool = False) -> list[RunRow]:
        return await asyncio.to_thread(lambda: self.journal.runs(limit=limit, only_live=only_live))

    async def run_view(self, run_id: str) -> RunView:
        """Raises UnknownRun."""
        return await asyncio.to_thread(view_run, self.journal, run_id)

    async def like(self, run_id: str, limit: int) -> list[Recalled]:
        """Past incidents that are most like a run, likest first. Raises UnknownRun."""
        view = await self.run_view(run_id)
        return await asyncio.to_thread(like, self.journal, view.row.id, limit, self._nearness)

    async def recall(self, run_id: str) -> tuple[PastIncident, ...]:
        """The same for a judgement."""
        found = await asyncio.to_thread(like, self.journal, run_id, self.settings.memory.shown, self._nearness)
        return tuple(PastIncident(r.incident.run_id, account_of(r.incident)) for r in found)

    # -- commands -----------------------------------------------------------------------------

    async def approve(
        self,
        run_id: str,
        principal: Principal,
        *,
        step: str | None = None,
        reject: bool = False,
        reason: str = "",
        digest: str | None = None,
    ) -> Mapping[str, Any]:
        """Record an approval of the exact call that a step waits with; returns that call and its digest.

        `digest` (or its beginning) is that of the call the approver looked at.
        Raises: UnknownRun; NotAllowed when the principal lacks the role; StepfleetError when nothing waits, or
        another call than the one looked at.
        """
        view = await self.run_view(run_id)
        key = waiting_step(view, "approval", step)
        asked = view.state.step(key).action.asked or {}
        if not principal.may_approve(asked["role"]):
            raise NotAllowed(f"{principal.name} lacks the role '{asked['role']}'", hint="ask someone who has it")
        if digest is not None and not asked["digest"].startswith(digest):
            raise StepfleetError(
                f"run {run_id} waits with another call: {asked['digest']}", hint="look at it again: stepfleet show"
            )
        payload = {
            "step": str(key),
            "by": principal.name,
            "role": asked["role"],
            "digest": asked["digest"],
            "plan_digest": asked["plan_digest"],
            "expires_at": asked["expires_at"],
            "reason": reason,
        }
        await self._say(run_id, "reject" if reject else "approve", payload)
        return {"step": str(key), "digest": asked["digest"], "call": asked["call"]}

    async def answer(
        self, run_id: str, principal: Principal, *, answer: Mapping[str, Any], step: str | None = None, reason: str = ""
    ) -> str:
        """Record a person's answer for a parked step: {edge}, {retry}, {done} or {happened}; returns the step.

        Raises: UnknownRun; NotAllowed; StepfleetError when the step does not wait for such an answer.
        """
        self._operator(principal)
        view = await self.run_view(run_id)
        key = waiting_step(view, None, step)
        asking = view.state.step(key)
        check_answer(asking.parked or {}, answer)
        said = {"step": str(key), "by": principal.name, "answer": dict(answer), "reason": reason}
        await self._say(run_id, "answer", {**said, "question": asking.answers})
        return str(key)

    async def cancel(self, run_id: str, principal: Principal, *, reason: str = "") -> None:
        """Ask a run to end: reads stop, actions in flight settle. Raises UnknownRun, NotAllowed."""
        self._operator(principal)
        view = await self.run_view(run_id)
        if view.state.status is RunStatus.ENDED:
            raise StepfleetError(f"run {run_id} has ended: {view.state.outcome}", hint="nothing to cancel")
        await self._say(run_id, "cancel", {"by": principal.name, "reason": reason})

    async def kill_switch(self, principal: Principal, *, engaged: bool, reason: str) -> SwitchState:
        """Stop all writes, or allow them again. Raises NotAllowed."""
        self._operator(principal)
        return await self.gate.set_switch(engaged=engaged, by=principal.name, reason=reason)

    def _operator(self, principal: Principal) -> None:
        if not principal.may_operate:
            raise NotAllowed(f"{principal.name} lacks the role 'operator'", hint="ask someone who has it")

    async def _say(self, run_id: str, kind: str, payload: dict[str, Any]) -> None:
        await self.journal.write(lambda conn: say(conn, run_id, kind, payload, self.now()))
        await self._wake(run_id)

    async def _wake(self, run_id: str) -> None:
        row = await asyncio.to_thread(self.journal.run, run_id)
        if row is not None:
            self.dispatcher.wake(run_id, Lane(row.team, row.guide))

    # -- live events --------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def subscribe(self, run_id: str | None = None) -> AsyncIterator[asyncio.Queue[tuple[str, Event]]]:
        """Events of one run, or of all, from now on. A reader that falls far behind misses some: it rereads the run."""
        queue: asyncio.Queue[tuple[str, Event]] = asyncio.Queue(SUBSCRIBER_EVENTS)
        entry = (run_id, queue)
        self._subscribers.append(entry)
        try:
            yield queue
        finally:
            self._subscribers.remove(entry)

    def _tell(self, run_id: str, event: Event) -> None:
        if self._watch is not None:
            self._watch(run_id, event)
        for wanted, queue in self._subscribers:
            if wanted in (None, run_id) and not queue.full():
                queue.put_nowait((run_id, event))

    async def healthy(self) -> str | None:
        """None when the journal takes writes; else why not."""
        try:
            await self.journal.write(lambda conn: conn.execute(select(func.count()).select_from(RUN)).scalar())
        except StepfleetError as exc:
            return str(exc)
        return None


def build_service(settings: Settings, *, watch: Watch | None = None, advance: bool = True) -> Service:
    """Put a service together; without `advance` it leaves its runs to the workers of a shared journal.

    Raises: SettingsError, PluginError; a bad guide only leaves its findings.
    """
    registry = Registry.installed(settings.plugins)
    shelf = GuideShelf(settings.library.path, PluginCatalogue(registry))
    policy = load_policy(settings.policy.file) if settings.policy.file else Policy()
    principals = Principals(settings.principals)
    service = Service(
        settings,
        journal=open_journal(settings),
        registry=registry,
        policy=policy,
        shelf=shelf,
        principals=principals,
        watch=watch,
        advance=advance,
    )
    service.engine.recall = service.recall if settings.memory.recall else None
    service.engine.judge = _judge(settings, service.engine)  # its budget goes on from what a run has spent
    return service


def _dispatcher(settings: Settings, engine: Engine, *, advance: bool) -> Dispatcher | SharedDispatcher:
    """Wake-ups within the process, or through the database that several machines share."""
    at_once = settings.engine.runs_at_once
    if settings.journal.is_shared:
        from agent.run.shared_dispatch import SharedDispatcher

        url, lease_s = settings.journal.url, settings.journal.lease_s
        return SharedDispatcher(
            engine, engine.journal, url=url, lease_s=lease_s, runs_at_once=at_once, advance=advance, clock=engine.now
        )
    if not advance:
        raise SettingsError(
            "nobody else advances the runs of a journal in a SQLite file",
            hint="leave out --no-advance, or set [journal] url to a PostgreSQL database and start workers",
        )
    return Dispatcher(engine, engine.journal, runs_at_once=at_once, clock=engine.now)


def open_journal(settings: Settings) -> Journal:
    """The settings' journal, its folder made when it is missing. Raises SettingsError."""
    path = settings.journal.url.removeprefix("sqlite:///")
    if path != settings.journal.url:
        with contextlib.suppress(OSError):  # the journal itself says it better
            Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Journal(settings.journal.url, lease_s=settings.journal.lease_s)


def view_run(journal: Journal, run_id: str) -> RunView:
    """Fold a run's journal. Raises UnknownRun."""
    row = journal.run(run_id)
    if row is None:
        raise UnknownRun(f"no run '{run_id}' in {journal.place}", hint="see `stepfleet runs`")
    plan = from_json(json.loads(row.plan))
    events = journal.events(run_id)
    state = RunState(Shape(plan))
    for event in events:
        state.apply(event)
    return RunView(row, plan, events, state)


def waiting_step(view: RunView, why: str | None, step: str | None) -> StepKey:
    """The parked step meant; `step` may be left out where only one waits.

    Raises: StepfleetError saying what waits instead.
    """
    parked = {key: (view.state.step(key).parked or {}).get("why", "") for key in sorted(view.state.parked)}
    fitting = [k for k, w in parked.items() if why in (None, w) and (step is None or k == parse_key(step))]
    if len(fitting) == 1:
        return fitting[0]
    waiting = ", ".join(f"{k} ({w})" for k, w in parked.items()) or "nothing"
    what = "an approval" if why == "approval" else "an answer"
    if not fitting:
        raise StepfleetError(f"run {view.row.id} waits for no such thing as {what}; waiting: {waiting}")
    raise StepfleetError(f"run {view.row.id}: more than one step waits: {waiting}", hint="name one with --step")


def check_answer(parked: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Refuse an answer that the parked step did not ask for. Raises StepfleetError."""
    why, ask = parked.get("why"), parked.get("ask", {})
    options = [o["edge"] for o in ask.get("options", ())]
    fits = {
        "manual": set(answer) == {"done"},
        "unknown_outcome": set(answer) == {"happened"},
        "judgement": set(answer) == {"edge"} and answer["edge"] in options,
        "failure": answer == {"retry": True} or (set(answer) == {"edge"} and answer["edge"] in options),
    }
    if not fits.get(str(why), False):
        asked = ", ".join(options) or {"manual": "done", "unknown_outcome": "happened"}.get(str(why), "an approval")
        raise StepfleetError(f"the step waits for {why}; this answer does not fit", hint=f"possible: {asked}")


def _judge(settings: Settings, engine: Engine) -> Judge | None:
    """The configured model's judge; no settings, no model: an ambient key alone calls nobody."""
    if settings.llm is None:
        return None
    from agent.model.executor import ModelJudge
    from agent.model.openai_chat import OpenAiChat

    llm = OpenAiChat.from_settings(settings.llm)
    return ModelJudge.from_settings(llm, settings.llm, spent_before=engine.usage)
