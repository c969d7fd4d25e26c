"""Lists: an item is a step, with everything below it, unless the list only explains."""

from __future__ import annotations

import re
from dataclasses import replace

from tsg.compile.public.bold import bold_line
from tsg.compile.public.code import changes, code_of, inline_commands
from tsg.compile.public.code_reader import CodeReader
from tsg.compile.public.lists import Entry, Listing, segments
from tsg.compile.public.reading import FOR_EXAMPLE, Reading
from tsg.compile.public.records import as_told, is_further_fix, symptom_of
from tsg.compile.public.speech import CHANGING, Act, Sentence, sentences
from tsg.compile.public.split import split
from tsg.compile.public.unit import Scope, Unit
from tsg.guide import Block, PieceKind

_MEANING = re.compile(
    r"\b(?:look (?:for|at|out)|such as|shows?|includ(?:es|ing)|possible|common (?:causes|reasons)|causes|means"
    r"|indicates?"
    r"|expected|this (?:shows|means|is)|key (?:points|findings)|note|should (?:show|see|have|be)|states?|reasons"
    r"|errors such as"
    r"|to see|see if|following (?:are|is)|for errors|criteria|patterns?|conditions|fields|values|parameters"
    r"|where)\b[^.]*$",
    re.I | re.DOTALL,
)


_OVER = re.compile(
    r"\bafter [^,;]{1,100} (?:completes|finishes|succeeds|is (?:done|over|complete|finished)"
    r"|has (?:completed|finished|succeeded))\W*$",
    re.I,
)


_NO_HELP = re.compile(
    r"(?:the (?:above|previous) [\w ]{1,30}?|this|that|it|which)(?: step| change| action)? "
    r"(?:does|did)(?: not|n['’]t) (?:\w+ )?(?:resolve|help|fix|solve|work|clear|suffice)",
    re.I,
)
_REPEATS = re.compile(r"\b(?:repeat|again|further|next (?:higher|lower|larger)|once more|more|higher)\b", re.I)


