"""Comparisons in words into CEL, where every name and every unit of them is known: "the lag is above 2 s".

A phrase is computed whole or not at all. A name is meant only where the words are that name's own.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from dag.conditions import compile_condition
from dag.errors import ConditionError
from dag.model import ValueType
from tsg.compile.measures import COUNT, UNKNOWN, Measure, Values, unit_named
from tsg.compile.sentences import Masked

# What inline code becomes here: one word that no name is spelt like.
_CODE = re.compile("\ue000(\\d+)\ue002")
_VERB = (
    r"(?:(?:is|are|was|were|stays?|remains?|keeps|has been|have been|goes|rises|climbs|grows|falls|drops|sits)"
    r"(?: still| now)? )"
)
_OPERATORS = {
    ">=": "at least|no less than|not less than|not below|not under|at or above|>=|≥",
    "<=": "at most|no more than|not more than|not above|not over|at or below|up to|<=|≤",
    ">": "above|over|greater than|more than|larger than|higher than|longer than|exceeds|exceed|exceeding|beyond|>",
    "<": "below|under|less than|smaller than|lower than|fewer than|shorter than|<",
    "==": "equal to|equals|exactly|at exactly|==",
    "!=": "not equal to|other than|!=",
}
_OP = "|".join(_OPERATORS.values())
_OP_OF = {word: op for op, words in _OPERATORS.items() for word in words.split("|")}
_UNIT = r"%|°C|(?:(?:per cent|degrees Celsius|[A-Za-zµ]+)\b)"


def _number(name: str) -> str:
    return rf"(?P<{name}>-?\d+(?:,\d{{3}})*(?:\.\d+)?)(?: ?(?P<{name}_unit>{_UNIT}))?"


_THAN = re.compile(rf"(?P<subject>.+?) {_VERB}?(?P<op>{_OP}) {_number('n')}", re.IGNORECASE)
_OR_MORE = re.compile(rf"(?P<subject>.+?) {_VERB}{_number('n')} or (?P<op>more|higher|less|lower|fewer)", re.IGNORECASE)
_BETWEEN = re.compile(
    rf"(?P<subject>.+?) {_VERB}(?P<not>(?:not (?=between )|outside ))?(?:between )?"
    rf"{_number('a')} (?:and|to) {_number('b')}",
    re.IGNORECASE,
)
_STATE = r"(?:is|are|was|equals|shows|reads)(?P<not> not|n't)? (?P<value>[^ ]+|[\"“‘'][^\"”’']+[\"”’'])"
_IS = re.compile(rf"(?P<subject>.+?) {_STATE}", re.IGNORECASE)
_JOIN = re.compile(r",? (and|or) (?:that |if |when )?")
_WHICH = {
    "any": "any", "some": "any", "a": "any", "an": "any", "every": "all", "all": "all", "each": "all",
    "highest": "max", "largest": "max", "maximum": "max", "max": "max", "worst": "max", "peak": "max", "longest": "max",
    "lowest": "min", "smallest": "min", "minimum": "min", "min": "min", "shortest": "min",
    "average": "avg", "mean": "avg", "total": "sum", "overall": "sum",
}  # fmt: skip
_FILLER = re.compile(r"^(?:(?:the|its|their|this|that|value of|result of|of|current|it is true that) )+", re.IGNORECASE)
_COUNTED = re.compile(r"^(?:number|count) of (?:the )?", re.IGNORECASE)
_WORDS = re.compile(r"[^a-z0-9]+")
MAX_READ = 300  # characters; longer phrases are no comparison
MAX_PARTS = 8  # joined comparisons


@dataclass(frozen=True, slots=True)
class Worded:
    """What a phrase came to: CEL, or why it is none although it names a value."""

    cel: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is compared: CEL of a number, a string or a truth value, or a vector of which `which` is meant."""

    cel: str
    type: ValueType
    measure: Measure = UNKNOWN
    which: str = ""


def worded(said: Masked, values: Values) -> Worded:
    """The CEL of a condition's words; nothing of it when a word of it is not understood."""
    text = " ".join(said.text.split())
    if len(text) > MAX_READ:
        return Worded()
    return _phrase(text, said, values)


