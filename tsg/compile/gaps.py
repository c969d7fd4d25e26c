"""What the compiler left open in a guide for people: marked, located, and never filled by a guess.

A gap is for the author to mend, in words or by a mark; a model may propose one (`tsg.clarify`), a person decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dag.model import Edge, Span
from tsg.commands import Command
from tsg.compile.notes import Notes
from tsg.compile.public.code import changes, code_of, inline_commands
from tsg.compile.public.nature import Nature
from tsg.compile.public.sections import Role, heads_of
from tsg.compile.public.speech import Sentence
from tsg.compile.public.unit import Unit
from tsg.compile.public.ways_out import unknown_labels
from tsg.findings import Code
from tsg.guide import Block, Guide
from tsg.marks import Mark, Verb

_SHOWN = 80  # characters of a guide's words in a message


class GapKind(StrEnum):
    """What is not known."""

    KIND = "kind"  # whether the step reads, changes, decides, or asks a person
    CONDITION = "condition"  # where the plan takes the case that a sentence tells
    COMMAND = "command"  # to which step commands belong, if to any
    REFERENCE = "reference"  # which step a go-to means


# By which marks its author can say how it is meant.
ANSWERS = {
    GapKind.KIND: (Verb.KIND,),
    GapKind.CONDITION: (Verb.ONLY, Verb.GOES),
    GapKind.COMMAND: (Verb.BELONGS,),
    GapKind.REFERENCE: (Verb.GOES,),
}


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that the words leave open. `step`: the step it stands in, empty for none.

    `words` are the guide's own. `key` names the gap by its kind and words, and not by its lines: it stays
    the same while other parts of the guide change.
    """

    kind: GapKind
    lines: Span
    words: str
    step: str = ""

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.kind}\0{self.step}\0{' '.join(self.words.split())}".encode()).hexdigest()[:16]


def gaps_of(
    guide: Guide,
    ids: Sequence[str],
    units: Sequence[Unit],
    natures: Sequence[Nature],
    edges: Sequence[Edge],
    marks: Sequence[Mark],
) -> tuple[Gap, ...]:
    """All gaps that no mark closes, in the order of the text."""
    found = [*_kinds(ids, units, natures), *_conditions(ids, units, edges), *_references(ids, units)]
    found += _commands(guide, units, natures)
    said = [(mark, _reach(mark, guide)) for mark in marks]
    left = [g for g in dict.fromkeys(found) if not any(_closes(m, reach, g) for m, reach in said)]
    return tuple(sorted(left, key=lambda g: (g.lines, g.kind, g.step)))


def _reach(mark: Mark, guide: Guide) -> Span:
    """The lines that a mark speaks of: all of a block of code, else the one where it stands."""
    for section in guide.sections:
        for block in section.blocks:
            if block.lines.first <= mark.at <= block.lines.last and code_of(block) is not None:
                return block.lines
    return Span(mark.at, mark.at)


def _closes(mark: Mark, reach: Span, gap: Gap) -> bool:
    meets = gap.lines.first <= reach.last and reach.first <= gap.lines.last
    return meets and mark.verb in (*ANSWERS[gap.kind], Verb.REMARK)


def _kinds(ids: Sequence[str], units: Sequence[Unit], natures: Sequence[Nature]) -> Iterator[Gap]:
    for name, unit, nature in zip(ids, units, natures, strict=True):
        if not nature.told:
            said = next((s for s in unit.said if s.asks), unit.said[0] if unit.said else None)
            words, lines = (said.words, said.lines) if said is not None else (unit.head.title, unit.lines[0])
            yield Gap(GapKind.KIND, lines, words, name)


def _conditions(ids: Sequence[str], units: Sequence[Unit], edges: Sequence[Edge]) -> Iterator[Gap]:
    placed = {n for e in edges if e.condition is not None for span in e.condition.lines for n in _numbers(span)}
    for name, unit in zip(ids, units, strict=True):
        for said in unit.said:
            if _tells_a_case(said) and said.condition_lines and not placed & set(_numbers(said.condition_lines)):
                yield Gap(GapKind.CONDITION, said.lines, said.words, name)


def _tells_a_case(said: Sentence) -> bool:
    return bool(said.condition) and said.opens and said.asks


def _references(ids: Sequence[str], units: Sequence[Unit]) -> Iterator[Gap]:
    for index, said in unknown_labels(units):
        yield Gap(GapKind.REFERENCE, said.lines, said.words, ids[index])


def _commands(guide: Guide, units: Sequence[Unit], natures: Sequence[Nature]) -> Iterator[Gap]:
    """Commands that change something and that no step is known to carry out: of background only whole blocks.

    A command in a step's prose that is only mentioned is open too, unless the step is risky anyway.
    """
    held: set[int] = set()
    for unit, nature in zip(units, natures, strict=True):
        own = {n for span in unit.lines for n in _numbers(span)}
        mentioned = {n for c in unit.inline if changes(c) for n in _numbers(c.lines)} if not nature.risk else set()
        held |= own - mentioned
    for head, section in zip(heads_of(guide), guide.sections, strict=True):
        for block in section.blocks:
            for command in _of_block(block, inline=head.role in (Role.PROCEDURE, Role.CAUSES)):
                if changes(command) and not held & set(_numbers(command.lines)):
                    yield Gap(GapKind.COMMAND, command.lines, command.text)


def _of_block(block: Block, *, inline: bool) -> tuple[Command, ...]:
    if (code := code_of(block)) is not None:
        return code.commands
    return inline_commands([block]) if inline else ()


def _numbers(span: Span) -> range:
    return range(span.first, span.last + 1)


def report(gaps: Sequence[Gap], notes: Notes) -> None:
    """A finding for each gap."""
    for gap in gaps:
        words = gap.words if len(gap.words) <= _SHOWN else gap.words[: _SHOWN - 1] + "…"
        code, message, hint = _SAID[gap.kind]
        notes.info(gap.lines.first, code, message.format(words=" ".join(words.split())), hint)


_SAID = {
    GapKind.KIND: (
        Code.KIND_OPEN,
        "'{words}' does not tell whether it reads or changes something; a person carries it out",
        "begin with what is done (Check, Restart, Ask, ...), or give the command",
    ),
    GapKind.CONDITION: (
        Code.CONDITION_OPEN,
        "'{words}' tells a case, and no way of the plan has it; the step is taken in every case",
        "give the case a step of its own, or write 'If ..., go to step N'",
    ),
    GapKind.COMMAND: (
        Code.COMMAND_OPEN,
        "'{words}' may change something, and no step is known to run it",
        "write 'Run ...' in a step of its own, or say that it is an example",
    ),
    GapKind.REFERENCE: (
        Code.REFERENCE_OPEN,
        "'{words}' names a step that the guide does not have",
        "name a step by its number or its heading's link",
    ),
}
