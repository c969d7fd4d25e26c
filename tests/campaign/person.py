"""The people of a case: what they say to whatever a run asks them, the same on every occasion."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from agent.run.events import StepKey
from agent.run.journal import Journal, say
from agent.run.judge import Judgement, Question
from agent.run.shape import Shape
from agent.run.state import RunState, StepState
from tests.campaign.cases import Case, is_loop
from tests.campaign.clock import JumpingClock
from tests.campaign.target import Log

NAME, ROLE = "ann", "sre"
TOO_LATE_S = 3_600.0  # beyond the time in which an approval is good


class Person:
    """Answers what is open in a run, or leaves it: some questions stay without an answer."""

    def __init__(self, case: Case, journal: Journal, log: Log, clock: JumpingClock) -> None:
        self.case, self.journal, self.log, self.clock = case, journal, log, clock
        self._loops = {e.id for e in case.plan.edges if is_loop(e)}

    async def speak(self, run_id: str) -> bool:
        """Say what there is to say to a parked run; whether anything was."""
        state = RunState(Shape(self.case.plan))
        for event in await asyncio.to_thread(self.journal.events, run_id):
            state.apply(event)
        if state.outcome is not None:
            return False
        commands = await asyncio.to_thread(self.journal.commands, run_id, state.commands)
        if self.case.cancels:
            if not commands:
                await self._say(run_id, "cancel", by=NAME, reason="enough")
            return True
        unheard = {json.loads(c.payload)["step"] for c in commands}  # said by another process: not to be said again
        spoke = bool(unheard)
        for key in sorted(state.parked):
            if str(key) not in unheard:
                spoke |= await self._answer(run_id, key, state.step(key))
        return spoke

    async def _answer(self, run_id: str, key: StepKey, step: StepState) -> bool:
        assert step.parked is not None
        ask, why = step.parked["ask"], step.parked["why"]
        mood = self.case.chance("mood", str(key), step.answers, why)
        if why == "approval":
            return await self._rule(run_id, key, step, mood)
        answer: dict[str, Any] | None = None
        if why == "manual":
            answer = {"done": mood < 0.8}
        elif why == "unknown_outcome" and mood < 0.9:
            assert step.action.intent is not None
            deed = "push" if ask["about"] == "apply" else "undo"
            answer = {"happened": self.log.has(deed, step.action.intent["key"])}
        elif why == "judgement":
            answer = self._choose(str(key), ask["options"])
        elif why == "failure" and mood < 0.3 and step.answers == 0:
            answer = {"retry": True}
        elif why == "failure" and mood < 0.7:
            answer = self._choose(str(key), ask["options"])
        if answer is None:
            return False
        said = {"step": str(key), "by": NAME, "answer": answer}
        if step.answers and mood < 0.6:  # somebody looked at the question before this one
            await self._say(run_id, "answer", **{**said, "answer": {"retry": True}}, question=step.answers - 1)
        for _ in range(2 if mood < 0.2 else 1):  # now and then a button is pressed twice
            await self._say(run_id, "answer", **said, question=step.answers)
        return True

    def _choose(self, key: str, options: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
        onwards = [o["edge"] for o in options if o["edge"] not in self._loops]
        return {"edge": self.case.judgement(key, onwards)} if onwards else None

    async def _rule(self, run_id: str, key: StepKey, step: StepState, mood: float) -> bool:
        asked = step.action.asked
        assert asked is not None
        if mood >= 0.9 or step.action.approvals:  # given before, and no longer good: nobody looks again
            return False
        said = {k: asked[k] for k in ("digest", "plan_digest", "expires_at", "role")}
        if mood < 0.15:
            self.clock.ahead_s += TOO_LATE_S
        await self._say(run_id, "approve" if mood < 0.7 else "reject", step=str(key), by=NAME, reason="seen", **said)
        return True

    async def _say(self, run_id: str, kind: str, **payload: Any) -> None:
        await self.journal.write(lambda conn: say(conn, run_id, kind, payload, self.journal.now()))


class Model:
    """Judges as the case says."""

    def __init__(self, case: Case) -> None:
        self.case = case

    async def judge(self, question: Question) -> Judgement:
        await asyncio.sleep(self.case.delay_s(question.step_id))
        edge = self.case.judgement(question.step_id, [o.edge for o in question.options])
        return Judgement(edge, "it looks like it", by="model:random")
