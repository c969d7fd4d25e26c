"""The verdict on a simple command: wrappers taken off, then its tool's rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tsg.commands.tools import rule_for
from tsg.commands.tools.table import Call
from tsg.commands.verdict import NOTHING, READS, Verdict, unknown, worst
from tsg.commands.words_in import split_words
from tsg.commands.wrappers import KEYWORDS, TRANSPARENT, WRAPPERS, unwrapped

MAX_DEPTH = 6  # commands inside commands
_MADE_WORDS = 24  # words of a variable that names a command


@dataclass(slots=True)
class Scope:
    """What a block has said so far: its functions, its aliases and variables with a literal value."""

    functions: dict[str, Verdict] = field(default_factory=dict)
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    literals: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShellJudge:
    """Judges commands that may hold commands, down to a depth."""

    scope: Scope
    depth: int = 0

    def command(self, words: Sequence[str], *, stdin: str | None = None, piped: bool = False) -> Verdict:
        return self.judge(words, stdin=stdin, piped=piped)

    def script(self, text: str) -> Verdict:
        if self.depth >= MAX_DEPTH:
            return unknown("commands inside commands go too deep")
        from tsg.commands.shell import judge_script

        return judge_script(text, ShellJudge(self.scope, self.depth + 1))

    def judge(self, words: Sequence[str], *, stdin: str | None = None, piped: bool = False) -> Verdict:
        if self.depth >= MAX_DEPTH:
            return unknown("commands inside commands go too deep")
        inner, hijacked = unwrapped(words)
        if not inner:
            return NOTHING
        verdict = self._judge(inner, stdin, piped)
        if hijacked:
            verdict = worst([verdict, unknown(hijacked)])
        return verdict if verdict.argv else replace(verdict, argv=tuple(inner))

    def _judge(self, inner: list[str], stdin: str | None, piped: bool) -> Verdict:
        name = inner[0]
        deeper = ShellJudge(self.scope, self.depth + 1)
        if name in self.scope.functions:
            return self.scope.functions[name]
        if name in self.scope.aliases:
            return deeper.judge([*self.scope.aliases[name], *inner[1:]], stdin=stdin, piped=piped)
        if name.startswith("$") and not name.startswith("$("):
            made = split_words(self.scope.literals.get(name.strip("${}"), ""))
            if made and len(made) <= _MADE_WORDS:
                return deeper.judge([*made, *inner[1:]], stdin=stdin, piped=piped)
        if name in {"alias", "declare", "typeset", "local", "export"}:
            self._remember(name, inner[1:])
        base = name.rpartition("/")[2] if name.startswith(("/", "~")) else name
        call = Call(base, tuple(inner[1:]), deeper, stdin, piped)
        wrapper = WRAPPERS.get(base)
        if wrapper is not None:
            verdict = wrapper(call)
            return verdict if base in TRANSPARENT and verdict.argv else replace(verdict, argv=tuple(inner))
        rule = rule_for(base)
        if rule is not None:
            return replace(rule(call), argv=tuple(inner))
        return _stranger(name, inner)

    def _remember(self, name: str, args: Sequence[str]) -> None:
        if name == "alias":
            for arg in args:
                short, equals, value = arg.partition("=")
                if equals:
                    self.scope.aliases[short] = tuple(split_words(value)[:_MADE_WORDS]) or (":",)


def _stranger(name: str, inner: Sequence[str]) -> Verdict:
    if name in KEYWORDS and len(inner) == 1:
        return NOTHING
    if name.endswith((".sh", ".py", ".pl", ".bash")) or name.startswith(("./", "../", "/")):
        return unknown(f"what {name} does is not known")
    if len(inner) == 2 and inner[1] in {"--version", "--help"} and name.replace("-", "").isalnum():
        return READS
    return unknown(f"what {name[:60]} does is not known")
