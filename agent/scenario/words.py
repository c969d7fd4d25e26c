"""What people say and what is judged in a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.errors import StepfleetError
from agent.replay.stage import Reply, Silence
from agent.run.events import Event
from agent.run.judge import Judgement, Question
from agent.scenario.findings import Finding
from agent.scenario.model import ABSTAIN, Names, Said
from agent.service import check_answer

_ANSWERS: Mapping[str, Mapping[str, bool]] = {
    "done": {"done": True},
    "not_done": {"done": False},
    "retry": {"retry": True},
    "happened": {"happened": True},
    "not_happened": {"happened": False},
}


@dataclass
class ScriptedPeople:
    """Satisfies `agent.replay.stage.People`. Nobody answers a question that the scenario leaves out: it waits."""

    said: Sequence[Said]
    findings: dict[Finding, None]
    _spoken: set[int] = field(default_factory=set)

    def reply(self, parked: Event, approval: Mapping[str, Any] | None) -> Reply | Silence:
        step = parked.key.step if parked.key else ""
        for index, said in enumerate(self.said):
            if index not in self._spoken and said.step == step:
                self._spoken.add(index)
                if said.says == "silent":
                    return Silence.TIME_PASSES
                try:
                    return _reply(said, parked, approval)
                except StepfleetError as exc:
                    self.findings.setdefault(Finding(f"step '{step}': {exc}", exc.hint, ("people", index)))
                    return Silence.WAITS
        return Silence.WAITS

    def unasked(self) -> tuple[Reply, ...]:
        cancels = [(i, s) for i, s in enumerate(self.said) if s.says == "cancel"]
        self._spoken |= {i for i, _ in cancels}
        return tuple(Reply("cancel", {"by": s.by, "reason": s.reason}, s.after_s) for _, s in cancels)

    def unused(self) -> list[Finding]:
        hint = "take it out, or let the run come to the question"
        return [
            Finding(f"step '{s.step}' never asks for this", hint, ("people", i))
            for i, s in enumerate(self.said)
            if i not in self._spoken
        ]


def _reply(said: Said, parked: Event, approval: Mapping[str, Any] | None) -> Reply:
    """Raises: StepfleetError when the step asks something else."""
    payload = {"step": str(parked.key), "by": said.by, "reason": said.reason}
    why = parked.payload["why"]
    if said.says in ("approve", "reject"):
        if approval is None or why != "approval":
            raise StepfleetError(f"it waits for {why}, not for an approval", hint="see docs/guide-tests.md")
        bound = {k: approval[k] for k in ("role", "digest", "plan_digest", "expires_at")}
        return Reply(said.says, {**payload, **bound}, said.after_s)
    answer: Mapping[str, Any] = _ANSWERS[said.says] if said.says else {"edge": _chosen(said, parked)}
    check_answer(parked.payload, answer)
    return Reply("answer", {**payload, "answer": dict(answer)}, said.after_s)


def _chosen(said: Said, parked: Event) -> str:
    options = {o["leads_to"]: o["edge"] for o in parked.payload.get("ask", {}).get("options", ())}
    if said.choose not in options:
        possible = ", ".join(options) or "nothing"
        raise StepfleetError(f"no branch to choose leads to '{said.choose}'", hint=f"it offers: {possible}")
    return str(options[said.choose])


@dataclass
class ScriptedJudge:
    """Satisfies `agent.run.judge.Judge`: by step, where the judged branch leads; a list is one for each time."""

    judgements: Mapping[str, str | Names]
    findings: dict[Finding, None]
    _asked: dict[str, int] = field(default_factory=dict)

    async def judge(self, question: Question) -> Judgement:
        step = question.step_id.partition("@")[0]
        options = {o.leads_to: o.edge for o in question.options}
        words = "; ".join(f"{o.leads_to} ({o.condition})" for o in question.options)
        said = self.judgements.get(step)
        nth = self._asked[step] = self._asked.get(step, 0) + 1
        target = said if isinstance(said, str) or said is None else said[nth - 1] if nth <= len(said) else None
        if target == ABSTAIN:
            return Judgement(None, "undecided, as the scenario says", by="the scenario")
        if target in options:
            return Judgement(options[target], "as the scenario says", by="the scenario")
        hint = f"write under judgements: {step}: one of {words}, {ABSTAIN}"
        what = f"'{target}' is no branch of it" if target else "no judgement is written"
        place = ("judgements", step) if target else ()
        self.findings.setdefault(Finding(f"step '{step}' is judged: {what}", hint, place))
        return Judgement(None, "no judgement is written", by="nobody")

    def unused(self) -> list[Finding]:
        found = []
        for step, said in self.judgements.items():
            asked = self._asked.get(step, 0)
            wanted = 1 if isinstance(said, str) else len(said)
            if asked < wanted:
                times = f"{asked} times, not {wanted}" if asked else "never"
                found.append(Finding(f"step '{step}' is judged {times}", "take it out", ("judgements", step)))
        return found
