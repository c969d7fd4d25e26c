"""What the serving actions need of a fleet: its replicas, its sessions, and the changes it can make.

The values mirror docs/fleet-api.md; `gateway.py` is the implementation over HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from plugins.errors import ApplyFailed, PluginError
from plugins.serving.llamacpp import Fingerprint


class ReplicaState(StrEnum):
    STARTING = "starting"
    UP = "up"
    DRAINING = "draining"  # takes nothing new
    DOWN = "down"  # does not answer


class SessionState(StrEnum):
    WAITING = "waiting"  # for a slot; holds no KV
    RUNNING = "running"
    MOVING = "moving"
    DONE = "done"
    FAILED = "failed"


class Status(StrEnum):
    """Of a migration or an operation, as the gateway records it."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Replica:
    """One engine. `slots_busy` counts reserved ones too; KV is counted in tokens."""

    name: str
    state: ReplicaState
    slots_total: int
    slots_busy: int
    waiting: int
    kv_tokens_used: int
    kv_tokens_total: int
    fingerprint: Fingerprint
    url: str = ""

    @property
    def slots_free(self) -> int:
        return max(0, self.slots_total - self.slots_busy)


@dataclass(frozen=True, slots=True)
class Session:
    """One client's request. `slot` is None while it waits; `age_s` counts from its arrival."""

    id: str
    replica: str
    slot: int | None
    state: SessionState
    prompt_tokens: int
    generated_tokens: int
    max_tokens: int
    age_s: float
    moves: int = 0

    @property
    def live(self) -> bool:
        return self.state not in (SessionState.DONE, SessionState.FAILED)

    @property
    def length(self) -> int:
        """Tokens whose KV decoding needs now: held already, or computed first when it waits."""
        return self.prompt_tokens + self.generated_tokens

    @property
    def remaining_tokens(self) -> int:
        return max(0, self.max_tokens - self.generated_tokens)


@dataclass(frozen=True, slots=True)
class Fleet:
    """Replicas and sessions, read together. Two reads a moment apart: a move in between shows in one only."""

    replicas: tuple[Replica, ...]
    sessions: tuple[Session, ...]

    def replica(self, name: str) -> Replica | None:
        return next((r for r in self.replicas if r.name == name), None)

    def session(self, id: str) -> Session | None:  # noqa: A002
        return next((s for s in self.sessions if s.id == id), None)

    def live_on(self, replica: str) -> tuple[Session, ...]:
        return tuple(s for s in self.sessions if s.live and s.replica == replica)


@dataclass(frozen=True, slots=True, order=True)
class Move:
    """One session from one replica to another."""

    session: str
    source: str
    target: str

    def back(self) -> Move:
        return Move(self.session, self.target, self.source)

    def __str__(self) -> str:
        return f"{self.session}: {self.source} -> {self.target}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the gateway did not do something, in its own words."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Migration:
    """The record of one move. The figures are 0 unless it is done; a session that waited has no KV to move.

    `gap_s`: from the last token on the source to the first on the target.
    """

    key: str
    move: Move
    status: Status
    kv_tokens: int = 0
    cache_tokens: int = 0
    evaluated_tokens: int = 0
    file_bytes: int = 0
    gap_s: float = 0.0
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """The record of a change of the fleet's size."""

    key: str
    kind: str
    status: Status
    error: Failure | None = None


class Refused(ApplyFailed):
    """The gateway refused the change, and says that nothing was changed. `code` is its word for why."""

    def __init__(self, code: str, message: str, *, status: int = 409, hint: str = "") -> None:
        super().__init__(f"{code}: {message}", hint=hint)
        self.code = code
        self.status = status


class Unreadable(PluginError):
    """The gateway answered, and not as its interface promises; whether it acted is not known."""


class ServingCluster(Protocol):
    """A fleet that can be read and changed. `fleet` is its name.

    Every call raises TargetUnreachable when no answer came (whether a change was made is then not known)
    and Unreadable when the answer is none of the interface's. A change that the gateway refuses raises
    Refused. `move` and `add` are done once per key: the same key again answers what came of it.
    """

    @property
    def fleet(self) -> str: ...

    async def replicas(self) -> tuple[Replica, ...]: ...

    async def sessions(self, replica: str | None = None) -> tuple[Session, ...]: ...

    async def move(self, move: Move, key: str) -> Migration:
        """Return the record of a move that is done."""
        ...

    async def migration(self, key: str) -> Migration | None:
        """None: the gateway never saw the key."""
        ...

    async def drain(self, replica: str) -> Replica: ...

    async def undrain(self, replica: str) -> Replica: ...

    async def add(self, replica: str, key: str) -> Replica: ...

    async def remove(self, replica: str) -> None: ...

    async def operation(self, key: str) -> Operation | None:
        """None: the gateway never saw the key."""
        ...
