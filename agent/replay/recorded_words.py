"""What was said in a recorded run: by the policy, by whoever judged, by people."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from agent.gate.gate import Gate
from agent.gate.policy import ActionRequest, Policy, Rule, Ruling, Rung
from agent.replay.calls import identity
from agent.replay.memory_journal import MemoryJournal
from agent.replay.recorded_world import Missing
from agent.replay.stage import Reply, Silence
from agent.replay.turns import Turns
from agent.run.events import Event, EventKind
from agent.run.judge import Judgement, Question, Usage
from agent.run.schema import EVENT

_ENGINE = ("condition", "default", "optional", "")  # a branch decided by none of these was judged


# -- the policy -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Ruled:
    """One call as the policy met it: who had to approve, and why it was refused."""

    asked: Event | None = None
    refused: str | None = None


class RecordedGate(Gate):
    """Rules as the policy did then, call by call, whatever it says now."""

    def __init__(self, events: Sequence[Event], journal: MemoryJournal) -> None:
        super().__init__(Policy(), journal, journal.now)
        self._rulings: dict[str, list[_Ruled]] = {}
        waiting: dict[str, _Ruled] = {}
        for event in events:
            if event.kind not in (EventKind.APPROVAL_ASKED, EventKind.REFUSED, EventKind.INTENT):
                continue
            ruled = waiting.pop(str(event.key), None)
            if ruled is None:
                ruled = _Ruled()
                self._rulings.setdefault(_of_call(event.payload["call"]), []).append(ruled)
            if event.kind is EventKind.APPROVAL_ASKED:
                ruled.asked = event
                waiting[str(event.key)] = ruled
            elif event.kind is EventKind.REFUSED:
                ruled.refused = event.payload["reason"]

    def rule_within(self, conn: Connection, request: ActionRequest, *, counted: bool = False) -> Ruling:
        call = identity(request.action, request.arguments)
        settled, approved = _so_far(conn, call, request.digest)
        rulings = self._rulings.get(call, [])
        nth = settled - counted
        ruled = rulings[min(nth, len(rulings) - 1)] if rulings else _Ruled()
        if ruled.refused is not None and (ruled.asked is None or approved):
            return Ruling(False, ruled.refused, Rung.OBSERVE)
        if ruled.asked is None:
            return Ruling(True, "allowed, as recorded", Rung.AUTO)
        asked = ruled.asked.payload
        return Ruling(True, "asks, as recorded", Rung.APPROVE, _rule(request.action, asked, ruled.asked))


def _rule(action: str, asked: Mapping[str, Any], event: Event) -> Rule:
    expires_s = (datetime.fromisoformat(asked["expires_at"]) - event.at).total_seconds()
    return Rule(
        action=action,
        rung=Rung.APPROVE,
        role=asked["role"],
        approvers=asked["approvers"],
        expires_s=min(86_400.0, max(0.001, round(expires_s, 3))),
    )


def _so_far(conn: Connection, call: str, digest: str) -> tuple[int, bool]:
    """How often the call was begun or refused in the replay, and whether somebody has approved it."""
    kinds = [EventKind.INTENT.value, EventKind.REFUSED.value, EventKind.APPROVED.value]
    rows = conn.execute(select(EVENT.c.kind, EVENT.c.payload).where(EVENT.c.kind.in_(kinds))).all()
    said = [(kind, json.loads(payload)) for kind, payload in rows]
    settled = sum(kind != EventKind.APPROVED.value and _of_call(p["call"]) == call for kind, p in said)
    return settled, any(kind == EventKind.APPROVED.value and p["digest"] == digest for kind, p in said)


def _of_call(call: Mapping[str, Any]) -> str:
    return identity(call["action"], call["arguments"])


# -- judgement --------------------------------------------------------------------------------


class RecordedJudge:
    """Answers each step's question as it was answered then; `missing` takes those that nobody asked."""

    def __init__(self, events: Sequence[Event], turns: Turns, missing: dict[Missing, None]) -> None:
        self.turns, self.missing = turns, missing
        self._said: dict[str, deque[Event]] = {}
        by_person: dict[str, str] = {}
        for event in events:
            key = str(event.key)
            if event.kind is EventKind.ANSWERED and "edge" in event.payload["answer"]:
                by_person[key] = event.payload["by"]
            is_decision = event.kind is EventKind.BRANCHED and event.payload["by"] != by_person.pop(key, None)
            is_open = event.kind is EventKind.PARKED and event.payload["why"] in ("judgement", "failure")
            if is_decision or is_open:
                self._said.setdefault(key, deque()).append(event)

    async def judge(self, question: Question) -> Judgement:
        said = self._said.get(question.step_id)
        if not said:
            return self._missing(question, "")
        told = said.popleft()
        await self.turns.take(told, within_s=question.deadline_s)
        p = told.payload
        usage = Usage(**p.get("usage", {}))
        by, taken = p.get("by", ""), p.get("taken", ())
        if by in _ENGINE:
            return Judgement(None, p["reason"], by="nobody", usage=usage)
        options = {o.edge for o in question.options}
        edge = next((e for e in taken if e in options), None)
        if edge is None:
            return self._missing(question, f"{by} chose {', '.join(p['leads_to'])}, by words that are others now")
        return Judgement(edge, p["reason"], by=by, usage=usage)

    def _missing(self, question: Question, nearest: str) -> Judgement:
        words = " or ".join(f"'{o.condition}'" for o in question.options)
        self.missing.setdefault(Missing(question.step_id, "judgement", words, nearest))
        return Judgement(None, "no recorded judgement", by="nobody")


