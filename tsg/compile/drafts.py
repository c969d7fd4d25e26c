"""Steps before they are joined: what a section became and the ways out that its text names."""

from __future__ import annotations

from dataclasses import dataclass

from dag.model import Condition, Span, Step, Terminal


@dataclass(frozen=True, slots=True)
class Place:
    """Index of a draft, in the order of the text."""

    index: int


@dataclass(frozen=True, slots=True)
class Onward:
    """The next step of the text."""


Target = Place | Onward | Terminal


@dataclass(frozen=True, slots=True)
class Exit:
    """A way out of a step, as the guide writes it. No condition, not default: always taken."""

    target: Target
    lines: Span
    condition: Condition | None = None
    otherwise: bool = False
    default: bool = False
    bound: int | None = None
    implicit: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A step and its ways out. With no exit but stated defaults it leads to the next step of the text.

    `reads`: it only reads and decides nothing, so it may run beside its neighbours.
    """

    step: Step
    exits: tuple[Exit, ...] = ()
    reads: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """A section that ends the run, at its place in the text."""

    terminal: Terminal
    lines: Span


Stop = Draft | Ending
