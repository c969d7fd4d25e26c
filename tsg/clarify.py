"""Proposals for what a guide's words leave open: which answers there are, and which of a model's may be shown.

A proposal is a mark that would be written into the guide. It must quote the guide at a line that holds the
quotation, and it changes nothing until a person has put the mark there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dag.model import Kind, Plan, Span, Step, Terminal
from tsg.compile.gaps import Gap, GapKind
from tsg.findings import GuideRoomError
from tsg.guide import Guide
from tsg.marks import Verb, written

MOST_STEPS = 18  # of a long guide the nearest are offered
MIN_QUOTE = 8  # characters; less occurs anywhere
CONTEXT_LINES = 12  # before and after the gap


class ClarifyError(GuideRoomError):
    """The proposal cannot be written into the guide."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One way to close a gap: the mark's verb and value, and what it means in words."""

    verb: Verb
    value: str
    meaning: str

    @property
    def mark(self) -> str:
        return written(self.verb, self.value)


@dataclass(frozen=True, slots=True)
class Asked:
    """A gap with everything that an answer may rest on: `context` lines from `first` on, and the answers."""

    gap: Gap
    first: int
    context: tuple[str, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """An answer with its evidence: `quote` stands at `line` of the guide. `by` names who proposed it."""

    gap: Gap
    answer: Answer
    line: int
    quote: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A gap that stays open, and why no answer to it is shown."""

    gap: Gap
    why: str


class Clarifier(Protocol):
    """Proposes how gaps are meant. Never raises for a bad model: what it cannot answer it declines."""

    async def propose(self, asked: Sequence[Asked]) -> Sequence[Proposal | Declined]: ...


def ask_about(gap: Gap, plan: Plan, text: str) -> Asked:
    """The question that a gap poses, with the lines of the guide around it."""
    lines = text.splitlines()
    start = max(1, gap.lines.first - CONTEXT_LINES)
    context = tuple(lines[start - 1 : gap.lines.last + CONTEXT_LINES])
    return Asked(gap, start, context, _answers(gap, plan))


def _answers(gap: Gap, plan: Plan) -> tuple[Answer, ...]:
    steps = _nearest(gap, plan.steps)
    remark = Answer(Verb.REMARK, "", "it only explains: nothing is to be done or decided by it")
    match gap.kind:
        case GapKind.KIND:
            return tuple(Answer(Verb.KIND, kind, meaning) for kind, meaning in _KINDS.items())
        case GapKind.CONDITION:
            only = Answer(Verb.ONLY, "", "the step is taken in this case only")
            ends = [Answer(Verb.GOES, t.removeprefix("END."), _ENDS[t]) for t in Terminal]
            return (only, *(_goes(s) for s in steps if s.id != gap.step), *ends, remark)
        case GapKind.COMMAND:
            belong = [Answer(Verb.BELONGS, s.id, f"it is part of the step '{s.title}'") for s in steps]
            return (*belong, remark)
        case GapKind.REFERENCE:
            return (*(_goes(s) for s in steps if s.id != gap.step), remark)


def _goes(step: Step) -> Answer:
    return Answer(Verb.GOES, step.id, f"it leads to the step '{step.title}' (line {step.lines[0].first})")


_KINDS = {
    Kind.QUERY: "the step only reads",
    Kind.ACTION: "the step changes something",
    Kind.CHECK: "the step decides on what is known already",
    Kind.MANUAL: "the step is for a person: to ask, to tell, to go somewhere",
}
_ENDS = {
    Terminal.RESOLVED: "the incident is over in this case",
    Terminal.ESCALATE: "it is handed to other people in this case",
    Terminal.NOT_APPLICABLE: "the guide is not about this case",
}


def _nearest(gap: Gap, steps: Sequence[Step]) -> list[Step]:
    by_distance = sorted(steps, key=lambda s: abs(s.lines[0].first - gap.lines.first))[:MOST_STEPS]
    return [s for s in steps if s in by_distance]


def supported(quote: str, line: int, text: str) -> bool:
    """Whether the quotation stands at the line that is cited, blanks and marks of emphasis aside."""
    lines = text.splitlines()
    wanted = _bare(quote)
    return len(wanted) >= MIN_QUOTE and 1 <= line <= len(lines) and wanted in _bare(lines[line - 1])


def _bare(text: str) -> str:
    return " ".join(re.sub(r"[*_`]", "", text).split()).casefold()


def with_mark(source: bytes, guide: Guide, gap: Gap, answer: Answer) -> bytes:
    """The guide's text with the mark at the gap; line ends and all else stay as they are.

    A mark about code stands alone above the block; any other at the end of the gap's last line.
    Raises: ClarifyError when the text is not the one that the gap was found in.
    """
    lines = source.splitlines(keepends=True)
    if gap.lines.last > len(lines):
        raise ClarifyError(
            f"{guide.path}: the guide has {len(lines)} lines and no line {gap.lines.last}",
            hint="it changed meanwhile: clarify it again",
        )
    block = _code_at(guide, gap.lines.first)
    mark = answer.mark.encode()
    if block is not None:
        first = lines[block.first - 1]
        margin = re.match(rb"[\s>]*", first)
        end = b"\r\n" if first.endswith(b"\r\n") else b"\n"
        lines.insert(block.first - 1, (margin[0].rstrip(b"\r\n") if margin else b"") + mark + end)
    else:
        last = lines[gap.lines.last - 1]
        body = last.rstrip(b"\r\n")
        lines[gap.lines.last - 1] = body.rstrip() + b" " + mark + last[len(body) :]
    return b"".join(lines)


def _code_at(guide: Guide, line: int) -> Span | None:
    for section in guide.sections:
        for block in section.blocks:
            if (block.fence is not None or not block.pieces) and block.lines.first <= line <= block.lines.last:
                return block.lines
    return None
