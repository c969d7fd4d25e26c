"""Guides that were not written for stepfleet: headings, numbered items and commands into instructions.

No block of such a guide becomes a call. A step says what a person is to do, whether it is known to only
read, and what in it is risky; a person carries it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from dag.model import READS_UNKNOWN, Kind, Span, Step, ValueType
from tsg.compile.branches import ways_out
from tsg.compile.calls import UNKNOWN
from tsg.compile.drafts import Draft, Place, Stop, Target
from tsg.compile.headings import is_background, number_of
from tsg.compile.notes import Notes
from tsg.compile.prose import is_instruction, prose
from tsg.compile.risk import risk_of
from tsg.compile.sentences import Clause, read_block
from tsg.compile.shell import Verdict, verdict
from tsg.compile.targets import Targets
from tsg.guide import Block, BlockKind, Guide, Section

_READS = re.compile(
    r"(?:please |then |first,? |now,? |next,? )?(?:analy[sz]e|check|collect|compare|confirm|describe|determine|examine"
    r"|execute the following query|find|gather|get|identify|inspect|list|locate|look|monitor|query|retrieve|review|run"
    r"|search|see|use|validate|verify|view|watch)\b",
    re.IGNORECASE,
)
_TITLE_CHARS = 80


@dataclass
class Unit:
    """Blocks that one person carries out in one go."""

    section: int
    blocks: list[Block]
    title: str
    number: int | None = None
    heading: Span | None = None
    slug: str = field(default="")

    @property
    def lines(self) -> tuple[Span, ...]:
        """Neighbouring blocks as one span; blank lines between them are part of it."""
        spans = [self.heading] if self.heading is not None else []
        spans += [b.lines for b in self.blocks]
        merged: list[Span] = []
        for span in spans:
            if merged and span.first <= merged[-1].last + 2:
                merged[-1] = Span(merged[-1].first, max(merged[-1].last, span.last))
            else:
                merged.append(span)
        return tuple(merged)


def foreign_stops(
    guide: Guide, notes: Notes
) -> tuple[list[Stop], tuple[frozenset[str], ...], tuple[frozenset[str], ...]]:
    """The instructions in the order of the text, groups named as simultaneous, and alternatives.

    They follow one another as written: numbers in public guides rarely say what depends on what, and two
    steps that must not run together are worse than two that wait.
    """
    units = [u for i, s in enumerate(guide.sections) for u in _units(i, s)]
    _name(units, guide)
    sections: dict[int, Target] = {}
    numbers: dict[int, Target] = {}
    for index, unit in enumerate(units):
        sections.setdefault(unit.section, Place(index))
    # The number of a heading is the step's; numbers of items count where no heading has that number.
    for index, target in sections.items():
        if (number := number_of(guide.sections[index].title)) is not None:
            numbers.setdefault(number, target)
    for index, unit in enumerate(units):
        if unit.number is not None:
            numbers.setdefault(unit.number, Place(index))
    targets = Targets(guide, sections, numbers, notes, lenient=True)
    types: dict[str, ValueType] = {i.name: i.type for i in guide.front.inputs}
    stops: list[Stop] = []
    for index, unit in enumerate(units):
        clauses = [s for b in unit.blocks for s in read_block(b) if isinstance(s, Clause)]
        # Findings about the form of a branch are for authors who write for stepfleet.
        silent = Notes(guide.path)
        exits = ways_out(clauses, index, types, targets.resolve, silent, lenient=True)
        stops.append(Draft(_step(unit), exits))
    return stops, (), ()


def _units(index: int, section: Section) -> list[Unit]:
    if section.level == 0 or is_background(section):
        return []
    blocks = [b for b in section.blocks if b.kind is not BlockKind.HTML or section.title]
    number = number_of(section.title)
    if any(_item_number(b) is not None for b in blocks) and _items(blocks) > 1:
        return [_adopt(u, index) for u in _by_item(blocks, section)]
    if number is not None:
        heading = Span(section.lines.first, section.lines.first)
        return [Unit(index, _without_samples(blocks), section.title, number, heading)] if blocks else []
    return [_adopt(u, index) for u in _by_command(blocks, section)]


def _without_samples(blocks: list[Block]) -> list[Block]:
    """Cut off what follows the last command from the first sample on: it explains and is not carried out."""
    verdicts = [verdict(b.fence) if b.fence is not None else None for b in blocks]
    commands = [i for i, v in enumerate(verdicts) if v is not None and v is not Verdict.NO_COMMAND]
    if not commands:
        return blocks
    cut = next((i for i in range(commands[-1] + 1, len(blocks)) if verdicts[i] is Verdict.NO_COMMAND), len(blocks))
    if cut < len(blocks) and blocks[cut - 1].text.rstrip("*_ ").endswith(":"):
        cut -= 1
    return blocks[:cut]


def _adopt(unit: Unit, index: int) -> Unit:
    unit.section = index
    return unit


def _item_number(block: Block) -> int | None:
    return block.items[0].number if block.items else None


def _items(blocks: Sequence[Block]) -> int:
    return len({b.items[0].lines for b in blocks if _item_number(b) is not None})


def _by_item(blocks: Sequence[Block], section: Section) -> Iterator[Unit]:
    """One unit for each item of a numbered list; what stands between lists is split by its commands."""

    def outer(block: Block) -> tuple[int, int]:
        return (block.items[0].list_id, block.items[0].lines.first) if _item_number(block) is not None else (-1, 0)

    for key, group in groupby(blocks, key=outer):
        inside = list(group)
        if key[0] < 0:
            yield from _by_command(inside, section)
        else:
            yield Unit(0, inside, _first_words(inside), _item_number(inside[0]))


def _by_command(blocks: Sequence[Block], section: Section) -> Iterator[Unit]:
    """One unit for each block of commands, with the sentence before it; instructions without one stand alone."""
    waiting: list[Block] = []
    unit: Unit | None = None
    for block in blocks:
        if block.fence is not None:
            if verdict(block.fence) is Verdict.NO_COMMAND:
                waiting = []
                continue
            unit = Unit(0, [*waiting[-1:], block], _first_words(waiting[-1:]) or section.title)
            yield from (u for u in _told(waiting[:-1]))
            yield unit
            waiting = []
        elif block.kind in {BlockKind.PARAGRAPH, BlockKind.ROW} and not block.quoted:
            waiting.append(block)
    yield from _told(waiting)


def _told(blocks: Sequence[Block]) -> Iterator[Unit]:
    """Instructions without commands: one unit for a paragraph, one for a whole list."""

    def of_list(block: Block) -> tuple[int, int]:
        return (block.items[0].list_id, 0) if block.items else (-1, block.lines.first)

    for _, group in groupby(blocks, key=of_list):
        inside = list(group)
        if any(is_instruction(b) for b in inside):
            yield Unit(0, inside, _first_words(inside))


def _first_words(blocks: Sequence[Block]) -> str:
    if not blocks:
        return ""
    text = "".join(p.text for p in blocks[0].pieces) or blocks[0].text
    words = re.split(r"(?<=[.:!?])\s", " ".join(text.split()), maxsplit=1)[0].rstrip(":. ")
    return words if len(words) <= _TITLE_CHARS else words[: _TITLE_CHARS - 1].rsplit(" ", 1)[0] + "…"


def _name(units: Sequence[Unit], guide: Guide) -> None:
    """Ids: the section's anchor where it holds one step, with the item's number or a count where it holds more."""
    taken: set[str] = set()
    for index, group in groupby(units, key=lambda u: u.section):
        inside = list(group)
        base = guide.sections[index].slug
        for n, unit in enumerate(inside, 1):
            numbered = unit.number if unit.heading is None else None
            slug = base if len(inside) == 1 else f"{base}-{numbered if numbered is not None else n}"
            unit.slug = slug
            extra = 1
            while unit.slug in taken:
                extra += 1
                unit.slug = f"{slug}-{extra}"
            taken.add(unit.slug)


def _step(unit: Unit) -> Step:
    text = prose(unit.blocks, with_fences=True)
    kind, risk = _kind(unit, text)
    return Step(
        id=unit.slug,
        title=unit.title or unit.slug,
        kind=kind,
        lines=unit.lines,
        effect=READS_UNKNOWN if kind is Kind.QUERY else UNKNOWN,
        risky=bool(risk),
        risk=risk,
        text=text,
    )


def _kind(unit: Unit, text: str) -> tuple[Kind, str]:
    """What the step does, and what makes it risky: only what is known to read is not."""
    verdicts = [v for b in unit.blocks if b.fence and (v := verdict(b.fence)) is not Verdict.NO_COMMAND]
    if verdicts:
        if Verdict.CHANGES in verdicts:
            return Kind.ACTION, "its commands are not known to only read"
        return Kind.QUERY, ""
    words = prose(unit.blocks)
    if risk := risk_of(unit.title, words):
        return Kind.ACTION, risk
    return (Kind.QUERY if _READS.match(words.lstrip("-*0123456789. _")) else Kind.MANUAL), ""
