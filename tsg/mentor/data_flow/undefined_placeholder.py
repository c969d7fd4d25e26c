"""A placeholder or variable that is used and never produced, explained or declared."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Language
from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.data_flow.shared import declared_inputs, run_codes
from tsg.mentor.holes import Hole, holes_in, names_set
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, View


@check(
    "undefined-placeholder",
    Category.DATA_FLOW,
    Severity.WARNING,
    "a placeholder or variable that is used and never produced, explained or declared",
    "The reader guesses the value; a machine has none.",
)
def undefined_placeholder(view: View) -> Iterator[Issue]:
    if view.native:
        return
    known = _known_names(view)
    produced = names_set(view.code_text)
    explained = _explained(view)
    said: set[str] = set()
    by_line: dict[int, list[str]] = {}
    for part, code in run_codes(view):
        for hole in holes_in(code.body):
            if (
                hole.norm in said
                or not hole.norm
                or hole.name in produced
                or (not hole.is_variable and hole.norm.upper() in produced)
            ):
                continue
            if code.language is Language.PROMQL and hole.is_variable and hole.name.startswith("__"):
                continue
            if (
                code.language is Language.POWERSHELL
                and hole.is_variable
                and re.search(rf"\${re.escape(hole.name)}\s*=|\(\s*\${re.escape(hole.name)}\s+in\b", view.code_text)
            ):
                continue
            said.add(hole.norm)
            if hole.norm in known or hole.norm in explained or _spoken_of(view, part, code, hole):
                continue
            by_line.setdefault(code.body_line + code.body.count("\n", 0, hole.start), []).append(hole.text)
    for line, names in sorted(by_line.items()):
        shown = ", ".join(names[:3])
        yield Issue(
            line,
            f"{shown} {'is' if len(names) == 1 else 'are'} used, and nothing says where the value comes from",
            "say how to find it, set it from a command's output, or declare it as an input",
        )


def _known_names(view: View) -> set[str]:
    """Inputs that the front matter or a list of parameters declares."""
    known = {_norm(i.name) for i in view.guide.front.inputs}
    for part, prose, name in declared_inputs(view):
        del part, prose
        known.add(_norm(name))
    return known


def _norm(name: str) -> str:
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip("<>{}$[]` "))
    return re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")


def _explained(view: View) -> set[str]:
    """Placeholders that the prose itself writes out, or a comment of the code."""
    found: set[str] = set()
    for part in view.parts:
        for prose in part.proses:
            found |= {_norm(w) for w in re.findall(r"\b([N-Z])\b(?=\s+(?:is|be|being|stands|means|=)\b)", prose.text)}
            if (
                prose.block.kind == "row"
                or "<" in prose.text
                or "$" in prose.text
                or "{" in prose.text
                or "[" in prose.text
                or "_" in prose.text
                or "`" in prose.text
            ):
                plain = re.sub(r"`([^`]*)`", lambda m: m[0] if " " not in m[1].strip() else "", prose.text)
                found |= {h.norm for h in holes_in(plain)}
                found |= {
                    _norm(c)
                    for c in prose.codes
                    if re.fullmatch(r"[\w<>{}$\[\] .-]{1,60}", c) and " " not in c.strip("<>[]{}")
                }
                found |= {_norm(w) for w in re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b", plain)}
        for code in part.codes:
            for comment in code.comments:
                found |= {h.norm for h in holes_in(comment.text)}
                if re.search(r"\b(?:replace|set|export|where|from|is the)\b", comment.text, re.IGNORECASE):
                    found |= {_norm(w) for w in re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", comment.text)}
    return found


_OBTAIN = re.compile(
    r"\b(?:note|record|take|copy|get|find|identify|write down|save|keep|determine|obtain|remember|"
    r"pick|choose|look up|read|see|where|replace|substitute|is the|are the|stands for|affected|your|"
    r"from the (?:alert|label|ticket|incident|output)|alert)\b",
    re.IGNORECASE,
)
_FILLER = frozenset(
    {
        "name",
        "id",
        "your",
        "the",
        "my",
        "value",
        "here",
        "number",
        "of",
        "actual",
        "target",
        "new",
        "old",
        "some",
        "a",
        "an",
    }
)


def _spoken_of(view: View, part: Part, code: Code, hole: Hole) -> bool:
    """Whether the prose around a placeholder names in words what it stands for and where it is from."""
    if hole.is_variable:
        return False
    words = [w for w in hole.norm.split("_") if w not in _FILLER]
    if not words:
        found = _NOUN.search(code.body[: hole.start])
        return found is not None and _is_listed(view, code, hole, found[1])
    if len(words) == 1 and _is_listed(view, code, hole, words[0]):
        return True
    if len(words) > 1 and _is_found(code, hole, words):
        return True
    before = [p.text for p in part.proses if p.lines.first <= code.lines.first][-3:]
    after = [p.text for p in part.proses if p.lines.first > code.lines.last][:1]
    near = " ".join((*before, *after)).lower()
    if not all(w[:5] in near for w in words):
        intro = " ".join(view.parts[i].text for i in part.above).lower()[:2000]
        return all(w[:5] in intro for w in words) and bool(
            re.search(r"\b(?:parameter|input|variable|you will need|you need|label)", intro)
        )
    return any(
        _OBTAIN.search(s) and all(w[:5] in s.lower() for w in words)
        for s in re.split(r"[.\n;]", " ".join((*before, *after)))
    )


# The kind of thing that a nameless placeholder stands for: `describe pod <name>`.
_NOUN = re.compile(r"\b(?:describe|get|logs|exec|delete|edit|patch|scale)\s+([a-z]{2,30}?)s?[ /]$")


def _listing(kind: str) -> re.Pattern[str]:
    return re.compile(
        rf"\b(?:get|list|ls|show|ps|query)\b[^\n|;]*\b{re.escape(kind)}(?:s|es|List)?\b(?!\s*[</$])", re.IGNORECASE
    )


def _is_listed(view: View, code: Code, hole: Hole, kind: str) -> bool:
    """Whether an earlier command lists things of that kind: `get pods` before `<POD>`."""
    listing = _listing(kind)
    above = code.body[: code.body.rfind("\n", 0, hole.start) + 1]
    return bool(listing.search(above)) or any(
        listing.search(c.body) for c in view.codes if c.lines.first < code.lines.first
    )


_LOOKS_UP = re.compile(r"\b(?:find|identify|note|look up|pick|choose|determine|take|copy|locate)\b")


def _is_found(code: Code, hole: Hole, words: list[str]) -> bool:
    """Whether a comment further up in the block says that this is looked up, and a command there lists its kind."""
    above = code.body[: code.body.rfind("\n", 0, hole.start) + 1]
    said = " ".join(c.text for c in code.comments if c.line < code.body_line + above.count("\n")).lower()
    return (
        _listing(words[-1]).search(above) is not None
        and all(w[:5] in said for w in words)
        and _LOOKS_UP.search(said) is not None
    )