class ItemReader:
    """Reads lists into a section's reading; their code goes through `codes`."""

    def __init__(self, at: Reading, codes: CodeReader) -> None:
        self._at, self._codes = at, codes

    def read(self, listing: Listing) -> None:
        """One list, item by item."""
        if self._at.sample or not self._is_steps(listing):
            self._inside(listing)
            return
        under = self._condition_of(self._at.waiting[-1]) if self._at.waiting else None
        self._at.flush()
        bold = self._at.bold
        if under is not None:
            self._at.bold = under
        seen = [symptom_of(e.blocks) for e in listing.entries]
        outer = self._at.scopes
        for entry, symptom in zip(listing.entries, seen, strict=True):
            if symptom is not None and sum(s is not None for s in seen) > 1:
                self._at.scopes = (*outer, symptom)
            self._entry(listing, entry)
            self._at.scopes = outer
        self._at.now = None if bold is None else self._at.now
        self._at.bold = bold

    def _condition_of(self, intro: Block) -> Scope | None:
        """The condition under which all items of a list stand: "If X is not known, do the following:"."""
        said = sentences(intro)
        if said and said[-1].opens and said[-1].condition_lines is not None and intro.text.rstrip().endswith(":"):
            return Scope(said[-1].condition, said[-1].condition_lines)
        return None

    def _is_steps(self, listing: Listing) -> bool:
        active = sum(_is_active(e) for e in listing.entries)
        if active * 2 < len(listing.entries) or not active or _tells_values(listing):
            return False
        intro = self._at.waiting[-1].text if self._at.waiting else ""
        if self._at.head.label and not any(code_of(b) is not None for b in listing.blocks):
            # Below a number the number is the step, but a change is always one of its own.
            return any(changes(c) for c in inline_commands(listing.blocks)) and listing.ordered
        if listing.ordered:
            return len(listing.entries) > 1 or any(e.number != 1 for e in listing.entries) or self._at.now is None
        if intro and _MEANING.search(intro[-300:]):
            return False
        now = self._at.now
        return now is None or not (self._at.head.label or now.blocks[-1].text.rstrip().endswith(":"))

    def _inside(self, listing: Listing) -> None:
        """A list that explains: it belongs to the step before, or waits for the one behind."""
        for entry in listing.entries:
            own = any((code := code_of(b)) is not None and code.runs for b in entry.blocks)
            if own and self._at.now is not None and self._at.now.runs and not self._at.sample:
                self._case_of(entry)
                continue
            for block in entry.blocks:
                code = code_of(block)
                if code is not None and code.runs and not self._at.sample:
                    self._codes.read(block, code)
                elif code is None:
                    self._at.attach(block)

    def _case_of(self, entry: Entry) -> None:
        """An item behind a step that has code of its own: what to do when the step shows what the item tells."""
        before = self._at.now
        self._at.settle()
        unit = self._at.begin([])
        unit.rule = "an item with code of its own, behind a step, is what to do in the case it tells"
        for block in entry.blocks:
            unit.add(block)
        said = unit.said
        asked = next((i for i, s in enumerate(said) if s.asks), 0)
        told = said[max(0, asked - 1)]
        words, lines = (told.condition, told.condition_lines) if told.condition else (told.words, told.lines)
        unit.scopes = (*unit.scopes, Scope(words, lines or told.lines))
        self._at.now = before

    def _entry(self, listing: Listing, entry: Entry) -> None:
        """One item: one step, or one for each of several cases that it tells apart."""
        self._at.now = None
        if not listing.ordered and (steps := _steps_below(entry)) is not None:
            self._at.flush()
            self._at.waiting = [entry.blocks[0]]
            self.read(steps)
            return
        first = self._item_unit(listing, entry)
        cases = [s for b in entry.blocks for s in _cases_in(b)]
        inner = [b for b in entry.blocks if len(b.items) > 1 and _is_case(b)]
        sample = False
        later: list[tuple[Block, list[Sentence]]] = []
        for block in as_told(entry.blocks):
            code = code_of(block)
            if code is None:
                sample = bool(FOR_EXAMPLE.match(bold_line(block) or block.text)) and block.text.rstrip("*_ ").endswith(
                    ":"
                )
                assert self._at.now is not None
                if len(inner) > 1 and block in inner:
                    self._inner_case(listing, entry, block)
                elif len(cases) > 1 and (opened := _cases_in(block)):
                    self._case(listing, entry, first, block, opened[0])
                elif is_further_fix(block) and any(is_further_fix(b) for b in self._at.now.blocks):
                    self._item_unit(listing, entry).add(block)
                elif (rung := _rung(block)) is not None and any(c.changes for c in self._at.now.codes):
                    self._next_rung(listing, entry, block, rung)
                elif undone := _undone(block):
                    self._at.now.add_said(block, [s for s in sentences(block) if s not in undone])
                    later.append((block, undone))
                else:
                    self._at.now.add(block)
                continue
            if not code.runs or sample:
                sample = False
                continue
            parts = split(code, titled=False)
            assert self._at.now is not None
            if len(parts) == 1:
                self._at.now.add(block)
            else:
                self._codes.spread(block, code, parts)
        if len(cases) > 1 and not first.runs and len(first.blocks) <= 1 and first in self._at.units:
            self._at.units.remove(first)
        for block, undone in later:
            self._afterwards(listing, entry, first, block, undone)

    def _next_rung(self, listing: Listing, entry: Entry, block: Block, said: Sentence) -> None:
        """What an item has done where its own change did not help is a step in that case."""
        unit = self._item_unit(listing, entry)
        unit.rule = "what is done where a change did not help is a step behind it"
        unit.label = ""
        assert said.condition_lines is not None
        unit.scopes = (*unit.scopes, Scope(said.condition, said.condition_lines))
        unit.repeats = bool(_REPEATS.search(said.main))
        unit.add(block)

    def _afterwards(self, listing: Listing, entry: Entry, first: Unit, block: Block, said: list[Sentence]) -> None:
        """What an item has done when all else of it is over is a step behind it, in the item's case."""
        opening = next((s for s in first.said if s.asks), None)
        unit = self._item_unit(listing, entry)
        unit.rule = "what is done when something is over is a step behind it"
        unit.label = ""
        if opening is not None and opening.opens and opening.condition_lines is not None:
            unit.scopes = (*unit.scopes, Scope(opening.condition, opening.condition_lines))
        assert said[0].condition_lines is not None
        unit.scopes = (*unit.scopes, Scope(said[0].condition, said[0].condition_lines))
        unit.add_said(block, said)

    def _inner_case(self, listing: Listing, entry: Entry, block: Block) -> None:
        """An item inside an item that says for which things to do something else."""
        before = self._at.now
        unit = self._item_unit(listing, entry)
        unit.add(block)
        unit.rule = "an item inside an item is a step for the things it names"
        unit.label = ""
        said = next(s for s in sentences(block) if s.opens)
        unit.scopes = (*unit.scopes, Scope(said.condition, said.condition_lines or said.lines))
        self._at.now = before

    def _item_unit(self, listing: Listing, entry: Entry) -> Unit:
        unit = self._at.begin([])
        unit.listed = listing.list_id
        unit.rule = "an item of a list is a step, with everything below it"
        unit.label = str(entry.number) if entry.number is not None else ""
        return unit

    def _case(self, listing: Listing, entry: Entry, first: Unit, block: Block, said: Sentence) -> None:
        """A case of an item is a step under its condition; what stands before the first case belongs to that one."""
        before = [s for s in sentences(block) if s.lines.first < said.lines.first]
        unit = self._item_unit(listing, entry)
        unit.rule = "a case of an item is a step under its condition"
        if before or first.blocks:
            unit.spans += [*first.spans, *(s.lines for s in before)]
        assert said.condition_lines is not None
        unit.scopes = (*unit.scopes, Scope(said.condition, said.condition_lines))
        unit.add_said(block, [s for s in sentences(block) if s.lines.first >= said.lines.first])
        first.blocks, first.spans = [], []


