"""Commands of runbooks and what they do, a table a family: `does/*.txt`.

A row is a letter and a command: R reads, C changes, D changes and destroys, ? is not known to only read,
- does nothing outside its shell.
"""

from __future__ import annotations

from pathlib import Path

from tsg.commands import Command, Does, read_code

LETTERS = {"R": Does.READS, "C": Does.CHANGES, "D": Does.CHANGES, "?": Does.UNKNOWN, "-": Does.NOTHING}
TABLES = sorted((Path(__file__).parent / "does").glob("*.txt"))


def rows() -> list[tuple[str, str]]:
    """Letter and command of each row of all tables."""
    lines = [line for table in TABLES for line in table.read_text(encoding="utf-8").splitlines() if line]
    return [(line[0], line[2:].strip()) for line in lines]


def the_worst(body: str, tag: str = "bash") -> Command:
    """The command of a block that does most; of those the one that destroys."""
    rank = [Does.NOTHING, Does.READS, Does.UNKNOWN, Does.CHANGES]
    commands = read_code(tag, body, 1).commands
    assert commands, "no command was found"
    return max(commands, key=lambda c: (rank.index(c.does), c.destructive))
