"""Which reads may start before it is decided whether they are wanted: rules over a plan and a run's state.

A read may come early when nothing that it could see, use or follow can still change: no action or person's
work lies between what has been decided and the read, what it consumes is final, and the order of the guide is
kept: only a condition may be overtaken, never a step that simply comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from agent.run.events import StepKey
from agent.run.shape import Link, Shape, is_conditional
from agent.run.state import SETTLED, RunState, Status
from dag.model import START, Kind, Step
from dag.order import topological_order
from plugins.base import Cost
from plugins.errors import PluginError
from plugins.registry import Registry


@dataclass(frozen=True, slots=True)
class Speculation:
    """What one run may spend on reads that may turn out to be unwanted.

    `calls` bounds them by what they cost their source; `seconds` is their time together; `at_once` bounds how
    many steps are read ahead at one time; an answer older than `max_age_s` when it is wanted is read anew.
    `plugins_off` names query plugins that are never read ahead.
    """

    calls: Mapping[Cost, int] = field(
        default_factory=lambda: {Cost.LIGHT: 40, Cost.MODERATE: 20, Cost.HEAVY: 0},
    )
    seconds: float = 60.0
    at_once: int = 4
    max_age_s: float = 30.0
    plugins_off: frozenset[str] = frozenset()


def changes_things(step: Step) -> bool:
    """Whether reads behind the step may see another world than those before it. A person's work counts."""
    by_hand = not step.calls and step.kind is not Kind.CHECK
    return step.kind is Kind.ACTION or step.effect.is_write or step.risky or by_hand


def speculable(shape: Shape, registry: Registry, off: Collection[str] = ()) -> frozenset[str]:
    """The steps of a plan that can ever be read ahead: reads with a condition before them.

    Only in the first pass of loops, and not behind a loop, which may be left in any of its passes. Empty where
    the guide says `speculation: false`.
    """
    plan = shape.plan
    if not plan.speculation:
        return frozenset()
    behind: set[str] = set()
    for source in (START, *topological_order(plan)):
        if source != START and changes_things(plan.by_id[source]):
            continue
        behind |= {lk.target for lk in shape.forward[source] if source in behind or is_conditional(lk.edge)}
    return frozenset(
        s.id
        for s in plan.steps
        if s.id in behind
        and s.calls
        and not changes_things(s)
        and not any(_leaves_a_loop(lk, shape) for lk in shape.into(s.id))
        and all(c.plugin not in off and _may_come_early(c.plugin, registry) for c in s.calls)
    )


def _leaves_a_loop(link: Link, shape: Shape) -> bool:
    return not set(shape.enclosing.get(link.source, ())) <= set(shape.enclosing[link.target])


def _may_come_early(plugin: str, registry: Registry) -> bool:
    try:
        return registry.query(plugin).speculative
    except PluginError:
        return False  # the step itself will say what is wrong with it


def costs(step: Step, registry: Registry) -> dict[Cost, int]:
    """How many calls of each cost a step makes."""
    counted: dict[Cost, int] = {}
    for call in step.calls:
        cost = getattr(registry.query(call.plugin), "cost", Cost.MODERATE)
        counted[cost] = counted.get(cost, 0) + 1
    return counted


def is_free(key: StepKey, shape: Shape, state: RunState, answered: Mapping[StepKey, bool]) -> bool:
    """Whether nothing but undecided conditions keeps the step from being read now.

    `answered`: the steps read ahead so far, and whether their answer is there.
    """
    step = shape.plan.by_id[key.step]
    return (
        state.status_of(key) is Status.PENDING
        and not state.unsettled
        and all(name in state.values for name in step.consumes)
        and all(state.status_of(shape.first(s)) in SETTLED for s in shape.producers_of(step.consumes))
        and _overtakes_conditions_only(key, shape, state, answered)
    )


def _overtakes_conditions_only(key: StepKey, shape: Shape, state: RunState, answered: Mapping[StepKey, bool]) -> bool:
    return all(
        _may_overtake(link, shape, state, answered)
        for link in shape.into(key.step)
        if not is_decided(shape.first(link.source), shape, state)
    )


def _may_overtake(link: Link, shape: Shape, state: RunState, answered: Mapping[StepKey, bool]) -> bool:
    """Whether a read may start although this edge before it is undecided."""
    source = shape.first(link.source)
    if link.source == START:
        return source not in state.parked
    step = shape.plan.by_id[link.source]
    if changes_things(step) or _leaves_a_loop(link, shape) or source in state.parked:
        return False
    match state.status_of(source):
        case Status.SUCCEEDED:  # its answer is there, its branch is being decided
            return True
        case Status.READY | Status.RUNNING:
            return is_conditional(link.edge)
        case Status.PENDING if source in answered:
            return answered[source] or is_conditional(link.edge)
        case Status.PENDING if not step.calls:  # a mere decision: what is before it counts
            return _overtakes_conditions_only(source, shape, state, answered)
        case _:
            return False


def is_decided(source: StepKey, shape: Shape, state: RunState) -> bool:
    """Whether the edges out of a step have been taken or left."""
    step = state.steps.get(source)
    if source.step == START:
        return START not in shape.branches or (step is not None and step.branched)
    if step is None:
        return False
    if step.status is Status.SUCCEEDED:
        return step.branched or source.step not in shape.branches
    return step.status is Status.SKIPPED or step.branched
