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
from tsg.compile.public.code import Code, changes, code_of, inline_commands, opens_shell
from tsg.compile.public.lists import Entry, Listing, Segment, segments
from tsg.compile.public.sections import Head, Role
from tsg.compile.public.speech import CHANGING, Act, Sentence, is_condition, sentences
from tsg.compile.public.split import Part, split
from tsg.compile.public.unit import Scope, Unit
from tsg.guide import Block, BlockKind, PieceKind, Section

_NOT_CARRIED_OUT = re.compile(
    r"(?:key points?|notes?|important|warning|caution|tip|info|background|example|examples|sample|expected|common"
    r"|possible"
    r"|typical|symptoms?|severity|alert|impact|see also|reference|why|cause|output|key findings?|what this means)\b",
    re.I,
)
_FOR_EXAMPLE = re.compile(
    r"(?:for (?:example|instance|reference)|e\.g|examples?\b|sample\b|expected (?:output|result)|example .*|output"
    r"|the output|result"
    r"|healthy output|it looks like|which (?:looks|shows)|would look like|should look)",
    re.I,
)
_MEANING = re.compile(
    r"\b(?:look (?:for|at|out)|such as|shows?|includ(?:es|ing)|possible|common (?:causes|reasons)|causes|means"
    r"|indicates?"
    r"|expected|this (?:shows|means|is)|key (?:points|findings)|note|should (?:show|see|have|be)|states?|reasons"
    r"|errors such as"
    r"|to see|see if|following (?:are|is)|for errors|criteria|patterns?|conditions|fields|values|parameters"
    r"|where)\b[^.]*$",
    re.I | re.DOTALL,
)
_OPTION = re.compile(r"(?:option|alternative|approach|method|scenario|strategy)\s+#?(?P<name>[A-Z]|\d{1,2})\b", re.I)
_SIGN = re.compile(r"\b(?:logs?|logged|messages?|errors?|output|prints?|reports?|shows?)\b", re.I)
_ELSEWHERE = re.compile(r"\b(?:portal|console|ticket)\b", re.I)
_TO_DO = re.compile(
    r"(?:recommended |suggested |corrective )?(?:fix(?:es)?|actions?|resolutions?|what to do|remed(?:y|ies)"
    r"|mitigations?|solutions?"
    r"|next steps?|response|do this|steps?|workaround)",
    re.I,
)
_ALL_AT_ONCE = re.compile(r"(?:start|run|do) (?:all|both|them|these|steps?)\b", re.I)
_DECIDES = re.compile(r"(?:decide|determine|analy[sz]e|identify|find out|diagnose)\b", re.I)
_EITHER = re.compile(r"\beither\b.{3,200}\bor\b", re.I | re.DOTALL)
_FOR_CASE = re.compile(
    r"for (?!example|instance|reference|more|this|the following|further|details)(?P<case>[^.:]{3,80}):", re.I
)


