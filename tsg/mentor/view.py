"""A guide as its reader meets it: prose by sentence, code by statement, steps in order. Read-only."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from dag.model import Plan, Span
from tsg.compile.headings import BACKGROUND, ending_of, number_of, plain
from tsg.guide import Block, BlockKind, Guide, Item, PieceKind, Section
from tsg.mentor.code import Code, inline_command

_END = re.compile(r"(?<=[.!?])[\"')*_]*\s+(?=[A-Z0-9`\"(*\[<$])|\n(?=\s*(?:[*_]{2}|[-*•] ))")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|resp|no|fig|incl|ca)\.|\b[A-Z]\.)$", re.IGNORECASE)
_BACKGROUND = re.compile(
    r"\b(?:causes?|meaning|impact|overview|symptoms?|background|what it means|what (?:this|the) .{0,30}means?|how bad|"
    r"severity|references?|postmortem|post-mortem|lessons|appendix|changelog|glossary|introduction|architecture|"
    r"how it works|timeline|what happened|purpose|scope|contacts?|owners?|related|see also|further reading|"
    r"prerequisites?|requirements?|inputs?|parameters?|alert details|repro(?:duction)?|known limitations|faq|notes?|"
    r"learn more|additional information|issue validation|description|limitations|definitions?)\b",
    re.IGNORECASE,
)
_ACTIVE = re.compile(
    r"\b(?:diagnos|mitigat|resol|remed|fix|procedure|steps?|check|verify|investigat|playbook|action|identify|confirm|"
    r"determine|find|collect|gather|recover|restore)\w*",
    re.IGNORECASE,
)
_TAGGED = re.compile(r"<([A-Z][A-Z0-9]*_[A-Z0-9_]+)>\s*")
_STEP_TITLE = re.compile(r"^\W*(?:step\s*)?#?(\d{1,4})([a-z]?)(?=[\s.):–—-]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and the line it starts on; `at` is its offset in the prose. Inline code stands in backticks."""

    text: str
    line: int
    last: int

    @property
    def bare(self) -> str:
        """Without leading list numbers and emphasis."""
        return self.text.strip().lstrip("*_>-• ").strip()


@dataclass(frozen=True)
class Prose:
    """A paragraph, a list item's paragraph or a table's row as plain text."""

    block: Block
    section: int
    at: int
    text: str

    @property
    def lines(self) -> Span:
        return self.block.lines

    @property
    def is_item(self) -> bool:
        return bool(self.block.items)

    @cached_property
    def _breaks(self) -> list[int]:
        return [m.start() for m in re.finditer(r"\n", self.text)]

    def line_of(self, offset: int) -> int:
        return min(self.lines.first + bisect_right(self._breaks, offset - 1), self.lines.last)

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        return tuple(self._split())

    def _split(self) -> Iterator[Sentence]:
        start = 0
        for found in _END.finditer(self.text):
            before = self.text[max(start, found.start() - 12) : found.start()]
            if _ABBREVIATION.search(before.rstrip("\"')*_ ")):
                continue
            yield from self._made(start, found.end())
            start = found.end()
        yield from self._made(start, len(self.text))

    def _made(self, start: int, end: int) -> Iterator[Sentence]:
        text = self.text[start:end]
        if text.strip():
            lead = len(text) - len(text.lstrip())
            yield Sentence(
                " ".join(text.split()), self.line_of(start + lead), self.line_of(start + len(text.rstrip()) - 1)
            )

    @cached_property
    def codes(self) -> tuple[str, ...]:
        return tuple(p.text for p in self.block.pieces if p.kind is PieceKind.CODE)


@dataclass(frozen=True)
class Part:
    """A section with its prose and code in the order of the text.

    `above` are the indices of the sections it stands below; `end` is the index after its last subsection.
    """

    index: int
    section: Section
    above: tuple[int, ...]
    flow: tuple[Prose | Code, ...]
    is_background: bool
    end: int = 0

    @property
    def title(self) -> str:
        return self.section.title

    @cached_property
    def proses(self) -> tuple[Prose, ...]:
        return tuple(p for p in self.flow if isinstance(p, Prose))

    @cached_property
    def codes(self) -> tuple[Code, ...]:
        """Blocks of code, inline commands left out."""
        return tuple(c for c in self.flow if isinstance(c, Code) and not c.inline)

    @cached_property
    def commands(self) -> tuple[Code, ...]:
        """Blocks of code and inline commands."""
        return tuple(c for c in self.flow if isinstance(c, Code))

    @cached_property
    def text(self) -> str:
        return "\n".join(p.text for p in self.proses)

    @cached_property
    def number(self) -> str:
        """`2`, `4a`, or nothing."""
        found = _STEP_TITLE.match(self.title)
        return (
            found[1] + found[2].lower() if (found and number_of(self.title) is not None) or (found and found[2]) else ""
        )


@dataclass(frozen=True)
class StepView:
    """What a person does next: an ordered item, or a numbered heading's section."""

    number: str
    title: str
    lines: Span
    part: Part
    flow: tuple[Prose | Code, ...]
    by_heading: bool

    @cached_property
    def text(self) -> str:
        return "\n".join(p.text for p in self.flow if isinstance(p, Prose))

    @cached_property
    def codes(self) -> tuple[Code, ...]:
        return tuple(c for c in self.flow if isinstance(c, Code))


