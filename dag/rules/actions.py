"""Is every change verified, can it be undone, and does it come before or after what it affects?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dag.effects import Relation, conflicts
from dag.model import NO_EFFECT, Kind, Plan, Step
from dag.rules.paths import reached
from dag.rules.problem import Code, Problem, warning


def unverified(plan: Plan) -> Iterator[Problem]:
    for step in plan.steps:
        if step.kind is Kind.ACTION and step.verify is None:
            yield warning(
                Code.UNVERIFIED,
                f"the action '{step.title}' states no verification; only its own read-back decides",
                "add: 'Verified when `...` within 30 s.'",
                step.lines,
            )


def without_undo(plan: Plan, reversible: Mapping[str, bool]) -> Iterator[Problem]:
    for step in plan.steps:
        if step.kind is not Kind.ACTION or step.undo is not None:
            continue
        if not step.calls or not all(reversible.get(call.plugin, False) for call in step.calls):
            yield warning(Code.NO_UNDO, f"how '{step.title}' is undone is not known", "add: 'Undo: ...'", step.lines)


def unordered(plan: Plan, held: Relation) -> Iterator[Problem]:
    """A change and what it affects: side by side they never run, but which comes first must be said."""
    running = reached(plan)
    for i, writer in enumerate(plan.steps):
        if not writer.effect.is_write or writer.id not in running:
            continue
        for j, other in enumerate(plan.steps):
            if other.effect == NO_EFFECT or other.id not in running or (other.effect.is_write and j <= i):
                continue
            if held.is_settled(writer.id, other.id) or not conflicts(writer.effect, other.effect):
                continue
            if not any({writer.id, other.id} <= group for group in plan.simultaneous):
                yield _unordered(writer, other)


def _unordered(writer: Step, other: Step) -> Problem:
    both = other.effect.is_write
    unknown = writer.effect.writes is None or (both and other.effect.writes is None)
    what = "change unknown things" if both and unknown else "change the same thing"
    message = (
        f"'{writer.title}' and '{other.title}' {what}, and neither is said to come first"
        if both
        else f"'{other.title}' may read what '{writer.title}' changes, and neither is said to come first"
    )
    return warning(Code.UNORDERED, message, "put them in order: let one follow the other", other.lines)
