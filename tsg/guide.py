"""A guide as it was written: sections, blocks, fences and links, each with its lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from dag.model import Input, Span
from tsg.findings import Finding
from tsg.marks import Mark


class PieceKind(StrEnum):
    TEXT = "text"
    CODE = "code"  # inline code, its backticks taken off
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of prose of one kind, and the line it starts on. `target` is a link's address."""

    kind: PieceKind
    text: str
    line: int
    target: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link and where it stands; `target` as written, e.g. `#measure` or `other.md#step`."""

    text: str
    target: str
    line: int


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block: ` ```language words key=value `, its body and where that starts.

    `attributes` are the `key=value` words of the info string, `words` those without `=`.
    `lines` include the fence marks; `body_line` is the line of the body's first character.
    """

    language: str
    words: tuple[str, ...]
    attributes: Mapping[str, str]
    body: str
    lines: Span
    body_line: int
    closed: bool = True


class BlockKind(StrEnum):
    PARAGRAPH = "paragraph"
    FENCE = "fence"
    ROW = "row"  # of a table
    CODE = "code"  # indented
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Item:
    """A list item around a block: its number (None in a bullet list), lines, and its list's identity."""

    list_id: int
    number: int | None
    lines: Span


@dataclass(frozen=True, slots=True)
class Block:
    """The smallest thing with lines of its own: a paragraph, a fence, a table's row.

    `text` is the source without list marks; `items` are the list items around it, outermost first.
    """

    kind: BlockKind
    lines: Span
    text: str
    pieces: tuple[Piece, ...] = ()
    items: tuple[Item, ...] = ()
    quoted: bool = False
    fence: Fence | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its own text up to the next heading, of any level.

    `slug` is the anchor that forges give the heading. The text before the first heading is a section
    of level 0 without a title.
    """

    title: str
    level: int
    slug: str
    lines: Span
    blocks: tuple[Block, ...]
    anchors: tuple[str, ...] = ()
    title_code: tuple[str, ...] = ()

    @property
    def fences(self) -> tuple[Fence, ...]:
        return tuple(b.fence for b in self.blocks if b.fence is not None)

    @property
    def links(self) -> Iterator[Link]:
        for block in self.blocks:
            for piece in block.pieces:
                if piece.kind is PieceKind.LINK:
                    yield Link(piece.text, piece.target, piece.line)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What the guide says of itself. `alerts`: each a mapping of label to value or `~regex`."""

    title: str = ""
    alerts: tuple[Mapping[str, str], ...] = ()
    inputs: tuple[Input, ...] = ()
    severity: str | None = None
    owners: tuple[str, ...] = ()
    speculation: bool = True
    lines: Span | None = None
    input_lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Guide:
    """A parsed guide. `findings` are what parsing found wrong without having to give up; `marks` are the author's."""

    path: str
    sha256: str
    line_count: int
    title: str
    front: FrontMatter
    sections: tuple[Section, ...]
    findings: tuple[Finding, ...] = ()
    marks: tuple[Mark, ...] = ()

    @cached_property
    def by_anchor(self) -> Mapping[str, int]:
        """Index of the section that an anchor leads to."""
        table: dict[str, int] = {}
        for i, section in enumerate(self.sections):
            for anchor in (section.slug, *section.anchors):
                table.setdefault(anchor, i)
        return MappingProxyType(table)