def _tells_values(listing: Listing) -> bool:
    """Whether each item begins with a value and says what it means, and none asks for a change: "`Lost`: gone"."""
    if listing.ordered or len(listing.entries) < 2 or inline_commands(listing.blocks):
        return False
    if any(s.verb in CHANGING or s.act is Act.ESCALATE for b in listing.blocks for s in sentences(b)):
        return False
    return all(
        b.pieces and b.pieces[0].kind is PieceKind.CODE and re.search(r":|=|→|->|–|—| - ", b.text)
        for b in (e.blocks[0] for e in listing.entries)
    )


def _steps_below(entry: Entry) -> Listing | None:
    """The numbered steps that an item consists of, below nothing but their condition: "- If a hook blocks it:"."""
    intro, *rest = entry.blocks
    said = sentences(intro)
    if not rest or len(said) != 1 or not said[0].opens or said[0].main:
        return None
    inner = segments([replace(b, items=b.items[1:]) for b in rest])
    only = inner[0]
    return only if len(inner) == 1 and isinstance(only, Listing) and only.ordered and len(only.entries) > 1 else None


def _is_case(block: Block) -> bool:
    """Whether an inner item opens with a condition and asks for a change, or hands over."""
    return any(
        s.opens and s.asks and (s.verb in CHANGING or s.act is Act.ESCALATE or s.verb in ("write", "move", "tell"))
        for s in sentences(block)
    )


def _cases_in(block: Block) -> list[Sentence]:
    """The sentence by which a paragraph opens a case: "If the version is lower than 2, do this:"."""
    if not block.pieces or not block.text.rstrip("*_ ").endswith(":"):
        return []
    return [s for s in sentences(block) if s.opens and s.condition_lines is not None and s.asks][-1:]


def _rung(block: Block) -> Sentence | None:
    """The sentence that says what to do where the step did not help: "If that does not help, raise it again"."""
    return next((s for s in sentences(block)[:1] if s.opens and s.asks and _NO_HELP.match(s.condition)), None)


def _undone(block: Block) -> list[Sentence]:
    """The sentence behind another that asks for a change when something is over: "Revert it after the run is done"."""
    said = sentences(block)
    return [s for s in said[1:] if s.asks and s.verb in CHANGING and not s.opens and _OVER.search(s.words)][:1]


def _is_active(entry: Entry) -> bool:
    for block in entry.blocks:
        if (code := code_of(block)) is not None and code.runs:
            return True
        if any(s.asks for s in sentences(block)):
            return True
    first = sentences(entry.blocks[0])
    told = entry.number is not None and bool(first) and first[0].opens
    return told or bool(inline_commands(entry.blocks))
