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
    Language.PYTHON: "Python",
    Language.CONFIG: "settings of a program",
    Language.OUTPUT: "output of a command",
}


def tag_of(language: Language) -> str:
    return {Language.SHELL: "bash", Language.OUTPUT: "text", Language.KQL: "kusto", Language.CONFIG: "ini"}.get(
        language, str(language)
    )


def is_unparsed(statement: Statement) -> bool:
    return "does not parse" in statement.command.broken


_RUNS = re.compile(
    r"\b(?:run|runs|running|use|using|type|typing|enter|entering|execute|executing|issue|try|call|invoke|start with"
    r"|log|logging|open|opening|through|with|via|by|it|them|follow|watch|connect|attach|edit)\s+(?:\w+\s+){0,3}$",
    re.IGNORECASE,
)
_SPEAKS = re.compile(
    r"\s*(?:works?|is|are|was|were|will|would|can|could|opens?|does|shows?|allows?|needs?|has|hangs?|asks?|waits?"
    r"|gives?|lists?|prints?|takes?|goes|fails?|never|may|might|must|returns?|reports?)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r";\s|,\s+(?:and|but|so|for|while|which|where)\s")
_STATES = re.compile(
    r"\b(?:is|are|was|were|be|been)\s+(?:only\s+|also\s+)?(?:\w+ed\s+)?(?:by|via|with|through)\s+$", re.IGNORECASE
)


def _is_told(part: Part, code: Code) -> bool:
    """Whether the sentence around inline code tells to run it, rather than to speak of it."""
    marked = f"`{' '.join(code.body.split())}`"
    for prose in part.proses:
        if prose.block is not code.block:
            continue
        for sentence in prose.sentences:
            before, found, after = sentence.text.partition(marked)
            if not found:
                continue
            before = _CLAUSE.split(before)[-1]
            if instructions_in(before) or re.match(r"\W*$", before):
                if not _SPEAKS.match(after) or instructions_in(before):
                    return True
            elif _RUNS.search(before) and not _STATES.search(before):
                return True
    return False


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
