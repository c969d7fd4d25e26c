"""The HTTP door: alerts in, runs out, people's words in between. It decides nothing itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException as StarletteHTTPException

from agent.doors.guard import (
    HostAndOrigin,
    Reader,
    ShortBodies,
    StrictJson,
    alert_source,
    body_within,
    problem,
)
from agent.doors.metrics import DoorMetrics
from agent.doors.render import markdown_report
from agent.doors.strict_json import dumps
from agent.doors.wire import (
    AcceptedOut,
    AnsweredOut,
    AnswerIn,
    ApprovedOut,
    ApproveIn,
    CancelledOut,
    HealthOut,
    LeasesOut,
    NotificationOut,
    PastOut,
    ProblemOut,
    ReasonIn,
    RunDetailOut,
    RunOut,
    RunsOut,
    StepOut,
    SwitchIn,
    SwitchOut,
)
from agent.errors import JournalError, NotAllowed, StepfleetError, UnknownRun
from agent.report import Report, report
from agent.run.admission import Overloaded
from agent.run.events import Event, EventKind
from agent.run.lease_list import resources
from agent.run.schema import RunRow
from agent.service import Service
from agent.settings import Settings
from dag.serial import to_json
from telemetry.alertmanager import parse_v4
from telemetry.errors import BadAlert

RETRY_AFTER_S = 10
PING_S = 15
WEBHOOK = "/webhooks/alertmanager"
LAST_EVENT_ID = re.compile(r"[0-9]{1,9}")


def create_app(service: Service, settings: Settings, metrics: DoorMetrics | None = None) -> FastAPI:
    """The application over a running service."""
    app = FastAPI(
        title="stepfleet",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        default_response_class=StrictJson,
        responses={"default": {"model": ProblemOut, "description": "What was wrong, and what to do."}},
    )
    app.state.service = service
    app.state.metrics = metrics or DoorMetrics()
    app.add_middleware(ShortBodies, but=(WEBHOOK,))
    app.add_middleware(HostAndOrigin, hosts=settings.api.allowed_hosts, origins=settings.api.allowed_origins)
    _answer_errors(app)
    _webhooks(app, service, settings)
    _runs(app, service)
    _commands(app, service)
    _upkeep(app, service)
    return app


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(UnknownRun)
    async def unknown(_: Request, exc: UnknownRun) -> Response:
        return problem(404, str(exc), exc.hint)

    @app.exception_handler(NotAllowed)
    async def not_allowed(_: Request, exc: NotAllowed) -> Response:
        return problem(403, str(exc), exc.hint)

    @app.exception_handler(JournalError)
    async def journal(_: Request, exc: JournalError) -> Response:
        return problem(503, str(exc), exc.hint, retry_after_s=RETRY_AFTER_S)

    @app.exception_handler(StepfleetError)
    async def refused(_: Request, exc: StepfleetError) -> Response:
        return problem(409, str(exc), exc.hint)

    @app.exception_handler(StarletteHTTPException)
    async def plain(_: Request, exc: StarletteHTTPException) -> Response:
        answer = problem(exc.status_code, str(exc.detail))
        answer.headers.update(exc.headers or {})
        return answer

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, exc: RequestValidationError) -> Response:
        first = exc.errors()[0]
        return problem(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}", "see /openapi.json")


def _webhooks(app: FastAPI, service: Service, settings: Settings) -> None:
    metrics: DoorMetrics = app.state.metrics

    def rejected(
        source: str, status: int, reason: str, message: str, hint: str = "", *, retry: bool = False
    ) -> Response:
        metrics.rejected.labels(source, reason).inc()
        return problem(status, message, hint, retry_after_s=RETRY_AFTER_S if retry else None)

    wire = {
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "security": [{"HTTPBearer": []}],
    }

    @app.post(WEBHOOK, status_code=202, response_model=NotificationOut, openapi_extra=wire)
    async def alertmanager(request: Request) -> Any:
        """Take an Alertmanager v4 notification. Answered once it is journalled; 503 asks the sender to come again."""
        source = alert_source(request)
        if source is None:
            return rejected("unknown", 401, "token", "a webhook principal's bearer token is needed")
        body = await body_within(request.stream(), settings.api.max_body_bytes)
        if body is None:
            most = settings.api.max_body_bytes
            return rejected(
                source, 413, "size", f"the body is longer than {most:,} bytes", "set max_alerts in Alertmanager"
            )
        try:
            notification = parse_v4(body, source)
        except BadAlert as exc:
            return rejected(source, 400, "payload", str(exc), exc.hint)
        try:
            accepted = await service.accept(notification)
        except Overloaded as exc:
            # Alertmanager drops a notification on any 4xx, 429 included: only 503 makes it try again.
            return rejected(source, 503, "overload", str(exc), exc.hint, retry=True)
        except JournalError as exc:
            return rejected(source, 503, "journal", str(exc), exc.hint, retry=True)
        metrics.received.labels(source).inc()
        for one in accepted:
            metrics.decisions.labels(str(one.decision)).inc(one.alerts)
        return NotificationOut(
            accepted=[AcceptedOut(**{n: getattr(a, n) for n in AcceptedOut.model_fields}) for a in accepted]
        )


def _runs(app: FastAPI, service: Service) -> None:
    @app.get("/runs", response_model=RunsOut)
    async def runs(who: Reader, limit: Annotated[int, Query(ge=1, le=1_000)] = 100, live: bool = False) -> Any:
        return RunsOut(runs=[_run_out(r) for r in await service.runs(limit=limit, only_live=live)])

    @app.get("/leases", response_model=LeasesOut)
    async def leases(who: Reader) -> Any:
        """Which step writes which resource now, and who waits for it, first come first served."""
        return {"leases": [r.to_json() for r in await service.journal.read(resources)]}

    @app.get("/runs/{run_id}", response_model=RunDetailOut)
    async def run(who: Reader, run_id: str) -> Any:
        """The run, its plan and where each step stands."""
        view = await service.run_view(run_id)
        return RunDetailOut(
            **_run_out(view.row).model_dump(),
            status=str(view.state.status),
            steps={str(k): StepOut(status=str(s.status), error=s.error) for k, s in view.state.steps.items()},
            plan=to_json(view.plan, pairs=False),
        )

    @app.get("/runs/{run_id}/report", response_model=Report)
    async def run_report(who: Reader, run_id: str, format: str = "json") -> Any:  # noqa: A002 - the query's name
        """What happened so far; `format=md` for a chat or a page."""
        view = await service.run_view(run_id)
        made = report(view.row, view.plan, view.events)
        if format == "md":
            return PlainTextResponse(markdown_report(made), media_type="text/markdown; charset=utf-8")
        if format != "json":
            raise HTTPException(400, f"format '{format}' is unknown: json or md")
        return StrictJson(made.to_json())

    @app.get("/runs/{run_id}/past", response_model=PastOut)
    async def past(who: Reader, run_id: str, limit: Annotated[int, Query(ge=1, le=100)] = 5) -> Any:
        """Ended runs that are most like this one, likest first, and why they came to mind."""
        found = await service.like(run_id, limit)
        return StrictJson({"incidents": [r.to_json() for r in found]})

    @app.get("/runs/{run_id}/events", response_class=EventSourceResponse)
    async def events(who: Reader, run_id: str, last_event_id: Annotated[str, Header()] = "") -> Any:
        """All events from the first (or after Last-Event-ID), then new ones as they happen, until the run ends."""
        await service.run_view(run_id)
        since = int(last_event_id) + 1 if LAST_EVENT_ID.fullmatch(last_event_id) else 0
        return EventSourceResponse(_event_stream(service, run_id, since), ping=PING_S)


async def _event_stream(service: Service, run_id: str, since: int) -> AsyncIterator[ServerSentEvent]:
    async with service.subscribe(run_id) as live:
        while True:
            for event in await asyncio.to_thread(service.journal.events, run_id, since):
                since = event.seq + 1
                yield ServerSentEvent(dumps(event_out(event)), id=str(event.seq))
                if event.kind is EventKind.RUN_ENDED:
                    return
            # The live queue only wakes this loop: what is sent is what is committed, in order, once.
            await _next_of(live)


async def _next_of(live: asyncio.Queue[tuple[str, Event]]) -> None:
    try:
        async with asyncio.timeout(1.0):  # another process may advance the run: look by ourselves, too
            await live.get()
            await asyncio.sleep(0.02)  # told before it is committed
    except TimeoutError:
        pass
    while not live.empty():
        live.get_nowait()


def event_out(event: Event) -> dict[str, Any]:
    """An event as it goes over the wire."""
    return {
        "seq": event.seq,
        "kind": str(event.kind),
        "at": event.at.isoformat(),
        "step": str(event.key) if event.key else None,
        "attempt": event.attempt,
        "payload": dict(event.payload),
    }


def _commands(app: FastAPI, service: Service) -> None:
    @app.post("/runs/{run_id}/approve", response_model=ApprovedOut)
    async def approve(who: Reader, run_id: str, body: ApproveIn) -> Any:
        """Agree to the exact call that a step waits with, or reject it."""
        call = await service.approve(
            run_id, who, step=body.step, reject=body.reject, reason=body.reason, digest=body.digest
        )
        return {**call, "by": who.name, "rejected": body.reject}

    @app.post("/runs/{run_id}/answer", response_model=AnsweredOut)
    async def answer(who: Reader, run_id: str, body: AnswerIn) -> Any:
        """Answer what a parked step asks of a person."""
        step = await service.answer(run_id, who, answer=body.answer.given(), step=body.step, reason=body.reason)
        return {"step": step, "by": who.name}

    @app.post("/runs/{run_id}/cancel", response_model=CancelledOut)
    async def cancel(who: Reader, run_id: str, body: ReasonIn) -> Any:
        """Ask a run to end: reads stop, an action in flight reaches its outcome."""
        await service.cancel(run_id, who, reason=body.reason)
        return {"run_id": run_id, "by": who.name}

    @app.get("/kill-switch", response_model=SwitchOut)
    async def switch(who: Reader) -> Any:
        """Whether all writes are stopped, by whom and why."""
        state = await service.gate.switch()
        return {"engaged": state.engaged, "by": state.by, "reason": state.reason}

    @app.post("/kill-switch", response_model=SwitchOut)
    async def set_switch(who: Reader, body: SwitchIn) -> Any:
        """Stop all writes at once, or allow them again."""
        state = await service.kill_switch(who, engaged=body.engaged, reason=body.reason)
        return {"engaged": state.engaged, "by": state.by, "reason": state.reason}


def _upkeep(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", response_model=HealthOut)
    async def healthz() -> Any:
        """Whether the journal takes writes; 503 while it does not."""
        wrong = await service.healthy()
        if wrong is not None:
            return problem(
                503, wrong, "nothing is accepted until the journal takes writes", retry_after_s=RETRY_AFTER_S
            )
        return {"status": "ok", "writes_stopped": (await service.gate.switch()).engaged}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Any:
        """This process's counters, for Prometheus."""
        text = app.state.metrics.text(service.dispatcher.waiting, service.dispatcher.depths())
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _run_out(row: RunRow) -> RunOut:
    return RunOut(
        id=row.id,
        guide=row.guide,
        title=row.title,
        source=row.source,
        opened_at=row.opened_at.isoformat(),
        ended_at=row.ended_at.isoformat() if row.ended_at else None,
        outcome=row.outcome,
    )
