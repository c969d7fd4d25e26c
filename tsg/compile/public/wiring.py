"""The edges of a public guide: what depends on what, by data, conditions and changes, never by numbers alone.

Reads are not chained because they are numbered: they start together and fan in to the step that uses them,
a decision, a change or a person. A change comes after everything that was read before it, and before
everything behind it. A condition leaves the steps that it asks about: the last one before it, or those
that speak of the same things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dag.model import EdgeKind, Kind, Span
from tsg.compile.public.nature import Nature
from tsg.compile.public.unit import Scope, Unit
from tsg.compile.public.values import Values, plain
from tsg.compile.public.ways_out import Leads
from tsg.words import words

START = -1


@dataclass(frozen=True, slots=True)
class Way:
    """An edge between units by index (`START` before the first). `scope`: its condition, as written."""

    source: int
    target: int
    scope: Scope | None = None
    kind: EdgeKind = EdgeKind.SEQ
    why: str = ""


@dataclass
class _Level:
    """What the units at one depth of conditions leave behind for those that follow."""

    entry: list[tuple[int, Scope | None]]
    open: list[int] = field(default_factory=list)  # nobody has used them yet
    barrier: list[int] = field(default_factory=list)  # the last changes
    last: int | None = None
    owed: list[int] = field(default_factory=list)  # decisions whose other case has no way out yet
    inside: set[int] = field(default_factory=set)
    tails: list[int] = field(default_factory=list)  # where the branches just before ended
    stage: list[int] = field(default_factory=list)  # what was known when the remedies began
    deciders: list[int] = field(default_factory=list)  # of the outermost condition around it


_STILL = re.compile(
    r"\b(?:still|remains?|persists?|again|continues?|(?:do(?:es)?|did) ?(?:not|n't) help|after \d+ (?:s|sec|min"
    r"|hour)\w*)\b",
    re.I,
)
_LAST = re.compile(
    r"\b(?:none of|nothing|all else|last resort|neither)\b|\bno (?:\w+ ){1,4}(?:is|are|was|were) (?:found"
    r"|identified|detected)\b",
    re.I,
)
_AFTER = re.compile(r"\W*(?:after|once)\b", re.I)
_NOT = re.compile(r"\b(?:no|not|never|without|absent|missing|none)\b|n't\b", re.I)
_ISSUE = re.compile(r"^\W*(?:issue|problem|symptom|error|failure|scenario)\b(?: #?\d+)?\W*", re.I)
_FEW = 3  # steps that one condition can ask about; more only share its words
_COMMON = words(
    "a after all an and any are as at be been before by can did do does for from had has have if in is it its may "
    "must no not of on only or our should show shows than that the then there this to was we were when which will "
    "with you your"
)


class Wiring:
    """Joins units; `ways` and `alternatives` are the result."""

    def __init__(
        self,
        units: Sequence[Unit],
        natures: Sequence[Nature],
        values: Sequence[Values],
        scopes: Sequence[tuple[Scope, ...]],
        leads: Sequence[Leads],
        together: Sequence[tuple[int, frozenset[int]]],
        named: Mapping[int, frozenset[int]],
        begins: Sequence[Leads] = (),
    ) -> None:
        self._named = named
        self._units, self._natures, self._values, self._scopes = units, natures, values, scopes
        self._before: list[set[int]] = [set() for _ in units]
        self._words: dict[int, frozenset[str]] = {}
        onward = [w for w in leads if isinstance(w.target, int) and w.target > w.source]
        elsewhere = [w for w in leads if isinstance(w.target, int) and (w.otherwise or not w.condition)]
        self._sent = {w.source for w in elsewhere}
        self._gates = {w.source for w in leads if w.gates}
        self._jumps = [(w.source, int(w.target)) for w in onward if w.condition and not w.otherwise]
        self._starts = {unit: source for source, group in together for unit in group}
        self._led = {(w.source, w.target) for w in onward}
        self._led |= {(w.source, int(w.target)) for w in begins}
        for lead in (*onward, *(b for b in begins if b.source != START)):
            self._note(lead.source, int(lead.target))
        self.ways: list[Way] = []
        self.alternatives: list[frozenset[int]] = []

    def run(self) -> None:
        self._level(list(range(len(self._units))), 0, _Level([(START, None)]))

    def _note(self, source: int, target: int) -> None:
        self._before[target] |= {source} | self._before[source]

    # -- one level of conditions

    def _level(self, members: Sequence[int], depth: int, level: _Level) -> None:
        siblings: list[tuple[Scope, list[int]]] = []
        for scope, inside in _runs(members, depth, self._scopes):
            if scope is None:
                self._branches(siblings, depth, level)
                siblings = []
                self._plain(inside[0], level)
            else:
                before = siblings[-1][0] if siblings else scope
                if (scope.form, bool(scope.option)) != (before.form, bool(before.option)):
                    self._branches(siblings, depth, level)
                    siblings = []
                siblings.append((scope, inside))
        self._branches(siblings, depth, level)

    def _plain(self, unit: int, level: _Level) -> None:
        nature, values = self._natures[unit], self._values[unit]
        data = {p: f"it uses {name}" for name in values.consumes if (p := self._producer(name, unit)) is not None}
        preds = set(data)
        preds |= {p for need in values.needs if (p := self._finder(need, unit)) is not None}
        gathers = self._gathers(unit, level)
        if (source := self._starts.get(unit)) is not None:
            preds.add(source)
        elif (named := self._named.get(unit)) and not nature.risk:
            preds |= named
        elif gathers:
            preds |= {o for o in level.open if o not in self._sent}
        elif self._units[unit].head.remedy and not preds:
            level.stage = level.stage or [
                o for o in level.open if not self._units[o].head.remedy and o not in self._sent
            ]
            preds |= set(level.stage)
        preds |= set(level.barrier) - self._sent
        # A step that may be jumped over waits for the one that decides it.
        preds |= {source for source, target in self._jumps if source < unit < target and source in level.inside}
        owed: list[int] = []
        if gathers or set(level.barrier) & set(level.open) or level.tails:
            owed, level.owed = level.owed, []
        if not gathers and unit not in self._starts:
            # Whatever branch was taken, the guide goes on here.
            preds |= {t for t in level.tails if t in level.open and t not in self._sent}
        level.tails = []
        led = range(START if level.entry == [(START, None)] else 0, unit)
        entered = any(self._enters(level, p) for p in (*preds, *owed)) or any((s, unit) in self._led for s in led)
        if not entered and level.entry != [(START, None)]:
            # Whoever decides whether a step is taken waits for what the step needs: an edge of its own would
            # let the step run without the decision.
            needed = preds - {s for s, _ in level.entry}
            known = {n for n in needed for d in level.deciders if n == d or (d != START and n in self._before[d])}
            for source in level.deciders[-1:]:
                self._wait(source, needed - known)
            preds = set()
        preds = self._nearest(preds)
        changed = dict.fromkeys(level.barrier, "nothing overtakes a change")
        reasons = {p: data.get(p) or changed.get(p) or "it rests on what was found before" for p in preds}
        ways = [Way(p, unit, why=reasons[p]) for p in sorted(preds) if (p, unit) not in self._led]
        ways += [
            Way(o, unit, None, EdgeKind.IMPLICIT, "the case that the guide does not write")
            for o in owed
            if o not in preds and (o, unit) not in self._led
        ]
        if not entered:
            ways += [
                Way(
                    s,
                    unit,
                    scope,
                    EdgeKind.COND if scope else EdgeKind.SEQ,
                    "written condition" if scope else "an entry",
                )
                for s, scope in level.entry
                if (s != START or not ways) and (s, unit) not in self._led
            ]
        self._lead(unit, ways)
        level.open = [o for o in level.open if o not in self._before[unit]] + [unit]
        if nature.risk or nature.kind is Kind.ACTION or self._units[unit].waits or self._units[unit].prepares:
            level.barrier = [unit]
        level.last = unit
        level.inside.add(unit)
        if unit in self._gates and level.entry == [(START, None)]:
            level.entry = [(unit, None)]

    def _wait(self, decider: int, needed: set[int]) -> None:
        for need in sorted(self._nearest(needed)):
            if (
                decider != START
                and need != decider
                and need not in self._before[decider]
                and decider not in self._before[need]
            ):
                self.ways.append(Way(need, decider, why="what a branch uses is there before the decision"))
                self._note(need, decider)
                for later in range(decider + 1, len(self._units)):
                    if decider in self._before[later]:
                        self._before[later] |= self._before[decider]

    def _gathers(self, unit: int, level: _Level) -> bool:
        """Whether a unit rests on all that was found: a decision, a change, a person, a look back."""
        at = self._units[unit]
        if self._natures[unit].kind is not Kind.QUERY or at.verifies or at.goes_on:
            return True
        if at.confirms and level.barrier:
            return True
        return any(at.head.remedy and self._units[b].head is at.head for b in level.barrier)

    def _enters(self, level: _Level, unit: int) -> bool:
        """Whether a predecessor already stands behind the level's entry."""
        return unit in level.inside or level.entry == [(START, None)]

    def _branches(self, siblings: Sequence[tuple[Scope, list[int]]], depth: int, level: _Level) -> None:
        if not siblings:
            return
        common = self._sources(siblings[0][0], siblings[0][1][0], level)
        tails: list[int] = []
        barrier: list[int] = []
        firsts: list[int] = []
        used: set[int] = set()
        for n, (scope, inside) in enumerate(siblings):
            entry = self._sources(scope, inside[0], level) if n else common
            if n and scope.condition == "otherwise":
                entry = [(s, None) for s in sorted(used)]
            elif n and tails and _LAST.search(scope.condition):
                entry = [(t, None) for t in tails]
            elif n and tails and _AFTER.match(scope.condition):
                entry = [*((t, None) for t in tails), *common]
            elif n and tails and _STILL.search(scope.condition):
                entry = [(tails[-1], None)]
            child = _Level([(s, scope if outer is None else _both(outer, scope)) for s, outer in entry])
            child.deciders = level.deciders or [s for s, _ in entry]
            used |= {s for s, _ in entry}
            self._level(inside, depth + 1, child)
            tails = [t for t in tails if t not in {s for s, _ in entry}] + child.open
            barrier += child.barrier
            firsts.append(inside[0])
            level.inside |= child.inside
        if len(siblings) > 1 and all(s.option or s.form == "code" for s, _ in siblings):
            self.alternatives.append(frozenset(firsts))
        options = any(s.option or s.form == "code" for s, _ in siblings)
        level.open = [o for o in level.open if o not in used] + tails
        level.tails = list(tails)
        if barrier:
            level.barrier = [b for b in level.barrier if not any(b in self._before[t] for t in tails)] + barrier
        closed = options or (len(siblings) > 1 and all(s.form in ("heading", "case") for s, _ in siblings))
        closed = closed or self._begins_remedy(siblings[0][1][0], level)
        negated = {s for s in used if s in level.owed and _NOT.search(siblings[0][0].condition)}
        if siblings[0][0].option and level.owed:
            level.owed = [o for o in level.owed if o not in used]
        level.owed = [o for o in level.owed if o not in negated]
        level.owed += [s for s in sorted(used - negated) if s != START and not closed and s not in self._sent]

    def _sources(self, scope: Scope, first: int, level: _Level) -> list[tuple[int, Scope | None]]:
        """Where the branches of a decision leave from."""
        if named := self._named.get(first):
            # The steps whose results it names decide, with the one before that chose among such cases.
            chose = level.last if level.last in level.owed or level.last in level.open else None
            rest = level.open if _LAST.search(scope.condition) else []
            return [(s, None) for s in sorted({*named, *rest} if chose is None else {*named, chose, *rest})]
        if level.last is None:
            return list(level.entry)
        if scope.option and level.tails:
            # A choice of ways is no other case of the decision before it: it comes behind its branches.
            return [(s, None) for s in sorted(self._nearest(set(level.tails)) | set(level.owed))]
        asked = [level.last] if level.last in level.owed else []
        candidates = [*asked, *(o for o in level.open if o not in self._sent)] or [level.last]
        if len(candidates) == 1:
            return [(candidates[0], None)]
        if scope.form == "code":
            return [(c, None) for c in candidates]
        if scope.form == "heading" and self._units[first].head.label[-1:].isalpha() and level.last in candidates:
            return [(level.last, None)]  # 4a, 4b, 4c: the cases of what was read last
        scores = self._scores(_content(_ISSUE.sub("", scope.condition)), candidates)
        if scope.form == "heading" and not any(scores.values()):
            label = _ISSUE.match(scope.condition)
            scores = self._scores(self._about(first) - _content(label[0] if label else ""), candidates)
        if asked:
            # The other case of a decision already met, or what its branches left.
            if _NOT.search(scope.condition) and scores[level.last] + 1 >= max(scores.values()):
                return [(level.last, None)]
            candidates = [c for c in candidates if c != level.last] or candidates
        best = max(scores[c] for c in candidates)
        if level.last not in candidates:
            # The branches before this one have ended; what they left decides.
            after = [c for c in candidates if c > level.last] or candidates
            best = max(scores[c] for c in after)
            equal = [c for c in after if scores[c] == best]
            return [(c, None) for c in (equal if len(equal) <= _FEW else equal[-1:])]
        if not best or (scores[level.last] == best and self._units[level.last].head is self._units[first].head):
            return [(level.last, None)]
        return [(c, None) for c in candidates if scores[c] == best]

    def _scores(self, wanted: frozenset[str], candidates: Sequence[int]) -> dict[int, int]:
        return {c: len(wanted & self._about(c)) for c in candidates}

    def _begins_remedy(self, first: int, level: _Level) -> bool:
        """Whether a branch is the first of the remedies: who needs none is done."""
        last = level.last
        return self._units[first].head.remedy and last is not None and not self._units[last].head.remedy

    def _about(self, unit: int) -> frozenset[str]:
        if unit not in self._words:
            self._words[unit] = _words_of(self._units[unit])
        return self._words[unit]

    def _producer(self, name: str, unit: int) -> int | None:
        """The nearest unit before that gives a name."""
        wanted = plain(name)
        for i in range(unit - 1, -1, -1):
            if any(plain(n) == wanted for n in self._values[i].produces):
                return i
        return None

    def _finder(self, fact: str, unit: int) -> int | None:
        return next((i for i in range(unit - 1, -1, -1) if fact in self._values[i].finds), None)

    def _nearest(self, preds: set[int]) -> set[int]:
        """Without those that come before another of them anyway."""
        return {p for p in preds if not any(p in self._before[q] for q in preds)}

    def _lead(self, unit: int, ways: Sequence[Way]) -> None:
        for way in ways:
            if way.source != START:
                self._note(way.source, unit)
        self.ways += ways


