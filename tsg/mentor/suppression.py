"""`<!-- stepfleet: ignore CODE -- reason -->`: what a guide's author has looked at and wants left unsaid."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tsg.findings import Finding, Severity, did_you_mean
from tsg.marks import Verb as Mark
from tsg.mentor.codes import MODEL_REVIEW, SUPPRESSION, UNKNOWN_SUPPRESSION, UNUSED_SUPPRESSION, categories
from tsg.mentor.view import View

HINT = "write <!-- stepfleet: ignore CODE -- reason --> on one line"
MOST_NEAREST = 20  # misspelt codes of one guide whose nearest is looked for
_NAME = re.compile(r"stepfleet:", re.IGNORECASE)
_INSIDE = re.compile(r"[ \t>]*stepfleet:", re.IGNORECASE)
_COMMENT = re.compile(r"<!--[ \t]{0,9}(?i:stepfleet):(?P<said>[^\n]{0,600}?)-->")
_TOKEN = re.compile(  # code in a line first: what it shows is no comment
    rf"(?P<code>(?<!`)(?P<ticks>`{{1,9}})(?!`)[^\n]{{1,600}}?(?<!`)(?P=ticks)(?!`))"
    rf"|(?P<comment>{_COMMENT.pattern})|(?P<open><!--[ \t]{{0,9}}(?i:stepfleet):)"
)
_REASON = re.compile(r"(?:^|\s)(?:--|—)(?:\s|$)")
_LINE, _FILE = "ignore", "ignore-file"
_CONTAINER = " \t>"


@dataclass(frozen=True, slots=True)
class Ignore:
    """The codes that a comment silences on the lines `at`; None is the whole file, a block's first line the block.

    A block is a block of code or a table.
    """

    line: int
    codes: tuple[str, ...]
    at: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Silence:
    """All comments of a guide, and what is wrong with them; `blocks` leads from a line to its block's first one."""

    ignores: tuple[Ignore, ...]
    wrong: tuple[Finding, ...]
    blocks: Mapping[int, int]

    def keys(self) -> set[tuple[str, int | None]]:
        return {(code, at) for i in self.ignores for code in i.codes for at in i.at}

    def is_everywhere(self, code: str) -> bool:
        """Whether the whole guide is silenced of a code."""
        return (code, None) in self.keys()

    def keys_of(self, f: Finding) -> set[tuple[str, int | None]]:
        code = str(f.code)
        return {(code, f.line), (code, self.blocks.get(f.line, f.line)), (code, None)}


def suppressed(view: View, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings without those that the author silenced, and what is wrong with the silencing itself.

    An error that keeps the guide from running cannot be silenced.
    """
    silence = silence_of(view)
    silent = silence.keys()
    used: set[tuple[str, int | None]] = set()
    in_vain: set[tuple[str, int | None]] = set()
    for f in findings:
        covering = silent & silence.keys_of(f)
        may = bool(f.category) or f.severity is not Severity.ERROR
        (used if may else in_vain).update(covering)
        if not (covering and may):
            yield f
    yield from silence.wrong
    for ignore in silence.ignores:
        for code in ignore.codes:
            keys = {(code, at) for at in ignore.at}
            if keys.isdisjoint(used) and code != MODEL_REVIEW:
                yield _unused(view, ignore, code, in_vain=not keys.isdisjoint(in_vain))


def without_silenced(view: View, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings that come later, such as a model's, without those that the author silenced."""
    silence = silence_of(view)
    silent = silence.keys()
    return (f for f in findings if silent.isdisjoint(silence.keys_of(f)))


def silence_of(view: View) -> Silence:
    """Read the comments of a guide; code and the marks of `tsg.marks` are none."""
    known = categories().keys() - {UNKNOWN_SUPPRESSION, UNUSED_SUPPRESSION}
    in_code = {line: c.lines.first for c in view.codes for line in range(c.lines.first, c.lines.last + 1)}
    commented = {at: line for at, line in enumerate(view.source, start=1) if _NAME.search(line) and at not in in_code}
    after = _next_said(view, commented)
    ignores: list[Ignore] = []
    wrong: list[Finding] = []
    unknown = 0
    for at, line in commented.items():
        alone = not _COMMENT.sub("", line).strip(_CONTAINER)
        if _INSIDE.match(line) and at > 1 and view.source[at - 2].rstrip().endswith("<!--"):
            wrong.append(_wrong(view, at, "a comment to stepfleet does not stand on one line", HINT))
        for token in _TOKEN.finditer(line):
            if token["open"]:
                wrong.append(_wrong(view, at, "a comment to stepfleet does not end on its line", HINT))
            if not token["comment"]:
                continue
            verb, codes = _read(token["said"])
            if verb in set(Mark):
                continue
            if verb not in (_LINE, _FILE) or not codes:
                wrong.append(_wrong(view, at, f"'{token['comment'][:60]}' is no suppression", HINT))
                continue
            for code in (c for c in codes if c not in known):
                unknown += 1
                hint = "see docs/mentor.md"
                hint = did_you_mean(code[:40], known, hint) if unknown <= MOST_NEAREST else hint
                wrong.append(_wrong(view, at, f"no finding is named '{code[:40]}'", hint))
            good = tuple(c for c in codes if c in known)
            if good:
                where = (None,) if verb == _FILE else (at, after[at]) if alone else (at,)
                ignores.append(Ignore(at, good, where))
    return Silence(tuple(ignores), tuple(wrong), {**_tables(view, in_code), **in_code})


def _tables(view: View, in_code: Container[int]) -> dict[int, int]:
    """Each line of a table with the table's first one."""
    found: dict[int, int] = {}
    for at, line in enumerate(view.source, start=1):
        if at not in in_code and line.lstrip(_CONTAINER).startswith("|"):
            found[at] = found.get(at - 1, at)
    return found


def _read(said: str) -> tuple[str, tuple[str, ...]]:
    """The verb of a comment and the codes before its reason, each once."""
    words = _REASON.split(said, maxsplit=1)[0].replace(",", " ").split()
    return (words[0], tuple(dict.fromkeys(words[1:]))) if words else ("", ())


def _next_said(view: View, commented: Container[int]) -> dict[int, int]:
    """For each line with a comment the next one that is neither blank nor comments alone."""
    found: dict[int, int] = {}
    said = len(view.source) + 1
    for at in range(len(view.source), 0, -1):
        line = view.source[at - 1]
        if at in commented:
            found[at] = said
            line = _COMMENT.sub("", line)
        if line.strip(_CONTAINER):
            said = at
    return found


def _unused(view: View, ignore: Ignore, code: str, *, in_vain: bool) -> Finding:
    where = "in this guide" if None in ignore.at else "here"
    message, hint = f"nothing {where} is found as '{code}'", "remove the comment, or move it above the line it means"
    if in_vain:
        message = f"'{code}' keeps the guide from running {where}, and cannot be silenced"
        hint = "mend what it reports, and remove the comment"
    why = "A comment that silences nothing may hide the next finding."
    return Finding(view.guide.path, ignore.line, UNUSED_SUPPRESSION, Severity.INFO, message, hint, SUPPRESSION, why)


def _wrong(view: View, line: int, message: str, hint: str) -> Finding:
    why = "A misspelt suppression silences nothing."
    return Finding(view.guide.path, line, UNKNOWN_SUPPRESSION, Severity.WARNING, message, hint, SUPPRESSION, why)
