"""One process's turn at one run: an in-degree scheduler without waves.

A step starts the moment its inputs are decided. Everything that happens becomes an event, folded into
the state by the same code that a restart uses; what the state says is what happens next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from agent.errors import LeaseLost, StepfleetError
from agent.run import values
from agent.run.acts import ActionEnd, ActionRun, StepLeft
from agent.run.ahead import Ahead
from agent.run.branching import Brancher
from agent.run.commands import fold_command, is_early
from agent.run.events import Event, EventKind, Outcome, StepKey
from agent.run.parking import AWAKE, Rest
from agent.run.shape import Shape
from agent.run.state import RunState, RunStatus, Status
from agent.run.store import Lease
from dag.model import Kind, Plan, Step, Terminal
from plugins.base import CallContext
from plugins.errors import PluginError

if TYPE_CHECKING:
    from agent.run.engine import Engine

OUTCOME_OF = {
    Terminal.RESOLVED: Outcome.RESOLVED,
    Terminal.ESCALATE: Outcome.ESCALATED,
    Terminal.NOT_APPLICABLE: Outcome.NOT_APPLICABLE,
}

LINGER_S = 0.005  # how long an event that nothing waits for waits for others to be written with

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Advanced:
    """Where an advance stopped; a parked run is due again at `wake_at` (an approval's or its own deadline)."""

    status: RunStatus
    outcome: Outcome | None = None
    reason: str = ""
    wake_at: datetime | None = None


@dataclass(eq=False)
class Advance:
    """One process's turn at one run."""

    engine: Engine
    lease: Lease
    shape: Shape
    events: list[Event]
    deadline_at: datetime
    rest: Rest  # as the journal has it
    plan: Plan = field(init=False)
    state: RunState = field(init=False)

    def __post_init__(self) -> None:
        self.plan = self.shape.plan
        self.state = RunState(self.shape)
        for event in self.events:
            self.state.apply(event)
        self.events = []
        self._unwritten: list[Event] = []
        self._flushing: asyncio.TimerHandle | None = None
        self._written: deque[Future[None]] = deque()
        self._tasks: dict[StepKey, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._poked = True
        self._next_poll = 0.0
        self._failure: BaseException | None = None
        self._late = False
        self.paused = False
        self._brancher = Brancher(self)
        self._ahead = Ahead(self, self.engine.speculation)

    # -- the loop -----------------------------------------------------------------------------

    async def run(self) -> Advanced:
        if self.state.outcome is not None:
            return Advanced(RunStatus.ENDED, self.state.outcome, self.state.outcome_reason)
        self._pick_up()
        try:
            while True:
                await self._hear()
                if self.stopping or self.paused:
                    self._ahead.drop_all("the run was paused" if self.paused else "the run ended before it")
                    self._cancel_reads()
                    if not self.paused:
                        self._settle_intents()
                else:
                    self._start_ready()
                    self._ahead.go_on()
                self._flush_soon()
                if not self._tasks and self.paused:
                    await self.settle_journal()
                    return Advanced(RunStatus.RUNNING, reason="left for another process to go on with")
                if not self._tasks:
                    stopped = await self._stopped()
                    if stopped is not None:
                        return stopped
                await self._wait()
                if self._failure is not None:
                    raise self._failure
        finally:
            self._drop_timer()
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self._ahead.close()

    @property
    def stopping(self) -> bool:
        return self.state.ending is not None or self.state.cancel is not None or self._late

    def poke(self) -> None:
        self._poked = True
        self._wake.set()

    def pause(self) -> None:
        self.paused = True
        self.wake()

    def wake(self) -> None:
        """Let the loop look again."""
        self._wake.set()

    def _pick_up(self) -> None:
        """What the dead process had at work starts again: reads anew, actions from where they stand."""
        self._ahead.pick_up()
        for key in sorted(self.state.running):
            self.state.make_ready(key)
        for key in sorted(self.state.unbranched - self.state.parked):
            self._spawn(key, self._brancher.branch(key))
        # An approval may have expired, a manual step been answered: parked steps look again by themselves.
        for key in sorted(self.state.parked):
            if self.state.step(key).status is Status.PARKED:
                self.state.make_ready(key)

    async def _hear(self) -> None:
        loop_time = asyncio.get_running_loop().time()
        if self.state.outcome is None and self.engine.now() >= self.deadline_at:
            self._late = True
        if not self._poked and loop_time < self._next_poll:
            return
        self._poked, self._next_poll = False, loop_time + self.engine.limits.poll_s
        run_id, seen = self.lease.run_id, set(self.state.commands)
        for command in await asyncio.to_thread(self.engine.journal.commands, run_id, seen):
            if is_early(command, self.state):
                continue  # its step is at work on that very question: heard once it asks again, or has moved on
            for kind, key, payload in fold_command(command, self.state):
                await self.commit(kind, key, **payload)
        for key in sorted(self.state.unbranched - self.state.parked - self._tasks.keys()):
            if self.state.step(key).answer is not None:
                self._spawn(key, self._brancher.branch(key))

    async def _wait(self) -> None:
        if not self._wake.is_set() and self._tasks:
            timeout_s = max(0.0, self._next_poll - asyncio.get_running_loop().time())
            try:
                async with asyncio.timeout(timeout_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
        self._wake.clear()
        while self._written and self._written[0].done():  # commits keep the order of their calls
            self._written.popleft().result()

    async def _stopped(self) -> Advanced | None:
        """Nothing is at work: has the run ended, or does it wait for people?"""
        if self.stopping:
            return await self._end()
        if self.state.unbranched - self.state.parked or (self.state.ready and not self.state.parked):
            return None
        # What is ready and did not start waits behind an action that waits for a person.
        self._ahead.drop_all("nothing else is at work in the run")
        await self.settle_journal()
        if self.state.parked:
            if await asyncio.to_thread(self.engine.journal.commands, self.lease.run_id, set(self.state.commands)):
                self._poked = True
                return None
            rest = Rest(self._waits_for(), self._due(), heard=len(self.state.commands))
            await self._rest(rest)
            return Advanced(RunStatus.PARKED, reason=self._waits_for(), wake_at=rest.wake_at)
        self.emit(
            EventKind.RUN_ENDING,
            None,
            terminal=str(Terminal.ESCALATE),
            reason="every step that could run has run, and the guide states no conclusion",
        )
        return await self._end()

    async def _end(self) -> Advanced:
        reason = "the run ended before it"
        for key in self.shape.first_keys():
            self.state.step(key)  # no step is left without a word, not even one that no path reached
        for key, step in sorted(self.state.steps.items()):
            if step.status in (Status.RUNNING, Status.READY, Status.PARKED, Status.PENDING):
                self.emit(EventKind.STEP_CANCELLED, key, reason=reason)
        outcome, why = self._conclusion()
        if self.state.outcome is None:
            await self.commit(EventKind.RUN_ENDED, None, outcome=str(outcome), reason=why)
        return Advanced(RunStatus.ENDED, self.state.outcome, self.state.outcome_reason)

    def _conclusion(self) -> tuple[Outcome, str]:
        state = self.state
        if state.cancel is not None:
            return Outcome.CANCELLED, f"cancelled by {state.cancel['by']}: {state.cancel.get('reason', '')}"
        if state.ending is not None:
            return OUTCOME_OF[state.ending], state.ending_reason
        return Outcome.FAILED, f"the run's deadline {self.deadline_at.isoformat()} passed"

    def _waits_for(self) -> str:
        first = min(self.state.parked)
        return f"{first}: {(self.state.step(first).parked or {}).get('reason', '')}"

    def _due(self) -> datetime:
        asked = (self.state.step(k).parked or {} for k in self.state.parked)
        expiries = [p["ask"]["expires_at"] for p in asked if p.get("why") == "approval"]
        return min([self.deadline_at, *(datetime.fromisoformat(e) for e in expiries)])

    # -- steps --------------------------------------------------------------------------------

    def _start_ready(self) -> None:
        held_back: list[StepKey] = []
        while len(self._tasks) < self.engine.limits.tasks and self.state.ending is None:
            # What settles without work makes others ready at once, hence the fresh look each time.
            key = self.state.ready.next()
            if key is None and held_back and not self._tasks:
                key = held_back.pop(0)  # nothing is at work that could make it another's turn
            elif key is not None and self.engine.may_start is not None and not self.engine.may_start(key):
                held_back.append(key)
                self.state.ready.discard(key)
                continue
            if key is None:
                break
            step = self.plan.by_id[key.step]
            if step.kind is Kind.CHECK and not step.calls:
                self._settle_without_work(key)
            else:
                attempt = self.state.step(key).attempt + 1
                self.emit(EventKind.STEP_STARTED, key, attempt=attempt)
                self._spawn(key, self._execute(key, step))
        for key in held_back:
            self.state.ready.add(key)

    def _settle_intents(self) -> None:
        """An action that a dead process intended is settled before the run ends: seen, verified or undone."""
        for key in [k for k in self.state.ready if self.state.step(k).action.intent is not None]:
            self.emit(EventKind.STEP_STARTED, key, attempt=self.state.step(key).attempt + 1)
            self._spawn(key, self._execute(key, self.plan.by_id[key.step]))

    def _settle_without_work(self, key: StepKey) -> None:
        self.emit(EventKind.STEP_SUCCEEDED, key)
        if key.step in self.shape.branches:
            self._spawn(key, self._brancher.branch(key))

    async def _execute(self, key: StepKey, step: Step) -> None:
        try:
            match step.kind:
                case _ if not step.calls:
                    self._person_did(key, step)  # whatever a guide only describes, a person does
                case Kind.ACTION:
                    produced = await ActionRun(self, key, step).run()
                    await self.commit(EventKind.STEP_SUCCEEDED, key, values=produced)
                case _:
                    await self._read(key, step)
        except StepLeft:
            return
        except ActionEnd as exc:
            if exc.cause == "cancelled":
                self.emit(EventKind.STEP_CANCELLED, key, reason=str(exc))
                return
            self.emit(EventKind.STEP_FAILED, key, error=str(exc), hint=exc.hint, cause=exc.cause)
        except PluginError as exc:
            self.emit(EventKind.STEP_FAILED, key, error=str(exc), hint=exc.hint, cause="failed")
        except StepfleetError:
            raise  # the journal or the lease: nothing more of this run may start here
        except Exception as exc:
            # A defect of ours or of a plugin ends its step, not the run's progress: the default, or a person.
            log.exception("step_crashed", run=self.lease.run_id, step=str(key))
            self.emit(EventKind.STEP_FAILED, key, error=f"internal error: {exc!r}", hint="", cause="internal")
        if key in self.state.unbranched:
            await self._brancher.branch(key)

    async def _read(self, key: StepKey, step: Step) -> None:
        ahead = await self._ahead.take(key)
        if ahead is not None:
            self.emit(EventKind.STEP_SUCCEEDED, key, values=self.keep(ahead[0]), ahead_s=round(ahead[1], 3))
            return
        ctx = self.context(key, deadline_s=step.timeout_s, loaded=await self.load(step.consumes))
        results = await self.engine.reader.read(step, step.calls, ctx)
        self.emit(EventKind.STEP_SUCCEEDED, key, values=self.keep(results))

    def _person_did(self, key: StepKey, step: Step) -> None:
        answer = self.state.step(key).answer
        if answer is None:
            self.emit(
                EventKind.PARKED,
                key,
                why="manual",
                reason=f"a person does: {step.title}",
                ask={"text": step.text},
            )
            raise StepLeft
        if not answer["answer"].get("done"):
            raise ActionEnd("failed", f"{answer['by']}: {answer.get('reason') or 'could not be done'}")
        self.emit(EventKind.STEP_SUCCEEDED, key)

    def _spawn(self, key: StepKey, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work, name=str(key))
        self._tasks[key] = task
        task.add_done_callback(lambda t: self._left(key, t))

    def _left(self, key: StepKey, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
        self._wake.set()

    def _cancel_reads(self) -> None:
        for key, task in self._tasks.items():
            step = self.plan.by_id.get(key.step)
            if step is None or step.kind is not Kind.ACTION or key not in self.state.running:
                task.cancel()  # an action's branch may be cut off like any other; the action itself may not

    # -- what steps use -----------------------------------------------------------------------

    def context(
        self,
        key: StepKey,
        *,
        deadline_s: float,
        newer_than: datetime | None = None,
        loaded: Mapping[str, Any] | None = None,
    ) -> CallContext:
        # Inline values need no database; an action's larger ones are bound into its arguments before.
        known = loaded if loaded is not None else {n: v["value"] for n, v in self.state.values.items() if "value" in v}
        return CallContext(
            run_id=self.lease.run_id,
            step_key=str(key),
            values=known,
            deadline_s=deadline_s,
            newer_than=newer_than,
            now=self.engine.now,
            secret=self.engine.secret,
        )

    async def load(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Plain values by name; those without one are left out."""
        stored = {n: self.state.values[n] for n in names if n in self.state.values}
        if any("artifact" in s for s in stored.values()):
            await self.engine.journal.write(
                lambda conn: None, durable=False, alone=False
            )  # an artifact may still be queued
            return await asyncio.to_thread(values.load_all, self.engine.journal, stored, names)
        return {n: s["value"] for n, s in stored.items()}

    def keep(self, results: Mapping[str, Any]) -> dict[str, values.Stored]:
        return {name: values.store(self.engine.journal, self.lease, result) for name, result in results.items()}

    def require_lease(self) -> None:
        """Right before a write to the world. Raises LeaseLost where another process may have the run by now."""
        if not self.lease.is_held():
            raise LeaseLost(
                f"run {self.lease.run_id}: this process was not heard of for too long, another may advance it now",
                hint="is the database reachable, and the machine not overloaded? See [journal] lease_s",
            )

    # -- journal ------------------------------------------------------------------------------

    def emit(self, kind: EventKind, key: StepKey | None, *, attempt: int | None = None, **payload: Any) -> Event:
        """Record an event, soon. What must be on disk before anything else happens goes through `commit`."""
        if attempt is None:
            attempt = self.state.step(key).attempt if key else 0
        event = Event(self.state.seq, kind, self.engine.now(), key, attempt, payload)
        self.state.apply(event)
        self._unwritten.append(event)
        self._tell(event)
        return event

    def _tell(self, event: Event) -> None:
        if self.engine.watch is not None:
            self.engine.watch(self.lease.run_id, event)

    async def commit(self, kind: EventKind, key: StepKey | None, **payload: Any) -> None:
        """Record an event and return once it is on disk."""
        self.emit(kind, key, **payload)
        await self.settle_journal()

    async def commit_decided(self, key: StepKey, decide: Callable[[Any, Callable[..., Event]], Event]) -> Event:
        """Record the event that `decide(conn, make)` chooses inside the transaction that writes it."""
        self.flush()
        seq, attempt, now = self.state.reserve(), self.state.step(key).attempt, self.engine.now()

        def make(kind: EventKind, **payload: Any) -> Event:
            return Event(seq, kind, now, key, attempt, payload)

        # Queued before anything else can be emitted: places and commits keep the same order.
        written = self.engine.journal.append_decided(self.lease, lambda conn: decide(conn, make))
        event = await asyncio.wrap_future(written)
        self.state.fold(event)
        self._tell(event)
        return event

    def _flush_soon(self) -> None:
        if self._unwritten and self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(LINGER_S, self.flush)

    def _drop_timer(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None

    def flush(self) -> None:
        """Hand everything emitted to the journal's next commit."""
        self._drop_timer()
        if self._unwritten:
            rest = self._resting()
            changed = None if rest.same_as(self.rest) else rest
            self._written.append(self.engine.journal.append(self.lease, self._unwritten, changed))
            self._unwritten, self.rest = [], rest

    def _resting(self) -> Rest:
        """How the run rests after what was emitted; in doubt it is awake: a needless look harms nothing."""
        state = self.state
        if self.stopping or not state.parked or state.running or state.ready or state.unbranched - state.parked:
            return AWAKE
        return Rest(self._waits_for(), self._due(), heard=len(state.commands))

    async def _rest(self, rest: Rest) -> None:
        """Nothing is at work, and the last events alone did not show it: steps wait behind a parked one, say."""
        if not rest.same_as(self.rest):
            self._written.append(self.engine.journal.append(self.lease, [], rest))
            self.rest = rest
            await self.settle_journal()

    async def settle_journal(self) -> None:
        """Return once everything emitted is committed."""
        self.flush()
        pending, self._written = self._written, deque()
        for written in pending:
            await asyncio.wrap_future(written)