def _phrase(text: str, said: Masked, values: Values) -> Worded:
    whole = _one(text, said, values)
    joins = _JOIN.findall(text)
    if whole.cel is not None or not joins or len(set(joins)) > 1 or len(joins) >= MAX_PARTS:
        return whole
    parts = [_one(part, said, values) for part in _JOIN.split(text)[::2]]
    cels = [p.cel for p in parts if p.cel is not None]
    if len(cels) < len(parts):
        return Worded(why=next((p.why for p in parts if p.why), whole.why))
    return Worded({"and": " && ", "or": " || "}[joins[0]].join(f"({c})" for c in cels))


def _one(text: str, said: Masked, values: Values) -> Worded:
    if (code := _CODE.fullmatch(text)) is not None:
        return Worded(_truth(said.pieces[int(code[1])].text, values))
    if found := _BETWEEN.fullmatch(text):
        return _between(found, said, values)
    if found := _THAN.fullmatch(text):
        op = _OP_OF[found["op"].lower()]
        return _compared(found["subject"], op, _quantity(found, "n"), said, values)
    if found := _OR_MORE.fullmatch(text):
        op = ">=" if found["op"].lower() in {"more", "higher"} else "<="
        return _compared(found["subject"], op, _quantity(found, "n"), said, values)
    if found := _IS.fullmatch(text):
        return _is(found, said, values)
    return Worded()


def _truth(code: str, values: Values) -> str | None:
    try:
        return code if compile_condition(code, values.types).names else None
    except ConditionError:
        return None


def _between(found: re.Match[str], said: Masked, values: Values) -> Worded:
    low, high = _quantity(found, "a"), _quantity(found, "b")
    if not low[1] and high[1]:
        low = (low[0], high[1])
    parts = [_compared(found["subject"], op, q, said, values) for op, q in ((">=", low), ("<=", high))]
    if any(p.cel is None for p in parts):
        return parts[0] if parts[0].cel is None else parts[1]
    cel = " && ".join(f"({p.cel})" for p in parts)
    return Worded(f"!({cel})" if found["not"] else cel)


def _quantity(found: re.Match[str], name: str) -> tuple[float, str]:
    return float(found[name].replace(",", "")), found[f"{name}_unit"] or ""


def _compared(subject: str, op: str, quantity: tuple[float, str], said: Masked, values: Values) -> Worded:
    meant = _subject(subject, said, values)
    if meant is None:
        return Worded()
    number, unit = quantity
    cel = _number_of(meant, op)
    if cel is None:
        reason = "of several series it does not say which: any, every, highest, lowest, average or total"
        return Worded(why=reason if meant.type is ValueType.VECTOR else f"'{_bare(meant)}' is no number")
    value, why = _in_unit_of(number, unit, meant)
    return Worded(why=why) if value is None else Worded(f"{cel} {op} {value}")


def _subject(words: str, said: Masked, values: Values) -> _Subject | None:
    """The value that the words name: inline code over declared names, or a declared name spelt in words."""
    words = _FILLER.sub("", words)
    if (named := _named(words, said, values)) is not None:
        return named
    if found := _COUNTED.match(words):
        named = _named(_FILLER.sub("", words[found.end() :]), said, values)
        return (
            None
            if named is None or named.type is not ValueType.VECTOR
            else _Subject(f"count({named.cel})", ValueType.SCALAR, Measure(COUNT))
        )
    first, _, rest = words.partition(" ")
    which = _WHICH.get(first.lower())
    named = _named(_FILLER.sub("", rest), said, values) if which else None
    if named is None or named.type is not ValueType.VECTOR:
        return None
    return _Subject(named.cel, named.type, named.measure, which or "")


def _named(words: str, said: Masked, values: Values) -> _Subject | None:
    if (code := _CODE.fullmatch(words)) is not None:
        return _of_code(said.pieces[int(code[1])].text, values)
    plain = _WORDS.sub("_", words.lower()).strip("_")
    fits = [n for n in values.types if _plain(n) in {plain, plain.removesuffix("s")}] if plain else []
    return _Subject(fits[0], values.types[fits[0]], values.of(fits[0])) if len(fits) == 1 else None


def _plain(name: str) -> str:
    return _WORDS.sub("_", name.lower()).strip("_")


_AGGREGATE = re.compile(r"(max|min|avg|sum)\((\w+)\)")


