"""A gateway in memory that speaks docs/fleet-api.md and can lose answers; for what a real one cannot be made to do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from plugins.serving.access import Access
from plugins.serving.cluster import ServingCluster
from plugins.serving.gateway import connect

KV_PER_SLOT = 4096
Fault = Callable[[httpx.Request, Callable[[], httpx.Response]], httpx.Response]


@dataclass(slots=True)
class FakeReplica:
    name: str
    state: str = "up"
    slots: int = 2
    model: str = "sha-0"


@dataclass(slots=True)
class FakeSession:
    id: str
    replica: str
    state: str
    prompt_tokens: int = 100
    generated_tokens: int = 10
    max_tokens: int = 1000
    age_s: float = 1.0
    moves: int = 0


@dataclass(slots=True)
class Refusal(Exception):
    status: int
    code: str


@dataclass(slots=True)
class FakeGateway:
    """`asked` lists every change that arrived; `faults` wait for the first request that fits."""

    fleet: str = "demo"
    max_replicas: int = 5
    replicas: dict[str, FakeReplica] = field(default_factory=dict)
    sessions: dict[str, FakeSession] = field(default_factory=dict)
    migrations: dict[str, dict[str, Any]] = field(default_factory=dict)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    faults: list[tuple[str, str, Fault]] = field(default_factory=list)
    frozen: set[str] = field(default_factory=set)

    def opens(self, replica: str, count: int = 1, **facts: Any) -> list[str]:
        """Sessions on a replica: as many run as slots are free, the others wait."""
        names = []
        for _ in range(count):
            state = "running" if self._free(replica) else "waiting"
            session = FakeSession(f"s{len(self.sessions)}", replica, state, **facts)
            self.sessions[session.id] = session
            names.append(session.id)
        return names

    def next(self, method: str, path: str, fault: Fault) -> None:
        """The next request of this method whose path begins so meets the fault."""
        self.faults.append((method, path, fault))

    def connect(self, fleet: str, access: Access) -> AbstractAsyncContextManager[ServingCluster]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[ServingCluster]:
            transport = httpx.MockTransport(self._answer)
            token = {"Authorization": f"Bearer {access}"}
            async with connect(
                "http://gateway.test",
                fleet,
                token,
                timeout_s=1,
                change_timeout_s=1,
                transport=transport,
            ) as cluster:
                yield cluster

        return opened()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        method, path = request.method, request.url.path
        for waiting in self.faults:
            if waiting[0] == method and path.startswith(waiting[1]):
                self.faults.remove(waiting)
                return waiting[2](request, lambda: self._do(request))
        return self._do(request)

    def _do(self, request: httpx.Request) -> httpx.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            if request.method != "GET":
                if token != Access.CHANGE:
                    raise Refusal(403, "read_only")
                self.asked.append((request.method, request.url.path, request.headers.get("Idempotency-Key")))
            status, body = self._route(request)
        except Refusal as refusal:
            message = f"refused: {refusal.code}"
            error = {"error": {"code": refusal.code, "message": message, "hint": "look"}}
            return httpx.Response(refusal.status, json=error)
        return httpx.Response(status, json=body)

    def _route(self, request: httpx.Request) -> tuple[int, Any]:
        parts = request.url.path.strip("/").split("/")
        key = request.headers.get("Idempotency-Key", "")
        body = json.loads(request.content) if request.content else {}
        match request.method, parts[1:]:
            case "GET", ["replicas"]:
                return 200, {"fleet": self.fleet, "replicas": [self._shown(n) for n in self.replicas]}
            case "GET", ["sessions"]:
                return 200, {"sessions": self._listed(request.url.params.get("replica"))}
            case "GET", ["migrations", *rest]:
                return 200, self._kept(self.migrations, "/".join(rest))
            case "GET", ["operations", *rest]:
                return 200, self._kept(self.operations, "/".join(rest))
            case "POST", ["migrations"]:
                return self._migrate(key, body)
            case "POST", ["replicas"]:
                return self._add(key, body["name"])
            case "POST", ["replicas", name, verb]:
                self._get(name).state = {"drain": "draining", "undrain": "up"}[verb]
                return 200, self._shown(name)
            case "DELETE", ["replicas", name]:
                if self._live(name):
                    raise Refusal(409, "not_empty")
                del self.replicas[name]
                return 200, {}
        raise Refusal(404, "not_found")

    def _migrate(self, key: str, order: dict[str, str]) -> tuple[int, Any]:
        kept = self.migrations.get(key)
        if kept is None:
            kept = self.migrations[key] = {"key": key, **order, **self._moved(order)}
        if {n: kept[n] for n in order} != order:
            raise Refusal(422, "key_reused")
        if kept["status"] == "failed":
            raise Refusal(409, kept["error"]["code"])
        return 200, kept

    def _moved(self, order: dict[str, str]) -> dict[str, Any]:
        session, target = self.sessions.get(order["session"]), self._get(order["target"])
        code = self._obstacle(session, order["source"], target)
        if code or session is None:
            return {"status": "failed", "error": {"code": code, "message": f"refused: {code}"}}
        kv = session.prompt_tokens + session.generated_tokens if session.state == "running" else 0
        source, session.replica, session.state = session.replica, target.name, "running"
        session.moves += 1
        self._admit(source)
        figures = {"kv_tokens": kv, "cache_tokens": kv, "evaluated_tokens": 1, "file_bytes": kv * 8, "gap_s": 0.01}
        return {"status": "done", **figures}

    def _obstacle(self, session: FakeSession | None, source: str, target: FakeReplica) -> str | None:
        if session is None or session.state in ("done", "failed"):
            return "finished"
        if session.replica != source:
            return "not_on_source"
        if self._get(source).model != target.model:
            return "fingerprint"
        if target.state != "up":
            return "draining" if target.state == "draining" else "no_free_slot"
        return None if self._free(target.name) else "no_free_slot"

    def _add(self, key: str, name: str) -> tuple[int, Any]:
        if key in self.operations:
            return 200, self._shown(name)
        if name in self.replicas:
            raise Refusal(409, "exists")
        if len(self.replicas) >= self.max_replicas:
            raise Refusal(409, "no_capacity")
        self.replicas[name] = FakeReplica(name)
        self.operations[key] = {"key": key, "kind": "add", "name": name, "status": "done"}
        return 201, self._shown(name)

    def _admit(self, replica: str) -> None:
        for session in self._live(replica):
            if session.state == "waiting" and self._free(replica) and self.replicas[replica].state == "up":
                session.state = "running"

    def _get(self, name: str) -> FakeReplica:
        if name not in self.replicas:
            raise Refusal(404, "unknown_replica")
        return self.replicas[name]

    def _kept(self, table: dict[str, dict[str, Any]], key: str) -> dict[str, Any]:
        if key not in table:
            raise Refusal(404, "unknown_key")
        return table[key]

    def _live(self, replica: str) -> list[FakeSession]:
        return [s for s in self.sessions.values() if s.replica == replica and s.state not in ("done", "failed")]

    def _free(self, replica: str) -> int:
        return self.replicas[replica].slots - sum(s.state != "waiting" for s in self._live(replica))

    def _shown(self, name: str) -> dict[str, Any]:
        replica, live = self.replicas[name], self._live(name)
        held = sum(s.prompt_tokens + s.generated_tokens for s in live if s.state == "running")
        return {
            "name": name,
            "url": f"http://{name}.test",
            "state": replica.state,
            "slots_total": replica.slots,
            "slots_busy": replica.slots - self._free(name),
            "waiting": sum(s.state == "waiting" for s in live),
            "kv_tokens_used": held,
            "kv_tokens_total": replica.slots * KV_PER_SLOT,
            "model_sha256": replica.model,
            "build": "b1",
            "kv_layout": "f16",
        }

    def _listed(self, replica: str | None) -> list[dict[str, Any]]:
        """Those that run are a few tokens further at every look."""
        for session in self.sessions.values():
            if session.state == "running" and session.id not in self.frozen:
                session.generated_tokens += 2
        chosen = [s for s in self.sessions.values() if replica in (None, s.replica)]
        return [{**asdict(s), "slot": None if s.state == "waiting" else 0} for s in chosen]


def demo() -> FakeGateway:
    """Three equal replicas, and one of the same shape with other weights."""
    equal = {n: FakeReplica(n) for n in "abc"}
    return FakeGateway(replicas={**equal, "odd": FakeReplica("odd", model="sha-1")})


def lost(request: httpx.Request, do: Callable[[], httpx.Response]) -> httpx.Response:
    """It is done, and the answer never comes."""
    do()
    raise httpx.ReadTimeout("timed out", request=request)


def cut(request: httpx.Request, do: Callable[[], httpx.Response]) -> httpx.Response:
    """The request never arrives."""
    raise httpx.ConnectError("connection refused", request=request)


def answers(status: int, content: str) -> Fault:
    """Something else answers: a proxy, a page."""
    return lambda request, do: httpx.Response(status, text=content, request=request)
