"""Inline code: a command where it plainly is one, else nothing."""

from __future__ import annotations

import re

from tsg.commands.lines import EVIDENCE, STANDALONE, is_known_command, is_sentence, program_of, strip_prompt
from tsg.commands.model import Command, Language
from tsg.commands.powershell_cmdlets import is_cmdlet
from tsg.commands.read import read_block
from tsg.commands.sql import starts_sql
from tsg.commands.tools import strong_names, tool_for
from tsg.commands.tools.table import plain_words
from tsg.words import words

MAX_INLINE = 4_000  # characters
_TAKE_NAMES = words(
    "cd rm mkdir rmdir cat ls cp mv ssh ping echo vi vim nano source touch kubectl oc nvidia-smi scancel reboot"
)
_SCRIPT = re.compile(r"(?:\./|\.\./|\.\\)[\w./\\-]+(?:\.(?:sh|py|ps1|bash|pl))?(?:\s|$)")
_PROGRAM_ARGS = re.compile(r"[\w.-]+\s+--?\w")


def read_one(code: str, line: int) -> Command | None:
    """The command that inline code is, on line `line`; None for anything else."""
    text = code.strip()
    if not text or len(text) > MAX_INLINE or "\n" in text.strip("\n"):
        return None
    length, prompt = strip_prompt(text)
    bare = text[length:] if prompt else text
    tag = _language(bare, prompted=prompt == "$", is_ps=prompt == "PS")
    if tag is None:
        return None
    commands = read_block(tag, bare, line).commands
    return commands[0] if len(commands) == 1 else _joined(commands)


def _joined(commands: tuple[Command, ...]) -> Command | None:
    """`a; b` inline is two statements: the worse one speaks for both."""
    if not commands:
        return None
    rank = {"nothing": 0, "reads": 1, "unknown": 2, "changes": 3}
    return max(commands, key=lambda c: (rank[c.does], c.destructive))


def _is_plainly_one(text: str) -> bool:
    """Whether what begins with a known program is no noun phrase, such as `helm chart` or `exit code 137`."""
    if EVIDENCE.search(text.partition(" ")[2]):
        return True
    name, rest = program_of(text)
    tool = tool_for(name)
    if tool is not None:
        return tool.phrase(plain_words(rest, tool.valued)) is not None
    return name in strong_names() or name in _TAKE_NAMES


def _language(text: str, *, prompted: bool, is_ps: bool) -> str | None:
    first = text.split(maxsplit=1)[0] if text.split() else ""
    if is_ps:
        return Language.POWERSHELL
    if prompted:
        return "bash"
    if not first or text.startswith(("#", "-", "/", "<", "{", "[", '"', "'", "@")):
        return (
            "bash" if text.startswith("/") and " " in text and _PROGRAM_ARGS.search(text.rpartition("/")[2]) else None
        )
    if is_cmdlet(first) and not is_sentence(text):
        return Language.POWERSHELL
    if _SCRIPT.match(text):
        return "bash"
    if text == first:
        return "bash" if text in STANDALONE else None
    if is_known_command(text) and _is_plainly_one(text):
        return "bash"
    if " " in text and starts_sql(text) and not is_sentence(text):
        return Language.SQL
    return None
