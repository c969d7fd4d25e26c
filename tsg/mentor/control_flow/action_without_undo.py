"""A change that can be taken back, and no word on how."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Statement
from tsg.mentor.deeds import is_reversible
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, View
from tsg.mentor.wording import shortened

_UNDO = re.compile(
    r"\b(?:roll(?:ing|ed)? ?back|rollback|revert\w*|undo(?:es|ne|ing)?|"
    r"restor(?:e|es|ed|ing) (?:it|them|the (?:old|original|former|previous|saved))|"
    r"scale (?:it |them |the \w+ )?(?:back|down (?:again|afterwards)|up again)|back to (?:the |its |"
    r"their )?(?:original|previous|old|former|prior|usual|normal)|original (?:value|replica|count|"
    r"setting|number|size|config\w*)|(?:to|with|keep|note) (?:the|its) (?:previous|old) (?:value|replica|count|"
    r"setting|number|version|revision|config\w*)|re-?enable|put back|set (?:it )?back|switch back|take (?:it )?back|"
    r"temporar\w*|"
    r"afterwards (?:set|scale|remove)|remove the (?:label|taint|annotation|override) (?:again|"
    r"afterwards)|uncordon|unset|in again)\b|\b(?:rollout|helm) (?:undo|rollback)\b|"
    r"\btaint\b[^\n]*-\s*$|osd in\b",
    re.IGNORECASE | re.MULTILINE,
)


@check(
    "action-without-undo",
    Category.CONTROL_FLOW,
    Severity.INFO,
    "a change that can be taken back, and no word on how",
    "When it makes things worse, somebody has to find out how to go back, under pressure.",
)
def action_without_undo(view: View) -> Iterator[Issue]:
    if view.native:
        return
    if any(_UNDO_TITLE.search(p.title) for p in view.parts):
        return
    everywhere = view.code_text
    for part in view.working:
        for code in part.codes:
            if not code.is_run:
                continue
            for statement in code.statements:
                if is_reversible(statement) and not _has_undo(view, part, statement, everywhere):
                    yield Issue(
                        statement.lines.first,
                        f"no word on how to take back '{shortened(statement.text, 50)}'",
                        "say which value was there before and how to return to it",
                    )
                    break


_UNDO_TITLE = re.compile(r"\b(?:roll(?:ing)? ?back|undo(?:ing)?|revert(?:ing)?|back ?out)\b", re.IGNORECASE)


def _has_undo(view: View, part: Part, statement: Statement, everywhere: str) -> bool:
    """Whether the section says how to go back, or a command somewhere does the opposite."""
    told = [p.text for p in _about(part, statement)]
    nxt = view.parts[part.index + 1 : part.index + 2]
    told += [p.text for n in nxt if n.section.level > part.section.level for p in n.proses]
    if any(_UNDO.search(text) for text in told) or any(
        _UNDO.search(c.text) for code in part.codes for c in code.comments
    ):
        return True
    text = " ".join(statement.command.argv)
    others = everywhere.replace(statement.text, "")
    if re.search(r"\bcordon\b", text):
        return "uncordon" in others
    if "scale" in text:
        return len(re.findall(r"--replicas", others)) >= 1
    if re.search(r"systemctl\s+(?:stop|disable|mask)", text):
        unit = text.split()[-1]
        return bool(re.search(rf"systemctl\s+(?:start|enable|unmask|restart)\s+{re.escape(unit)}", others))
    if re.search(r"\bosd\s+(?:out|set)\b", text):
        return bool(re.search(r"\bosd\s+(?:in|unset)\b", others))
    return any(re.search(rf"\b{a}\b", text) and re.search(rf"\b{b}\b", others) for a, b in _OPPOSITES)


_ALTERNATIVE = re.compile(r"\W*(?:option|alternative|scenario|variant|case|approach)\b", re.IGNORECASE)


def _about(part: Part, statement: Statement) -> list[Prose]:
    """The prose of a change: that of its own option, where the section offers several."""
    line = statement.lines.first
    heads = [p.lines.first for p in part.proses if _ALTERNATIVE.match(p.text)]
    first = max((h for h in heads if h <= line), default=0)
    last = min((h for h in heads if h > line), default=10**9)
    return [p for p in part.proses if first <= p.lines.first < last]


_OPPOSITES = (
    ("on", "off"), ("off", "on"), ("enable", "disable"), ("disable", "enable"), ("add", "remove"), ("pause", "resume"),
    ("suspend", "resume"), ("hold", "release"), ("state=drain", "state=resume"), ("set", "unset"), ("create", "delete"),
)  # fmt: skip
