"""Text of a guide in a drawing: cleaned, measured, wrapped, shortened. It is data, whatever it says."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from dag.model import Edge, Kind, Step, Terminal

_NARROW, _WIDE = frozenset("iljtfrI.,;:'|!()[]{}-` "), frozenset("mwMW@%&")
_ENDINGS: Mapping[str, str] = {
    Terminal.RESOLVED: "Resolved",
    Terminal.ESCALATE: "Escalate",
    Terminal.NOT_APPLICABLE: "Not applicable",
}
ELLIPSIS = "…"


def clean(text: str) -> str:
    """Without what XML forbids, what turns the direction of text, and runs of blanks."""
    kept = "".join(
        " " if c.isspace() else "" if unicodedata.category(c) in ("Cc", "Cs", "Cn", "Co") or _turns(c) else c
        for c in text
    )
    return " ".join(kept.split())


def _turns(character: str) -> bool:
    return "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069" or character in "\u200e\u200f"


def width(text: str, size: float) -> float:
    """Pixels that a text takes in a sans-serif font of `size` pixels; an estimate, rather too wide."""
    return sum(_em(c) for c in text) * size


def _em(character: str) -> float:
    if character in _NARROW:
        return 0.36
    if character in _WIDE:
        return 0.92
    if unicodedata.east_asian_width(character) in ("W", "F"):
        return 1.05
    return 0.7 if character.isupper() else 0.575


def wrap(text: str, size: float, most: float, lines: int) -> tuple[str, ...]:
    """At most `lines` lines of at most `most` pixels; what is left over ends in an ellipsis."""
    made: list[str] = []
    rest = clean(text)
    while rest and len(made) < lines:
        cut = _fitting(rest, size, most)
        if len(made) == lines - 1 and cut < len(rest):
            made.append(shorten(rest, size, most))
            break
        made.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return tuple(made)


def shorten(text: str, size: float, most: float) -> str:
    text = clean(text)
    if width(text, size) <= most:
        return text
    kept = text
    while kept and width(kept + ELLIPSIS, size) > most:
        kept = kept[:-1]
    whole, blank, _ = kept.rpartition(" ")
    # Half a word misleads ("above 9"), unless without it there would be little left.
    if blank and text[len(kept)] != " " and 2 * len(whole) >= len(kept):
        kept = whole
    return kept.rstrip() + ELLIPSIS


def _fitting(text: str, size: float, most: float) -> int:
    """How many characters go on one line: up to the last blank that fits, or a part of a long word."""
    used, blank = 0.0, 0
    for i, character in enumerate(text):
        used += _em(character) * size
        if character == " ":
            blank = i
        if used > most:
            return blank or max(i, 1)
    return len(text)


def ending(terminal: str) -> str:
    return _ENDINGS[terminal]


def title(step: Step) -> str:
    """What a step is called: its title, else its id, and a word where neither can be read."""
    return clean(step.title) or clean(step.id) or str(step.kind)


def subtitle(step: Step) -> str:
    """What a step does: its calls and the names they bind, or who decides."""
    calls = [f"{c.plugin} → {c.bind}" if c.bind else c.plugin for c in step.calls]
    nothing = {Kind.MANUAL: "a person", Kind.CHECK: "decide"}.get(step.kind, "")
    said = clean(", ".join(calls)) or nothing
    return " · ".join(part for part in (str(step.kind), said) if part and part != str(step.kind))


def reason(edge: Edge) -> str:
    """Why an edge is taken, in a few words; empty when it always is. Words that are judged stand in quotes."""
    said = clean(edge.condition.text) if edge.condition is not None else ""
    if said and edge.condition is not None and edge.condition.cel is None and not edge.otherwise:
        said = f"“{said}”"
    if not said and edge.otherwise:
        said = "otherwise"
    if edge.default:
        said = "undecided or failed"
    if edge.bound is not None:
        said = f"{said}, at most {edge.bound}×" if said else f"back, at most {edge.bound}×"
    return said
