"""Who is at the HTTP door: Host and Origin first, then the token, then the body; in that order."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.doors.strict_json import dumps
from agent.gate.principals import Principal, Principals, Role
from telemetry.alertmanager import SOURCE

MAX_COMMAND_BYTES = 64 * 1024  # of a person's words
BEARER = HTTPBearer(auto_error=False, description="the token of one principal")


class HostAndOrigin:
    """Refuses foreign Host and Origin headers: a page in somebody's browser must not reach a loopback service."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...], origins: tuple[str, ...]) -> None:
        self.app = app
        self.hosts = frozenset(h.lower() for h in hosts)
        self.origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            refusal = self._refusal(headers)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "").lower()
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        if name not in self.hosts:
            return problem(400, f"Host '{host}' is not served here", "add it to [api] allowed_hosts")
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins:
            return problem(403, f"Origin '{origin}' is not allowed", "add it to [api] allowed_origins")
        return None


class ShortBodies:
    """Refuses what a person could not have said: a framework reads a body whole before it asks who sent it.

    The paths in `but` read and bound their own.
    """

    def __init__(self, app: ASGIApp, but: tuple[str, ...]) -> None:
        self.app = app
        self.but = frozenset(but)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self.but:
            await self.app(scope, receive, send)
            return
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > MAX_COMMAND_BYTES:
                raise HTTPException(413, f"the body is longer than {MAX_COMMAND_BYTES:,} bytes")
            return message

        await self.app(scope, bounded, send)


class StrictJson(JSONResponse):
    """The one way this door answers JSON."""

    def render(self, content: Any) -> bytes:
        return dumps(content).encode("ascii")


def problem(status: int, message: str, hint: str = "", *, retry_after_s: int | None = None) -> JSONResponse:
    """An error as every route answers it."""
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s is not None else None
    return StrictJson({"error": {"message": message, "hint": hint}}, status, headers=headers)


def token_of(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def known(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> Principal:
    """The principal of the request's token. 401 without one; the answer does not say what was wrong with it."""
    principals: Principals = request.app.state.service.principals
    principal = principals.who(given.credentials) if given is not None else None
    if principal is None:
        raise HTTPException(401, "a principal's bearer token is needed", {"WWW-Authenticate": "Bearer"})
    return principal


def reader(principal: Annotated[Principal, Depends(known)]) -> Principal:
    """One who may read runs; a webhook's token may not."""
    if not principal.may_read:
        raise HTTPException(403, f"{principal.name} may not read runs")
    return principal


def alert_source(request: Request) -> str | None:
    """Who posts alerts, `alertmanager/PRINCIPAL`; None where it may not. Decided before a byte of the body is read.

    The principal keeps apart what several Alertmanagers call by the same group key; a cluster of them shares a token.
    """
    service = request.app.state.service
    principal = service.principals.who(token_of(request))
    if principal is not None and Role.WEBHOOK in principal.roles:
        return f"{SOURCE}/{principal.name}"
    return SOURCE if service.settings.api.without_secret else None


Reader = Annotated[Principal, Depends(reader)]


async def body_within(chunks: AsyncIterable[bytes], most: int) -> bytes | None:
    """The whole body, or None as soon as it is longer than `most`; no more than that is ever held."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)
