"""What a whole section decides, seen when it has been read: branches, options, and the order of decision and reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from tsg.compile.public.nature import Nature
from tsg.compile.public.reading import Reading
from tsg.compile.public.unit import Scope, Unit

_DECIDES = re.compile(r"(?:decide|determine|analy[sz]e|identify|find out|diagnose)\b", re.I)
_OR = re.compile(r"\W*(?:or|alternatively)\b,?\s", re.I)
_EITHER = re.compile(r"\beither\b.{3,200}\bor\b", re.I | re.DOTALL)


def add_decision(at: Reading) -> None:
    """A numbered heading with nothing but branches is the decision between them."""
    heads = [u.scopes[len(at.scopes)] for u in at.units if len(u.scopes) > len(at.scopes)]
    if not at.head.label or len(heads) < len(at.units) or len(dict.fromkeys(heads)) < 2:
        return
    if any(h.form == "code" for h in heads):
        return
    unit = Unit(at.head, at.head.title, scopes=at.scopes, choice=True)
    unit.rule = "a numbered heading with nothing but branches is the decision between them"
    unit.spans = [h.lines for h in dict.fromkeys(heads)]
    for settled in [u for u in at.units if not any(s.asks for s in u.said) and not u.runs]:
        # What only says that nothing is to be done is a way out of the decision.
        condition = settled.scopes[-1]
        unit.said += [s.under(condition.condition, condition.lines) for s in settled.said]
        unit.spans += settled.spans
        unit.blocks += settled.blocks
        at.units.remove(settled)
    at.units.insert(0, unit)


def mark_either(at: Reading) -> None:
    """ "Either A or B": the two changes that follow are options."""
    changing = [u for u in at.units if any(c.changes for c in u.codes)]
    if len(changing) == 2 and any(_EITHER.search(b.text) for b in at.section.blocks if b.pieces):
        for n, unit in enumerate(changing, 1):
            line = unit.spans[0]
            said = unit.said[0].words if unit.said else unit.title
            unit.scopes = (*unit.scopes, Scope(said, line, str(n)))


def either_or(
    units: Sequence[Unit], natures: Sequence[Nature], scopes: Sequence[tuple[Scope, ...]]
) -> list[tuple[Scope, ...]]:
    """The conditions of units, where a change that begins with "Or" is another way for the case of the one before.

    Two such ways without a condition are options: a person chooses.
    """
    found = list(scopes)
    for i in range(1, len(units)):
        before, unit = units[i - 1], units[i]
        said = unit.said[0] if unit.said else None
        if said is None or said.condition or not _OR.match(said.words) or unit.head is not before.head:
            continue
        if not (natures[i].risk and natures[i - 1].risk) or scopes[i] != unit.scopes:
            continue
        around, own = found[i - 1][: len(unit.scopes)], found[i - 1][len(unit.scopes) :]
        if around != unit.scopes:
            continue
        if own:
            found[i] = (*around, replace(own[0], lines=said.lines))
        elif before.said:
            found[i - 1] = (*around, Scope(before.said[0].words, before.said[0].lines, "1"))
            found[i] = (*around, Scope(said.words, said.lines, "2"))
    return found


def decide_last(at: Reading) -> None:
    """A section that decides and then reads decides on what it reads."""
    if len(at.units) < 2 or not at.head.label:
        return
    first, *rest = at.units
    if first.runs or first.listed is not None:
        return
    decides = any(_DECIDES.match(s.main) for s in first.said if s.asks)
    if decides and all(u.scopes == first.scopes and u.runs and not any(c.changes for c in u.codes) for u in rest):
        at.units = [*rest, first]
