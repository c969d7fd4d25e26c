"""A clause's condition: computed where code or words compare values that are declared, judged otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dag.conditions import compile_condition, is_boolean_over
from dag.errors import ConditionError
from dag.model import Condition, Span, ValueType
from tsg.compile.measures import Values
from tsg.compile.notes import Notes
from tsg.compile.sentences import Clause, Masked
from tsg.compile.worded import worded
from tsg.findings import Code

_JOINED = re.compile(r"\$(?:,? (?:and|or)(?: that| also)? \$)*")
_FILLER = re.compile(r"^(?:the )?(?:value of |result of )?(?=\$)|^(?:it (?:is|was) true that )(?=\$)")
_LOOKS_LIKE_CEL = re.compile(r"[<>]=?|==|!=|&&|\|\||\w\(")


@dataclass(frozen=True, slots=True)
class Read:
    """A condition as a clause says it. `cel` is the author's text, None when it is judged."""

    text: str
    lines: Span
    cel: str | None
    for_s: float = 0.0


def read_condition(clause: Clause, values: Values, notes: Notes) -> Read:
    """Resolve a clause's own condition ("otherwise, if" is combined by the caller)."""
    assert clause.condition is not None
    cel = resolve(clause.condition, values, notes)
    if clause.negated and cel is not None:
        cel = f"!({cel})"
    prefix = "unless " if clause.negated else ""
    return Read(prefix + clause.condition.words, clause.condition.span, cel, clause.for_s)


def resolve(said: Masked, values: Values, notes: Notes) -> str | None:
    """The CEL that the words say, or None when they have to be judged.

    Words around a piece of CEL that the grammar does not know make the whole clause judged: computing
    half of what the author wrote would be worse than asking.
    """
    shape = _FILLER.sub("", said.without_code)
    line = said.span.first
    if said.code and _JOINED.fullmatch(shape):
        return _joined(said, shape, values.types, notes)
    found = worded(said, values)
    if found.cel is not None and is_boolean_over(found.cel, values.types):
        return found.cel
    if found.why:
        message = f"'{said.words}' is judged, not computed: {found.why}"
        hint = "write the comparison as code, e.g. `max(lag) > 2`, or with the unit of the query's result"
        notes.warn(line, Code.CONDITION_WORDS_IGNORED, message, hint)
    elif any(is_boolean_over(code, values.types) for code in said.code):
        message = f"'{said.words}' mixes a computed condition with words, so all of it is judged"
        hint = "write only the code between 'if' and the comma, or two branches"
        notes.warn(line, Code.CONDITION_WORDS_IGNORED, message, hint)
    return None


def _joined(said: Masked, shape: str, types: Mapping[str, ValueType], notes: Notes) -> str | None:
    """Pieces of code alone, or joined by "and" or "or"."""
    words = re.findall(r"\b(and|or)\b", shape)
    for code in said.code:
        try:
            if compile_condition(code, types).names:
                continue
            if _LOOKS_LIKE_CEL.search(code):
                message = f"the condition '{code}' reads no value: it is always the same"
                hint = "compare a result, e.g. `max(waiting) > 2`"
                notes.error(said.span.first, Code.CONDITION_ERROR, message, hint)
        except ConditionError as exc:
            if _was_meant(code, types):
                hint = exc.hint or "see docs/guide-format.md, Branches"
                notes.error(said.span.first, Code.CONDITION_ERROR, f"the condition cannot be computed: {exc}", hint)
        return None
    if len(set(words)) > 1:
        message = f"'{said.words}' joins conditions by 'and' and 'or' without saying which binds closer"
        notes.error(said.span.first, Code.CONDITION_ERROR, message, "write one piece of code with && and ||")
        return None
    return said.code[0] if not words else ({"and": " && ", "or": " || "}[words[0]]).join(f"({c})" for c in said.code)


def _was_meant(code: str, types: Mapping[str, ValueType]) -> bool:
    """Whether inline code was written as a condition: it compares, calls, or reads a declared name."""
    return bool(_LOOKS_LIKE_CEL.search(code)) or any(name in types for name in re.findall(r"[A-Za-z_]\w*", code))


def computed(cel: str | None, types: Mapping[str, ValueType]) -> tuple[str | None, tuple[str, ...]]:
    """The normal form of a condition and the names it reads; (None, ()) when it is judged.

    Combinations of valid conditions can pass a limit of their own (nesting, length): they are judged then.
    """
    if cel is None:
        return None, ()
    try:
        made = compile_condition(cel, types)
    except ConditionError:
        return None, ()
    return made.cel, made.names


def as_condition(read: Read, types: Mapping[str, ValueType]) -> Condition:
    cel, names = computed(read.cel, types)
    return Condition(read.text, (read.lines,), cel, names, read.for_s)


def complement(
    siblings: Sequence[Read], also: Read | None, words: str, lines: Span, types: Mapping[str, ValueType]
) -> Condition:
    """The condition of "otherwise" (and of "otherwise, if `also`"): none of the siblings, and `also`."""
    parts = [r.cel for r in siblings if r.cel is not None]
    none = None
    if len(parts) == len(siblings):
        none = f"!({parts[0]})" if len(parts) == 1 else f"!({' || '.join(f'({p})' for p in parts)})"
    cel = none
    if also is not None:
        cel = None if none is None or also.cel is None else f"{none} && ({also.cel})"
    normal, names = computed(cel, types)
    return Condition(words, (lines,), normal, names, also.for_s if also is not None else 0.0)
