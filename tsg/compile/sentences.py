"""How guides write control flow: sentences into clauses, each a condition and where it leads.

Inline code and links are masked before the grammar looks at the words, so that a dot or a semicolon
inside them never ends a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dag.model import Span
from tsg.compile.units import DURATION, TIMES, seconds, times
from tsg.guide import Block, Piece, PieceKind

_CODE = "\ue000"
_LINK = "\ue001"
_END = "\ue002"
_MASKS = str.maketrans({_CODE: "\ufffd", _LINK: "\ufffd", _END: "\ufffd"})
_MASK = re.compile(f"([{_CODE}{_LINK}])(\\d+){_END}")
_L = f"{_LINK}\\d+{_END}"
MAX_READ = 4_000  # characters; no sentence of a branch is that long, and the grammar would be slow on it
# Abbreviations whose dot ends no sentence.
_STOP = re.compile(r"(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)(?<!etc\.)(?<=[.!?])[\s\"')]+", re.IGNORECASE)

_GO = (
    rf"(?:(?:go|jump|return|proceed|move|skip|continue|carry on|start again)"
    rf"(?: (?:on|back|straight|directly|ahead|over))*(?: (?:to|with|at|from|in))?"
    rf" (?:the (?:section|step) )?(?P<link>{_L}))"
)
_GO_NUMBER = (
    r"(?:(?:go|jump|return|proceed|move|skip|continue)(?: (?:on|back|straight|directly|ahead|over))*"
    r"(?: (?:to|with|at|from))? (?:the )?step #?(?P<number>\d{1,4}))"
)
_NEXT = r"(?P<next>continue|carry on|move on|go on|proceed)(?: (?:with|to) the next (?:step|section))?"
_ESCALATE = r"(?P<escalate>escalate)"
_ACT = (
    rf"(?:(?:then|and|please|just) )*(?:{_GO}|{_GO_NUMBER}|{_NEXT}|{_ESCALATE})"
    rf"(?:,? (?:at most|up to|no more than) (?P<bound>{TIMES}))?"
)
# A reason may follow: "..., go to [Escalate](#escalate): there is nowhere to move anything to".
_WHY = r"(?:(?::|,? because|,? since| -| –| —|,? as) .+| \(.+\))?"
_IF = re.compile(
    rf"(?P<else>(?:otherwise|else|or else),? )?(?P<word>if|when|once|unless) (?P<cond>.+?),?(?: then,?)? {_ACT}{_WHY}",
    re.IGNORECASE | re.DOTALL,
)
_AFTER = re.compile(rf"{_ACT},? (?P<word>if|when|once|unless) (?P<cond>.+)", re.IGNORECASE | re.DOTALL)
_OTHERWISE = re.compile(rf"(?:otherwise|else|or else|if not|in all other cases),? {_ACT}{_WHY}", re.IGNORECASE)
_PLAIN = re.compile(rf"(?:now,? |finally,? |afterwards,? )?{_ACT}{_WHY}", re.IGNORECASE)
_DEFAULT = re.compile(
    r"(?:(?:this|it|that|either|the (?:step|change|move|action|query|check|answer|measurement))"
    r"(?: (?:step|change|action|query))?,? )?"
    r"(?:(?:fails|is refused|cannot be (?:decided|told|computed|read)|can't be (?:decided|told)|is undecided"
    r"|remains undecided|is unclear)(?:,? or )?)+",
    re.IGNORECASE,
)
_FOR = re.compile(rf"(?P<cond>.+?),? for (?:at least |more than )?(?P<for>{DURATION})", re.DOTALL)
_VERIFIED = re.compile(
    rf"verified (?:when|once|if|as soon as) (?P<cond>.+?)(?:,? within (?P<within>{DURATION}))?",
    re.IGNORECASE | re.DOTALL,
)
_SPLIT = re.compile(r";\s*|,\s+(?=(?:otherwise|else|or else)\b)", re.IGNORECASE)
_BRANCH_WORDS = re.compile(r"\b(?:if|otherwise|unless)\b", re.IGNORECASE)
_GO_WORDS = re.compile(
    rf"\b(?:go(?: back| on| straight)*|jump|proceed|return|skip)(?: to| with)? (?:the )?{_L}", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Masked:
    """Words with inline code and links masked; `lines[i]` is the line of character i."""

    text: str
    pieces: tuple[Piece, ...]
    lines: tuple[int, ...]

    def cut(self, start: int, end: int) -> Masked:
        """A stretch of it, blanks around taken off."""
        while start < end and self.text[start].isspace():
            start += 1
        while end > start and self.text[end - 1].isspace():
            end -= 1
        return Masked(self.text[start:end], self.pieces, self.lines[start:end])

    @property
    def words(self) -> str:
        """The guide's own words, marks left out."""
        return " ".join(_MASK.sub(lambda m: self.pieces[int(m[2])].text, self.text).split())

    @property
    def span(self) -> Span:
        return Span(self.lines[0], self.lines[-1])

    @property
    def code(self) -> tuple[str, ...]:
        """The pieces of inline code, in order."""
        return tuple(self.pieces[int(m[2])].text for m in _MASK.finditer(self.text) if m[1] == _CODE)

    @property
    def links(self) -> tuple[str, ...]:
        """The addresses of its links, in order."""
        return tuple(self.pieces[int(m[2])].target for m in _MASK.finditer(self.text) if m[1] == _LINK)

    @property
    def without_code(self) -> str:
        """The words that are no inline code, each piece of code written as one `$`."""
        return " ".join(_MASK.sub(lambda m: " $ " if m[1] == _CODE else "link", self.text).split())