def _of_code(code: str, values: Values) -> _Subject | None:
    code = code.strip()
    if code in values.types:
        return _Subject(code, values.types[code], values.of(code))
    try:
        if not compile_condition(f"({code}) > 0", values.types).names:
            return None
    except ConditionError:
        return None
    found = _AGGREGATE.fullmatch(code)
    unit = values.of(found[2]).unit if found is not None else COUNT if re.fullmatch(r"count\(\w+\)", code) else None
    return _Subject(f"({code})", ValueType.SCALAR, Measure(unit))


def _number_of(meant: _Subject, op: str) -> str | None:
    """CEL of the number that is compared; None where there is none, or several and none is meant."""
    if meant.type is ValueType.VECTOR:
        which = meant.which or ("max" if meant.measure.single else "")
        if which in {"any", "all"}:
            up = op in {">", ">="}
            if op not in {">", ">=", "<", "<="}:
                return None
            which = "max" if up == (which == "any") else "min"
        return f"{which}({meant.cel})" if which else None
    return meant.cel if meant.type in {ValueType.SCALAR, ValueType.DYN} and not meant.which else None


def _in_unit_of(number: float, written: str, meant: _Subject) -> tuple[str | None, str]:
    """The number in the unit that the value has; None and why when one of both is not known."""
    has = meant.measure.unit
    if not written:
        if has is not None and has.of:
            return None, f"{number:g} has no unit, and what it is compared with has one"
        return _literal(number), ""
    unit = unit_named(written)
    if unit is None and has in (None, COUNT) and written.lower().rstrip("s") in meant.cel.lower():
        return _literal(number), ""  # "the replicas are fewer than 2 replicas"
    if unit is None:
        return None, f"'{written}' is no unit that is known here"
    if has is None:
        return None, f"in what '{_bare(meant)}' is measured is not known"
    if unit.of != has.of or unit.share != has.share:
        return None, f"'{_bare(meant)}' is not measured in {written}"
    return _literal(number * unit.scale / has.scale), ""


def _bare(meant: _Subject) -> str:
    return meant.cel[1:-1] if meant.cel.startswith("(") else meant.cel


def _literal(number: float) -> str | None:
    """A number as CEL writes it, without the noise of binary fractions."""
    rounded = float(f"{number:.12g}")
    if not math.isfinite(rounded) or abs(rounded) >= 1e15:
        return None
    return (
        str(int(rounded))
        if rounded == int(rounded)
        else repr(rounded)
        if abs(rounded) >= 1e-4
        else f"{rounded:.12f}".rstrip("0")
    )


_QUOTED = re.compile(r"[\"'“‘](.+)[\"'”’]")
_TRUE = {"true": "", "false": "!"}
_PROPER = re.compile(r"[A-Z][\w-]*")


def _is(found: re.Match[str], said: Masked, values: Values) -> Worded:
    """`X is Running`, `X is not empty`, `X is zero`, `X is true`: a state that is spelt as a name or in quotes."""
    meant = _subject(found["subject"], said, values)
    if meant is None:
        return Worded()
    negated = bool(found["not"])
    value = found["value"]
    low = value.lower()
    if low in {"empty", "zero", "0", "nonzero", "non-zero"}:
        return _nothing(meant, low, negated)
    if low in _TRUE and meant.type is ValueType.BOOL:
        return Worded(f"{'!' * (bool(_TRUE[low]) != negated)}{meant.cel}")
    text = _state(value, said)
    if text is None or meant.type not in {ValueType.STRING, ValueType.DYN} or meant.cel not in values.types:
        return Worded()
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return Worded(f'{meant.cel} {"!=" if negated else "=="} "{quoted}"')


def _nothing(meant: _Subject, word: str, negated: bool) -> Worded:
    if word == "empty":
        if meant.type is not ValueType.VECTOR or meant.which:
            return Worded()
        return Worded(f"count({meant.cel}) {'>' if negated else '=='} 0")
    negated ^= word.startswith("non")
    cel = _number_of(meant, "==")
    return Worded() if cel is None else Worded(f"{cel} {'!=' if negated else '=='} 0")


def _state(word: str, said: Masked) -> str | None:
    """The literal that a word stands for: code, quoted, or spelt like a name. `bad` and `slow` are judged."""
    if (code := _CODE.fullmatch(word)) is not None:
        return said.pieces[int(code[1])].text
    if (quoted := _QUOTED.fullmatch(word)) is not None:
        return quoted[1]
    return word if _PROPER.fullmatch(word) and "\ue000" not in word else None
