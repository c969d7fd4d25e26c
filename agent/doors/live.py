"""A run as it goes: a table of steps over the last lines, or plain lines where there is no terminal."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent.doors.render import plain
from agent.report import sentence
from agent.run.events import Event, EventKind
from dag.model import Kind, Plan

TAIL = 6
REFRESH_PER_S = 8
MARKS = {
    EventKind.STEP_STARTED: ("running", "blue"),
    EventKind.STEP_SUCCEEDED: ("done", "green"),
    EventKind.STEP_FAILED: ("failed", "red"),
    EventKind.STEP_CANCELLED: ("cancelled", "dim"),
    EventKind.PARKED: ("waits", "yellow"),
    EventKind.INTENT: ("acts", "magenta"),
    EventKind.APPLIED: ("verifies", "magenta"),
    EventKind.COMPENSATING: ("undoes", "yellow"),
}


class LiveView:
    """Feed it the run's events in order; use it as a context manager."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._states: dict[str, tuple[str, str]] = {}
        self._tail: deque[Text] = deque(maxlen=TAIL)
        self._opened: Event | None = None
        self._live = Live(console=console, refresh_per_second=REFRESH_PER_S, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, event: Event) -> None:
        """Take in one event."""
        self._opened = self._opened or event
        if event.key is not None and event.kind in MARKS:
            self._states[event.key.step] = MARKS[event.kind]
        said = sentence(self._plan, event)
        if said is None:
            return
        at_s = (event.at - self._opened.at).total_seconds()
        line = Text.assemble((f"{at_s:7.2f}s ", "cyan"), plain(event.key or "run", "bold"), " ", plain(said))
        if self._console.is_terminal:
            self._tail.append(line)
            self._live.update(self._picture())
        else:
            self._console.print(line, soft_wrap=True)

    def _picture(self) -> Group:
        table = Table(box=None, pad_edge=False, show_header=False)
        for step in self._plan.steps:
            state, colour = self._states.get(step.id, ("", "dim"))
            kind = Text(str(step.kind), style="magenta" if step.kind is Kind.ACTION else "dim")
            table.add_row(Text(f"{state:<10}", style=colour), kind, plain(step.title, "bold" if state else "dim"))
        return Group(table, Text(), *self._tail)