class SectionReader:
    """Reads one section from top to bottom."""

    def __init__(self, head: Head, section: Section, scopes: tuple[Scope, ...]) -> None:
        self._head, self._section, self._scopes = head, section, scopes
        self._bold: Scope | None = None
        self._bold_block: Block | None = None
        self._now: Unit | None = None
        self._waiting: list[Block] = []
        self._units: list[Unit] = []
        self._sample = False
        self._table: int | None = None  # the column that says what to do
        self._table_last = 0

    def read(self) -> list[Unit]:
        if self._head.role in (Role.CAUSES, Role.AFTERWARDS):
            return self._choice()
        parts = segments(self._section.blocks)
        if parts and isinstance(parts[0], Block):
            self._condition_of_all(parts[0])
        for i, segment in enumerate(parts):
            following = parts[i + 1] if i + 1 < len(parts) else None
            if isinstance(segment, Listing):
                self._listing(segment)
            else:
                self._block(segment, following)
        self._flush()
        if not self._units and self._head.label:
            return self._whole()
        self._add_decision()
        self._mark_either()
        self._decide_last()
        if self._units:
            if self._head.label and self._units[0].listed is None and not self._units[0].choice:
                self._units[0].rule = "a numbered heading is a step, with what belongs to it"
            self._units[0].leads = True
            line = self._section.lines.first
            if self._section.level:
                self._units[0].spans.insert(0, Span(line, line))
        return self._units

    def _condition_of_all(self, first: Block) -> None:
        """A numbered section that opens with "If ..." stands under that condition as a whole."""
        said = sentences(first) if first.pieces and bold_line(first) is None else ()
        if not said or not said[0].opens or said[0].condition_lines is None:
            return
        alone = not said[0].main.strip()
        if alone or self._head.label:
            form = "gate" if alone else "section"
            self._scopes = (*self._scopes, Scope(said[0].condition, said[0].condition_lines, form=form))

    def _decide_last(self) -> None:
        """A section that decides and then reads decides on what it reads."""
        if len(self._units) < 2 or not self._head.label:
            return
        first, *rest = self._units
        if first.runs or first.listed is not None:
            return
        decides = any(_DECIDES.match(s.main) for s in first.said if s.asks)
        if decides and all(u.scopes == first.scopes and u.runs and not any(c.changes for c in u.codes) for u in rest):
            self._units = [*rest, first]

    def _mark_either(self) -> None:
        """ "Either A or B": the two changes that follow are options."""
        changing = [u for u in self._units if any(c.changes for c in u.codes)]
        if len(changing) == 2 and any(_EITHER.search(b.text) for b in self._section.blocks if b.pieces):
            for n, unit in enumerate(changing, 1):
                line = unit.spans[0]
                said = unit.said[0].words if unit.said else unit.title
                unit.scopes = (*unit.scopes, Scope(said, line, str(n)))

    def _add_decision(self) -> None:
        """A numbered heading with nothing but branches is the decision between them."""
        heads = [u.scopes[len(self._scopes)] for u in self._units if len(u.scopes) > len(self._scopes)]
        if not self._head.label or len(heads) < len(self._units) or len(dict.fromkeys(heads)) < 2:
            return
        if any(h.form == "code" for h in heads):
            return
        unit = Unit(self._head, self._head.title, scopes=self._scopes, choice=True)
        unit.rule = "a numbered heading with nothing but branches is the decision between them"
        unit.spans = [h.lines for h in dict.fromkeys(heads)]
        for settled in [u for u in self._units if not any(s.asks for s in u.said) and not u.runs]:
            # What only says that nothing is to be done is a way out of the decision.
            condition = settled.scopes[-1]
            unit.said += [s.under(condition.condition, condition.lines) for s in settled.said]
            unit.spans += settled.spans
            unit.blocks += settled.blocks
            self._units.remove(settled)
        self._units.insert(0, unit)

    def _whole(self) -> list[Unit]:
        return self._choice(choice=False)

    def _choice(self, *, choice: bool = True) -> list[Unit]:
        blocks = [b for b in self._section.blocks if b.kind is not BlockKind.HTML]
        if not blocks:
            return []
        unit = Unit(self._head, self._head.title, scopes=self._scopes, choice=choice, leads=True)
        unit.rule = "a list of causes or criteria is one decision" if choice else "a numbered heading is a step"
        unit.spans.append(Span(self._section.lines.first, self._section.lines.first))
        for block in blocks:
            unit.add(block)
        return [unit]

    # -- one block

    def _block(self, block: Block, following: Segment | None) -> None:
        if block.quoted:
            self._attach(block)
        elif (code := code_of(block)) is not None:
            self._code(block, code)
        elif block.kind is BlockKind.HTML:
            pass
        elif (bold := bold_line(block)) is not None:
            self._bold_line(block, bold)
        elif block.kind is BlockKind.ROW:
            self._row(block)
        elif option := _OPTION.match(block.text):
            self._begin_option(block, option["name"])
        else:
            self._paragraph(block, following)

    def _row(self, block: Block) -> None:
        """A row of a table that says in one column when, and in another what to do, is a step under that condition."""
        cells = [c.strip() for c in block.text.split(" | ")]
        column = self._table if self._table is not None and block.lines.first <= self._table_last + 2 else None
        heads = column is None
        if column is None:
            column = self._table = next(
                (i for i, c in enumerate(cells) if i and _TO_DO.fullmatch(c.strip("*_ "))), None
            )
        self._table_last = block.lines.last
        changing = any(changes(c) for c in inline_commands([block])) and not _is_code(cells[0], block)
        if column is None and not changing:
            self._attach(block)
            return
        if heads and not changing:
            return
        self._settle()
        before = self._now
        if column is None:
            column = next(i for i, c in enumerate(cells) if i and _is_code(c, block))
        elif column >= len(cells) or not any(s.asks for s in sentences(block)):
            return
        unit = self._begin([block])
        unit.rule = "a row that says when and what to do is a step under its condition"
        unit.title = cells[column]
        unit.scopes = (*unit.scopes, Scope(cells[0].replace("*", ""), block.lines, form="row"))
        self._now = before if before is not None and before.runs else None

    def _bold_line(self, block: Block, text: str) -> None:
        self._sample = False
        if option := _OPTION.match(text):
            self._begin_option(block, option["name"])
        elif is_condition(text):
            self._flush()
            self._bold, self._bold_block, self._now = Scope(text.rstrip(":"), block.lines), block, None
        elif _NOT_CARRIED_OUT.match(text):
            self._flush()
            self._sample = bool(_FOR_EXAMPLE.match(text))
            self._attach(block)
        elif self._now is not None and self._is_topic(text):
            self._flush()
            self._now, self._bold_block = None, block
        elif self._now is not None:
            self._attach(block)
        else:
            self._waiting.append(block)

    def _is_topic(self, text: str) -> bool:
        """Whether a bold line names the thing that the next lines are about, e.g. "**RebootNode:**"."""
        now = self._now
        busy = now is not None and (now.runs or any(s.asks for s in now.said))
        return busy and bool(self._head.label) and len(text.split()) <= 3

    def _begin_option(self, block: Block, name: str) -> None:
        self._flush()
        text = block.text.strip()
        outer = self._bold if self._bold is not None and not self._bold.option else None
        unit = self._begin([block])
        unit.rule = "an option is a step of its own"
        unit.scopes = (*self._scopes, *((outer,) if outer else ()), Scope(text.split("\n")[0], block.lines, name))

    def _code(self, block: Block, code: Code) -> None:
        if not code.runs:
            if self._waiting and _FOR_EXAMPLE.match(self._waiting[-1].text):
                self._waiting.pop()
            return
        if self._sample:
            return
        lead = self._waiting[-1:] if self._waiting else []
        parts = split(code, titled=not self._head.label)
        if lead and (alone := _FOR_CASE.fullmatch(lead[0].text.strip("*_ "))):
            self._flush_before_last()
            unit = self._begin(lead)
            unit.scopes = (*unit.scopes, Scope(alone["case"], lead[0].lines, form="case"))
        elif self._now is None:
            self._begin([*self._waiting] if self._head.label or self._bold_block else lead)
        elif lead and not self._merges(lead[0], code, self._waiting[:-1]):
            for waiting in self._waiting[:-1]:
                if self._explains(waiting):
                    self._now.add(waiting)
            self._begin(lead)
        else:
            for waiting in self._waiting:
                self._now.add(waiting)
        self._waiting = []
        assert self._now is not None
        if len(parts) == 1:
            self._now.add(block)
        else:
            self._spread(block, code, parts)

    def _flush_before_last(self) -> None:
        lead = self._waiting.pop()
        self._settle()
        self._waiting = [lead]

    def _explains(self, block: Block) -> bool:
        """Whether a paragraph behind a step belongs to it: anything under a number, else only what reads its result."""
        now = self._now
        if now is None or now.observes or self._head.label or now.listed is not None or self._bold is not None:
            return True
        close = block.lines.first <= now.spans[-1].last + 2
        return close and (block.lines.last - block.lines.first < 4 or any(s.act is Act.LOOK for s in sentences(block)))

    def _merges(self, lead: Block, code: Code, between: Sequence[Block]) -> bool:
        """Whether code with its own lead belongs to the step before: a numbered heading's further reads."""
        now = self._now
        assert now is not None
        if any(opens_shell(c) for c in now.commands):
            return False
        if not now.runs:
            if not self._head.label or any(b.items for b in now.blocks):
                return not any(s.asks for s in now.said)
            return not any(s.condition and s.opens for s in sentences(lead)) or not now.said
        if not self._head.label and now.listed is None:
            return False
        if code.changes or any(c.changes for c in now.codes):
            return False
        decided = any(s.condition and s.opens for s in (*now.said, *(s for b in between for s in sentences(b))))
        return not decided and not any(s.condition and s.opens for s in sentences(lead))

    def _spread(self, block: Block, code: Code, parts: Sequence[Part]) -> None:
        """Several steps out of one block of code. Cases keep the words before the block, steps in a row do not."""
        first = self._now
        assert first is not None
        spans, said, blocks, codes = list(first.spans), list(first.said), list(first.blocks), list(first.codes)
        for i, part in enumerate(parts):
            unit = first
            if i:
                unit = Unit(self._head, scopes=self._all_scopes(), listed=first.listed)
                if part.case:
                    unit.spans, unit.said, unit.blocks, unit.codes = list(spans), list(said), list(blocks), list(codes)
                self._units.append(unit)
            if part.condition is not None:
                unit.scopes = (*unit.scopes, part.condition)
            unit.spans += [part.lines, *part.shared]
            unit.codes.append(Code(part.lines, code.language, part.parts))
            unit.title = unit.title or part.title
            unit.label = unit.label or part.label
            unit.rule = "comments and changes of risk split a block of code into steps"
            self._now = unit

    # -- one paragraph

    def _paragraph(self, block: Block, following: Segment | None) -> None:
        said = sentences(block)
        code_next = isinstance(following, Block) and (code := code_of(following)) is not None and code.runs
        if _FOR_EXAMPLE.match(block.text) and not code_next:
            self._sample = False
            self._waiting.append(block)
            return
        self._sample = False
        asks = [s for s in said if s.asks]
        if code_next:
            self._waiting.append(block)
            return
        if isinstance(following, Listing) and block.text.rstrip("*_ ").endswith(":"):
            self._intro(block, said)
            return
        if not asks and self._is_sign(block, said, following):
            self._observe(block)
            return
        if not asks and self._head.remedy and not self._units and said and said[0].opens:
            unit = self._begin([block])
            unit.remedies, unit.rule = True, "a case that a remedy is for is a step for a person"
            return
        if not asks and not any(s.act in (Act.GOOD, Act.DECLINE) for s in said):
            self._waiting.append(block)
            return
        groups = _by_condition(said)
        if self._now is None:
            for waiting in self._waiting if self._head.label or self._bold_block else ():
                self._before(waiting)
            self._waiting = []
        for group in groups:
            self._sentences(block, group)

    def _is_sign(self, block: Block, said: Sequence[Sentence], following: Segment | None) -> bool:
        """Whether prose without instruction shows what a result looks like when something is wrong."""
        if self._head.label or self._bold is not None or not isinstance(following, Block):
            return False
        shown = code_of(following)
        if following.fence is None or shown is None or shown.runs or not block.text.rstrip().endswith((":", ".")):
            return False
        return any(s.opens for s in said) or bool(_SIGN.search(block.text))

    def _observe(self, block: Block) -> None:
        now = self._now
        if now is None or not now.observes:
            self._settle()
            self._waiting = []
            now = self._begin([])
            now.observes, now.rule = True, "what a result looks like when something is wrong is a decision on it"
        now.add(block)

    def _before(self, block: Block) -> None:
        if self._now is None:
            self._begin([block])
        else:
            self._now.add(block)

    def _sentences(self, block: Block, group: Sequence[Sentence]) -> None:
        asks = any(s.asks for s in group)
        if not asks:
            ends = any(s.act in (Act.GOOD, Act.DECLINE) and (s.condition or self._bold) for s in group)
            if self._now is None and ends:
                self._begin([])
            if self._now is not None:
                self._settle()
                _add_part(self._now, block, group)
            return
        if group[0].otherwise and group[0].asks and not _is_goto(group[0]) and self._bold is not None:
            self._flush()
            self._bold, self._now = Scope("otherwise", group[0].lines), None
        now = self._now
        asked = [s for s in group if s.asks]
        if now is None and self._units and all(s.act is Act.ESCALATE and s.condition for s in asked):
            self._now = self._units[-1]
        elif now is None or self._opens_step(now, group):
            self._flush()
            self._begin([])
        else:
            self._settle()
        assert self._now is not None
        _add_part(self._now, block, group)

    def _opens_step(self, now: Unit, group: Sequence[Sentence]) -> bool:
        """Whether an instruction without code of its own is a step beside the one before it."""
        first = next(s for s in group if s.asks)
        if _ALL_AT_ONCE.match(first.main):
            return False
        if _is_goto(first) or (first.act is Act.ESCALATE and first.condition):
            return False
        if first.condition and first.opens:
            return bool(now.said) and not (now.verifies and now.runs)
        if not self._head.label and now.listed is None:
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
        if asks and (self._now is None or self._opens_step(self._now, [s for s in said if s.asks])):
            keep = self._waiting if self._now is None and (self._head.label or self._bold_block) else []
            if self._now is not None:
                self._settle()
            self._waiting = []
            self._begin(keep)
            assert self._now is not None
            self._now.add(block)
        elif asks:
            self._settle()
            assert self._now is not None
            self._now.add(block)
        else:
            self._waiting.append(block)

    # -- one list

    def _listing(self, listing: Listing) -> None:
        if self._sample or not self._is_steps(listing):
            self._inside(listing)
            return
        under = self._condition_of(self._waiting[-1]) if self._waiting else None
        self._flush()
        bold = self._bold
        if under is not None:
            self._bold = under
        for entry in listing.entries:
            self._entry(listing, entry)
        self._now = None if bold is None else self._now
        self._bold = bold

    def _condition_of(self, intro: Block) -> Scope | None:
        """The condition under which all items of a list stand: "If X is not known, do the following:"."""
        said = sentences(intro)
        if said and said[-1].opens and said[-1].condition_lines is not None and intro.text.rstrip().endswith(":"):
            return Scope(said[-1].condition, said[-1].condition_lines)
        return None

    def _is_steps(self, listing: Listing) -> bool:
        active = sum(_is_active(e) for e in listing.entries)
        if active * 2 < len(listing.entries) or not active:
            return False
        intro = self._waiting[-1].text if self._waiting else ""
        if self._head.label and not any(code_of(b) is not None for b in listing.blocks):
            # Below a number the number is the step, but a change is always one of its own.
            return any(changes(c) for c in inline_commands(listing.blocks)) and listing.ordered
        if listing.ordered:
            return len(listing.entries) > 1 or any(e.number != 1 for e in listing.entries) or self._now is None
        if intro and _MEANING.search(intro[-300:]):
            return False
        now = self._now
        return now is None or not (self._head.label or now.blocks[-1].text.rstrip().endswith(":"))

    def _inside(self, listing: Listing) -> None:
        """A list that explains: it belongs to the step before, or waits for the one behind."""
        for entry in listing.entries:
            own = any((code := code_of(b)) is not None and code.runs for b in entry.blocks)
            if own and self._now is not None and self._now.runs and not self._sample:
                self._case_of(entry)
                continue
            for block in entry.blocks:
                code = code_of(block)
                if code is not None and code.runs and not self._sample:
                    self._code(block, code)
                elif code is None:
                    self._attach(block)

    def _case_of(self, entry: Entry) -> None:
        """An item behind a step that has code of its own: what to do when the step shows what the item tells."""
        before = self._now
        self._settle()
        unit = self._begin([])
        unit.rule = "an item with code of its own, behind a step, is what to do in the case it tells"
        for block in entry.blocks:
            unit.add(block)
        said = unit.said
        asked = next((i for i, s in enumerate(said) if s.asks), 0)
        told = said[max(0, asked - 1)]
        words, lines = (told.condition, told.condition_lines) if told.condition else (told.words, told.lines)
        unit.scopes = (*unit.scopes, Scope(words, lines or told.lines))
        self._now = before

    def _entry(self, listing: Listing, entry: Entry) -> None:
        """One item: one step, or one for each of several cases that it tells apart."""
        self._now = None
        first = self._item_unit(listing, entry)
        cases = [s for b in entry.blocks for s in _cases_in(b)]
        inner = [b for b in entry.blocks if len(b.items) > 1 and _is_case(b)]
        sample = False
        for block in entry.blocks:
            code = code_of(block)
            if code is None:
                sample = bool(_FOR_EXAMPLE.match(bold_line(block) or block.text)) and block.text.rstrip("*_ ").endswith(
                    ":"
                )
                assert self._now is not None
                if len(inner) > 1 and block in inner:
                    self._inner_case(listing, entry, block)
                elif len(cases) > 1 and (opened := _cases_in(block)):
                    self._case(listing, entry, first, block, opened[0])
                else:
                    self._now.add(block)
                continue
            if not code.runs or sample:
                sample = False
                continue
            parts = split(code, titled=False)
            assert self._now is not None
            if len(parts) == 1:
                self._now.add(block)
            else:
                self._spread(block, code, parts)
        if len(cases) > 1 and not first.runs and len(first.blocks) <= 1 and first in self._units:
            self._units.remove(first)

    def _inner_case(self, listing: Listing, entry: Entry, block: Block) -> None:
        """An item inside an item that says for which things to do something else."""
        before = self._now
        unit = self._item_unit(listing, entry)
        unit.add(block)
        unit.rule = "an item inside an item is a step for the things it names"
        unit.label = ""
        said = next(s for s in sentences(block) if s.opens)
        unit.scopes = (*unit.scopes, Scope(said.condition, said.condition_lines or said.lines))
        self._now = before

    def _item_unit(self, listing: Listing, entry: Entry) -> Unit:
        unit = self._begin([])
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
        _add_part(unit, block, [s for s in sentences(block) if s.lines.first >= said.lines.first])
        first.blocks, first.spans = [], []

    # -- helpers

    def _all_scopes(self) -> tuple[Scope, ...]:
        return (*self._scopes, *((self._bold,) if self._bold is not None else ()))

    def _begin(self, blocks: Sequence[Block]) -> Unit:
        unit = Unit(self._head, scopes=self._all_scopes())
        if self._bold_block is not None:
            unit.spans.append(self._bold_block.lines)
            self._bold_block = None
        for block in blocks:
            unit.add(block)
        self._units.append(unit)
        self._now = unit
        return unit

    def _attach(self, block: Block) -> None:
        if self._now is not None:
            self._settle()
            if self._explains(block):
                self._now.add(block)
        else:
            self._waiting.append(block)

    def _settle(self) -> None:
        """Give what waits to the step before it."""
        if self._now is not None:
            for block in self._waiting:
                if self._explains(block):
                    self._now.add(block)
            self._waiting = []

    def _flush(self) -> None:
        self._settle()
        self._waiting = []


def _is_code(cell: str, block: Block) -> bool:
    """Whether a table's cell holds inline code of its row."""
    return any(p.kind is PieceKind.CODE and p.text in cell for p in block.pieces)


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


def _is_active(entry: Entry) -> bool:
    for block in entry.blocks:
        if (code := code_of(block)) is not None and code.runs:
            return True
        if any(s.asks for s in sentences(block)):
            return True
    first = sentences(entry.blocks[0])
    told = entry.number is not None and bool(first) and first[0].opens
    return told or bool(inline_commands(entry.blocks))


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


def _add_part(unit: Unit, block: Block, said: Sequence[Sentence]) -> None:
    unit.blocks.append(block)
    unit.said.extend(said)
    unit.spans.append(Span(min(s.lines.first for s in said), max(s.lines.last for s in said)))
