"""A fence's tag and its content disagree: YAML or output tagged bash, SQL tagged text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Does, Language
from tsg.findings import Severity
from tsg.mentor.code import PLAIN, Code
from tsg.mentor.query.shared import NAMES, tag_of
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View

_KNOWN = frozenset({Does.READS, Does.CHANGES})
_QUERIES = frozenset({Language.SQL, Language.PROMQL, Language.LOGQL, Language.KQL})
_DATA = frozenset({Language.YAML, Language.JSON})
# What a fence of each tag cannot hold.
_FOREIGN = {
    Language.SHELL: _QUERIES | _DATA | {Language.POWERSHELL, Language.OUTPUT},
    Language.POWERSHELL: _QUERIES | _DATA | {Language.OUTPUT},
    Language.SQL: _DATA | {Language.SHELL, Language.PROMQL, Language.KQL},
    Language.KQL: _DATA | {Language.SHELL, Language.SQL},
    Language.PROMQL: _DATA | {Language.SHELL, Language.SQL},
    Language.YAML: _QUERIES | {Language.SHELL},
    Language.JSON: _QUERIES | {Language.SHELL, Language.YAML},
    Language.OUTPUT: frozenset({Language.SHELL, Language.SQL}),
}


@check(
    "wrong-language",
    Category.QUERY,
    Severity.WARNING,
    "a fence's tag and its content disagree: YAML or output tagged bash, SQL tagged text",
    "Tools that read the tag run what nobody can run, or skip what should be run.",
)
def wrong_language(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if code.fence is None or not code.tag:
            continue
        if (content := _other_content(code)) is not None:
            yield Issue(
                code.lines.first,
                f"the fence is tagged '{code.tag}' and holds {NAMES[content]}",
                f"tag it `{tag_of(content)}`",
            )


def _other_content(code: Code) -> Language | None:
    """What the fence holds against its tag, or None."""
    if code.tagged is None:
        if code.tag not in PLAIN:
            return None
        is_code = code.written in _QUERIES or (code.written is Language.SHELL and code.is_bare and not code.is_prompted)
        return code.written if is_code else None
    foreign = _FOREIGN.get(code.tagged, frozenset())
    content = code.language if code.language is not code.tagged else code.written
    if content not in foreign or (content is Language.OUTPUT and content is not code.language):
        return None
    if content is Language.SHELL and not any(c.does in _KNOWN for c in code.untagged.commands):
        return None  # nothing in it is a program that is known
    if content is Language.POWERSHELL and re.search(r"\bpwsh\b", code.body):
        return None
    if code.tagged is Language.PROMQL and content is Language.YAML:
        is_rule = re.match(r"\s*(?:- )?(?:alert|record|groups|name)\s*:", code.body) is not None
        return content if is_rule else None
    if code.tagged is Language.OUTPUT and (code.is_prompted or not code.read.commands):
        return None  # a session that somebody kept
    return content
