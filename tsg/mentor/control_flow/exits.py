"""Where the reader goes from a stretch of text: by link, by number, or on to what follows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tsg.mentor.cases import OVER
from tsg.mentor.code import Code
from tsg.mentor.view import Part, Prose, StepView, View

_NUMBERED = re.compile(
    r"\b(?P<kind>steps?|sections?)\s+#?(?P<n>\d{1,3}[a-z]?)\b|\bgo (?:on )?(?:back )?to (?P<bare>\d{1,3}[a-z]?)\b",
    re.IGNORECASE,
)
_GOES = re.compile(
    r"\b(?:go(?:es)?|continue|proceed|carry on|move on|jump|skip|return|follow|start|resume|on to|back to|then)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Place:
    """A section or step that somebody is sent to."""

    title: str
    flow: tuple[Prose | Code, ...]


def ends(proses: Iterable[Prose]) -> bool:
    """Whether the text says that all is over."""
    return any(OVER.search(s.text) for p in proses for s in p.sentences)


def exits(view: View, part: Part, proses: Iterable[Prose]) -> list[Place]:
    """The places that the text sends to, in its order."""
    return [place for prose in proses for place in _of_prose(view, part, prose)]


def _of_prose(view: View, part: Part, prose: Prose) -> Iterator[Place]:
    for piece in prose.block.pieces:
        if piece.target.startswith("#") and (at := view.guide.by_anchor.get(piece.target[1:])) is not None:
            yield Place(view.parts[at].title, _whole(view, at))
    for sentence in prose.sentences:
        if _GOES.search(sentence.text):
            for found in _NUMBERED.finditer(sentence.text):
                step = numbered(view, part, (found["n"] or found["bare"]).lower())
                if step is not None:
                    yield Place(step.title, step.flow)


def _whole(view: View, at: int) -> tuple[Prose | Code, ...]:
    """A section's text, and its subsections' where it has none of its own."""
    part = view.parts[at]
    return part.flow or tuple(f for p in view.parts[at + 1 : part.end] for f in p.flow)


def numbered(view: View, part: Part, number: str) -> StepView | None:
    """The step of this number: in the same section, else the one of the guide."""
    found = [s for s in view.steps if s.number.lower() == number]
    own = [s for s in found if s.part is part and not s.by_heading]
    return own[0] if own else found[0] if found else None


def next_place(view: View, part: Part, step: StepView | None) -> Place | None:
    """What the reader comes to who reads on: the next item, or the next section that has something to do."""
    if step is not None and not step.by_heading:
        mates = [s for s in view.step_at.get(part.index, ()) if not s.by_heading and s.lines.first > step.lines.last]
        if mates:
            return Place(mates[0].title, mates[0].flow)
    following = next((p for p in view.parts[part.index + 1 :] if p.flow and not p.is_background), None)
    return None if following is None else Place(following.title, following.flow)
