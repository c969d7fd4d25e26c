"""What the gateway promised and did: append-only JSON lines, on disk before anyone is told.

Read once, at a start; a later line about the same thing replaces an earlier one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from examples.fleet.errors import StateDamaged

Status = Literal["running", "done", "failed"]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Failure(_Entry):
    """Why something was not done: the `error` of the admin interface."""

    code: str
    message: str
    hint: str = ""


class Migration(_Entry):
    """One move of one session. `gap_s`: from the stop on the source to the first token of the target."""

    type: Literal["migration"] = "migration"
    key: str
    session: str
    source: str
    target: str
    status: Status
    kv_tokens: int | None = None
    cache_tokens: int | None = None
    evaluated_tokens: int | None = None
    file_bytes: int | None = None
    gap_s: float | None = None
    error: Failure | None = None


class Operation(_Entry):
    """One change of the fleet's size."""

    type: Literal["operation"] = "operation"
    key: str
    kind: Literal["add"] = "add"
    name: str
    status: Status
    error: Failure | None = None


class Membership(_Entry):
    """Whether a replica belongs to the fleet, and whether it takes new sessions."""

    type: Literal["replica"] = "replica"
    name: str
    seed: int
    present: bool
    draining: bool


Entry = Annotated[Migration | Operation | Membership, Field(discriminator="type")]
ENTRY: TypeAdapter[Migration | Operation | Membership] = TypeAdapter(Entry)


class Ledger:
    """The file. One process appends to it; what it held at the start is in the three tables."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = asyncio.Lock()
        self.migrations: dict[str, Migration] = {}
        self.operations: dict[str, Operation] = {}
        self.replicas: dict[str, Membership] = {}
        for entry in _replay(path):
            self._index(entry)

    async def append(self, *entries: Migration | Operation | Membership) -> None:
        """Return once the entries are on disk. Raises: OSError; then none of them counts."""
        lines = "".join(e.model_dump_json(exclude_none=True) + "\n" for e in entries).encode()
        async with self._turn:
            await asyncio.to_thread(_append, self._path, lines)
        for entry in entries:
            self._index(entry)

    async def settle_interrupted(self) -> None:
        """Fail what was running when the process before this one ended; nothing of it goes on."""
        why = Failure(
            code="gateway_restarted",
            message="the gateway ended while this ran",
            hint="the fleet was started anew; read it, then decide again under a new key",
        )
        records: list[Migration | Operation] = [*self.migrations.values(), *self.operations.values()]
        running = [r for r in records if r.status == "running"]
        if running:
            await self.append(*(r.model_copy(update={"status": "failed", "error": why}) for r in running))

    def _index(self, entry: Migration | Operation | Membership) -> None:
        match entry:
            case Migration():
                self.migrations[entry.key] = entry
            case Operation():
                self.operations[entry.key] = entry
            case Membership():
                self.replicas[entry.name] = entry


def public(entry: Migration | Operation) -> dict[str, Any]:
    """The entry as the admin interface shows it."""
    return entry.model_dump(mode="json", exclude_none=True, exclude={"type"})


def _append(path: Path, lines: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        start = os.fstat(file).st_size
        try:
            if os.write(file, lines) != len(lines):
                raise OSError(f"{path}: a record was written in part; is the disk full?")
            os.fsync(file)
            if start == 0:
                _sync_folder(path.parent)
        except OSError:
            os.ftruncate(file, start)  # or the next record would continue this one's line
            raise
    finally:
        os.close(file)


def _sync_folder(folder: Path) -> None:
    """A new file's name is durable only once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replay(path: Path) -> Iterable[Migration | Operation | Membership]:
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        # A crash inside a write: nobody was told of that record, so it never was.
        os.truncate(path, whole)
    for number, line in enumerate(content[:whole].splitlines(), start=1):
        try:
            yield ENTRY.validate_json(line)
        except ValidationError as exc:
            raise StateDamaged(
                f"{path}:{number}: not a record of this gateway: {exc.errors()[0]['msg']}",
                hint="move the file away to start with an empty history",
            ) from exc
