"""'from the previous step' where several steps or commands could be meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, View
from tsg.mentor.wording import shortened

_FROM_PREVIOUS = re.compile(
    r"\b(?:(?:from|in|of|by|with|using|see|use|take|per)\s+)(?:the\s+|a\s+|one of the\s+|"
    r"any of the\s+)?(?:(?:output|results?|values?|response|data|information|list|name|id)s?\s+(?:of|"
    r"from|in|returned by)\s+(?:the\s+)?)?(?P<which>previous|preceding|last|prior|earlier|above|"
    r"former|other|prior)\s+(?P<kind>steps?|commands?|query|queries|outputs?|results?|checks?|"
    r"sections?|calls?|responses?)\b"
    r"|\b(?:the\s+)?(?:output|results?|values?|list|id|name|data)\s+(?:obtained|returned|found|noted|"
    r"collected|recorded|retrieved|gathered|from|you (?:got|noted|found|saved|collected|"
    r"recorded))\s+(?:earlier|before|above|previously)\b"
    r"|\b(?:the\s+)?(?:previously|earlier)\s+(?:obtained|returned|found|noted|collected|recorded|"
    r"retrieved|gathered|saved)\s+\w+\b"
    r"|\b(?:that|the|this)\s+(?:output|result|value)\s+(?:above|from before)\b",
    re.IGNORECASE,
)

_NAMED = re.compile(r"\b(?:of|from|in|by)\s+steps?\s+#?\d|\blog(?:s)? from the previous\b|--previous", re.IGNORECASE)


@check(
    "unknown-source",
    Category.DATA_FLOW,
    Severity.WARNING,
    "'from the previous step' where several steps or commands could be meant",
    "The value of another step fits just as well, and does something else.",
)
def unknown_source(view: View) -> Iterator[Issue]:
    for part in view.parts:
        if part.is_background and not any(_FROM_PREVIOUS.search(p.text) for p in part.proses):
            continue
        for prose in part.proses:
            for sentence in prose.sentences:
                found = _FROM_PREVIOUS.search(sentence.text)
                if found is None or re.search(
                    r"\b(?:of|from|in|by)\s+steps?\s+#?\d|\blog(?:s)? from the previous\b|--previous",
                    sentence.text,
                    re.IGNORECASE,
                ):
                    continue
                if any(p.target and p.text in sentence.text for p in prose.block.pieces if p.text):
                    continue
                count = _candidates(view, part, prose, sentence.line, found)
                if count != 1:
                    what = f"{count} could be meant" if count else "nothing before it gives a result"
                    yield Issue(
                        sentence.line,
                        f"'{shortened(found[0])}' does not say which one: {what}",
                        "name the step: 'the PID printed in step 2', or give the value a name",
                    )


def _candidates(view: View, part: Part, prose: Prose, line: int, found: re.Match[str]) -> int:
    """How many earlier pieces of code could be meant."""
    step = view.step_of(prose)
    singular = not (found["kind"] or "").lower().endswith("s") or (found["kind"] or "").lower().endswith("ss")
    which = (found["which"] or "").lower()
    if (
        step is not None
        and step.number
        and which in {"previous", "preceding", "last", "prior", "above"}
        and (found["kind"] or "").lower().rstrip("s")
        in {"step", "section", "command", "query", "output", "result", "check", "call", "response", "queries"}
    ):
        own = [c for c in step.codes if c.lines.first < line and not c.inline]
        if own and (found["kind"] or "").lower().rstrip("s") not in {"step", "section"}:
            return sum(max(1, len(c.statements)) for c in own)
        same = [s for s in view.steps if s.by_heading == step.by_heading and s.lines.last < step.lines.first]
        if same:
            before = same[-1]
            outputs = sum(max(1, len(c.statements)) for c in before.codes if c.is_run)
            if outputs == 0:
                return (
                    len([s for s in same if s.codes])
                    if (found["kind"] or "").lower() not in {"step"}
                    else (1 if before.text else 0)
                )
            return outputs if singular else 1
    if (found["kind"] or "").lower() in {"step", "section"} and not view.steps:
        # A guide without steps has no previous one: any block before could be meant.
        return sum(c.is_run for p in view.parts for c in p.codes if c.lines.first < line)
    blocks = [c for p in view.parts[: part.index + 1] for c in p.codes if c.lines.first < line and c.is_run]
    here = [c for c in blocks if c.section == part.index]
    if which == "above" or not which:
        blocks = here or blocks
    if which in {"previous", "preceding", "last"} and len(here) >= 1:
        return max(1, len(here[-1].statements))
    return len(blocks)
