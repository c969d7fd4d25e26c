"""What several checks of query have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Language
from tsg.mentor.code import SHELLS, Code, Statement
from tsg.mentor.view import Part, View
from tsg.mentor.wording import instructions_in

NAMES = {
    Language.SHELL: "shell commands",
    Language.POWERSHELL: "PowerShell",
    Language.SQL: "SQL",
    Language.PROMQL: "PromQL",
    Language.LOGQL: "LogQL",
    Language.KQL: "KQL",
    Language.YAML: "YAML",
    Language.JSON: "JSON",
    Language.OUTPUT: "output of a command",
}


def tag_of(language: Language) -> str:
    return {Language.SHELL: "bash", Language.OUTPUT: "text", Language.KQL: "kusto"}.get(language, str(language))


def is_unparsed(statement: Statement) -> bool:
    return "does not parse" in statement.command.broken


def _is_told(part: Part, code: Code) -> bool:
    """Whether the sentence around inline code tells to run it, rather than to speak of it."""
    sentences = [s for p in part.proses if p.block is code.block for s in p.sentences if code.body in s.text]
    return any(
        instructions_in(s.text)
        or re.search(r"\b(?:run|with|use|using|by|via|log|open|enter|type|execute)\b", s.text, re.IGNORECASE)
        for s in sentences
    )


def shell_statements(view: View) -> Iterator[tuple[Code, Statement]]:
    """Commands of shells that somebody is meant to run; inline ones only where the guide is at work."""
    for part in view.parts:
        for code in part.commands:
            if (
                code.language in SHELLS
                and code.is_run
                and not (code.inline and (part.is_background or not _is_told(part, code)))
            ):
                yield from ((code, s) for s in code.statements)
