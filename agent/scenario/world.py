"""A fleet that answers what a scenario says, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agent.replay.calls import Asked, calls_of
from agent.scenario.files import Place
from agent.scenario.findings import Finding
from agent.scenario.model import Answer, Change, Turn
from dag.model import Plan, ValueType
from plugins.base import CallContext, Observation, Result, Verdict
from plugins.errors import ApplyFailed, PluginError, PrecheckFailed, TargetUnreachable


class NotWritten(PluginError):
    """The scenario does not say what this call answers."""


@dataclass
class ScriptedWorld:
    """Satisfies `agent.replay.stand_ins.World`. `findings` collects what it could not answer, each once.

    `own` answers are tried before `shared` ones; `shared_used` holds the places of those that were needed.
    """

    plan: Plan
    now: Callable[[], datetime]
    began: datetime
    own: Sequence[Answer]
    shared: Sequence[Answer]
    changes: Sequence[Change]
    findings: dict[Finding, None] = field(default_factory=dict)
    shared_used: set[int] = field(default_factory=set)
    _turns_used: dict[int, set[int]] = field(default_factory=dict)  # own answers: which of their turns were given
    _given: dict[int, int] = field(default_factory=dict)  # how often an answer with `each` was asked, by identity
    _done: set[int] = field(default_factory=set)  # changes that are used up
    _at_work: dict[str, Change] = field(default_factory=dict)  # by execution
    _sent: set[str] = field(default_factory=set)  # executions whose call went out since their precheck

    # -- reads --------------------------------------------------------------------------------

    async def answer(self, asked: Asked, ctx: CallContext) -> Result:
        turn = self._turn(asked)
        if turn.has("hangs"):
            await asyncio.Event().wait()  # until the deadline, or until the run cuts it off
        await asyncio.sleep(turn.after_s)
        if turn.has("fails"):
            raise PluginError(turn.fails, hint="as the scenario says")
        type_ = self._type(asked)
        value = _fitting(turn.gives, type_)
        if value is None and turn.gives is not None:
            shown = json.dumps(turn.gives, default=str)
            raise self._found(f"step '{asked.step}': {shown} is no {type_}", _HOW[type_])
        return Result(value, type_, self.now(), evidence="as the scenario says")

    def _turn(self, asked: Asked) -> Turn:
        mine = next(((i, a) for i, a in enumerate(self.own) if _is_for(a, asked)), None)
        found = mine or next(((i, a) for i, a in enumerate(self.shared) if _is_for(a, asked)), None)
        if found is None:
            name = f", as: {asked.bind}" if asked.bind else ""
            hint = f"write under answers: {{step: {asked.step}{name}, gives: ...}}"
            raise self._found(f"step '{asked.step}': no answer is written for {asked}", hint)
        index, answer = found
        nth = self._nth(answer)
        turns = (answer.always,) if answer.always else answer.each or answer.timeline
        if mine is None:
            self.shared_used.add(index)
        else:
            self._turns_used.setdefault(index, set()).add(nth)
        if 0 <= nth < len(turns) and (turn := turns[nth]) is not None:
            return turn
        why = "is asked before its timeline begins" if nth < 0 else f"is asked more than {len(turns)} times"
        raise self._found(f"step '{asked.step}': {asked} {why}", "write a turn for it, too")

    def _nth(self, answer: Answer) -> int:
        """Which of its turns an answer is at."""
        if answer.has("each"):
            nth = self._given.get(id(answer), 0)
            self._given[id(answer)] = nth + 1
            return nth
        if answer.has("timeline"):
            elapsed_s = (self.now() - self.began).total_seconds()
            return sum(t.from_s <= elapsed_s for t in answer.timeline) - 1
        return 0

    def _type(self, asked: Asked) -> ValueType:
        calls = [c for c in calls_of(self.plan.by_id[asked.step]) if c.plugin == asked.plugin]
        return next((c.result for c in calls if c.bind == asked.bind), ValueType.DYN)

    # -- changes ------------------------------------------------------------------------------

    async def precheck(self, asked: Asked) -> Mapping[str, Any]:
        change = self._begin(asked)
        self._sent.discard(asked.key)
        if change.has("refuses"):
            raise PrecheckFailed(change.refuses)
        return {}

    async def apply(self, asked: Asked) -> Result:
        # What the target says did not happen is sent again: that is a call of its own.
        change = self._begin(asked) if asked.key in self._sent else self._at_work[asked.key]
        self._sent.add(asked.key)
        await asyncio.sleep(change.after_s)
        if change.has("fails"):
            raise ApplyFailed(change.fails, hint="as the scenario says")
        if change.has("loses_answer"):
            raise TargetUnreachable("the answer was lost, as the scenario says")
        step = self.plan.by_id[asked.step]
        return Result(change.applies, step.calls[0].result, self.now(), evidence="as the scenario says")

    async def observe(self, asked: Asked) -> Observation:
        return Observation(self._at_work[asked.key].loses_answer)

    async def verify(self, asked: Asked) -> Verdict:
        return _verdict(self._at_work[asked.key].verified)

    async def compensate(self, asked: Asked) -> Verdict:
        said = self._at_work[asked.key].undone
        if said is None:
            hint = "write into its entry under actions: `undone: true`, or the reason why not"
            raise self._found(f"step '{asked.step}': {asked} is undone, and nothing is written about that", hint)
        return _verdict(said)

    def _begin(self, asked: Asked) -> Change:
        for index, change in enumerate(self.changes):
            if index not in self._done and _is_change(change, asked):
                self._done.add(index)
                self._at_work[asked.key] = change
                return change
        hint = (
            f"write under actions: {{step: {asked.step}, applies: {{}}}}; also possible: fails, refuses, loses_answer"
        )
        raise self._found(f"step '{asked.step}': it is not written what becomes of {asked}", hint)

    # -- findings -----------------------------------------------------------------------------

    def _found(self, message: str, hint: str) -> NotWritten:
        self.findings.setdefault(Finding(message, hint))
        return NotWritten(message, hint=hint)

    def unused(self) -> list[Finding]:
        """What the scenario says and nobody asked."""
        found = []
        for index, answer in enumerate(self.own):
            used, place = self._turns_used.get(index), ("answers", index)
            if used is None:
                found.append(_unused("this answer", place))
                continue
            for part in ("each", "timeline"):
                for nth in range(len(getattr(answer, part))):
                    if nth not in used:
                        found.append(_unused("this turn of the answer", (*place, part, nth)))
        for index in range(len(self.changes)):
            if index not in self._done:
                found.append(_unused("this entry", ("actions", index)))
        return found


_HOW = {
    ValueType.VECTOR: "give a number (one series), or a list of {labels: {...}, value: ...}",
    ValueType.SCALAR: "give a number",
    ValueType.STRING: "give a text",
    ValueType.BOOL: "give true or false",
    ValueType.DYN: "give a document",
}


def _verdict(said: bool | str) -> Verdict:
    return Verdict(said is True, said if isinstance(said, str) else "as the scenario says")


def _unused(what: str, place: Place) -> Finding:
    return Finding(f"{what} is never used", "take it out, or let the run come to it", place)


def _is_for(answer: Answer, asked: Asked) -> bool:
    return (
        answer.step in (None, asked.step)
        and answer.as_ in (None, asked.bind)
        and answer.query in (None, asked.plugin)
        and all(asked.arguments.get(k) == v for k, v in answer.where.items())
    )


def _is_change(change: Change, asked: Asked) -> bool:
    return (
        change.step in (None, asked.step)
        and change.action in (None, asked.plugin)
        and all(asked.arguments.get(k) == v for k, v in change.where.items())
    )


def _fitting(given: Any, type_: ValueType) -> Any:
    """The value as its plugin would give it; None when it cannot be one."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    match type_:
        case ValueType.VECTOR if is_number:
            return [{"labels": {}, "value": float(given)}]
        case ValueType.VECTOR:
            fits = isinstance(given, list) and all(_is_sample(s) for s in given)
            return [{"labels": s.get("labels", {}), "value": s["value"]} for s in given] if fits else None
        case ValueType.SCALAR:
            return float(given) if is_number else None
        case ValueType.STRING:
            return given if isinstance(given, str) else None
        case ValueType.BOOL:
            return given if isinstance(given, bool) else None
        case ValueType.DYN:
            return given


def _is_sample(sample: Any) -> bool:
    if not isinstance(sample, dict) or not {"value"} <= sample.keys() <= {"labels", "value"}:
        return False
    value, labels = sample["value"], sample.get("labels", {})
    is_number = value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    return is_number and isinstance(labels, dict) and all(isinstance(v, str) for v in labels.values())
