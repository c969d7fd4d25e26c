"""What a shell does itself: it leaves no trace outside the shell it runs in."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

from tsg.commands.tools.table import Reader, Rule, always
from tsg.commands.verdict import NOTHING, READS
from tsg.words import words

_BUILTINS = words(
    "echo printf cd pushd popd export set unset true false : sleep read local declare typeset readonly alias unalias pwd"
    " shift return break continue exit logout hash type let getopts shopt umask ulimit_ history jobs wait_ bg fg disown clear"
    " sync trap_ dirs help stty reset_ yes command_"
)

TOOLS: dict[str, Rule] = {
    **{name: always(NOTHING) for name in _BUILTINS if not name.endswith("_")},
    "wait": always(NOTHING),
    "pwd": always(READS),
    "history": Reader(("-c", "-d", "-w")),
    "type": always(READS),
    "ulimit": always(NOTHING),
    "sync": always(NOTHING),
    "trap": lambda c: c.judge.script(c.args[0]) if c.args and c.args[0] not in {"-", "-l", "-p"} else NOTHING,
}  # fmt: skip

STRONG: frozenset[str] = frozenset()  # all of them are English words or rare
