"""Commands in guides: which there are, and what each of them does. Nothing here is ever executed."""

from __future__ import annotations

from dag.model import Span
from tsg.commands.model import CodeBlock, Command, Does, Language, Remark

__all__ = ["CodeBlock", "Command", "Does", "Language", "Remark", "read_code", "read_inline"]


def read_code(language: str, body: str, body_line: int) -> CodeBlock:
    """Read a block of code tagged `language` ("" for none) whose first line is line `body_line` of the guide."""
    parts: list[Command | Remark] = []
    for at, line in enumerate(body.splitlines(), start=body_line):
        if line.strip():
            parts.append(Command(Span(at, at), line.strip(), tuple(line.split()), Does.UNKNOWN, "not known"))
    return CodeBlock(Language.SHELL, None, tuple(parts))


def read_inline(code: str, line: int) -> Command | None:
    """Read inline code as a command; None where it is a name, a value, a path, a flag or a condition."""
    return None
