"""Commands in guides: which there are, and what each of them does. Nothing here is ever executed."""

from __future__ import annotations

from tsg.commands.model import CodeBlock, Command, Does, Language, Remark

__all__ = ["CodeBlock", "Command", "Does", "Language", "Remark", "read_code", "read_inline"]


def read_code(language: str, body: str, body_line: int) -> CodeBlock:
    """Read a block of code tagged `language` ("" for none) whose first line is line `body_line` of the guide."""
    from tsg.commands.read import read_block

    return read_block(language, body, body_line)


def read_inline(code: str, line: int) -> Command | None:
    """Read inline code as a command; None where it is a name, a value, a path, a flag or a condition."""
    from tsg.commands.inline import read_one

    return read_one(code, line)
