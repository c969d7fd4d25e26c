"""Faults that can be switched on in a fleet started with `--faults`; real ones wherever that is possible.

A kill is a SIGKILL, a freeze a SIGSTOP, a hung restore a target frozen when the restore is sent, a damaged
file is damaged on disk. Only slowness is acted: a pause after every chunk.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from examples.fleet.errors import RequestRefused
from examples.fleet.roster import Roster, Tasks
from examples.fleet.supervisor import Replica
from plugins.serving.llamacpp import CopyFile, copy_file


class FaultKind(StrEnum):
    SLOW = "slow"  # `seconds` more per chunk on `replica`; 0 ends it
    KILL = "kill"  # the process of `replica` ends at once
    FREEZE = "freeze"  # the process of `replica` stops for `seconds`
    CORRUPT_COPY = "corrupt_copy"  # the next `times` slot files arrive with one bit flipped
    TRUNCATE_COPY = "truncate_copy"  # the next `times` slot files arrive short
    SLOW_COPY = "slow_copy"  # the next `times` slot files take `seconds` to arrive
    HANG_RESTORE = "hang_restore"  # the next `times` targets freeze for `seconds` when asked to restore


class Fault(BaseModel):
    """One fault to switch on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind
    replica: str | None = None
    seconds: float = Field(default=0.0, ge=0, le=3600)
    times: int = Field(default=1, ge=1)


class Faults:
    """What is wrong at the moment; nothing, unless somebody said so."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._copies: list[Fault] = []  # one per file, in the order they were asked for

    def switch(self, fault: Fault, roster: Roster) -> None:
        """Raises: RequestRefused (404 for a replica that is not there, 422 for one that is not named)."""
        if fault.kind in (FaultKind.SLOW, FaultKind.KILL, FaultKind.FREEZE):
            if fault.replica is None:
                raise RequestRefused(422, "invalid", f"'{fault.kind}' needs a replica", hint="name one")
            self._afflict(roster.get(fault.replica), fault)
        else:
            self._copies += [fault] * fault.times

    def copier(self, target: Replica) -> CopyFile:
        """The way a slot file takes to `target`'s folder, with the faults that wait for one."""

        async def copy(here: Path, there: Path) -> None:
            await copy_file(here, there)
            if self._copies:
                await self._spoil(self._copies.pop(0), there, target)

        return copy

    def _afflict(self, replica: Replica, fault: Fault) -> None:
        match fault.kind:
            case FaultKind.SLOW:
                replica.delay_s = fault.seconds
            case FaultKind.KILL:
                replica.child.signal(signal.SIGKILL)
            case _:
                self._freeze(replica, fault.seconds)

    async def _spoil(self, fault: Fault, file: Path, target: Replica) -> None:
        match fault.kind:
            case FaultKind.CORRUPT_COPY:
                await asyncio.to_thread(_edit, file, _flip_one_bit)
            case FaultKind.TRUNCATE_COPY:
                await asyncio.to_thread(_edit, file, _cut_in_half)
            case FaultKind.SLOW_COPY:
                await asyncio.sleep(fault.seconds)
            case _:
                self._freeze(target, fault.seconds)

    def _freeze(self, replica: Replica, seconds: float) -> None:
        async def thaw() -> None:
            await asyncio.sleep(seconds)
            replica.child.signal(signal.SIGCONT)

        replica.child.signal(signal.SIGSTOP)
        self._tasks.spawn(thaw())


def _edit(file: Path, change: Callable[[bytearray], None]) -> None:
    content = bytearray(file.read_bytes())
    change(content)
    file.write_bytes(content)


def _flip_one_bit(content: bytearray) -> None:
    content[len(content) // 2] ^= 1


def _cut_in_half(content: bytearray) -> None:
    del content[len(content) // 2 :]
