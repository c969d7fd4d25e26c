"""Sections as their reader meets them: what is background, and prose and code in the order of the text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from dag.model import Span
from tsg.compile.headings import BACKGROUND, ending_of, number_of, plain
from tsg.guide import Block, BlockKind, Guide, PieceKind, Section
from tsg.mentor.code import Code, inline_command
from tsg.mentor.prose import Prose, prose_of

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


def parts_of(guide: Guide, source: Sequence[str]) -> Iterator[Part]:
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
