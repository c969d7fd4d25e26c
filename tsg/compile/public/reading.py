"""What a section has come to while it is read: the units so far, and what waits for the next of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tsg.compile.public.sections import Head
from tsg.compile.public.speech import Act, sentences
from tsg.compile.public.unit import Scope, Unit
from tsg.guide import Block, Section

FOR_EXAMPLE = re.compile(
    r"(?:for (?:example|instance|reference)|e\.g|examples?\b|sample\b|expected (?:output|result)|example .*|output"
    r"|the output|result"
    r"|healthy output|it looks like|which (?:looks|shows)|would look like|should look)",
    re.I,
)


@dataclass
class Reading:
    """The state of reading one section. `now`: the unit that what follows belongs to; `waiting`: prose before it.

    `bold` is a condition that stands alone above what follows, `bold_block` a title in bold; below `sample`
    nothing is carried out.
    """

    head: Head
    section: Section
    scopes: tuple[Scope, ...]
    units: list[Unit] = field(default_factory=list)
    now: Unit | None = None
    waiting: list[Block] = field(default_factory=list)
    bold: Scope | None = None
    bold_block: Block | None = None
    sample: bool = False

    def all_scopes(self) -> tuple[Scope, ...]:
        """The section's conditions, and the one in bold above what follows."""
        return (*self.scopes, *((self.bold,) if self.bold is not None else ()))

    def begin(self, blocks: Sequence[Block]) -> Unit:
        """A new unit, with the blocks that lead to it."""
        unit = Unit(self.head, scopes=self.all_scopes())
        if self.bold_block is not None:
            unit.spans.append(self.bold_block.lines)
            self.bold_block = None
        for block in blocks:
            unit.add(block)
        self.units.append(unit)
        self.now = unit
        return unit

    def attach(self, block: Block) -> None:
        """Give an explanation to the unit that it follows, or let it wait for the next."""
        if self.now is not None:
            self.settle()
            if self.explains(block):
                self.now.add(block)
        else:
            self.waiting.append(block)

    def explains(self, block: Block) -> bool:
        """Whether a paragraph behind a step belongs to it: anything under a number, else only what reads its result."""
        now = self.now
        if now is None or now.observes or self.head.label or now.listed is not None or self.bold is not None:
            return True
        close = block.lines.first <= now.spans[-1].last + 2
        return close and (block.lines.last - block.lines.first < 4 or any(s.act is Act.LOOK for s in sentences(block)))

    def settle(self) -> None:
        """Give what waits to the step before it."""
        if self.now is not None:
            for block in self.waiting:
                if self.explains(block):
                    self.now.add(block)
            self.waiting = []

    @property
    def lead(self) -> int:
        """Where in what waits that begins which leads to what follows: the last paragraph, and warnings below it."""
        return next((i for i in range(len(self.waiting) - 1, -1, -1) if not self.waiting[i].quoted), 0)

    def settle_before(self, at: int) -> None:
        """Settle what waits before the block at `at`, which leads to what follows."""
        lead = self.waiting[at:]
        self.waiting = self.waiting[:at]
        self.settle()
        self.waiting = lead

    def flush(self) -> None:
        """Settle what waits; what no unit wants is background."""
        self.settle()
        self.waiting = []
