"""What several checks of query have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.mentor.code import Code
from tsg.mentor.command_forms import plain_command
from tsg.mentor.language import Content, is_command
from tsg.mentor.view import Part, View
from tsg.mentor.wording import instructions_in

NAMES = {
    Content.SHELL: "shell commands",
    Content.POWERSHELL: "PowerShell",
    Content.SQL: "SQL",
    Content.PROMQL: "PromQL",
    Content.YAML: "YAML",
    Content.JSON: "JSON",
    Content.OUTPUT: "output of a command",
    Content.KQL: "KQL",
}


def all_commands(code: Code) -> bool:
    rows = [row for _, row in code.rows if row.strip() and not row.strip().startswith("#")]
    joined, held = [], False
    for row in rows:
        if not held:
            joined.append(row)
        held = row.rstrip().endswith(("\\", "|", "&&"))
    return bool(joined) and all(is_command(row) for row in joined)


def tag_of(content: Content) -> str:
    return {Content.SHELL: "bash", Content.OUTPUT: "text", Content.KQL: "kusto"}.get(content, str(content))


def _is_told(part: Part, code: Code) -> bool:
    """Whether the sentence around inline code tells to run it, rather than to speak of it."""
    sentences = [s for p in part.proses if p.block is code.block for s in p.sentences if code.body in s.text]
    return any(
        instructions_in(s.text)
        or re.search(r"\b(?:run|with|use|using|by|via|log|open|enter|type|execute)\b", s.text, re.IGNORECASE)
        for s in sentences
    )


def forms(view: View, form: object) -> Iterator[tuple[int, str]]:
    assert callable(form)
    for part in view.parts:
        for code in part.commands:
            if code.language not in {Content.SHELL, Content.POWERSHELL} or not code.is_run:
                continue
            if code.inline and (part.is_background or not _is_told(part, code)):
                continue
            for statement in code.statements:
                if what := form(plain_command(statement.text)):
                    yield statement.lines.first, str(what)
