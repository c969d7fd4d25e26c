"""The audit's head, told to places that the database's owner does not write: a file of lines, and the log.

One line for each head that was seen: `{"at", "journal", "number", "hash"}`. A file is for one journal. Keep
it on another machine, or append-only; `stepfleet audit verify --heads FILE` then shows when the chain's end was cut
off or hashed anew.
"""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.errors import SettingsError
from agent.run.audit import Head, head
from agent.run.journal import Journal

log = structlog.get_logger()


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: datetime
    journal: str
    number: int = Field(ge=0)
    hash: str = Field(pattern="^[0-9a-f]{64}$")


def read_heads(file: Path) -> list[Head]:
    """The heads that a file holds, all of one journal. Raises SettingsError naming file and line."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{file}: the exported heads cannot be read: {exc}", hint="see [audit] heads") from exc
    heads = []
    for number, text in enumerate(lines, 1):
        try:
            line = _Line.model_validate_json(text)
        except ValidationError as exc:
            raise SettingsError(
                f"{file}:{number}: not an exported head", hint="one JSON object a line, as `stepfleet serve` wrote it"
            ) from exc
        heads.append(Head(line.number, line.hash))
    return heads


class HeadExporter:
    """Tells each new head; `file` None: to the log alone."""

    def __init__(self, journal: Journal, file: Path | None, every_s: float) -> None:
        self.journal = journal
        self.file = file
        self.every_s = every_s
        self._told: Head | None = None

    async def keep_telling(self) -> None:
        """Until cancelled. What cannot be told is logged, and told later."""
        while True:
            await self.tell()
            await asyncio.sleep(self.every_s)

    async def tell(self) -> None:
        try:
            await asyncio.to_thread(self._tell)
        except Exception as exc:  # a full disk elsewhere must not stop an incident's run
            log.error("audit_head_not_exported", error=str(exc), file=str(self.file))

    def _tell(self) -> None:
        now = self.journal.read_now(head)
        if now == self._told:
            return
        line = _Line(at=self.journal.now(), journal=self.journal.place, number=now.number, hash=now.hash)
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as out:
                out.write(line.model_dump_json() + "\n")
                out.flush()
                os.fsync(out.fileno())
        self._told = now
        log.info("audit_head", number=now.number, hash=now.hash)
