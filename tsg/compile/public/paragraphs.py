"""Paragraphs: instructions, cases, explanations, and what introduces code or a list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tsg.compile.public.code import code_of
from tsg.compile.public.lists import Listing, Segment
from tsg.compile.public.reading import FOR_EXAMPLE, Reading
from tsg.compile.public.speech import CHANGING, Act, Sentence, sentences
from tsg.compile.public.unit import Scope, Unit
from tsg.guide import Block, PieceKind

_SIGN = re.compile(r"\b(?:logs?|logged|messages?|errors?|output|prints?|reports?|shows?)\b", re.I)
_ELSEWHERE = re.compile(r"\b(?:portal|console|ticket)\b", re.I)
_READ_MORE = re.compile(r"(?:\W*(?:see|see also|cf|and|or|the|also)\b)*\W*", re.I)
_ALL_AT_ONCE = re.compile(r"(?:start|run|do) (?:all|both|them|these|steps?)\b", re.I)


class ParagraphReader:
    """Reads paragraphs into a section's reading."""

    def __init__(self, at: Reading) -> None:
        self._at = at

    def read(self, block: Block, following: Segment | None) -> None:
        """`following`: what it may introduce."""
        said = sentences(block)
        code_next = isinstance(following, Block) and (code := code_of(following)) is not None and code.runs
        if FOR_EXAMPLE.match(block.text) and not code_next:
            self._at.sample = False
            self._at.waiting.append(block)
            return
        self._at.sample = False
        asks = [s for s in said if s.asks] if not _is_pointer(block, said) else []
        if code_next:
            self._at.waiting.append(block)
            return
        if isinstance(following, Listing) and block.text.rstrip("*_ ").endswith(":"):
            self._intro(block, said)
            return
        if not asks and self._is_sign(block, said, following):
            self._observe(block)
            return
        if not asks and self._at.head.remedy and not self._at.units and said and said[0].opens:
            unit = self._at.begin([block])
            unit.remedies, unit.rule = True, "a case that a remedy is for is a step for a person"
            return
        if not asks and not any(s.act in (Act.GOOD, Act.DECLINE) for s in said):
            self._at.waiting.append(block)
            return
        groups = _by_condition(said)
        if self._at.now is None:
            for waiting in self._at.waiting if self._at.head.label or self._at.bold_block else ():
                self._before(waiting)
            self._at.waiting = []
        for group in groups:
            self._sentences(block, group)

    def _is_sign(self, block: Block, said: Sequence[Sentence], following: Segment | None) -> bool:
        """Whether prose without instruction shows what a result looks like when something is wrong."""
        if self._at.head.label or self._at.bold is not None or not isinstance(following, Block):
            return False
        shown = code_of(following)
        if following.fence is None or shown is None or shown.runs or not block.text.rstrip().endswith((":", ".")):
            return False
        return any(s.opens for s in said) or bool(_SIGN.search(block.text))

    def _observe(self, block: Block) -> None:
        now = self._at.now
        if now is None or not now.observes:
            self._at.settle()
            self._at.waiting = []
            now = self._at.begin([])
            now.observes, now.rule = True, "what a result looks like when something is wrong is a decision on it"
        now.add(block)

    def _before(self, block: Block) -> None:
        if self._at.now is None:
            self._at.begin([block])
        else:
            self._at.now.add(block)

    def _sentences(self, block: Block, group: Sequence[Sentence]) -> None:
        asks = any(s.asks for s in group)
        if not asks:
            ends = any(s.act in (Act.GOOD, Act.DECLINE) and (s.condition or self._at.bold) for s in group)
            if self._at.now is None and ends:
                self._at.begin([])
            if self._at.now is not None:
                self._at.settle()
                self._at.now.add_said(block, group)
            return
        if group[0].otherwise and group[0].asks and not _is_goto(group[0]) and self._at.bold is not None:
            self._at.flush()
            self._at.bold, self._at.now = Scope("otherwise", group[0].lines), None
        now = self._at.now
        asked = [s for s in group if s.asks]
        if now is None and self._at.units and all(s.act is Act.ESCALATE and s.condition for s in asked):
            self._at.now = self._at.units[-1]
        elif now is None or self._opens_step(now, group):
            self._at.flush()
            self._at.begin([])
        else:
            self._at.settle()
        assert self._at.now is not None
        self._at.now.add_said(block, group)

    def _opens_step(self, now: Unit, group: Sequence[Sentence]) -> bool:
        """Whether an instruction without code of its own is a step beside the one before it."""
        first = next(s for s in group if s.asks)
        if _ALL_AT_ONCE.match(first.main):
            return False
        if _is_goto(first) or (first.act is Act.ESCALATE and first.condition):
            return False
        if first.condition and first.opens:
            return bool(now.said) and not (now.verifies and now.runs)
        if not self._at.head.label and now.listed is None:
            return True
        elsewhere = first.verb in ("report", "notify") or bool(_ELSEWHERE.search(first.words))
        if first.act is Act.ESCALATE or elsewhere:
            return now.runs
        if first.verb in CHANGING or first.verb in ("follow", "perform"):
            return now.runs or any(s.asks for s in now.said)
        return (
            bool(re.match(r"(?:monitor|check|see|verify|confirm) (?:if|whether)\b", first.main, re.I))
            and now.said != []
        )

    def _intro(self, block: Block, said: Sequence[Sentence]) -> None:
        """A paragraph that introduces a list."""
        asks = any(s.asks for s in said)
        if asks and (self._at.now is None or self._opens_step(self._at.now, [s for s in said if s.asks])):
            keep = self._at.waiting if self._at.now is None and (self._at.head.label or self._at.bold_block) else []
            if self._at.now is not None:
                self._at.settle()
            self._at.waiting = []
            self._at.begin(keep)
            assert self._at.now is not None
            self._at.now.add(block)
        elif asks:
            self._at.settle()
            assert self._at.now is not None
            self._at.now.add(block)
        else:
            self._at.waiting.append(block)


def _is_pointer(block: Block, said: Sequence[Sentence]) -> bool:
    """Whether a paragraph is nothing but a link, or "See [the manual](...)": where to read more."""
    rest = "".join(p.text for p in block.pieces if p.kind is not PieceKind.LINK)
    if any(p.target.startswith("#") for p in block.pieces) or len(rest) == sum(len(p.text) for p in block.pieces):
        return False
    return _READ_MORE.fullmatch(rest) is not None and not any(s.condition for s in said)


def _is_goto(sentence: Sentence) -> bool:
    return bool(
        re.match(r"(?:go|proceed|return|jump|skip|continue|move on|see|refer)\b", sentence.main.strip("*_ "), re.I)
    )


def _by_condition(said: Sequence[Sentence]) -> list[list[Sentence]]:
    """Sentences that stand on lines of their own and open with different conditions, apart."""
    groups: list[list[Sentence]] = []
    for sentence in said:
        opens = bool(sentence.condition and sentence.opens and (sentence.asks or sentence.act in (Act.GOOD,)))
        apart = groups and opens and sentence.lines.first > groups[-1][0].lines.first and not _is_goto(sentence)
        if not groups or (apart and any(s.asks or s.act is Act.GOOD for s in groups[-1])):
            groups.append([sentence])
        else:
            groups[-1].append(sentence)
    return groups
