"""`<!-- stepfleet: kind query -->`: what an author says about a line of a guide that its words leave open.

A mark is part of the guide's text: it is reviewed, blamed and compared as the text is. Readers on a forge do
not see it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from markdown_it.token import Token


class Verb(StrEnum):
    """What is said."""

    KIND = "kind"  # ... query | action | check | manual: what the step does
    ONLY = "only"  # the step is taken only in the case that the sentence tells
    GOES = "goes"  # ... STEP or END: where the case of the sentence leads
    BELONGS = "belongs"  # ... STEP: whose commands these are
    REMARK = "remark"  # nothing is to be done about it


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark. `line` is where it stands, `at` the line that it is about."""

    line: int
    at: int
    verb: Verb
    value: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.value}".rstrip()


_MARK = re.compile(
    rf"[ \t]*<!--[ \t]*stepfleet:[ \t]*(?P<verb>{'|'.join(Verb)})(?:[ \t]+(?P<value>[\w.-]{{1,200}}))?"
    r"[ \t]*(?:-- [^\n>]{0,300})?-->"
)


def written(verb: Verb, value: str = "") -> str:
    """A mark as it is written."""
    return f"<!-- stepfleet: {f'{verb} {value}'.rstrip()} -->"


def has_marks(text: str) -> bool:
    """Whether it is worth looking: marks are rare, and looking for them parses the text a second time."""
    return _MARK.search(text) is not None


def take_marks(lines: Sequence[str], tokens: Sequence[Token]) -> tuple[list[str], tuple[Mark, ...]]:
    """The lines without marks, so that sentences read on undisturbed, and the marks. Code is left as it is.

    A mark is about its own line; one that stands alone is about the next line that is not blank.
    """
    code = {
        n for t in tokens if t.map is not None and t.type in ("fence", "code_block") for n in range(t.map[0], t.map[1])
    }
    kept = list(lines)
    found: list[tuple[int, re.Match[str]]] = []
    for number, line in enumerate(lines):
        if number not in code and "stepfleet:" in line:
            found += [(number, m) for m in _MARK.finditer(line)]
            kept[number] = _MARK.sub("", line)
    marks = []
    for number, match in found:
        at = number
        while at < len(kept) and not kept[at].strip(" \t>"):
            at += 1
        marks.append(Mark(number + 1, min(at, len(kept) - 1) + 1, Verb(match["verb"]), match["value"] or ""))
    return kept, tuple(marks)
