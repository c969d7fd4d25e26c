"""The condition that a unit itself begins with."""

from __future__ import annotations

import re
from itertools import pairwise

from tsg.compile.public.speech import CHANGING, Sentence
from tsg.compile.public.unit import Scope, Unit

_IN_THAT_CASE = re.compile(
    r"\W*(?:in (?:this|that|such a|these) cases?\b|then\b|if so\b"
    r"|you (?:can|could|may|might|should|must|need to|have to)\b"
    r"|to (?:fix|solve|mend|repair|resolve|remedy) (?:this|it|that)\b)",
    re.I,
)


def own_condition(unit: Unit, *, runs: bool = False) -> Scope | None:
    """The condition that a unit's first instruction stands under, in its first paragraph or below an item's title.

    `runs`: code follows, for which a condition alone is lead enough.
    """
    runs = runs or unit.runs
    if unit.choice or unit.verifies:
        return None
    asked = [s for s in unit.said if s.asks or (runs and s.opens and not s.main)]
    for said in unit.said[:1] if unit.remedies else asked[: 2 if unit.listed is not None else 1]:
        if not said.condition or said.condition_lines is None or _leads_elsewhere(said):
            continue
        if any(_same(said, scope) for scope in unit.scopes) or not unit.begins(said):
            continue
        return Scope(said.condition, said.condition_lines)
    return _told_before(unit)


def _told_before(unit: Unit) -> Scope | None:
    """The case that is told right before the change a unit begins with: "If X is off, Y is lost. You can add Y."."""
    for told, said in pairwise(unit.said):
        if said.asks:
            follows = said.verb in CHANGING and not said.condition and said.lines.first <= told.lines.last + 1
            follows = follows and _IN_THAT_CASE.match(said.words) is not None
            if not follows or told.asks or not told.opens or told.condition_lines is None or not unit.begins(told):
                return None
            return None if any(_same(told, s) for s in unit.scopes) else Scope(told.condition, told.condition_lines)
    return None


def _same(said: Sentence, scope: Scope) -> bool:
    return said.condition_lines is not None and said.condition_lines.first == scope.lines.first


def _leads_elsewhere(said: Sentence) -> bool:
    return re.match(r"\W*(?:go|proceed|return|jump|skip)\b", said.main, re.I) is not None
