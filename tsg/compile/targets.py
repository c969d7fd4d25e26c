"""Go-tos resolved: which step or ending an address or a number means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from dag.model import Terminal
from tsg.compile.drafts import Onward, Target
from tsg.compile.headings import number_of
from tsg.compile.notes import Notes
from tsg.compile.sentences import Goto
from tsg.findings import Code, did_you_mean
from tsg.guide import Guide


@dataclass(frozen=True, slots=True)
class Targets:
    """Where each section's step or ending is, and the author's numbers of steps.

    What cannot be resolved leads to a person, with a finding: a run must not guess.
    """

    guide: Guide
    sections: Mapping[int, Target]
    numbers: Mapping[int, Target]
    notes: Notes

    def resolve(self, goto: Goto, line: int) -> Target:
        if goto.onward:
            return Onward()
        if goto.escalate:
            return Terminal.ESCALATE
        if goto.number is not None:
            return self._number(goto.number, line)
        return self._link(goto.href or "", goto.text, line)

    def _number(self, number: int, line: int) -> Target:
        if (target := self.numbers.get(number)) is not None:
            return target
        self._say(line, Code.GOTO_DANGLING, f"no step has the number {number}", "link to the step's heading")
        return Terminal.ESCALATE

    def _link(self, href: str, text: str, line: int) -> Target:
        try:
            parts = urlsplit(href)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme or parts.netloc or not self._is_own(parts.path):
            message = f"'{text}' is another document; a person takes over there"
            self._say(line, Code.GOTO_OTHER_GUIDE, message, "link to a heading of this guide", error=False)
            return Terminal.ESCALATE
        anchor = unquote(parts.fragment)
        index = self.guide.by_anchor.get(anchor, self.guide.by_anchor.get(anchor.lower()))
        if index is None:
            hint = did_you_mean(anchor, [s.slug for s in self.guide.sections if s.slug], "link to a heading")
            self._say(line, Code.GOTO_DANGLING, f"no heading has the anchor '#{anchor}'", hint)
            return Terminal.ESCALATE
        if (target := self._inside(index)) is not None:
            return target
        message = f"the section '{self.guide.sections[index].title}' holds no step to go to"
        self._say(line, Code.GOTO_NO_STEP, message, "give it a block, a branch or a 'By hand:' instruction")
        return Terminal.ESCALATE

    def _is_own(self, path: str) -> bool:
        return not path or PurePosixPath(unquote(path)).name == PurePosixPath(self.guide.path).name

    def _inside(self, index: int) -> Target | None:
        """The section's own step, or the first step of the sections below it."""
        level = self.guide.sections[index].level
        if (own := self.sections.get(index)) is not None:
            return own
        for i in range(index + 1, len(self.guide.sections)):
            if self.guide.sections[i].level <= level:
                return None
            if (target := self.sections.get(i)) is not None:
                return target
        return None

    def _say(self, line: int, code: Code, message: str, hint: str, *, error: bool = True) -> None:
        if error:
            self.notes.error(line, code, message, hint)
        else:
            self.notes.warn(line, code, message, hint)


def numbers_of(guide: Guide, sections: Mapping[int, Target]) -> dict[int, Target]:
    """Steps by the number in their heading; the first of two with the same number."""
    table: dict[int, Target] = {}
    for index, target in sections.items():
        number = number_of(guide.sections[index].title)
        if number is not None:
            table.setdefault(number, target)
    return table
