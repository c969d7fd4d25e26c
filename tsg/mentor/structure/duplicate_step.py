"""The same step twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.deeds import is_change
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, StepView, View
from tsg.mentor.wording import ACT, LOOK, instructions_in

SHORTEST = 12  # characters of code; less is the same by chance
_UNCOUNTED = re.compile(r"^\s*#.*$", re.MULTILINE)
# Something has happened, or time has passed, before it is asked again.
_TIME = re.compile(
    r"\b(?:wait|meanwhile|after|afterwards|later|every|until|within|(?:seconds|minutes?|hours?|min|s|h) (?:later|apart)"
    r"|repeat|re-?run|retry|each time|for (?:the|each) (?:other|second|next)"
    r"|on (?:the|each|every) (?:other|node|host))\b",
    re.IGNORECASE,
)


@check(
    "duplicate-step",
    Category.STRUCTURE,
    Severity.INFO,
    "the same step twice",
    "One of the two is out of date sooner or later, and the reader wonders what is different.",
)
def duplicate_step(view: View) -> Iterator[Issue]:
    seen: dict[str, int] = {}
    for part in view.working:
        for code in part.codes:
            key = " ".join(code.body.split())
            if (
                len(key) >= 12
                and code.is_run
                and (any(is_change(s) for s in code.statements))
                and not _inside_options(part)
            ):
                if key in seen and code.section != seen.get("§" + key, -1):
                    yield Issue(
                        code.lines.first,
                        f"the same commands stand in line {seen[key]}",
                        "keep one, and refer to it by its heading",
                    )
                seen.setdefault(key, code.lines.first)
    texts: dict[str, tuple[int, StepView]] = {}
    for step in view.steps:
        key = _normal(step)
        if len(key.split()) < 5:
            continue
        if key in texts and texts[key][1] is not step:
            yield Issue(
                step.lines.first,
                f"the step is that of line {texts[key][0]} again",
                "keep one, and refer to it by its number",
            )
        texts.setdefault(key, (step.lines.first, step))
    yield from _same_reads(view)
    yield from _same_titles(view)
    yield from _same_deeds(view)


def _same_reads(view: View) -> Iterator[Issue]:
    """A look that stands twice in one place, and nothing between that could have changed the answer."""
    seen: dict[str, Code] = {}
    for part in view.working:
        for code in part.codes:
            key = " ".join(_UNCOUNTED.sub("", code.body).split())
            before = seen.get(key)
            if (
                len(key) < SHORTEST
                or code.block.quoted
                or not code.is_run
                or any(is_change(s) for s in code.statements)
            ):
                continue
            if before is not None and _stands_close(view, before, code) and not _may_have_changed(view, before, code):
                yield Issue(
                    code.lines.first,
                    f"line {before.lines.first} asks the same, and nothing has changed meanwhile",
                    "keep one, or say what has changed before it is asked again",
                )
            seen[key] = code


def _stands_close(view: View, first: Code, second: Code) -> bool:
    """Whether both stand in one section or in neighbouring ones that follow one another for every reader."""
    if first.section == second.section:
        return True
    between = [p for p in view.parts if first.section < p.index <= second.section]
    follow = len(between) == 1 and not _inside_options(between[0])
    return follow and (view.native or bool(between[0].number))


def _may_have_changed(view: View, first: Code, second: Code) -> bool:
    lines = range(first.lines.last + 1, second.lines.first)
    changed = any(
        c.lines.first in lines and any(is_change(s) for s in c.statements) for p in view.parts for c in p.commands
    )
    sentences = (s for p in view.parts for prose in p.proses for s in prose.sentences if s.line in lines)
    return changed or any(_TIME.search(s.text) or instructions_in(s.text) in ACT - LOOK for s in sentences)


def _inside_options(part: Part) -> bool:
    return bool(re.match(r"\W*(?:option|alternative|scenario|case|variant|if)\b", part.title, re.IGNORECASE))


def _normal(step: StepView) -> str:
    text = step.text + " " + " ".join(c.body for c in step.codes if not c.inline)
    return " ".join(re.findall(r"[\w./<>$-]+", text.lower()))


def _same_titles(view: View) -> Iterator[Issue]:
    titles: dict[str, Part] = {}
    for part in view.working:
        bare = re.sub(r"^\W*(?:step\s*)?\d+[a-z]?\s*[.):–—-]*\s*", "", part.title.lower()).strip()
        if len(bare.split()) < 2 or not part.number:
            continue
        if bare in titles and titles[bare].above == part.above:
            yield Issue(
                part.section.lines.first,
                f"the title is that of line {titles[bare].section.lines.first} again",
                "keep one, or say what is different",
            )
        titles.setdefault(bare, part)


def _same_deeds(view: View) -> Iterator[Issue]:
    """Two instructions of one section that order the same change of the same thing in near enough the same words."""
    for part in view.working:
        deeds: list[tuple[set[str], int, Prose]] = []
        for prose in part.proses:
            for sentence in prose.sentences:
                text = re.sub(r"^\W*(?:option|alternative)\s*\w*\W*", "", sentence.text, flags=re.IGNORECASE)
                verb = instructions_in(text)
                if verb not in ACT - LOOK or verb in {"run", "set", "add", "wait"}:
                    continue
                words = {w[:6] for w in re.findall(r"[a-z][a-z-]{3,}", text.lower())} - {
                    "this",
                    "that",
                    "with",
                    "from",
                    "manual",
                }
                if len(words) < 4 or len(deeds) > 200:
                    continue
                for known, line, other in deeds:
                    if (
                        other is not prose
                        and len(words & known) >= 4
                        and len(words & known) * 10 >= min(len(words), len(known)) * 6
                        and verb[:6] in known
                    ):
                        yield Issue(
                            sentence.line,
                            f"this orders the change of line {line} again",
                            "keep one of the two, or say how they differ",
                        )
                        break
                deeds.append((words | {verb[:6]}, sentence.line, prose))
