"""A serving fleet over its gateway's HTTP interface (docs/fleet-api.md). The only module that knows it.

Whether a change happened decides what a run may do next, so an answer counts as a refusal only when it
is the gateway's own: a 4xx with its error document. A proxy's error page, a 5xx, a cut connection or an
unexpected body leave the outcome open, and a 404 means "never seen" only under the gateway's code for it.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plugins.errors import TargetUnreachable
from plugins.serving.cluster import (
    Failure,
    Migration,
    Move,
    Operation,
    Refused,
    Replica,
    ReplicaState,
    Session,
    SessionState,
    Status,
    Unreadable,
)
from plugins.serving.llamacpp import Fingerprint

NEVER_SEEN = "unknown_key"
CONTRACT = "is the url the gateway of docs/fleet-api.md?"


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


W = TypeVar("W", bound=_Wire)


class _Replica(_Wire):
    name: str
    url: str = ""
    state: ReplicaState
    slots_total: int = Field(ge=0)
    slots_busy: int = Field(ge=0)
    waiting: int = Field(ge=0)
    kv_tokens_used: int = Field(ge=0)
    kv_tokens_total: int = Field(ge=0)
    model_sha256: str
    build: str
    kv_layout: str

    def value(self) -> Replica:
        return Replica(
            name=self.name,
            state=self.state,
            slots_total=self.slots_total,
            slots_busy=self.slots_busy,
            waiting=self.waiting,
            kv_tokens_used=self.kv_tokens_used,
            kv_tokens_total=self.kv_tokens_total,
            fingerprint=Fingerprint(self.model_sha256, self.build, self.kv_layout),
            url=self.url,
        )


class _Replicas(_Wire):
    fleet: str
    replicas: list[_Replica]


class _Session(_Wire):
    id: str
    replica: str
    slot: int | None
    state: SessionState
    prompt_tokens: int = Field(ge=0)
    generated_tokens: int = Field(ge=0)
    max_tokens: int = Field(ge=0)
    age_s: float = Field(ge=0, allow_inf_nan=False)
    moves: int = 0

    def value(self) -> Session:
        return Session(**self.model_dump())


class _Sessions(_Wire):
    sessions: list[_Session]


class _Failure(_Wire):
    code: str
    message: str
    hint: str = ""

    def value(self) -> Failure:
        return Failure(self.code, self.message, self.hint)


class _Error(_Wire):
    error: _Failure


class _Migration(_Wire):
    key: str
    session: str
    source: str
    target: str
    status: Status
    kv_tokens: int = 0
    cache_tokens: int = 0
    evaluated_tokens: int = 0
    file_bytes: int = 0
    gap_s: float = 0.0
    error: _Failure | None = None

    def value(self) -> Migration:
        return Migration(
            key=self.key,
            move=Move(self.session, self.source, self.target),
            status=self.status,
            kv_tokens=self.kv_tokens,
            cache_tokens=self.cache_tokens,
            evaluated_tokens=self.evaluated_tokens,
            file_bytes=self.file_bytes,
            gap_s=self.gap_s,
            error=self.error.value() if self.error else None,
        )


class _Operation(_Wire):
    key: str
    kind: str
    status: Status
    error: _Failure | None = None

    def value(self) -> Operation:
        return Operation(self.key, self.kind, self.status, self.error.value() if self.error else None)


class GatewayCluster:
    """A `ServingCluster` behind one open connection; `connect` makes it."""

    def __init__(self, fleet: str, http: httpx.AsyncClient, *, change_timeout_s: float) -> None:
        self._fleet = fleet
        self._http = http
        self._change_timeout_s = change_timeout_s

    @property
    def fleet(self) -> str:
        return self._fleet

    async def replicas(self) -> tuple[Replica, ...]:
        """Raises, beside the protocol's errors: Unreadable when the gateway is another fleet's."""
        found = self._parse(_Replicas, await self._get("/admin/replicas"))
        if found.fleet != self._fleet:
            raise Unreadable(
                f"{self._http.base_url}: this gateway serves the fleet '{found.fleet}', not '{self._fleet}'",
                hint="correct url or fleet in [plugins.serving]",
            )
        return tuple(r.value() for r in found.replicas)

    async def sessions(self, replica: str | None = None) -> tuple[Session, ...]:
        query = {} if replica is None else {"replica": replica}
        found = self._parse(_Sessions, await self._get("/admin/sessions", query))
        return tuple(s.value() for s in found.sessions)

    async def move(self, move: Move, key: str) -> Migration:
        body = {"session": move.session, "source": move.source, "target": move.target}
        record = self._parse(_Migration, await self._change("POST", "/admin/migrations", body, key)).value()
        if record.move != move or record.status is not Status.DONE:
            raise Unreadable(
                f"{self._http.base_url}: asked for {move}, told of {record.move}, {record.status}", hint=CONTRACT
            )
        return record

    async def migration(self, key: str) -> Migration | None:
        found = await self._look_up(f"/admin/migrations/{quote(key)}")
        return None if found is None else self._parse(_Migration, found).value()

    async def drain(self, replica: str) -> Replica:
        path = f"/admin/replicas/{quote(replica, safe='')}/drain"
        return self._parse(_Replica, await self._change("POST", path)).value()

    async def undrain(self, replica: str) -> Replica:
        path = f"/admin/replicas/{quote(replica, safe='')}/undrain"
        return self._parse(_Replica, await self._change("POST", path)).value()

    async def add(self, replica: str, key: str) -> Replica:
        return self._parse(_Replica, await self._change("POST", "/admin/replicas", {"name": replica}, key)).value()

    async def remove(self, replica: str) -> None:
        await self._change("DELETE", f"/admin/replicas/{quote(replica, safe='')}")

    async def operation(self, key: str) -> Operation | None:
        found = await self._look_up(f"/admin/operations/{quote(key)}")
        return None if found is None else self._parse(_Operation, found).value()

    async def _get(self, path: str, query: dict[str, str] | None = None) -> httpx.Response:
        reply = await self._ask("GET", path, params=query or {})
        if reply.status_code != 200:
            error = _error(reply)
            said = f"{error.code}: {error.message}" if error else "no error document"
            raise Unreadable(f"{reply.request.url}: {reply.status_code}, {said}", hint=_hint(reply, error))
        return reply

    async def _look_up(self, path: str) -> httpx.Response | None:
        reply = await self._ask("GET", path)
        error = _error(reply)
        if reply.status_code == 404 and error is not None and error.code == NEVER_SEEN:
            return None
        if reply.status_code != 200:
            raise Unreadable(f"{reply.request.url}: {reply.status_code}", hint=_hint(reply, error))
        return reply

    async def _change(
        self, method: str, path: str, body: dict[str, str] | None = None, key: str | None = None
    ) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        timeout = httpx.Timeout(self._http.timeout.connect, read=self._change_timeout_s)
        reply = await self._ask(method, path, json=body, headers=headers, timeout=timeout)
        if reply.is_success:
            return reply
        error = _error(reply)
        if error is None:
            raise Unreadable(f"{reply.request.url}: {reply.status_code} without an error document", hint=CONTRACT)
        raise Refused(error.code, error.message, status=reply.status_code, hint=_hint(reply, error))

    async def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Raises: TargetUnreachable for no answer, a 5xx included: what became of the request is open."""
        try:
            reply = await self._http.request(method, path, **how)
        except httpx.HTTPError as exc:
            raise TargetUnreachable(
                f"{method} {self._http.base_url.join(path)}: {type(exc).__name__} {exc}".rstrip(),
                hint="is the gateway running, and is [plugins.serving] url its address?",
            ) from exc
        if reply.status_code >= 500 or reply.status_code == 408:
            error = _error(reply)
            raise TargetUnreachable(
                f"{method} {reply.request.url}: {reply.status_code} {error.message if error else ''}".rstrip(),
                hint=error.hint if error else "read the gateway's log",
            )
        return reply

    def _parse(self, wire: type[W], reply: httpx.Response) -> W:
        try:
            return wire.model_validate_json(reply.content)
        except ValidationError as exc:
            first = exc.errors()[0]
            where = ".".join(map(str, first["loc"])) or "body"
            raise Unreadable(f"{reply.request.url}: {where}: {first['msg']}", hint=CONTRACT) from exc


def _error(reply: httpx.Response) -> _Failure | None:
    try:
        return _Error.model_validate_json(reply.content).error
    except ValidationError:
        return None


def _hint(reply: httpx.Response, error: _Failure | None) -> str:
    if reply.status_code in (401, 403):
        return "check read_token_file and write_token_file in [plugins.serving]"
    return (error.hint if error else "") or CONTRACT


@asynccontextmanager
async def connect(
    url: str,
    fleet: str,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    change_timeout_s: float,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[GatewayCluster]:
    """Open a connection for one call of a plugin: an idle one would outlive its event loop.

    `headers` carry the token; `timeout_s` bounds a read, `change_timeout_s` the wait for a change's answer.
    """
    async with httpx.AsyncClient(
        base_url=url,
        headers=dict(headers),
        timeout=timeout_s,
        trust_env=False,
        follow_redirects=False,
        verify=_tls(url),
        transport=transport,
    ) as http:
        yield GatewayCluster(fleet, http, change_timeout_s=change_timeout_s)


def _tls(url: str) -> ssl.SSLContext:
    """The system's certificates for https; reading them costs milliseconds that plain http need not pay."""
    return ssl.create_default_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
