"""Child processes: started, waited for, stopped by their own id, dead when this process dies."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from examples.fleet.errors import ChildFailed

TETHER = Path(__file__).with_name("tether.py")
LOG_TAIL = 2000  # characters of a dead child's log that its error quotes


class Child:
    """One program run by this one, with its output in a log file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(cls, name: str, program: Sequence[str | Path], *, log: Path, cwd: Path | None = None) -> Child:
        """Start `program` (its first item an absolute path), tethered to this process.

        It gets a session of its own: Ctrl-C reaches this process only, which then stops it in order.
        """
        with log.open("ab") as sink:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-IS",  # the tether needs nothing but the standard library: start fast
                str(TETHER),
                str(os.getpid()),
                *map(str, program),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                cwd=cwd,
                start_new_session=True,
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """Return the exit code once it has ended; negative: the signal that ended it."""
        return await self._process.wait()

    async def ready(self, is_ready: Callable[[], Awaitable[bool]], *, within_s: float) -> None:
        """Ask again and again. Raises: ChildFailed when it ends or `within_s` passes first."""
        end = time.monotonic() + within_s
        while not await is_ready():
            if not self.alive:
                raise ChildFailed(
                    f"{self.name} ended with code {self._process.returncode}: {self._tail()}",
                    hint=f"its output is in {self.log}",
                )
            if time.monotonic() > end:
                raise ChildFailed(
                    f"{self.name} was not ready within {within_s:g} s: {self._tail()}",
                    hint=f"its output is in {self.log}",
                )
            await asyncio.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it has ended."""
        if self.alive:
            self._process.send_signal(number)

    async def stop(self, *, grace_s: float = 5.0) -> None:
        """End it: SIGTERM, and SIGKILL after `grace_s`."""
        self.signal(signal.SIGTERM)
        # A stopped process cannot act on SIGTERM: a fault may have left it so.
        self.signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(grace_s):
                await self.wait()
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self.wait()

    def _tail(self) -> str:
        text = self.log.read_text(errors="replace").strip()
        return text[-LOG_TAIL:] or "it wrote nothing"


def free_port() -> int:
    """A loopback port that was free a moment ago, for programs that cannot say which one they took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
