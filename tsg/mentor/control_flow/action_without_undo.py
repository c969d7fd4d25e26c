"""A change that can be taken back, and no word on how."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Statement
from tsg.mentor.command_forms import is_reversible, plain_command
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, View
from tsg.mentor.wording import shortened

_UNDO = re.compile(
    r"\b(?:roll(?:ing|ed)? ?back|rollback|revert\w*|undo(?:es|ne|ing)?|restor(?:e|es|ed|ing)|"
    r"scale (?:it |them |the \w+ )?(?:back|down (?:again|afterwards)|up again)|back to (?:the |its |"
    r"their )?(?:original|previous|old|former|prior|usual|normal)|original (?:value|replica|count|"
    r"setting|number|size|config\w*)|previous (?:value|replica|count|setting|number|version|revision|"
    r"config\w*)|re-?enable|put back|set (?:it )?back|switch back|take (?:it )?back|temporar\w*|"
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
    has_section = any(
        re.search(r"\b(?:roll ?back|undo|revert|restore|backout|back out|clean ?up)\b", p.title, re.IGNORECASE)
        for p in view.parts
    )
    if has_section:
        return
    everywhere = view.code_text
    for part in view.working:
        for code in part.codes:
            if not code.is_run:
                continue
            for statement in code.statements:
                if (
                    is_reversible(statement.text)
                    and "resume" not in statement.text.lower()
                    and not _has_undo(view, part, statement, everywhere)
                ):
                    yield Issue(
                        statement.lines.first,
                        f"no word on how to take back '{shortened(statement.text, 50)}'",
                        "say which value was there before and how to return to it",
                    )
                    break


def _has_undo(view: View, part: Part, statement: Statement, everywhere: str) -> bool:
    near = (
        part.text
        + "\n"
        + "\n".join(c.body for c in part.codes)
        + "\n"
        + "\n".join(p.text for p in view.parts[part.index + 1 : part.index + 2])
    )
    if _UNDO.search(near.replace(statement.text, "")):
        return True
    text = plain_command(statement.text)
    if re.search(r"\bcordon\b", text):
        return "uncordon" in everywhere
    if "scale" in text:
        return len(re.findall(r"--replicas", everywhere)) >= 2
    if re.search(r"systemctl\s+(?:stop|disable|mask)", text):
        unit = text.split()[-1]
        return bool(re.search(rf"systemctl\s+(?:start|enable|unmask|restart)\s+{re.escape(unit)}", everywhere))
    if re.search(r"\bosd\s+(?:out|set)\b", text):
        return bool(re.search(r"\bosd\s+(?:in|unset)\b", everywhere))
    return False
