"""Deciding what follows a step: conditions computed, held for their time, judged, defaulted or asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from agent.errors import StepfleetError
from agent.run import values
from agent.run.branch import Choice, after_failure, choose, record, undecided, within_bound
from agent.run.events import EventKind, StepKey
from agent.run.judge import Judgement, Option, PastIncident, Question, Usage
from agent.run.reads import DeadlinePassed, within
from agent.run.shape import Link
from agent.run.state import Status
from dag.conditions import Decision, Truth, decide
from dag.model import Condition, Kind, Step
from plugins.errors import PluginError

if TYPE_CHECKING:
    from agent.run.advance import Advance

_NOT_JUDGED: Mapping[str, Any] = {"usage": asdict(Usage())}
RECALL_S = 2.0  # what a judgement waits for memory
JUDGE_GRACE_S = 1.0  # a judge keeps its own deadline and says what it cost; one that does not is left behind
HOLD_PROBES = 5  # how often, at least, a condition that must hold is read again
HOLD_PAUSE_MOST_S = 5.0
FRESH_S = 120.0  # values older than this are read again before a branch rests on them

log = structlog.get_logger()


class Brancher:
    """Takes steps whose work is done to the decision of their edges."""

    def __init__(self, advance: Advance) -> None:
        self.advance = advance
        self._reads = {
            name: step
            for step in advance.plan.steps
            if step.kind is not Kind.ACTION
            for name in step.produces
            if step.calls
        }

    async def branch(self, key: StepKey) -> None:
        """Journal the branch, or park the step for a person."""
        try:
            await self._branch(key)
        except StepfleetError:
            raise
        except Exception as exc:
            log.exception("branch_crashed", run=self.advance.lease.run_id, step=str(key))
            links = self.advance.shape.links[key.step]
            self._park(key, links, Choice(reason=f"internal error while deciding: {exc!r}"), failed=False)

    async def _branch(self, key: StepKey) -> None:
        state = self.advance.state.step(key)
        links = self.advance.shape.links[key.step]
        step = self.advance.plan.by_id.get(key.step)
        if state.answer is not None and "edge" in state.answer["answer"]:
            self._take_answer(key, links, state.answer, failed=state.status is Status.FAILED)
            return
        decisions: dict[str, Decision] = {}
        if state.status is Status.FAILED:
            choice = after_failure(links, state.error, optional=bool(step and step.optional))
        else:
            decisions = {lk.id: await self._decide(key, lk) for lk in links if is_computed(lk)}
            choice = choose(links, decisions, loop_left=self._loop_left(key))
        judged = _NOT_JUDGED
        if choice.ask:
            options = [lk for lk in links if lk in choice.ask or lk.edge.otherwise]
            judgement, judged = await self._judge(key, step, options)
            choice = _judged(links, options, judgement)
        choice = within_bound(choice, links, loop_left=self._loop_left(key))
        if choice.taken:
            self._branched(key, choice, decisions, judged)
        else:
            self._park(key, links, choice, failed=state.status is Status.FAILED, judged=judged)

    def _branched(
        self,
        key: StepKey,
        choice: Choice,
        decisions: Mapping[str, Decision],
        judged: Mapping[str, Any] = _NOT_JUDGED,
    ) -> None:
        self.advance.emit(
            EventKind.BRANCHED,
            key,
            taken=[lk.id for lk in choice.taken],
            leads_to=[lk.target for lk in choice.taken],
            by=choice.by,
            reason=choice.reason,
            decisions=record(decisions),
            **judged,
        )

    def _take_answer(self, key: StepKey, links: Sequence[Link], answer: Mapping[str, Any], *, failed: bool) -> None:
        edge = answer["answer"]["edge"]
        chosen = tuple(lk for lk in links if lk.id == edge)
        reason = answer.get("reason") or "a person chose"
        if chosen:
            self._branched(key, Choice(chosen, by=str(answer["by"]), reason=reason), {})
        else:
            self._park(
                key,
                links,
                Choice(reason=f"{answer['by']} chose {edge!r}, which is no edge of this step"),
                failed=failed,
            )

    def _park(
        self,
        key: StepKey,
        links: Sequence[Link],
        choice: Choice,
        *,
        failed: bool,
        judged: Mapping[str, Any] = _NOT_JUDGED,
    ) -> None:
        self.advance.emit(
            EventKind.PARKED,
            key,
            why="failure" if failed else "judgement",
            reason=choice.reason,
            ask={
                "options": [asdict(option_of(lk)) for lk in links],
                "answers": ["edge", *(["retry"] if failed else [])],
            },
            **judged,
        )

    def _loop_left(self, key: StepKey) -> bool:
        loop = self.advance.shape.loops.get(key.step)
        return loop is None or self.advance.shape.passes(key) < loop.bound

    # -- computed -----------------------------------------------------------------------------

    async def _decide(self, key: StepKey, link: Link) -> Decision:
        condition = link.edge.condition
        assert condition is not None
        await self._refresh(key, condition, only_stale=True)
        decision = await self._now(condition)
        if decision.truth is Truth.TRUE and condition.for_s > 0:
            return await self._hold(key, link, condition, decision)
        return decision

    async def _now(self, condition: Condition) -> Decision:
        seen = await self.advance.load(condition.names)
        return decide(condition, seen, self.advance.plan.types)

    async def _hold(self, key: StepKey, link: Link, condition: Condition, decision: Decision) -> Decision:
        """Read again until the condition has held for its time. A restart begins anew: nobody watched."""
        self.advance.emit(EventKind.HELD, key, edge=link.id, for_s=condition.for_s)
        self.advance.flush()
        loop = asyncio.get_running_loop()
        end = loop.time() + condition.for_s
        pause_s = min(condition.for_s / HOLD_PROBES, HOLD_PAUSE_MOST_S)
        while decision.truth is Truth.TRUE and loop.time() < end:
            await asyncio.sleep(min(pause_s, max(0.0, end - loop.time())))
            await self._refresh(key, condition, only_stale=False)
            decision = await self._now(condition)
        if decision.truth is Truth.TRUE:
            return Decision(Truth.TRUE, f"{decision.reason}, held for {condition.for_s:g} s")
        return decision

    async def _refresh(self, key: StepKey, condition: Condition, *, only_stale: bool) -> None:
        """Run the queries behind the condition's names again; a failed one leaves its name without a value.

        `only_stale`: those whose values are old, or older than the run's last change.
        """
        changed_at = self.advance.state.changed_at
        oldest = self.advance.engine.now() - timedelta(seconds=FRESH_S)
        if changed_at is not None:
            oldest = max(oldest, changed_at)  # what was read before a change says nothing about after it
        for step in {self._reads[n].id: self._reads[n] for n in condition.names if n in self._reads}.values():
            stored = [self.advance.state.values[n] for n in step.produces if n in self.advance.state.values]
            if only_stale and all(datetime.fromisoformat(v["as_of"]) >= oldest for v in stored):
                continue
            ctx = self.advance.context(key, deadline_s=step.timeout_s, loaded=await self.advance.load(step.consumes))
            try:
                results = await self.advance.engine.reader.read(step, step.calls, ctx)
            except PluginError as exc:
                self.advance.emit(EventKind.REREAD, key, values=dict.fromkeys(step.produces), error=str(exc))
            else:
                self.advance.emit(EventKind.REREAD, key, values=self.advance.keep(results))

    # -- judged -------------------------------------------------------------------------------

    async def _judge(
        self, key: StepKey, step: Step | None, options: Sequence[Link]
    ) -> tuple[Judgement, Mapping[str, Any]]:
        """The judgement, and what its event tells of it: its cost, and what it was shown."""
        judge = self.advance.engine.judge
        if judge is None:
            return Judgement(None, "no model is configured and no person has answered", by="nobody"), _NOT_JUDGED
        question = await self._question(key, step, options)
        try:
            judgement = await within(judge.judge(question), question.deadline_s + JUDGE_GRACE_S, "the judge")
        except DeadlinePassed:
            late = f"the judge did not answer within {question.deadline_s:g} s"
            judgement = Judgement(None, late, by="nobody")
        except StepfleetError:
            raise
        except Exception as exc:
            log.exception("judge_crashed", run=question.run_id, step=question.step_id)
            judgement = Judgement(None, f"the judge failed: {type(exc).__name__}: {exc}", by="nobody")
        shown = {name: self._lineage(name) for name in question.values}
        return judgement, {
            "usage": asdict(judgement.usage),
            "rests_on": shown,
            "past": [p.run_id for p in question.past],
        }

    async def _question(self, key: StepKey, step: Step | None, options: Sequence[Link]) -> Question:
        names = (*step.consumes, *step.produces) if step else ()
        known = self.advance.state.values
        return Question(
            run_id=self.advance.lease.run_id,
            step_id=str(key),
            title=step.title if step else "Entry",
            text=step.text if step else "",
            options=tuple(option_of(lk) for lk in options),
            values={n: values.preview(known[n]) for n in names if n in known},
            alert={
                **self.advance.state.alert.get("labels", {}),
                **self.advance.state.alert.get("annotations", {}),
            },
            past=await self._past(),
            deadline_s=step.timeout_s if step else 60.0,
        )

    async def _past(self) -> tuple[PastIncident, ...]:
        """How like cases ended; nothing, where that cannot be told at once."""
        recall = self.advance.engine.recall
        if recall is None:
            return ()
        try:
            return tuple(await within(recall(self.advance.lease.run_id), RECALL_S, "recall"))
        except Exception as exc:  # a judgement needs no memory
            log.warning("not_recalled", run=self.advance.lease.run_id, error=f"{type(exc).__name__}: {exc}")
            return ()

    def _lineage(self, name: str) -> dict[str, Any]:
        """Where a value came from: the step that read it, what it asked, as of when, and where the whole of it is."""
        stored = self.advance.state.values[name]
        plan = self.advance.plan
        facts = {k: stored[k] for k in ("as_of", "evidence", "artifact") if k in stored}
        return {"step": next((s.id for s in plan.steps if name in s.produces), ""), **facts}


def _judged(links: Sequence[Link], options: Sequence[Link], judgement: Judgement) -> Choice:
    """Whoever judged, only one of the edges asked about counts: not even another of this step, known to be false."""
    if judgement.edge is None:
        return undecided(links, judgement.reason)
    chosen = tuple(lk for lk in options if lk.id == judgement.edge)
    if chosen:
        return Choice(chosen, by=judgement.by, reason=judgement.reason)
    foreign = f"{judgement.by} chose {judgement.edge!r}, which is no edge it was asked about: {judgement.reason}"
    return undecided(links, foreign)


def is_computed(link: Link) -> bool:
    return link.edge.condition is not None and link.edge.condition.cel is not None


def option_of(link: Link) -> Option:
    """A branch as a judge sees it."""
    condition = link.edge.condition
    words = condition.text if condition else ("otherwise" if link.edge.otherwise else "always")
    return Option(edge=link.id, condition=words, leads_to=link.target)
