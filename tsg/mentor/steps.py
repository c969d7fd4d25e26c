"""What a person does next: ordered items and numbered headings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from dag.model import Span
from tsg.guide import Item
from tsg.mentor.code import Code
from tsg.mentor.parts import Part
from tsg.mentor.prose import Prose


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


def steps_of(parts: Sequence[Part]) -> Iterator[StepView]:
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
