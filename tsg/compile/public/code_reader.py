"""Blocks of code: steps of their own, or further commands of the step before."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tsg.compile.public.code import Code, opens_shell
from tsg.compile.public.own import own_condition
from tsg.compile.public.reading import FOR_EXAMPLE, Reading
from tsg.compile.public.speech import sentences
from tsg.compile.public.split import Part, split
from tsg.compile.public.unit import Scope, Unit
from tsg.guide import Block

_FOR_CASE = re.compile(
    r"for (?!example|instance|reference|more|this|the following|further|details)(?P<case>[^.:]{3,80}):", re.I
)


class CodeReader:
    """Reads blocks of code into a section's reading."""

    def __init__(self, at: Reading) -> None:
        self._at = at

    def read(self, block: Block, code: Code) -> None:
        """Code with a lead of its own begins a step; other code joins the one before."""
        if not code.runs:
            if self._at.waiting and FOR_EXAMPLE.match(self._at.waiting[-1].text):
                self._at.waiting.pop()
            return
        if self._at.sample:
            return
        at = self._at.lead
        lead = self._at.waiting[at:]
        option = bool(self._at.head.option) or (self._at.now is not None and any(s.option for s in self._at.now.scopes))
        parts = split(code, titled=not self._at.head.label, option=option)
        if lead and (alone := _FOR_CASE.fullmatch(lead[0].text.strip("*_ "))):
            self._at.settle_before(at)
            unit = self._at.begin(lead)
            unit.scopes = (*unit.scopes, Scope(alone["case"], lead[0].lines, form="case"))
        elif self._at.now is None:
            self._at.begin([*self._at.waiting] if self._at.head.label or self._at.bold_block else lead)
        elif lead and not self._merges(lead[0], code, self._at.waiting[:at]):
            for waiting in self._at.waiting[:at]:
                if self._at.explains(waiting):
                    self._at.now.add(waiting)
            self._at.begin(lead)
        else:
            for waiting in self._at.waiting:
                self._at.now.add(waiting)
        self._at.waiting = []
        assert self._at.now is not None
        if len(parts) == 1:
            self._at.now.add(block)
        else:
            self.spread(block, code, parts)

    def _merges(self, lead: Block, code: Code, between: Sequence[Block]) -> bool:
        """Whether code with its own lead belongs to the step before: a numbered heading's further reads."""
        now = self._at.now
        assert now is not None
        if any(opens_shell(c) for c in now.commands):
            return False
        if not now.runs:
            if not self._at.head.label or any(b.items for b in now.blocks):
                return not any(s.asks for s in now.said)
            return not any(s.condition and s.opens for s in sentences(lead)) or not now.said
        if not self._at.head.label and now.listed is None:
            return False
        if code.changes or any(c.changes for c in now.codes):
            return False
        decided = any(s.condition and s.opens for s in (*now.said, *(s for b in between for s in sentences(b))))
        return not decided and not any(s.condition and s.opens for s in sentences(lead))

    def spread(self, block: Block, code: Code, parts: Sequence[Part]) -> None:
        """Several steps out of one block of code. Cases keep the words before the block, steps in a row do not."""
        first = self._at.now
        assert first is not None
        spans, said, blocks, codes = list(first.spans), list(first.said), list(first.blocks), list(first.codes)
        own = own_condition(first, runs=True) if not first.runs else None
        under = first.scopes if own is None else (*first.scopes, own)
        for i, part in enumerate(parts):
            unit = first
            if i:
                scopes = self._at.all_scopes() if part.case else under
                unit = Unit(self._at.head, scopes=scopes, listed=first.listed)
                if part.case:
                    unit.spans, unit.said, unit.blocks, unit.codes = list(spans), list(said), list(blocks), list(codes)
                self._at.units.append(unit)
            if part.condition is not None:
                unit.scopes = (*unit.scopes, part.condition)
            unit.spans += [part.lines, *part.shared]
            unit.codes.append(Code(part.lines, code.language, part.parts))
            unit.title = unit.title or part.title
            unit.label = unit.label or part.label
            unit.rule = "comments and changes of risk split a block of code into steps"
            self._at.now = unit
