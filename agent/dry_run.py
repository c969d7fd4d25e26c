"""What a plan would do, without doing it: every branch, what runs together, what would be asked and changed.

Nothing here can change anything: actions are looked at through their effect and the policy, never applied,
and only queries are called, when asked to be live.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from agent.gate.policy import ActionRequest, Facts, Policy, describe, rule_on
from agent.run.reads import Reader
from dag.conditions import decide
from dag.model import START, TERMINALS, Edge, EdgeKind, Kind, Plan, Step
from dag.order import critical_path, ranks
from dag.serial import to_json
from plugins.base import CallContext, bind, effect_of, placeholders
from plugins.errors import PluginError
from plugins.registry import Registry

ASSUMED_QUERY_S = 1.0  # for the critical path only: nobody knows yet how long a read takes
ASSUMED_ACTION_S = 10.0


@dataclass(frozen=True, slots=True)
class Branch:
    """One way on from a step. `live` is the condition's truth on what the live reads answered."""

    leads_to: str
    condition: str
    decided_by: str  # always | computed | the model or a person | default | loop, at most n times
    live: str = ""


@dataclass(frozen=True, slots=True)
class WouldAct:
    """One action: the call as far as it is known, and what the policy would say about it now."""

    step: str
    action: str
    arguments: dict[str, Any]
    writes: list[str] | None
    reversible: bool
    verification: str
    undo: str
    ruling: str
    asks: str  # the approval that would be asked, or ""


@dataclass(frozen=True, slots=True)
class DryStep:
    """One step and its ways on. `answers` holds what its reads say now."""

    id: str
    title: str
    kind: str
    lines: list[list[int]]
    calls: list[str]
    beside: list[str]
    branches: list[Branch]
    answers: dict[str, Any] = field(default_factory=dict)
    failed: str = ""


@dataclass(frozen=True, slots=True)
class DryRun:
    """The whole picture."""

    guide: str
    title: str
    digest: str
    guide_sha256: str
    entries: list[str]
    steps: list[DryStep]
    actions: list[WouldAct]
    judged: list[dict[str, str]]
    critical_path: list[str]
    critical_path_s: float
    sequential_s: float
    widest: int
    walks: list[list[str]]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def dry_run(
    plan: Plan, registry: Registry, policy: Policy, values: Mapping[str, Any], answers: Mapping[str, Live] | None = None
) -> DryRun:
    """Look at a plan. `values` are its inputs; `answers` what `ask` brought, for a live dry run."""
    pairs = [tuple(p) for p in to_json(plan)["parallel_pairs"]]
    durations = {s.id: ASSUMED_ACTION_S if s.kind is Kind.ACTION else ASSUMED_QUERY_S for s in plan.steps if s.calls}
    path, path_s = critical_path(plan, durations)
    seen = {**values, **{n: v for live in (answers or {}).values() for n, v in live.values.items()}}
    return DryRun(
        guide=plan.guide,
        title=plan.title,
        digest=plan.digest,
        guide_sha256=plan.guide_sha256,
        entries=[e.target for e in plan.outgoing[START]],
        steps=[_step(plan, s, pairs, seen, answers) for s in plan.steps],
        actions=[_action(plan, s, registry, policy, values) for s in plan.steps if s.kind is Kind.ACTION],
        judged=_judged(plan),
        critical_path=list(path),
        critical_path_s=path_s,
        sequential_s=sum(durations.values()),
        widest=max((len(r) for r in ranks(plan)), default=0),
        walks=walks(plan),
    )


@dataclass(frozen=True, slots=True)
class Live:
    """What one step's reads said."""

    values: Mapping[str, Any]
    error: str = ""


async def ask(plan: Plan, registry: Registry, values: Mapping[str, Any]) -> dict[str, Live]:
    """Call the read-only steps that need no action's result, in the plan's order; each failure stays its own."""
    import asyncio

    slots: dict[str, asyncio.Semaphore] = {}
    reader = Reader(registry, lambda n: slots.setdefault(n, asyncio.Semaphore(8)), random.Random(0))  # noqa: S311
    known = dict(values)
    said: dict[str, Live] = {}
    for row in ranks(plan):
        steps = [s for s in (plan.by_id[i] for i in row) if s.kind is Kind.QUERY and s.calls]
        able = [s for s in steps if all(n in known for n in s.consumes)]
        for step, live in zip(able, await asyncio.gather(*(_ask(reader, s, known) for s in able)), strict=True):
            said[step.id] = live
        for step in able:
            known.update(said[step.id].values)
        for step in steps:
            if step not in able:
                missing = ", ".join(n for n in step.consumes if n not in known)
                said[step.id] = Live({}, f"not asked: it needs {missing}, which only a run brings")
    return said


