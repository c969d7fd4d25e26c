"""A fence's tag and its content disagree: YAML or output tagged bash, SQL tagged text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Command, Does, Language
from tsg.commands.tools import rule_for
from tsg.commands.wrappers import WRAPPERS
from tsg.findings import Severity
from tsg.mentor.code import PLAIN, RUNNABLE, SHELLS, Code
from tsg.mentor.query.rows import is_printed
from tsg.mentor.query.shared import NAMES, tag_of
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View

_KNOWN = frozenset({Does.READS, Does.CHANGES})
_QUERIES = frozenset({Language.SQL, Language.PROMQL, Language.LOGQL, Language.KQL})
_DATA = frozenset({Language.YAML, Language.JSON})
# What a fence of each tag cannot hold.
_FOREIGN = {
    Language.SHELL: _QUERIES | _DATA | {Language.POWERSHELL, Language.OUTPUT, Language.PYTHON},
    Language.POWERSHELL: _QUERIES | _DATA | {Language.OUTPUT},
    Language.SQL: _DATA | {Language.SHELL, Language.PROMQL, Language.KQL, Language.LOGQL},
    Language.KQL: _DATA | {Language.SHELL, Language.SQL, Language.PROMQL, Language.LOGQL},
    Language.PROMQL: _DATA | {Language.SHELL, Language.SQL, Language.KQL},
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
    if code.tagged is not Language.OUTPUT and _is_output(code):
        return Language.OUTPUT
    if code.tagged in SHELLS and _is_settings(code):
        return Language.CONFIG
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


def _is_output(code: Code) -> bool:
    """Whether a block that is tagged as something to run holds only what a command printed."""
    if code.tagged not in RUNNABLE or any(_is_program(c) for c in code.read.commands):
        return False
    rows = [row for _, row in code.rows if row.strip()]
    if not rows or rows[0].lstrip().startswith(("#", "$", ">", "--")) or rows[0].strip().lower() in _SHORT:
        return False
    if _HEADER.match(rows[0]) or (len(rows) > 1 and _BORDER.match(rows[1])):
        return len(rows) > 1
    if _is_name(rows[0].split()[0]):
        return False
    return code.tagged is not Language.PROMQL and sum(is_printed(r, "") for r in rows[:40]) * 2 > len(rows[:40])


def _is_settings(code: Code) -> bool:
    """Whether a block is a file of settings: a section's name in brackets, then keys and values."""
    rows = [row.strip() for _, row in code.rows if row.strip() and not row.lstrip().startswith(("#", ";"))]
    named = re.fullmatch(r"\[[A-Za-z][\w.: -]*\]", rows[0]) is not None if rows else False
    return named and len(rows) > 1 and all(re.match(r"\[|[\w.-]+\s*=", row) for row in rows)


def _is_program(command: Command) -> bool:
    """Whether a statement runs a program that is known, or is a query."""
    return bool(command.argv) and (_is_name(command.argv[0]) or command.argv[0].startswith(("./", "$")))


def _is_name(word: str) -> bool:
    return rule_for(word) is not None or word in WRAPPERS


_SHORT = frozenset({"true", "false", "yes", "no", "none", "up", "static"})
_HEADER = re.compile(
    r"\s*(?:[A-Z][A-Z0-9_()%/-]*(?:\s{2,}[A-Z][A-Z0-9_()%/-]*(?: [A-Z]+)?)+|Filesystem\s+\w+\s+Used.*)\s*$"
)
_BORDER = re.compile(r"\s*(?:\+?-{2,}(?:[+|]-{2,})+\+?|-{3,}(?:\s+-{3,})+|[|].*[|])\s*$")