def speaks_of(unit: Unit, condition: str) -> bool:
    """Whether a unit reads what a condition asks about: at least two of its words that carry meaning."""
    return len(_content(condition) & _words_of(unit)) > 1


def _words_of(unit: Unit) -> frozenset[str]:
    parts = [unit.head.title, unit.title, *(s.words for s in unit.said), *(c.text for c in unit.commands)]
    return _content(" ".join(parts))


def _content(text: str) -> frozenset[str]:
    """The words that carry meaning, endings taken off."""
    words = re.findall(r"[a-z][a-z0-9]{1,}", text.lower())
    return frozenset(re.sub(r"(?:ies|ing|ed|es|s)$", "", w) if len(w) > 4 else w for w in words if w not in _COMMON)


def _both(outer: Scope, inner: Scope) -> Scope:
    lines = Span(min(outer.lines.first, inner.lines.first), max(outer.lines.last, inner.lines.last))
    return Scope(f"{outer.condition}; {inner.condition}", lines, inner.option or outer.option, inner.form)


def _runs(
    members: Sequence[int], depth: int, scopes: Sequence[tuple[Scope, ...]]
) -> Iterator[tuple[Scope | None, list[int]]]:
    """Members in order: each without a further condition alone, those under one condition together."""
    held: list[int] = []
    of: Scope | None = None
    for member in members:
        scope = scopes[member][depth] if len(scopes[member]) > depth else None
        if held and scope != of:
            assert of is not None
            yield of, held
            held = []
        of = scope
        if scope is None:
            yield None, [member]
        else:
            held.append(member)
    if held:
        yield of, held
