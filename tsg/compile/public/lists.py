"""Lists as people write them: broken by an unindented block, numbered without a dot, and still one list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tsg.compile.public.bold import bold_line
from tsg.guide import Block, BlockKind, Item

_NEAR = 12  # records and fields of a record that are compared
LABEL = re.compile(r"\W*[A-Z]\w+(?: \w+)?\W*:")  # of a record's field: "Cause: ..."
_MISSING_DOT = re.compile(r"(?P<number>\d{1,2})\s+[A-Z][a-z]")


@dataclass
class Entry:
    """One outer item of a list, with everything inside it."""

    item: Item | None
    number: int | None
    blocks: list[Block]


@dataclass
class Listing:
    list_id: int
    entries: list[Entry]

    @property
    def ordered(self) -> bool:
        return self.entries[0].number is not None

    @property
    def blocks(self) -> list[Block]:
        return [b for e in self.entries for b in e.blocks]


Segment = Block | Listing


def segments(blocks: Sequence[Block]) -> list[Segment]:
    """Blocks by outer list. A list that unindented text broke is one again where its numbers go on."""
    out: list[Segment] = []
    for block in blocks:
        item = block.items[0] if block.items else None
        if item is None:
            before = out[-1] if out else None
            if _begins_without_dots(block, blocks):
                out.append(Listing(-1, [Entry(None, _number_without_dot(block), [block])]))
            elif (number := _number_without_dot(block)) is not None and _join(out, number, -1):
                _last_list(out).entries.append(Entry(None, number, [block]))
            elif isinstance(before, Listing) and (
                _belongs_to_item(block, before) or _is_last_field(before.entries, block)
            ):
                before.entries[-1].blocks.append(block)
            else:
                out.append(block)
            continue
        last = out[-1] if out else None
        if isinstance(last, Listing) and last.list_id == item.list_id:
            if last.entries[-1].item == item:
                last.entries[-1].blocks.append(block)
            else:
                last.entries.append(Entry(item, item.number, [block]))
        elif item.number is not None and item.number > 1 and _join(out, item.number, item.list_id):
            _last_list(out).entries.append(Entry(item, item.number, [block]))
        else:
            out.append(Listing(item.list_id, [Entry(item, item.number, [block])]))
    return out


def _belongs_to_item(block: Block, listing: Listing) -> bool:
    """Whether a fence stands right below an item, only not indented as Markdown asks for."""
    last = listing.entries[-1].blocks[-1]
    return block.kind is BlockKind.FENCE and listing.ordered and block.lines.first == last.lines.last + 1


def _begins_without_dots(block: Block, blocks: Sequence[Block]) -> bool:
    """Whether a paragraph `8 Restart it` begins a list: the next number follows without a dot as well."""
    number = _number_without_dot(block)
    numbers = [n for b in blocks if not b.items and (n := _number_without_dot(b)) is not None]
    return number is not None and number == min(numbers) and number + 1 in numbers


def _number_without_dot(block: Block) -> int | None:
    """`8 Restart the pod` without the dot that Markdown asks for."""
    found = _MISSING_DOT.match(block.text) if block.kind is BlockKind.PARAGRAPH else None
    return int(found["number"]) if found else None


def _last_list(out: Sequence[Segment]) -> Listing:
    last = out[-1]
    assert isinstance(last, Listing)
    return last


def _join(out: list[Segment], number: int, list_id: int) -> bool:
    """Let the list before go on where its last number is one less; what stands between is its last item's."""
    at = next((i for i in range(len(out) - 1, -1, -1) if _ends_with(out[i], number - 1)), None)
    if at is None:
        return False
    listing = out[at]
    assert isinstance(listing, Listing)
    behind = out[at + 1 :]
    if any(bold_line(s) if isinstance(s, Block) else s.ordered for s in behind):
        return False
    for segment in behind:
        listing.entries[-1].blocks += [segment] if isinstance(segment, Block) else segment.blocks
    del out[at + 1 :]
    listing.list_id = list_id
    return True


def _ends_with(segment: Segment, number: int) -> bool:
    return isinstance(segment, Listing) and segment.entries[-1].number == number


def _is_last_field(before: Sequence[Entry], block: Block) -> bool:
    """Whether a paragraph is a field of a list's last record: the records before it have one of that name."""
    label = LABEL.match(block.text) if block.kind is BlockKind.PARAGRAPH else None
    if label is None or len(before) < 2:
        return False
    held = {m[0] for e in before[-_NEAR:-1] for b in e.blocks[1:_NEAR] if (m := LABEL.match(b.text))}
    own = {m[0] for b in before[-1].blocks[1:][-_NEAR:] if (m := LABEL.match(b.text))}
    return label[0] in held - own
