"""`<!-- stepfleet: ignore CODE -- reason -->`: what a guide's author has looked at and wants left unsaid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dag.rules.problem import Code as PlanCode
from tsg.findings import Code, Finding, Severity, did_you_mean
from tsg.mentor.registry import CHECKS
from tsg.mentor.view import View

_COMMENT = re.compile(r"<!--\s*stepfleet:\s*(?P<verb>[\w-]*)(?P<rest>[^\n]*?)-->")
UNKNOWN_CODE = "unknown-suppression"
UNUSED = "unused-suppression"
CATEGORY = "suppression"


@dataclass(frozen=True, slots=True)
class Ignore:
    """The codes that a comment silences: in the whole file, or on its own line and the next that is not blank."""

    line: int
    codes: tuple[str, ...]
    lines: frozenset[int] | None  # None: the whole file

    def covers(self, f: Finding) -> bool:
        return f.code in self.codes and (self.lines is None or f.line in self.lines)


def known_codes() -> frozenset[str]:
    return frozenset({*CHECKS, *(str(c) for c in Code), *(str(c) for c in PlanCode)})


def suppressed(view: View, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings without those that the author silenced, and what is wrong with the silencing itself.

    An error that keeps the guide from running cannot be silenced.
    """
    found = list(findings)
    ignores, wrong = _read(view)
    used: set[tuple[int, str]] = set()
    for f in found:
        covering = [i for i in ignores if i.covers(f)]
        if covering and (f.category or f.severity is not Severity.ERROR):
            used |= {(i.line, f.code) for i in covering}
        else:
            yield f
    yield from wrong
    for ignore in ignores:
        for code in ignore.codes:
            if (ignore.line, code) not in used:
                where = "in this guide" if ignore.lines is None else "here"
                yield Finding(
                    view.guide.path,
                    ignore.line,
                    UNUSED,
                    Severity.INFO,
                    f"nothing {where} is found as '{code}'",
                    "remove the comment, or move it above the line it means",
                    CATEGORY,
                    "A comment that silences nothing may hide the next finding.",
                )


def _read(view: View) -> tuple[list[Ignore], list[Finding]]:
    ignores: list[Ignore] = []
    wrong: list[Finding] = []
    known = known_codes()
    in_code = {line for c in view.codes for line in range(c.lines.first, c.lines.last + 1)}
    for at, line in enumerate(view.source, start=1):
        if "stepfleet:" not in line or at in in_code:
            continue
        for found in _COMMENT.finditer(line):
            verb, rest = found["verb"], found["rest"].split(" -- ", 1)[0]
            codes = [c for c in re.split(r"[,\s]+", rest.strip()) if c]
            if verb not in {"ignore", "ignore-file"} or not codes:
                wrong.append(
                    _wrong(
                        view,
                        at,
                        f"'{found[0][:60]}' is no suppression",
                        "write <!-- stepfleet: ignore CODE -- reason -->",
                    )
                )
                continue
            for code in codes:
                if code not in known:
                    wrong.append(
                        _wrong(
                            view,
                            at,
                            f"no finding is named '{code[:40]}'",
                            did_you_mean(code[:40], known, "see docs/mentor.md"),
                        )
                    )
            good = tuple(dict.fromkeys(c for c in codes if c in known))
            if good:
                ignores.append(Ignore(at, good, None if verb == "ignore-file" else _lines(view, at, found)))
    return ignores, wrong


def _lines(view: View, at: int, found: re.Match[str]) -> frozenset[int]:
    """The comment's own line and, where it stands alone, the next line that says something."""
    if found.string.strip() != found[0]:
        return frozenset({at})
    nxt = at + 1
    while nxt <= len(view.source) and (
        not view.source[nxt - 1].strip() or _COMMENT.fullmatch(view.source[nxt - 1].strip())
    ):
        nxt += 1
    return frozenset({at, nxt})


def _wrong(view: View, line: int, message: str, hint: str) -> Finding:
    why = "A misspelt suppression silences nothing."
    return Finding(view.guide.path, line, UNKNOWN_CODE, Severity.WARNING, message, hint, CATEGORY, why)
