"""The state of a run: the fold of its journal and nothing else.

`RunState.apply` is the only way in, live and on resume alike, so that a restarted process sees
exactly what the dead one had journalled. It costs amortised O(edges of the step) per event.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from agent.errors import JournalError
from agent.run.events import Event, EventKind, Iteration, Outcome, StepKey
from agent.run.judge import Usage
from agent.run.ready_queue import ReadyQueue
from agent.run.shape import Link, Shape
from dag.model import START, TERMINALS, Terminal


class Status(StrEnum):
    """Where one execution of a step stands."""

    PENDING = "pending"  # an incoming edge is undecided
    READY = "ready"  # may start
    RUNNING = "running"
    PARKED = "parked"  # waits for a person
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"  # no path taken leads here
    CANCELLED = "cancelled"  # the run ended first


SETTLED = frozenset({Status.SUCCEEDED, Status.FAILED, Status.SKIPPED, Status.CANCELLED})


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    PARKED = "parked"  # nothing to do before a person answers
    ENDED = "ended"


@dataclass(slots=True)
class ActionState:
    """How far an action has come: what a resume needs to go on without doing it twice."""

    asked: Mapping[str, Any] | None = None
    approvals: list[Mapping[str, Any]] = field(default_factory=list)
    rejections: list[Mapping[str, Any]] = field(default_factory=list)
    before: Mapping[str, Any] | None = None
    intent: Mapping[str, Any] | None = None
    intent_at: datetime | None = None
    applied_at: datetime | None = None
    applied: Mapping[str, Any] | None = None
    not_applied: str | None = None
    verified: Mapping[str, Any] | None = None
    compensating: bool = False
    compensated: Mapping[str, Any] | None = None


@dataclass(slots=True)
class ReadsAhead:
    """What reads before their branch was decided have cost so far; `open` are those without a known end."""

    calls: Counter[str] = field(default_factory=Counter)  # by cost
    seconds: float = 0.0
    open: set[StepKey] = field(default_factory=set)


@dataclass(slots=True)
class StepState:
    """One execution of a step. `undecided` and `taken` count incoming edges."""

    undecided: int
    status: Status = Status.PENDING
    taken: int = 0
    attempt: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    parked: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None
    answers: int = 0  # how many were folded in: an answer is to the question that was open when it was given
    error: str = ""
    cause: str = ""
    branched: bool = False
    action: ActionState = field(default_factory=ActionState)


class RunState:
    """What has happened so far, and what may start now (`ready`)."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.seq = 0
        self.steps: dict[StepKey, StepState] = {}
        self.ready = ReadyQueue(shape)
        self.running: set[StepKey] = set()
        self.parked: set[StepKey] = set()
        self.unbranched: set[StepKey] = set()  # their work is done, their branch is not decided
        self.unsettled: set[StepKey] = set()  # actions intended and not yet verified, undone or known not to be
        self.changed_at: datetime | None = None  # when this run last changed something
        self.values: dict[str, Mapping[str, Any]] = {}
        self.alert: Mapping[str, Any] = {}
        self.opened_at: datetime | None = None
        self.usage = Usage()
        self.cancel: Mapping[str, Any] | None = None
        self.ending: Terminal | None = None
        self.ending_reason = ""
        self.outcome: Outcome | None = None
        self.outcome_reason = ""
        self.commands: set[int] = set()
        self.intents = 0  # actions begun so far, by this run
        self.ahead = ReadsAhead()
        self.may_read_ahead = True
        self.on_move: Callable[[StepKey], None] | None = None  # told of every step whose status changes
        self._held_exits: dict[tuple[str, Iteration], dict[str, tuple[StepKey, Link]]] = {}  # by edge
        self._loops_left: set[tuple[str, Iteration]] = set()
        self._exits_taken: set[tuple[str, StepKey]] = set()

    # -- reading ------------------------------------------------------------------------------

    @property
    def status(self) -> RunStatus:
        if self.outcome is not None:
            return RunStatus.ENDED
        if self.parked and not self.running and (not self.ready or self.unsettled):
            return RunStatus.PARKED
        return RunStatus.RUNNING

    def status_of(self, key: StepKey) -> Status:
        """A step's status, without making a state for one that nothing has touched."""
        state = self.steps.get(key)
        return Status.PENDING if state is None else state.status

    def step(self, key: StepKey) -> StepState:
        state = self.steps.get(key)
        if state is None:
            state = self.steps[key] = StepState(undecided=self.shape.in_degree(key))
        return state

    # -- folding ------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Fold one event in. Raises JournalError when it does not follow the last one."""
        if event.seq != self.seq:
            raise JournalError(f"event {event.seq} ({event.kind}) does not follow event {self.seq - 1}")
        self.seq += 1
        self.fold(event)

    def reserve(self) -> int:
        """Take the next place in the journal for an event whose kind a transaction decides; `fold` it after."""
        self.seq += 1
        return self.seq - 1

    def fold(self, event: Event) -> None:
        if "command" in event.payload:
            self.commands.add(event.payload["command"])
        if event.key is None:
            self._apply_to_run(event)
        elif event.kind in (EventKind.READ_AHEAD, EventKind.READ_DROPPED):
            self._apply_to_ahead(event, event.key)
        else:
            self._apply_to_step(event, event.key)

    def _apply_to_run(self, event: Event) -> None:
        p = event.payload
        match event.kind:
            case EventKind.RUN_OPENED:
                self.opened_at = event.at
                self.alert = p.get("alert", {})
                self.values.update(p.get("inputs", {}))
                self.may_read_ahead = p.get("speculation", True)
                self._open()
            case EventKind.CANCEL_ASKED:
                self.cancel = p
            case EventKind.RUN_ENDING:
                self._end_with(Terminal(p["terminal"]), p["reason"])
            case EventKind.RUN_ENDED:
                self.outcome, self.outcome_reason = Outcome(p["outcome"]), p["reason"]
            case _:
                pass  # evidence: read by the report, moves nothing

    def _apply_to_ahead(self, event: Event, key: StepKey) -> None:
        """A read ahead moves no step: it is as if it had not been, until its step wants it."""
        if event.kind is EventKind.READ_AHEAD:
            self.ahead.calls.update(event.payload["costs"])
            self.ahead.open.add(key)
        else:
            self.ahead.seconds += event.payload["seconds"]
            self.ahead.open.discard(key)

    def _apply_to_step(self, event: Event, key: StepKey) -> None:
        p, step = event.payload, self.step(key)
        match event.kind:
            case EventKind.STEP_STARTED:
                step.attempt, step.started_at = event.attempt, step.started_at or event.at
                self._move(key, step, Status.RUNNING)
            case EventKind.STEP_SUCCEEDED:
                self.values.update(p.get("values", {}))
                if "ahead_s" in p:
                    self.ahead.seconds += p["ahead_s"]
                    self.ahead.open.discard(key)
                self._finish(key, step, Status.SUCCEEDED, event.at)
            case EventKind.STEP_FAILED:
                step.error, step.cause = p["error"], p.get("cause", "failed")
                self._finish(key, step, Status.FAILED, event.at)
            case EventKind.STEP_CANCELLED:
                step.error, step.ended_at = p["reason"], event.at
                self._settled(key)
                self._move(key, step, Status.CANCELLED)
                self.unbranched.discard(key)
            case EventKind.BRANCHED:
                self.usage += Usage(**p.get("usage", {}))
                self.unbranched.discard(key)
                step.branched, step.parked = True, None
                self.parked.discard(key)
                self._release(key, frozenset(p["taken"]), p.get("reason", ""))
            case EventKind.PARKED:
                self.usage += Usage(**p.get("usage", {}))
                step.parked, step.answer = p, None
                if step.status is not Status.SUCCEEDED and step.status is not Status.FAILED:
                    self._move(key, step, Status.PARKED)
                self.parked.add(key)
            case EventKind.ANSWERED:
                self._answered(key, step, p)
            case EventKind.REREAD:
                for name, stored in p["values"].items():
                    if stored is None:
                        self.values.pop(name, None)
                    else:
                        self.values[name] = stored
            case _:
                self._apply_to_action(event, step)

    def _apply_to_action(self, event: Event, step: StepState) -> None:
        p, action = event.payload, step.action
        match event.kind:
            case EventKind.APPROVAL_ASKED:
                action.asked, action.approvals, action.rejections = p, [], []
            case EventKind.APPROVED:
                action.approvals.append(p)
                self._wake(event.key, step)
            case EventKind.REJECTED:
                action.rejections.append(p)
                self._wake(event.key, step)
            case EventKind.PRECHECKED:
                action.before = p["before"]
            case EventKind.INTENT:
                action.intent, action.intent_at, action.not_applied = p, event.at, None
                self.intents += 1
                if event.key is not None and event.key not in self.unsettled:
                    self.unsettled.add(event.key)
                    self.ready.enter(event.key.step)
            case EventKind.APPLIED:
                action.applied, action.applied_at = p, event.at
                self.changed_at = event.at
            case EventKind.NOT_APPLIED:
                action.not_applied = p["error"]
            case EventKind.VERIFIED:
                action.verified = p
            case EventKind.COMPENSATING:
                action.compensating = True
            case EventKind.COMPENSATED:
                action.compensated = p
            case _:
                pass  # refused, lease waited, held, outcome unknown: evidence

    # -- moving -------------------------------------------------------------------------------

    def _open(self) -> None:
        if not self.shape.forward[START]:
            for key in self.shape.first_keys():
                if self.step(key).undecided == 0:
                    self.make_ready(key)
        elif START not in self.shape.branches:
            self._release(StepKey(START), self.shape.ways_out[START], "")
        else:
            key = StepKey(START)
            self.steps[key] = StepState(undecided=0, status=Status.SUCCEEDED, taken=1)
            self.unbranched.add(key)

    def _move(self, key: StepKey, step: StepState, status: Status) -> None:
        """The one place where a status changes: what is ready, running and parked always agrees with it."""
        step.status = status
        self.ready.discard(key)
        self.parked.discard(key)
        if key in self.running:
            self.running.remove(key)
            self.ready.leave(key.step)
        if status is Status.READY:
            self.ready.add(key)
        elif status is Status.RUNNING:
            self.running.add(key)
            self.ready.enter(key.step)
        elif status is Status.PARKED:
            self.parked.add(key)
        if self.on_move is not None:
            self.on_move(key)

    def _settled(self, key: StepKey) -> None:
        if key in self.unsettled:
            self.unsettled.remove(key)
            self.ready.leave(key.step)

    def make_ready(self, key: StepKey) -> None:
        """Let a step start, or start again from where its journal stands."""
        self._move(key, self.step(key), Status.READY)

    def _wake(self, key: StepKey | None, step: StepState) -> None:
        """A person has spoken: the step may go on from where its journal stands."""
        if key is not None and step.status is Status.PARKED:
            self.make_ready(key)

    def _answered(self, key: StepKey, step: StepState, p: Mapping[str, Any]) -> None:
        step.answer = p
        step.answers += 1
        if step.status is Status.PARKED:
            self._wake(key, step)
        elif p["answer"].get("retry") and step.status is Status.FAILED:
            self.unbranched.discard(key)
            step.error, step.parked, step.action = "", None, ActionState()
            self.make_ready(key)
        else:
            self.parked.discard(key)  # its work is done: the engine decides its branch with this answer

    def _finish(self, key: StepKey, step: StepState, status: Status, at: datetime) -> None:
        step.ended_at, step.parked = at, None
        self._settled(key)
        self._move(key, step, status)
        if status is Status.SUCCEEDED and key.step not in self.shape.branches:
            self._release(key, self.shape.ways_out[key.step], "")
        else:
            self.unbranched.add(key)

    def _end_with(self, terminal: Terminal, reason: str) -> None:
        # Escalate beats resolved, whichever came first: no run may look fixed while a branch asks for people.
        if self.ending is None or (terminal is Terminal.ESCALATE and self.ending is not Terminal.ESCALATE):
            self.ending, self.ending_reason = terminal, reason

    def _release(self, source: StepKey, taken: frozenset[str], reason: str) -> None:
        """Decide all edges out of `source`; dead paths propagate as decided."""
        dead: deque[StepKey] = deque()
        self._repeat(source, taken, dead)
        for link in self.shape.forward[source.step]:
            self._decide(source, link, link.id in taken, dead, reason)
        while dead:
            key = dead.popleft()
            self._repeat(key, frozenset(), dead)
            for link in self.shape.forward[key.step]:
                self._decide(key, link, False, dead, "")

    def _repeat(self, source: StepKey, taken: frozenset[str], dead: deque[StepKey]) -> None:
        if source.step not in self.shape.loops:
            return
        again = [lk for lk in self.shape.back[source.step] if lk.id in taken]
        loop = self.shape.loop_of(source)
        if again:
            self._held_exits.pop(loop, None)  # this pass's untaken exits are the next pass's to decide
            for link in again:
                self.make_ready(self.shape.relanding(source, link))
            return
        self._loops_left.add(loop)
        for held_source, link in self._held_exits.pop(loop, {}).values():
            if link.source != source.step:  # its own exits are decided by this very pass: an edge counts once
                self._decide(held_source, link, False, dead, "")

    def _decide(self, source: StepKey, link: Link, is_taken: bool, dead: deque[StepKey], reason: str) -> None:
        if link.target in TERMINALS:
            if is_taken:
                self._end_with(Terminal(link.target), reason or f"step '{source.step}' leads there")
            return
        left = self.shape.left_loops(source, link)
        key = self.shape.landing(source, link)
        if left:
            if (link.id, key) in self._exits_taken:
                return
            if is_taken:
                self._exits_taken.add((link.id, key))
            else:
                running = next((lp for lp in left if lp not in self._loops_left), None)
                if running is not None:
                    self._held_exits.setdefault(running, {})[link.id] = (source, link)
                    return
        if not self.shape.counts_edge(key, link):
            return
        step = self.step(key)
        if step.status is not Status.PENDING:
            return
        step.undecided -= 1
        step.taken += is_taken
        if step.taken and (step.undecided == 0 or key.step in self.shape.joins_any):
            self.make_ready(key)
        elif step.undecided == 0:
            self._move(key, step, Status.SKIPPED)
            dead.append(key)