async def _ask(reader: Reader, step: Step, known: Mapping[str, Any]) -> Live:
    ctx = CallContext("dry-run", step.id, values=known, deadline_s=step.timeout_s)
    try:
        results = await reader.read(step, step.calls, ctx)
    except PluginError as exc:
        return Live({}, f"{exc}")
    return Live({n: r.value for n, r in results.items()})


def walks(plan: Plan, most: int = 200) -> list[list[str]]:
    """Every way from the entries to an end, branch by branch, at most `most` of them; loops are not followed.

    What goes on together is one stop, written `a + b`.
    """
    found: list[list[str]] = []
    stack: list[tuple[list[str], tuple[str, ...]]] = [([], nxt) for nxt in reversed(_onward(plan, (START,)))]
    while stack and len(found) < most:
        walk, here = stack.pop()
        walk = [*walk, " + ".join(here)]
        onward = [] if set(here) & TERMINALS else _onward(plan, here)
        if not onward:
            found.append(walk)
        stack += [(walk, nxt) for nxt in reversed(onward)]
    return found


def _onward(plan: Plan, here: tuple[str, ...]) -> list[tuple[str, ...]]:
    """What may follow these steps: each branch by itself, else all that is always taken, together."""
    edges = [e for step in here for e in plan.outgoing[step] if e.kind is not EdgeKind.LOOP]
    chosen = dict.fromkeys(e.target for e in edges if e.condition is not None or e.default or e.otherwise)
    always = dict.fromkeys(e.target for e in edges if e.condition is None and not e.default and not e.otherwise)
    return [*((target,) for target in chosen), *([tuple(always)] if always else [])]


def _step(
    plan: Plan,
    step: Step,
    pairs: Sequence[tuple[str, ...]],
    seen: Mapping[str, Any],
    answers: Mapping[str, Live] | None,
) -> DryStep:
    live = (answers or {}).get(step.id)
    return DryStep(
        id=step.id,
        title=step.title,
        kind=str(step.kind),
        lines=[[s.first, s.last] for s in step.lines],
        calls=[c.plugin for c in step.calls],
        beside=sorted({other for pair in pairs if step.id in pair for other in pair} - {step.id}),
        branches=[_branch(plan, e, seen, live=answers is not None) for e in plan.outgoing[step.id]],
        answers=dict(live.values) if live else {},
        failed=live.error if live else "",
    )


def _branch(plan: Plan, edge: Edge, seen: Mapping[str, Any], *, live: bool) -> Branch:
    condition = edge.condition
    text = condition.text if condition else ("otherwise" if edge.otherwise else "")
    if edge.kind is EdgeKind.LOOP:
        by = f"loop, at most {edge.bound} times"
    elif edge.default and condition is None:
        by = "default, when nothing else is decided"
    elif (condition is not None and condition.cel is None) or (condition is None and edge.otherwise):
        by = "the model or a person"
    else:
        by = "computed" if condition is not None else "always"
    truth = ""
    if live and condition is not None and condition.cel is not None:
        decision = decide(condition, seen, plan.types)
        truth = f"{decision.truth}: {decision.reason}"
    return Branch(edge.target, text, by, truth)


def _action(plan: Plan, step: Step, registry: Registry, policy: Policy, values: Mapping[str, Any]) -> WouldAct:
    (call,) = step.calls
    action = registry.action(call.plugin)
    arguments = {
        k: bind(v, values) if all(n in values for n in placeholders(v)) else v for k, v in call.arguments.items()
    }
    effect = effect_of(action, arguments)
    request = ActionRequest(
        action=action.name,
        version=action.version,
        arguments=arguments,
        effect=effect,
        reversible=action.reversible,
        blast_radius=0,  # known once the arguments are; the run's own ruling has the real one
        plan_digest=plan.digest,
        guide_sha256=plan.guide_sha256,
    )
    ruling = rule_on(request, policy, Facts(now=datetime.now(UTC)))
    asks = ""
    if ruling.needs_approval and ruling.rule is not None:
        asks = f"{ruling.rule.approvers} approval(s) by role '{ruling.rule.role}' for {describe(request)}"
    return WouldAct(
        step=step.id,
        action=action.name,
        arguments=arguments,
        writes=None if effect.writes is None else sorted(effect.writes),
        reversible=action.reversible,
        verification=step.verify.condition.text if step.verify else "the action's own read-back",
        undo=step.undo or ("the action's own" if action.reversible else "none"),
        ruling=ruling.reason,
        asks=asks,
    )


def _judged(plan: Plan) -> list[dict[str, str]]:
    """Conditions that no machine can decide, with the guide's stated default."""
    found: list[dict[str, str]] = []
    for step in plan.steps:
        edges = plan.outgoing[step.id]
        default = next((e.target for e in edges if e.default), "none: the run waits for a person")
        found += [
            {"step": step.id, "condition": e.condition.text, "leads_to": e.target, "default": default}
            for e in edges
            if e.condition is not None and e.condition.cel is None
        ]
    return found