@dataclass(frozen=True)
class View:
    """A guide with its source. `native`: it was written for stepfleet. `plan` is None where it has none."""

    guide: Guide
    source: tuple[str, ...]
    native: bool
    plan: Plan | None = None

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        return tuple(_parts(self.guide, self.source))

    @cached_property
    def working(self) -> tuple[Part, ...]:
        """Sections that somebody is meant to carry out."""
        return tuple(p for p in self.parts if not p.is_background)

    @cached_property
    def codes(self) -> tuple[Code, ...]:
        return tuple(c for p in self.parts for c in p.codes)

    @cached_property
    def steps(self) -> tuple[StepView, ...]:
        return tuple(_steps(self.parts))

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


def prose_of(block: Block) -> str:
    """The text of a block: emphasis gone, inline code in backticks, links by their words."""
    if not block.pieces:
        return block.text
    made = []
    for piece in block.pieces:
        made.append(f"`{piece.text}`" if piece.kind is PieceKind.CODE else piece.text)
    return "".join(made)


def _parts(guide: Guide, source: Sequence[str]) -> Iterator[Part]:
    tagged = _tagged_regions(source)
    above: list[tuple[int, int]] = []
    sections = guide.sections
    working = {i for i, s in enumerate(sections) if s.level >= 2}
    background: dict[int, bool] = {}
    ends = _ends(sections)
    for i, section in enumerate(sections):
        while above and section.level and above[-1][0] >= section.level:
            above.pop()
        parents = tuple(index for _, index in above)
        own = _is_background(section)
        inherited = any(background[p] and sections[p].level >= 2 for p in parents)
        intro = section.level <= 1 and bool(working) and not _has_procedure(section)
        background[i] = own or intro or (inherited and not _ACTIVE.search(section.title))
        yield Part(i, section, parents, tuple(_flow(section, i, tagged)), background[i], ends[i])
        if section.level:
            above.append((section.level, i))


def _ends(sections: Sequence[Section]) -> list[int]:
    """For each section the index after its last subsection."""
    ends = [len(sections)] * len(sections)
    open_: list[int] = []
    for i, section in enumerate(sections):
        while open_ and sections[open_[-1]].level >= section.level:
            ends[open_.pop()] = i
        open_.append(i)
    return ends


def _has_procedure(section: Section) -> bool:
    """Whether a title's own text is more than an introduction."""
    return any(b.items and b.items[0].number is not None for b in section.blocks) or bool(section.fences)


def _is_background(section: Section) -> bool:
    if ending_of(section) is not None or number_of(section.title) is not None:
        return False
    bare = plain(section.title)
    if bare in BACKGROUND:
        return True
    return bool(_BACKGROUND.search(section.title)) and not _ACTIVE.search(section.title)


def _flow(section: Section, index: int, tagged: Sequence[Span]) -> Iterator[Prose | Code]:
    done: set[Span] = set()
    for at, block in enumerate(section.blocks):
        region = _region(tagged, block.lines.first)
        if region is not None:
            if region not in done:
                done.add(region)
                yield _region_code(section, index, at, block, region)
            continue
        if block.kind is BlockKind.FENCE and block.fence is not None:
            yield Code(block, block.fence.body, block.fence.body_line, block.lines, index, at, block.fence)
        elif block.kind is BlockKind.CODE:
            yield Code(block, block.text, block.lines.first, block.lines, index, at)
        elif block.kind is not BlockKind.HTML:
            yield Prose(block, index, at, prose_of(block))
            for piece in block.pieces:
                if piece.kind is PieceKind.CODE and inline_command(piece.text):
                    yield Code(block, piece.text, piece.line, Span(piece.line, piece.line), index, at, inline=True)


def _region_code(section: Section, index: int, at: int, block: Block, region: Span) -> Code:
    text = "\n".join(b.text for b in section.blocks if region.first <= b.lines.first <= region.last)
    body = "\n".join(line for line in text.splitlines() if not re.fullmatch(r"\s*</?[A-Z][A-Z0-9_]+>\s*", line))
    return Code(block, body, region.first + 1, region, index, at)


def _region(tagged: Sequence[Span], line: int) -> Span | None:
    at = bisect_right(tagged, line, key=lambda s: s.first) - 1
    return tagged[at] if at >= 0 and line <= tagged[at].last else None


def _tagged_regions(source: Sequence[str]) -> list[Span]:
    """Lines between `<QUERY_1>` and `</QUERY_1>`, each alone on its line: code without a fence."""
    made: list[Span] = []
    opened: tuple[str, int] | None = None
    for at, line in enumerate(source, start=1):
        if not line.startswith("<"):
            continue
        bare = line.strip()
        if opened is None and (found := _TAGGED.fullmatch(bare)):
            opened = (found[1], at)
        elif opened is not None and bare == f"</{opened[0]}>":
            made.append(Span(opened[1], at))
            opened = None
    return made


def _steps(parts: Sequence[Part]) -> Iterator[StepView]:
    for part in parts:
        if part.number:
            yield StepView(part.number, part.title, part.section.lines, part, part.flow, by_heading=True)
        items: dict[tuple[int, Span], list[Prose | Code]] = {}
        known: dict[tuple[int, Span], Item] = {}
        open_key: tuple[int, Span] | None = None
        for flow in part.flow:
            outer = flow.block.items[0] if flow.block.items else None
            if outer is not None and outer.number is not None:
                open_key = (outer.list_id, outer.lines)
                known[open_key] = outer
                items.setdefault(open_key, []).append(flow)
            elif outer is None and open_key is not None and isinstance(flow, Code):
                items[open_key].append(flow)  # a fence that breaks its list belongs to the item above
            elif outer is None:
                open_key = None
        for key, flows in items.items():
            first = next((f for f in flows if isinstance(f, Prose)), None)
            title = first.sentences[0].text if first is not None and first.sentences else ""
            lines = Span(known[key].lines.first, max(f.lines.last for f in flows))
            yield StepView(str(known[key].number), title, lines, part, tuple(flows), by_heading=False)
