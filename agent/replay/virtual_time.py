"""Time that passes only when everybody waits for it: an hour of a run takes as long as its computing.

The engine sleeps, waits and measures by its event loop. Under this loop nothing runs in another thread, so when
nothing is ready, all that is left is to wait for the next timer: the loop's time moves there at once.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any, TypeVar

from agent.errors import StepfleetError

T = TypeVar("T")


class Standstill(StepfleetError):
    """Everything waits, and no timer will ever end the wait."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` counts virtual seconds from 0.

    What would run in a thread runs at once instead: for a virtual moment nothing else happens anyway.
    """

    def __init__(self) -> None:
        self._virtual_s = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self._virtual_s

    def pass_time(self, seconds: float) -> None:
        self._virtual_s += seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as exc:
            done.set_exception(exc)
        return done


class _Jumping(selectors.DefaultSelector):
    """Looks at sockets without waiting; the wait that was asked for passes in the loop's own time."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise Standstill("everything in this run waits, and nothing will end the wait", hint="this is a defect")
        self._loop.pass_time(timeout)
        return ready


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end under virtual time. Raises: Standstill; whatever it raises."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


class Clock:
    """The wall clock of a virtual run: it began at `began` (aware, UTC) and goes with the loop.

    `not_before` takes it forward to a time that is known from a record; it never goes back. Timers do not see
    it: what waits for so many seconds still does.
    """

    def __init__(self, began: datetime) -> None:
        self.began = began
        self._ahead = timedelta()
        self._origin: float | None = None

    def now(self) -> datetime:
        loop_s = asyncio.get_running_loop().time()
        if self._origin is None:
            self._origin = loop_s
        return self.began + timedelta(seconds=loop_s - self._origin) + self._ahead

    def not_before(self, at: datetime) -> None:
        self._ahead += max(timedelta(), at - self.now())
