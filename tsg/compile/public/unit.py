"""A unit: a piece of a guide that one person carries out in one go, with the lines that belong to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dag.model import Span
from tsg.commands import Command
from tsg.compile.public.code import Code, code_of, inline_commands
from tsg.compile.public.sections import Head
from tsg.compile.public.speech import Act, Sentence, sentences
from tsg.guide import Block, BlockKind

_VERIFIES = re.compile(
    r"\W*(?:as )?(?:a )?(?:verif\w*|validat\w*|confirm|check|ensure|monitor)\b.*\b(?:resol\w+|recover\w*|normal"
    r"|fix(?:ed)?|restor\w+|cleared"
    r"|operational|healthy again)\b|\W*as (?:a )?validation\b|\W*(?:verification|validation|post-?checks?)\W*$",
    re.I,
)
_FOUND = re.compile(
    r"\b(?:the|these|those|all|each|every|any) (?:listed|identified|found|returned|reported|resulting|matching"
    r"|collected|gathered|named) [a-z]",
    re.I,
)
_IT = re.compile(r"[a-z-]+ (?:(?:if|whether|that) )?(?:it|its|it['’]s|they|them|their|these|those)\b", re.I)
_CONFIRMS = re.compile(r"\W*(?:verify|validate|confirm|double-?check)\b", re.I)
_FIRST = re.compile(
    r"\bbefore (?:you )?(?:continu\w*|proceed\w*|(?:move|moving) on|(?:go|going) (?:on|ahead|further)"
    r"|any(?:thing)? (?:else|other|further))\b",
    re.I,
)
_IT_DOES = re.compile(r"(?:it|this|that|they) (?:does|do|did|is|are|works?|succeeds?|passes)$|so$|yes$", re.I)


@dataclass(frozen=True, slots=True)
class Scope:
    """A condition that the text around a unit sets: a heading's, a bold line's, a comment's."""

    condition: str
    lines: Span
    option: str = ""
    form: str = "text"  # how it is written: text, heading, case ("For X:"), code (a comment)


@dataclass
class Unit:
    """One step to be. `scopes`: outermost first; `label`: the author's number of the step."""

    head: Head
    title: str = ""
    label: str = ""
    scopes: tuple[Scope, ...] = ()
    spans: list[Span] = field(default_factory=list)
    said: list[Sentence] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    listed: int | None = None  # identity of the list whose item it is
    leads: bool = False  # begins with the section's heading
    rule: str = "a sentence that asks for something is a step, with the code it introduces"
    choice: bool = False  # a list of causes or criteria: one decision
    remedies: bool = False  # tells a case that its section is the remedy for, and asks for nothing
    observes: bool = False  # tells what to look for in a result that is there
    repeats: bool = False  # does more of what the step before it changed
    given: list[Block] = field(default_factory=list)  # its author gave it their commands by a mark

    def add(self, block: Block) -> None:
        self.blocks.append(block)
        code = code_of(block)
        # Below a number everything is the step's; elsewhere what was printed only explains.
        self.spans.append(block.lines if code is None or self.head.label else code.lines)
        if code is not None:
            self.codes.append(code)
        elif block.kind in (BlockKind.PARAGRAPH, BlockKind.ROW):
            self.said.extend(sentences(block))

    def add_said(self, block: Block, said: Sequence[Sentence]) -> None:
        """Some sentences of a block, with their lines."""
        self.blocks.append(block)
        self.said.extend(said)
        self.spans.append(Span(min(s.lines.first for s in said), max(s.lines.last for s in said)))

    @property
    def commands(self) -> tuple[Command, ...]:
        """Of blocks and of inline code, in this order."""
        return (*(c for code in self.codes for c in code.commands), *self.inline)

    @property
    def inline(self) -> tuple[Command, ...]:
        return inline_commands(self.blocks)

    @property
    def runs(self) -> bool:
        return any(code.runs for code in self.codes)

    def begins(self, said: Sentence) -> bool:
        """Whether a sentence stands in the unit's first paragraph or below its title, and in no list below them."""
        before = next((i for i, b in enumerate(self.blocks) if code_of(b) is not None), len(self.blocks))
        prose = [b for b in self.blocks[:before] if b.pieces]
        first = prose[: 2 if self.listed is not None else 1]
        return any(
            b.lines.first <= said.lines.first <= b.lines.last for b in first if b is first[0] or len(b.items) < 2
        )

    @property
    def waits(self) -> bool:
        """Whether it waits for something to end, or wants to be done first: what follows comes after it."""
        asked = next((s for s in self.said if s.asks), None)
        return (asked is not None and asked.verb == "wait") or any(_FIRST.search(s.words) for s in self.said)

    @property
    def prepares(self) -> bool:
        """Whether it changes what later steps are given: "change the window of the queries below"."""
        asked = next((s for s in self.said if s.asks), None)
        return asked is not None and not self.runs and asked.verb in ("adjust", "change", "replace", "set")

    @property
    def hands_over(self) -> bool:
        """Whether it ends by handing over to people."""
        listed = {
            n
            for b in self.blocks
            if len(b.items) > (self.listed is not None)
            for n in range(b.lines.first, b.lines.last + 1)
        }
        asked = [s for s in self.said if s.asks and s.lines.first not in listed]
        return bool(asked) and not self.runs and asked[-1].act is Act.ESCALATE and not asked[-1].condition

    @property
    def onward(self) -> Scope | None:
        """The condition under which the guide goes on, where it says so beside another way out."""
        if not any(s.act is Act.ESCALATE and s.condition for s in self.said):
            return None
        for said in self.said:
            if said.opens and said.condition_lines is not None and _IT_DOES.match(said.condition):
                return Scope(said.condition, said.condition_lines)
        return None

    @property
    def verifies(self) -> bool:
        """Whether it looks back at what was done: it comes after everything."""
        words = self.head.title if self.leads else (self.said[0].words if self.said else "")
        return bool(_VERIFIES.match(words))

    @property
    def goes_on(self) -> bool:
        """Whether it is about what was found just before: "examine the listed pods", "check whether it is alive"."""
        about_it = bool(self.said) and self.said[0].asks and _IT.match(self.said[0].main) is not None
        return about_it or any(s.asks and _FOUND.search(s.main) for s in self.said)

    @property
    def confirms(self) -> bool:
        """Whether it asks to verify something: behind a change, what the change came to."""
        asked = next((s.verb for s in self.said if s.asks), "")
        words = self.head.title if self.leads else (self.said[0].words if self.said else "")
        return asked in ("confirm", "validate", "verify") or bool(_CONFIRMS.match(words))

    @property
    def distinct(self) -> list[Block]:
        """Its blocks, each once: sentences of one paragraph may have come one by one."""
        return [b for i, b in enumerate(self.blocks) if not any(b is other for other in self.blocks[:i])]

    @property
    def first(self) -> int:
        return min(s.first for s in self.spans)

    @property
    def lines(self) -> tuple[Span, ...]:
        """Neighbouring spans as one; blank lines between them are part of it."""
        merged: list[Span] = []
        for span in sorted(self.spans):
            if merged and span.first <= merged[-1].last + 2:
                merged[-1] = Span(merged[-1].first, max(merged[-1].last, span.last))
            else:
                merged.append(span)
        return tuple(merged)
