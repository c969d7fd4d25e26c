"""A fleet that answers what it answered in a recorded run, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.replay.calls import Asked, identity
from agent.replay.recording import FOREVER, Deed, Reading, Recording, guides_reason, own_reason
from agent.replay.turns import Turns
from agent.run.events import EventKind
from dag.model import Plan
from plugins.base import CallContext, Observation, Result, Verdict
from plugins.errors import ApplyFailed, PluginError, PrecheckFailed, TargetUnreachable

DEADLINE_SHARE = 0.9  # a recorded latency may hold several tries; one try must stay within its deadline


@dataclass(frozen=True, slots=True)
class Missing:
    """A question of the replayed run to which the record has no answer. It counted as unknown."""

    step: str
    what: str  # read, change, judgement, person
    question: str
    nearest: str = ""  # what the record has instead


class NotRecorded(PluginError):
    """The recorded run did not ask this."""


@dataclass
class RecordedWorld:
    """Satisfies `agent.replay.stand_ins.World`. `missing` collects what it could not answer."""

    plan: Plan
    recording: Recording
    turns: Turns
    missing: dict[Missing, None] = field(default_factory=dict)
    _deeds: dict[str, Deed] = field(default_factory=dict)  # those at work, by execution

    def __post_init__(self) -> None:
        self._untold = list(self.recording.deeds)

    async def answer(self, asked: Asked, ctx: CallContext) -> Result:
        reading = self._reading(asked)
        if reading is None:
            same = next((r for r in self.recording.readings if r.step == asked.step and r.bind == asked.bind), None)
            raise self._not_recorded("read", asked, self._shown(same, asked))
        if reading.result is None and not reading.error:
            await asyncio.Event().wait()  # until the deadline, or until the run cuts it off
        reading.left -= 1
        most_s = ctx.deadline_s * DEADLINE_SHARE
        took_s = min(reading.latency_s, most_s)
        await asyncio.sleep(took_s)
        if reading.left == 0:
            await self.turns.take(reading.told, within_s=most_s - took_s)
        if reading.error:
            raise PluginError(reading.error, hint=reading.hint)
        assert reading.result is not None
        return reading.result

    def _reading(self, asked: Asked) -> Reading | None:
        """The same call's next answer: this execution's before its step's before any other."""
        fitting = [r for r in self.recording.readings if r.call == asked.identity and r.left > 0]
        return min(fitting, key=lambda r: (r.left >= FOREVER, r.key != asked.key, r.step != asked.step), default=None)

    def _shown(self, reading: Reading | None, asked: Asked) -> str:
        if reading is None:
            return ""
        if reading.call == asked.identity:
            return "it was asked less often"
        return str(Asked(reading.key, reading.step, asked.plugin, reading.bind, reading.arguments))

    # -- changes ------------------------------------------------------------------------------

    async def precheck(self, asked: Asked) -> Mapping[str, Any]:
        deed = self._begin(asked)
        heads = {f"precheck of {asked.plugin}: ": PrecheckFailed, f"precheck of {asked.plugin} failed: ": PluginError}
        for head, kind in heads.items():
            if deed.before is None and deed.error.startswith(head):
                raise kind(deed.error.removeprefix(head))
        if deed.before is None:
            raise self._not_recorded("change", asked, "it did not come so far")
        await self._turn(deed, asked, EventKind.PRECHECKED)
        return deed.before

    async def apply(self, asked: Asked) -> Result:
        deed = self._deeds[asked.key]
        if deed.lost_answer or deed.unknown:
            raise TargetUnreachable("the answer was lost, as recorded")
        if deed.not_applied is not None:
            await self._turn(deed, asked, EventKind.NOT_APPLIED)
            raise ApplyFailed(deed.not_applied["error"], hint=deed.not_applied.get("hint", ""))
        if deed.result is None:
            raise self._not_recorded("change", asked, "it did not come so far")
        await self._turn(deed, asked, EventKind.APPLIED)
        return deed.result

    async def observe(self, asked: Asked) -> Observation:
        deed = self._deeds[asked.key]
        if deed.unknown or not deed.lost_answer:
            return Observation.UNKNOWN
        await self._turn(deed, asked, EventKind.APPLIED)
        return Observation.HAPPENED

    async def verify(self, asked: Asked) -> Verdict:
        deed, step = self._deeds[asked.key], self.plan.by_id[asked.step]
        if deed.verified is None:
            raise self._not_recorded("change", asked, "it was not verified")
        reason, evidence = own_reason(step, deed.verified)
        guides_own = guides_reason(step, reason) is not None
        if not guides_own and (step.verify is None or not deed.verified["ok"]):
            await self._turn(deed, asked, EventKind.VERIFIED)
        return Verdict(bool(deed.verified["ok"]) or guides_own, reason, evidence)

    async def compensate(self, asked: Asked) -> Verdict:
        deed = self._deeds[asked.key]
        if deed.compensated is None:
            raise self._not_recorded("change", asked, "it was not undone")
        await self._turn(deed, asked, EventKind.COMPENSATED)
        return Verdict(**deed.compensated)

    def _begin(self, asked: Asked) -> Deed:
        """The recorded attempt at this very change: this execution's before any other's."""
        fitting = [d for d in self._untold if d.arguments is None or identity(d.action, d.arguments) == asked.identity]
        fitting = [d for d in fitting if d.action == asked.plugin and (d.key == asked.key or d.arguments is not None)]
        deed = min(fitting, key=lambda d: (d.key != asked.key, d.step != asked.step), default=None)
        if deed is None:
            same = next((d for d in self.recording.deeds if d.step == asked.step and d.arguments is not None), None)
            nearest = str(Asked("", same.step, same.action, None, same.arguments or {})) if same else ""
            raise self._not_recorded("change", asked, nearest)
        self._untold.remove(deed)
        self._deeds[asked.key] = deed
        return deed

    async def _turn(self, deed: Deed, asked: Asked, stage: EventKind) -> None:
        step = self.plan.by_id[asked.step]
        deadline_s = min(step.timeout_s, step.calls[0].timeout_s or step.timeout_s)
        await self.turns.take(deed.told.get(stage), within_s=deadline_s * DEADLINE_SHARE)

    def _not_recorded(self, what: str, asked: Asked, nearest: str) -> NotRecorded:
        self.missing.setdefault(Missing(asked.key, what, str(asked), nearest))
        return NotRecorded(f"no recorded answer: {asked}")
