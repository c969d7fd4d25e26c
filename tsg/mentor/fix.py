"""Mechanical mends of a guide's text: what it says and what it compiles to stay the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tsg.catalogue import Catalogue
from tsg.compile import compile_guide
from tsg.findings import Code, Finding, Fix, GuideError
from tsg.parse import parse_guide

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
_PROSE = re.compile(r"^\s{0,3}(?:#{1,6} \S|[A-Z][a-z]+(?: [\w,'-]+){4,}[.:]?\s*$|[-*] [A-Z]|\d+\. [A-Z])")
MAX_PASSES = 4
BOM = b"\xef\xbb\xbf"

Meaning = tuple[tuple[str, ...], ...]
Lint = Callable[[bytes], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Mended:
    """A guide's bytes after its mends, and the findings that they answered."""

    data: bytes
    done: tuple[Finding, ...]


def mended(source: bytes, path: str, catalogue: Catalogue, lint: Lint) -> Mended:
    """Apply every mend that changes no step; line ends and a byte order mark are kept.

    `lint` gives the findings of a text. A text that cannot be read is returned as it is.
    """
    done: list[Finding] = []
    data = source
    for _ in range(MAX_PASSES):
        meaning = _meaning(data, path, catalogue)
        fixable = [(f, fix) for f in lint(data) if (fix := f.fix or _closing(f, data)) is not None]
        if meaning is None or not fixable:
            break
        applied = 0
        for f, fix in sorted(fixable, key=lambda pair: -pair[1].first):
            after = _with(data, fix)
            if after != data and _meaning(after, path, catalogue) == meaning:
                data, applied = after, applied + 1
                done.append(f)
        if not applied:
            break
    return Mended(data, tuple(sorted(done, key=lambda f: (f.line, f.code))))


def _with(data: bytes, fix: Fix) -> bytes:
    """The text with some lines replaced, each new line ended as the first of the old ones."""
    bom = BOM if data.startswith(BOM) else b""
    lines = _LINE.findall(data[len(bom) :].decode("utf-8"))
    old = lines[fix.first - 1 : fix.last]
    if not old:
        return data
    end = re.search(r"[\r\n]+$", old[0]) or next(
        (e for e in (re.search(r"[\r\n]+$", line) for line in lines) if e), None
    )
    eol = end[0] if end else "\n"
    tail = re.search(r"[\r\n]*$", old[-1])
    new = fix.text.replace("\n", eol) + (tail[0] if tail else "")
    return bom + "".join([*lines[: fix.first - 1], new, *lines[fix.last :]]).encode("utf-8")


def _closing(f: Finding, data: bytes) -> Fix | None:
    """A fence's missing end, at the end of the file; None where prose seems to have got inside it."""
    if f.code != Code.FENCE_UNCLOSED:
        return None
    lines = data.removeprefix(BOM).decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    opened = re.match(r"((?:\s|>)*)(`{3,}|~{3,})", lines[f.line - 1]) if f.line <= len(lines) else None
    body = lines[f.line :]
    if opened is None or not body or any(_PROSE.match(line) for line in body):
        return None
    last = len(lines)
    return Fix(last, last, f"{lines[-1]}\n{opened[1]}{opened[2]}")


def _meaning(data: bytes, path: str, catalogue: Catalogue) -> Meaning | None:
    """What a guide's steps and ways are, without numbers, fences' tags and indentation. None where there is no plan."""
    try:
        plan = compile_guide(parse_guide(data, path), catalogue).plan
    except (GuideError, UnicodeDecodeError):
        return None
    names = {step.id: str(i) for i, step in enumerate(plan.steps)}
    steps = tuple(
        (str(s.kind), str(s.risky), _plain(s.title), _plain(s.text), *(c.plugin for c in s.calls)) for s in plan.steps
    )
    edges = tuple(
        sorted(
            (
                names.get(e.source, e.source),
                names.get(e.target, e.target),
                e.condition.text if e.condition else "",
                str(e.kind),
            )
            for e in plan.edges
        )
    )
    return (*steps, *edges)


def _plain(text: str) -> str:
    bare = re.sub(r"^\s*(?:`{3,}|~{3,})[\w-]*\s*$", "", text, flags=re.MULTILINE)
    return " ".join(re.sub(r"^\s*\d+[.)]\s", "", bare, flags=re.MULTILINE).split())