@dataclass(frozen=True, slots=True)
class Goto:
    """Where a clause leads: a link's address, a step's number, the next step or a person.

    Exactly one of `href`, `number`, `onward`, `escalate` says so. `bound`: at most so often.
    """

    href: str | None = None
    number: int | None = None
    onward: bool = False
    escalate: bool = False
    bound: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """One branch. No condition and neither `otherwise` nor `default`: an unconditional go-to.

    `otherwise` with a condition is "otherwise, if ...". `default` is the stated default.
    """

    goto: Goto
    lines: Span
    condition: Masked | None = None
    negated: bool = False
    otherwise: bool = False
    default: bool = False
    for_s: float = 0.0


@dataclass(frozen=True, slots=True)
class VerifiedWhen:
    condition: Masked
    within_s: float | None
    lines: Span


@dataclass(frozen=True, slots=True)
class Unread:
    """A sentence that reads like a branch and that the grammar does not know."""

    words: str
    line: int


Said = Clause | VerifiedWhen | Unread


def mask(pieces: Sequence[Piece]) -> Masked:
    """Mask inline code and links of one block."""
    text: list[str] = []
    lines: list[int] = []
    for i, piece in enumerate(pieces):
        if piece.kind is PieceKind.TEXT:
            part = piece.text.translate(_MASKS).replace("\n", " ")
        else:
            part = f"{_CODE if piece.kind is PieceKind.CODE else _LINK}{i}{_END}"
        text.append(part)
        lines += [piece.line] * len(part)
    return Masked("".join(text), tuple(pieces), tuple(lines))


def read_block(block: Block) -> Iterator[Said]:
    """Everything of control flow that one paragraph, item or row says, in its order."""
    for sentence in sentences_of(block.pieces):
        yield from _read(sentence)


def sentences_of(pieces: Sequence[Piece]) -> Iterator[Masked]:
    """The sentences of one block, marks masked; a paragraph too long to be one has none."""
    if pieces and len((whole := mask(pieces)).text) <= MAX_READ:
        yield from _sentences(whole)


def _sentences(whole: Masked) -> Iterator[Masked]:
    at = 0
    for stop in _STOP.finditer(whole.text):
        if (sentence := whole.cut(at, stop.start())).text:
            yield sentence
        at = stop.end()
    if (sentence := whole.cut(at, len(whole.text))).text:
        yield sentence


def _read(sentence: Masked) -> Iterator[Said]:
    body = sentence.cut(0, len(sentence.text.rstrip(".!: ")))
    if not body.text:
        return
    if found := _VERIFIED.fullmatch(body.text):
        within = seconds(found["within"]) if found["within"] else None
        yield VerifiedWhen(body.cut(*found.span("cond")), within, body.span)
        return
    said: list[Said] = []
    for part in _clauses(body):
        clause = _clause(part)
        if clause is not None:
            said.append(clause)
        elif _reads_like_a_branch(part.text) or (said and _BRANCH_WORDS.match(part.text)):
            said.append(Unread(part.words, part.span.first))
    yield from said


def _reads_like_a_branch(text: str) -> bool:
    return bool(_GO_WORDS.search(text)) and bool(_BRANCH_WORDS.search(text))


def _clauses(body: Masked) -> Iterator[Masked]:
    at = 0
    for cut in _SPLIT.finditer(body.text):
        if (part := body.cut(at, cut.start())).text:
            yield part
        at = cut.end()
    if (part := body.cut(at, len(body.text))).text:
        yield part


def _clause(part: Masked) -> Clause | None:
    text = part.text
    if found := _OTHERWISE.fullmatch(text):
        return Clause(_goto(found, part), part.span, otherwise=True)
    if found := _PLAIN.fullmatch(text):
        return Clause(_goto(found, part), part.span)
    found = _IF.fullmatch(text)
    otherwise = bool(found and found["else"])
    if found is None:
        found = _AFTER.fullmatch(text)
    if found is None:
        return None
    condition = part.cut(*found.span("cond"))
    for_s = 0.0
    if held := _FOR.fullmatch(condition.text):
        for_s = seconds(held["for"]) or 0.0
        condition = condition.cut(*held.span("cond"))
    goto = _goto(found, part)
    if _DEFAULT.fullmatch(condition.text):
        return Clause(goto, part.span, default=True)
    negated = found["word"].lower() == "unless"
    return Clause(goto, part.span, condition, negated, otherwise, for_s=for_s)


def _goto(found: re.Match[str], part: Masked) -> Goto:
    bound = times(found["bound"]) if found["bound"] else None
    if found["link"]:
        piece = part.pieces[int(found["link"].strip(_LINK + _END))]
        return Goto(href=piece.target, bound=bound, text=piece.text)
    if found["number"]:
        return Goto(number=int(found["number"]), bound=bound, text=f"step {found['number']}")
    if found["next"]:
        return Goto(onward=True, bound=bound, text="the next step")
    return Goto(escalate=True, bound=bound, text="a person")
