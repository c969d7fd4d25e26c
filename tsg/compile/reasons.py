"""Where each part of a plan came from: lines of the guide and the rule that read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dag.model import TERMINALS, Edge, Span, Step


@dataclass(frozen=True, slots=True)
class Reason:
    """By which rule, and from which lines, a part of a step came. `part`: step, kind, risk, a value, a way."""

    step: str
    part: str
    lines: tuple[Span, ...]
    rule: str


def of_native(steps: Sequence[Step], edges: Sequence[Edge]) -> Iterator[Reason]:
    """The reasons of a guide written for stepfleet: its blocks and sentences say what they are."""
    for step in steps:
        yield Reason(step.id, "step", step.lines, "a heading with a block that is called, a branch or an instruction")
        what = f"calls {', '.join(c.plugin for c in step.calls)}" if step.calls else "calls nothing"
        yield Reason(step.id, f"kind {step.kind}", step.lines, what)
        for call in step.calls:
            yield Reason(
                step.id, f"call {call.plugin}", call.lines, f"bound to {call.bind}" if call.bind else "a block"
            )
        if step.verify is not None:
            yield Reason(
                step.id, "verification", step.verify.condition.lines, f"verified when {step.verify.condition.text}"
            )
        if step.undo is not None:
            yield Reason(step.id, "undo", step.lines, step.undo)
    for edge in edges:
        why = f"when {edge.condition.text}" if edge.condition is not None else "the next step of the text, or a go-to"
        if edge.target in TERMINALS:
            yield Reason(edge.source, f"edge to {edge.target}", edge.lines, why)
        else:
            yield Reason(edge.target, f"edge from {edge.source}", edge.lines, why)
