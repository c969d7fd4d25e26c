"""Being asked to stop: once means finish what may not be cut off, twice means now."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

STOPS = (signal.SIGINT, signal.SIGTERM)
STOPPED = 130  # the exit code of a command that was asked to stop, as shells know it


@contextlib.contextmanager
def on_stop(stop: Callable[[], None]) -> Iterator[list[signal.Signals]]:
    """Call `stop` at the first SIGINT or SIGTERM; the next one ends the process as if nobody listened.

    Yields the signals heard. Ending at once is safe, too: the journal holds whatever was intended.
    """
    loop = asyncio.get_running_loop()
    heard: list[signal.Signals] = []

    def hear(number: signal.Signals) -> None:
        heard.append(number)
        let_go()
        stop()

    def let_go() -> None:
        for each in STOPS:
            loop.remove_signal_handler(each)

    for each in STOPS:
        loop.add_signal_handler(each, hear, each)
    try:
        yield heard
    finally:
        let_go()