# -- people -----------------------------------------------------------------------------------

_SAID = {EventKind.ANSWERED: "answer", EventKind.APPROVED: "approve", EventKind.REJECTED: "reject"}


class RecordedPeople:
    """Says again what people said, as long after the question as then, and only to the same question."""

    def __init__(self, events: Sequence[Event], missing: dict[Missing, None]) -> None:
        self.missing = missing
        self.events = events
        self._replies: dict[str, deque[tuple[Reply, Mapping[str, Any]]]] = {}
        self._went_on: set[str] = set()  # steps that waited and that something else than a word ended
        self._left: set[str] = set()  # steps that still wait
        asked: dict[str, Event] = {}
        call: dict[str, Mapping[str, Any]] = {}
        for event in events:
            key = str(event.key)
            if event.kind is EventKind.APPROVAL_ASKED:
                call[key] = event.payload["call"]
            if event.kind is EventKind.PARKED:
                asked[key] = event
                self._left.add(key)
            elif event.kind in _SAID and key in asked:
                after_s = (event.at - asked[key].at).total_seconds()
                said = Reply(_SAID[event.kind], event.payload, max(0.0, after_s), event)
                self._replies.setdefault(key, deque()).append((said, call.get(key, {})))
                self._left.discard(key)
            elif event.kind in (EventKind.STEP_FAILED, EventKind.STEP_CANCELLED) and key in self._left:
                self._left.discard(key)
                self._went_on.add(key)

    def reply(self, parked: Event, approval: Mapping[str, Any] | None) -> Reply | Silence:
        key = str(parked.key)
        replies = self._replies.get(key)
        if replies:
            said, call = replies[0]
            made = _fitting(key, said, call, parked, approval)
            if made is not None:
                replies.popleft()
                return made
        elif key in self._went_on:
            return Silence.TIME_PASSES
        elif key in self._left:
            return Silence.WAITS
        nearest = f"{replies[0][0].payload['by']} answered another question" if replies else ""
        if any(m.step == key for m in self.missing):
            return Silence.WAITS  # it asks only because something else of this step is not recorded
        self.missing.setdefault(Missing(key, "person", str(parked.payload["reason"]), nearest))
        return Silence.WAITS

    def unasked(self) -> tuple[Reply, ...]:
        began = self.events[0].at
        return tuple(
            Reply("cancel", _words(e.payload), (e.at - began).total_seconds(), e)
            for e in self.events
            if e.kind is EventKind.CANCEL_ASKED
        )


def _fitting(
    key: str, said: Reply, call: Mapping[str, Any], parked: Event, approval: Mapping[str, Any] | None
) -> Reply | None:
    """The recorded word as an answer to this question; None when it was to another."""
    payload = {"step": key, **_words(said.payload)}
    if said.kind == "answer":
        edge = payload["answer"].get("edge")
        options = [o["edge"] for o in parked.payload.get("ask", {}).get("options", ())]
        fits = parked.payload["why"] != "approval" and (edge is None or edge in options)
        return Reply(said.kind, payload, said.after_s, said.told) if fits else None
    if approval is None or parked.payload["why"] != "approval" or _of_call(approval["call"]) != _of_call(call):
        return None
    bound = {k: approval[k] for k in ("digest", "plan_digest", "expires_at")}
    return Reply(said.kind, {**payload, **bound}, said.after_s, said.told)


def _words(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in payload.items() if k not in ("command", "question")}
