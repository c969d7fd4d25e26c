"""The gateway's HTTP interface: parses, checks who asks, and calls one thing. See docs/fleet-api.md."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from examples.fleet.config import ReplicaName
from examples.fleet.dispatch import Dispatcher
from examples.fleet.errors import RequestRefused
from examples.fleet.faults import Fault, Faults
from examples.fleet.ledger import Ledger, Migration, public
from examples.fleet.metrics import render
from examples.fleet.moves import Mover, Order
from examples.fleet.roster import Roster
from examples.fleet.session import Session

KEEP_ALIVE_S = 10.0  # a comment line in a silent stream, so that both ends notice a lost one


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts that the routes call."""

    fleet: str
    roster: Roster
    dispatcher: Dispatcher
    mover: Mover
    ledger: Ledger
    metrics: CollectorRegistry
    faults: Faults | None
    read_token: str
    change_token: str


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SessionRequest(_Body):
    prompt: (
        Annotated[str, Field(min_length=1)] | Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    )
    max_tokens: int = Field(ge=1)
    pin: str | None = None


class MigrationRequest(_Body):
    session: str
    source: str
    target: str


class ReplicaRequest(_Body):
    name: ReplicaName


IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]


def build_app(gateway: Gateway) -> FastAPI:
    app = FastAPI(title="fleet gateway", docs_url=None, redoc_url=None, openapi_url=None)
    # A page in the same person's browser could otherwise reach loopback under a name of its own.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    _answer_errors(app)
    _client_routes(app, gateway)
    _reading_routes(app, gateway)
    _changing_routes(app, gateway)
    if gateway.faults is not None:
        _fault_routes(app, gateway, gateway.faults)
    return app


def _error(status: int, code: str, message: str, hint: str = "") -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {"Retry-After": "1"} if status == 503 else None
    return JSONResponse({"error": {"code": code, "message": message, "hint": hint}}, status, headers)


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestRefused)
    async def refused(_: Request, exc: RequestRefused) -> JSONResponse:
        return _error(exc.status, exc.code, str(exc), exc.hint)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, exc: RequestValidationError) -> JSONResponse:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _error(422, "invalid", f"{where}: {first['msg']}", "see docs/fleet-api.md")

    @app.exception_handler(HTTPException)
    async def unrouted(_: Request, exc: HTTPException) -> JSONResponse:
        return _error(exc.status_code, "not_found" if exc.status_code == 404 else "http", str(exc.detail))

    @app.exception_handler(OSError)
    async def unwritten(_: Request, exc: OSError) -> JSONResponse:
        return _error(500, "not_durable", f"the record could not be written: {exc}", "is the disk full?")


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _may_read(gateway: Gateway) -> Any:
    def check(request: Request) -> None:
        token = _bearer(request)
        if not (_same(token, gateway.read_token) or _same(token, gateway.change_token)):
            raise RequestRefused(401, "unauthorized", "no valid token", hint="send Authorization: Bearer TOKEN")

    return Depends(check)


def _may_change(gateway: Gateway) -> Any:
    def check(request: Request) -> None:
        token = _bearer(request)
        if _same(token, gateway.read_token):
            raise RequestRefused(403, "read_only", "this token only reads", hint="use the one that changes")
        if not _same(token, gateway.change_token):
            raise RequestRefused(401, "unauthorized", "no valid token", hint="send Authorization: Bearer TOKEN")

    return Depends(check)


def _key(given: str | None) -> str:
    if not given:
        raise RequestRefused(
            400, "no_key", "the header Idempotency-Key is missing", hint="send one; repeat it to ask again"
        )
    return given


def _client_routes(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(render(gateway.metrics), media_type=CONTENT_TYPE_LATEST)

    @app.post("/v1/sessions")
    async def open_session(body: SessionRequest) -> StreamingResponse:
        prompt = await gateway.dispatcher.tokenize(body.prompt)
        session = gateway.dispatcher.open(prompt, body.max_tokens, body.pin)
        return StreamingResponse(_events(gateway.dispatcher, session), media_type="text/event-stream")


async def _events(dispatcher: Dispatcher, session: Session) -> AsyncIterator[str]:
    try:
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_S):
                    event = await session.events.get()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            yield f"data: {json.dumps(event, separators=(',', ':'))}\n\n"
            if "done" in event or "error" in event:
                return
    finally:
        dispatcher.leave(session)


def _reading_routes(app: FastAPI, gateway: Gateway) -> None:
    read = _may_read(gateway)

    @app.get("/admin/replicas", dependencies=[read])
    async def replicas() -> dict[str, Any]:
        # Probed now, not at the last round: who decides on this must not see an older fleet.
        known = [r for r in gateway.roster.replicas.values() if r.state != "starting"]
        await asyncio.gather(*(r.probe() for r in known))
        return {"fleet": gateway.fleet, "replicas": [r.describe() for r in gateway.roster.replicas.values()]}

    @app.get("/admin/sessions", dependencies=[read])
    async def sessions(replica: str | None = None) -> dict[str, Any]:
        every = (*gateway.dispatcher.live.values(), *gateway.dispatcher.over)
        return {"sessions": [s.describe() for s in every if replica in (None, s.replica)]}

    @app.get("/admin/migrations/{key:path}", dependencies=[read])
    async def migration(key: str) -> dict[str, Any]:
        return public(gateway.mover.find(key))

    @app.get("/admin/operations/{key:path}", dependencies=[read])
    async def operation(key: str) -> dict[str, Any]:
        if key not in gateway.ledger.operations:
            raise RequestRefused(404, "unknown_key", f"no operation has the key '{key}'")
        return public(gateway.ledger.operations[key])


def _changing_routes(app: FastAPI, gateway: Gateway) -> None:
    change = _may_change(gateway)

    @app.post("/admin/migrations", dependencies=[change])
    async def migrate(body: MigrationRequest, key: IdempotencyKey = None) -> JSONResponse:
        record = await gateway.mover.move(_key(key), Order(body.session, body.source, body.target))
        return _moved(record)

    @app.post("/admin/replicas/{name}/drain", dependencies=[change])
    async def drain(name: str) -> dict[str, Any]:
        return (await gateway.roster.set_draining(name, True)).describe()

    @app.post("/admin/replicas/{name}/undrain", dependencies=[change])
    async def undrain(name: str) -> dict[str, Any]:
        return (await gateway.roster.set_draining(name, False)).describe()

    @app.post("/admin/replicas", dependencies=[change])
    async def add(body: ReplicaRequest, key: IdempotencyKey = None) -> JSONResponse:
        replica, created = await gateway.roster.add(_key(key), body.name)
        return JSONResponse(replica.describe(), 201 if created else 200)

    @app.delete("/admin/replicas/{name}", dependencies=[change])
    async def remove(name: str) -> dict[str, Any]:
        return (await gateway.roster.remove(name)).describe()


def _moved(record: Migration) -> JSONResponse:
    if record.error is not None:
        return _error(409, record.error.code, record.error.message, record.error.hint)
    return JSONResponse(public(record))


def _fault_routes(app: FastAPI, gateway: Gateway, faults: Faults) -> None:
    @app.post("/admin/faults", dependencies=[_may_change(gateway)])
    async def switch(fault: Fault) -> dict[str, Any]:
        faults.switch(fault, gateway.roster)
        return fault.model_dump(mode="json")
