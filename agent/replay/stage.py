"""One run on the real engine, in virtual time: a world answers its calls, people answer its questions."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from agent.gate.gate import Gate
from agent.replay.memory_journal import MemoryJournal
from agent.replay.stand_ins import World, stand_ins
from agent.replay.turns import Turns
from agent.replay.virtual_time import Clock
from agent.run.advance import Advanced
from agent.run.engine import Engine, Limits
from agent.run.events import Event, EventKind
from agent.run.journal import say
from agent.run.judge import Judge
from agent.run.state import RunStatus
from dag.model import Plan
from plugins.registry import Registry

# A look for commands costs more than anything else here, and who says something pokes the run anyway.
LIMITS = Limits(poll_s=60.0)


class Silence(Enum):
    """What comes of a question that nobody answers."""

    WAITS = "waits"  # the run is left waiting: that is where it ends
    TIME_PASSES = "time passes"  # until the question expires


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody says, `after_s` seconds after being asked; `told` is the recorded event that it became.

    `kind` and `payload` are a command's: approve, reject, answer, cancel.
    """

    kind: str
    payload: Mapping[str, Any]
    after_s: float = 0.0
    told: Event | None = None


class People(Protocol):
    """Everybody who has a say in a run."""

    def reply(self, parked: Event, approval: Mapping[str, Any] | None) -> Reply | Silence:
        """Answer a step that has just parked; `approval` is the payload of what it asks to be approved."""

    def unasked(self) -> tuple[Reply, ...]:
        """What is said without a question, counted from the run's beginning."""


@dataclass(frozen=True, slots=True)
class Played:
    """Where the run came to, and everything that happened in it."""

    advanced: Advanced
    events: list[Event]


@dataclass
class Stage:
    """What one run is played with. `open_run` puts the run into the journal and returns its id."""

    plan: Plan
    installed: Registry
    clock: Clock
    world: World
    people: People
    judge: Judge
    gate: Callable[[MemoryJournal], Gate]
    open_run: Callable[[MemoryJournal], Awaitable[str]]
    turns: Turns | None = None  # the order of a recorded run
    _speaking: dict[asyncio.Task[None], str] = field(default_factory=dict, init=False)  # and to which step
    _asked: dict[str, Mapping[str, Any]] = field(default_factory=dict, init=False)
    _patient: bool = field(default=False, init=False)

    async def play(self) -> Played:
        """Play the run as far as it goes. Call it under `run_virtually`. Raises: StepfleetError, PluginError."""
        self.journal = MemoryJournal(self.clock.now)
        try:
            self.clock.now()  # the run begins with the loop's time as it is now
            self._run_id = await self.open_run(self.journal)
            self.engine = Engine(
                self.journal,
                stand_ins(self.plan, self.installed, self.world),
                self.gate(self.journal),
                judge=self.judge,
                clock=self.clock.now,
                limits=LIMITS,
                owner="stage",
                watch=self._watch,
                may_start=self.turns.may_start if self.turns else None,
            )
            if self.turns is not None:
                self.turns.on_move = lambda: self.engine.poke(self._run_id)
            for reply in self.people.unasked():
                self._speak("", reply)
            return Played(await self._to_the_end(), self.journal.events(self._run_id))
        finally:
            for task in self._speaking:
                task.cancel()
            await asyncio.gather(*self._speaking, return_exceptions=True)
            self.journal.close()

    async def _to_the_end(self) -> Advanced:
        while True:
            self._patient = False
            advanced = await self.engine.advance(self._run_id)
            assert advanced is not None
            if advanced.status is not RunStatus.PARKED:
                return advanced
            if self._speaking:
                await asyncio.wait(self._speaking, timeout=self._left_s(advanced), return_when="FIRST_COMPLETED")
            elif self._patient:
                await asyncio.sleep(self._left_s(advanced))
            else:
                return advanced

    def _left_s(self, advanced: Advanced) -> float:
        assert advanced.wake_at is not None
        return max(0.0, (advanced.wake_at - self.clock.now()).total_seconds())

    def _watch(self, _run_id: str, event: Event) -> None:
        if self.turns is not None:
            self.turns.seen(event)
        if event.kind is EventKind.APPROVAL_ASKED:
            self._asked[str(event.key)] = event.payload
        key = str(event.key)
        # A step that waits asks anew whenever its run is taken up; whoever is about to answer heard it already.
        if event.kind is EventKind.PARKED and key not in self._speaking.values():
            reply = self.people.reply(event, self._asked.get(key))
            if isinstance(reply, Reply):
                self._speak(key, reply)
            elif reply is Silence.TIME_PASSES:
                self._patient = True

    def _speak(self, key: str, reply: Reply) -> None:
        task = asyncio.get_running_loop().create_task(self._say(reply))
        self._speaking[task] = key
        task.add_done_callback(self._speaking.pop)

    async def _say(self, reply: Reply) -> None:
        await asyncio.sleep(reply.after_s)
        if self.turns is not None and reply.told is not None:
            await self.turns.take(reply.told, within_s=math.inf)
        await self.journal.write(
            lambda conn: say(conn, self._run_id, reply.kind, dict(reply.payload), self.clock.now())
        )
        self.engine.poke(self._run_id)
