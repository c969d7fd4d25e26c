"""One thing wrong with a plan, and the codes such things have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from dag.model import START, Edge, Plan, Span


class Severity(StrEnum):
    ERROR = "error"  # the plan must not run
    WARNING = "warning"  # it may run; a person should look


class Code(StrEnum):
    """Stable; each has a section in docs/plan-checks.md."""

    CYCLE = "P01"
    LOOP_UNBOUNDED = "P02"
    UNREACHABLE = "P03"
    NO_END = "P04"
    BRANCH_OPEN = "P05"
    BRANCHES_OVERLAP = "P06"
    CONSTANT = "P07"
    NEVER_PRODUCED = "P08"
    NOT_YET_PRODUCED = "P09"
    UNVERIFIED = "P10"
    NO_UNDO = "P11"
    UNORDERED = "P12"
    PRODUCED_TWICE = "P13"
    SAME_WAY_TWICE = "P14"
    LOOP_FORWARD = "P15"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a plan."""

    code: str
    severity: Severity
    message: str
    hint: str
    lines: tuple[Span, ...] = ()


def error(code: Code, message: str, hint: str, lines: Iterable[Span] = ()) -> Problem:
    return Problem(code, Severity.ERROR, message, hint, tuple(lines))


def warning(code: Code, message: str, hint: str, lines: Iterable[Span] = ()) -> Problem:
    return Problem(code, Severity.WARNING, message, hint, tuple(lines))


def title(plan: Plan, step: str) -> str:
    """What people call a step; START and the terminals have no title of their own."""
    known = plan.by_id.get(step)
    if known is not None:
        return known.title
    return "the entry" if step == START else step.removeprefix("END.").replace("_", " ")


def place(plan: Plan, edge: Edge) -> tuple[Span, ...]:
    """Where an edge is written: its own lines, its condition's, its source's."""
    if edge.lines:
        return edge.lines
    if edge.condition is not None and edge.condition.lines:
        return edge.condition.lines
    source = plan.by_id.get(edge.source)
    return source.lines if source is not None else ()
