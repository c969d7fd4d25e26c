"""One section into units, from top to bottom.

- A numbered heading is one step, an ordered item is one step, each with everything below it;
- in prose, a sentence that introduces code and that code are one step;
- a condition that stands alone (a bold line, a heading), an option, and a change behind a read begin a new one;
- explanations, samples of output and what to look for belong to the step before them, or to none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dag.model import Span
from tsg.compile.public.bold import bold_line
from tsg.compile.public.code import code_of
from tsg.compile.public.code_reader import CodeReader
from tsg.compile.public.decisions import add_decision, decide_last, mark_either
from tsg.compile.public.items import ItemReader
from tsg.compile.public.lists import Listing, Segment, segments
from tsg.compile.public.paragraphs import ParagraphReader
from tsg.compile.public.reading import FOR_EXAMPLE, Reading
from tsg.compile.public.rows import RowReader
from tsg.compile.public.sections import Head, Role
from tsg.compile.public.speech import is_condition, sentences
from tsg.compile.public.unit import Scope, Unit
from tsg.guide import Block, BlockKind, Section

_NOT_CARRIED_OUT = re.compile(
    r"(?:key points?|notes?|important|warning|caution|tip|info|background|example|examples|sample|expected|common"
    r"|possible"
    r"|typical|symptoms?|severity|alert|impact|see also|reference|why|cause|output|key findings?|what this means)\b",
    re.I,
)
_LOOKS_BACK = re.compile(
    r"\W*(?:lessons? learn(?:ed|t)|(?:what we )?learn(?:ed|t)|takeaways?|retrospective|post-?mortem"
    r"|follow-?ups?)\W*(?:\n|$)",
    re.I,
)
_OPTION = re.compile(r"(?:option|alternative|approach|method|scenario|strategy)\s+#?(?P<name>[A-Z]|\d{1,2})\b", re.I)


class SectionReader:
    """Reads one section: what each of its blocks is, decides which of the readers takes it."""

    def __init__(self, head: Head, section: Section, scopes: tuple[Scope, ...]) -> None:
        self._at = Reading(head, section, scopes)
        self._codes = CodeReader(self._at)
        self._items = ItemReader(self._at, self._codes)
        self._paragraphs = ParagraphReader(self._at)
        self._rows = RowReader(self._at)

    def read(self) -> list[Unit]:
        """The section's units, in order."""
        if self._at.head.role in (Role.CAUSES, Role.AFTERWARDS):
            return self._choice()
        parts = segments(self._carried_out())
        if parts and isinstance(parts[0], Block):
            self._condition_of_all(parts[0])
        for segment, following in zip(parts, _followers(parts), strict=True):
            if isinstance(segment, Listing):
                self._items.read(segment)
            else:
                self._block(segment, following)
        self._at.flush()
        if not self._at.units and self._at.head.label:
            return self._whole()
        add_decision(self._at)
        mark_either(self._at)
        decide_last(self._at)
        if self._at.units:
            if self._at.head.label and self._at.units[0].listed is None and not self._at.units[0].choice:
                self._at.units[0].rule = "a numbered heading is a step, with what belongs to it"
            self._at.units[0].leads = True
            line = self._at.section.lines.first
            if self._at.section.level:
                self._at.units[0].spans.insert(0, Span(line, line))
        return self._at.units

    def _carried_out(self) -> Sequence[Block]:
        """The section's blocks up to a plain line "Lessons learned": from there on it looks back."""
        blocks = self._at.section.blocks
        end = next((i for i, b in enumerate(blocks) if _LOOKS_BACK.match(b.text) and b.pieces), len(blocks))
        return blocks[:end]

    def _condition_of_all(self, first: Block) -> None:
        """A numbered section that opens with "If ..." stands under that condition as a whole."""
        said = sentences(first) if first.pieces and bold_line(first) is None else ()
        if not said or not said[0].opens or said[0].condition_lines is None:
            return
        alone = not said[0].main.strip()
        if alone or self._at.head.label:
            form = "gate" if alone else "section"
            self._at.scopes = (*self._at.scopes, Scope(said[0].condition, said[0].condition_lines, form=form))

    def _whole(self) -> list[Unit]:
        return self._choice(choice=False)

    def _choice(self, *, choice: bool = True) -> list[Unit]:
        blocks = [b for b in self._at.section.blocks if b.kind is not BlockKind.HTML]
        if not blocks:
            return []
        unit = Unit(self._at.head, self._at.head.title, scopes=self._at.scopes, choice=choice, leads=True)
        unit.rule = "a list of causes or criteria is one decision" if choice else "a numbered heading is a step"
        unit.spans.append(Span(self._at.section.lines.first, self._at.section.lines.first))
        for block in blocks:
            unit.add(block)
        return [unit]

    def _block(self, block: Block, following: Segment | None) -> None:
        if block.quoted and self._at.waiting and _runs(following):
            self._at.waiting.append(block)
        elif block.quoted:
            self._at.attach(block)
        elif (code := code_of(block)) is not None:
            self._codes.read(block, code)
        elif block.kind is BlockKind.HTML:
            pass
        elif (bold := bold_line(block)) is not None:
            self._bold_line(block, bold)
        elif block.kind is BlockKind.ROW:
            self._rows.read(block)
        elif option := _OPTION.match(block.text):
            self._begin_option(block, option["name"])
        else:
            self._paragraphs.read(block, following)

    def _bold_line(self, block: Block, text: str) -> None:
        self._at.sample = False
        if option := _OPTION.match(text):
            self._begin_option(block, option["name"])
        elif is_condition(text):
            self._at.flush()
            self._at.bold, self._at.bold_block, self._at.now = Scope(text.rstrip(":"), block.lines), block, None
        elif _NOT_CARRIED_OUT.match(text):
            self._at.flush()
            self._at.sample = bool(FOR_EXAMPLE.match(text))
            self._at.attach(block)
        elif self._at.now is not None and self._is_topic(text):
            self._at.flush()
            self._at.now, self._at.bold_block = None, block
        elif self._at.now is not None:
            self._at.attach(block)
        else:
            self._at.waiting.append(block)

    def _is_topic(self, text: str) -> bool:
        """Whether a bold line names the thing that the next lines are about, e.g. "**RebootNode:**"."""
        now = self._at.now
        busy = now is not None and (now.runs or any(s.asks for s in now.said))
        return busy and bool(self._at.head.label) and len(text.split()) <= 3

    def _begin_option(self, block: Block, name: str) -> None:
        self._at.flush()
        text = block.text.strip()
        outer = self._at.bold if self._at.bold is not None and not self._at.bold.option else None
        unit = self._at.begin([block])
        unit.rule = "an option is a step of its own"
        unit.scopes = (*self._at.scopes, *((outer,) if outer else ()), Scope(text.split("\n")[0], block.lines, name))


def _followers(parts: Sequence[Segment]) -> list[Segment | None]:
    """By part, the next one that is no quoted remark."""
    found: list[Segment | None] = []
    after: Segment | None = None
    for part in reversed(parts):
        found.append(after)
        after = after if isinstance(part, Block) and part.quoted else part
    return found[::-1]


def _runs(segment: Segment | None) -> bool:
    return isinstance(segment, Block) and (code := code_of(segment)) is not None and code.runs
