"""A guide as its reader meets it: prose by sentence, code by statement, steps in order. Read-only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dag.model import Plan
from tsg.guide import Guide, Item
from tsg.mentor.code import Code
from tsg.mentor.parts import Part, parts_of
from tsg.mentor.prose import Prose, Sentence
from tsg.mentor.steps import StepView, steps_of

__all__ = ["Part", "Prose", "Sentence", "StepView", "View"]


@dataclass(frozen=True)
class View:
    """A guide with its source. `native`: it was written for stepfleet. `plan` is None where it has none."""

    guide: Guide
    source: tuple[str, ...]
    native: bool
    plan: Plan | None = None

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        return tuple(parts_of(self.guide, self.source))

    @cached_property
    def working(self) -> tuple[Part, ...]:
        """Sections that somebody is meant to carry out."""
        return tuple(p for p in self.parts if not p.is_background)

    @cached_property
    def codes(self) -> tuple[Code, ...]:
        return tuple(c for p in self.parts for c in p.codes)

    @cached_property
    def steps(self) -> tuple[StepView, ...]:
        return tuple(steps_of(self.parts))

    @cached_property
    def step_at(self) -> dict[int, tuple[StepView, ...]]:
        """Steps of each section, by its index."""
        table: dict[int, list[StepView]] = {}
        for step in self.steps:
            table.setdefault(step.part.index, []).append(step)
        return {k: tuple(v) for k, v in table.items()}

    @cached_property
    def prose_text(self) -> str:
        return "\n".join((p.title + "\n" + p.text) for p in self.parts)

    @cached_property
    def code_text(self) -> str:
        return "\n".join(c.body for p in self.parts for c in p.commands)

    @cached_property
    def intro(self) -> str:
        """The text before the first section of level 2, and what the front matter says."""
        cut = next((p.section.lines.first for p in self.parts if p.section.level >= 2), len(self.source) + 1)
        return "\n".join(self.source[: cut - 1])

    def item_flow(self, part: Part, item: Item) -> tuple[Prose | Code, ...]:
        return tuple(f for f in part.flow if item in f.block.items)

    def step_of(self, flow: Prose | Code) -> StepView | None:
        """The step that a piece stands in."""
        steps = self._step_by_block
        return steps.get(id(flow.block))

    @cached_property
    def _step_by_block(self) -> dict[int, StepView]:
        table: dict[int, StepView] = {}
        for step in self.steps:
            for f in step.flow:
                if id(f.block) not in table or not step.by_heading:
                    table[id(f.block)] = step
        return table
