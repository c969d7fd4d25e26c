"""The form in which tools are described: which words read, which change, which options take a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tsg.commands.model import Does
from tsg.commands.verdict import NOTHING, READS, Verdict, changes, unknown


class Judge(Protocol):
    """How a tool asks for the verdict on commands that it runs itself."""

    def command(self, words: Sequence[str], *, stdin: str | None = None, piped: bool = False) -> Verdict: ...

    def script(self, text: str) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Call:
    """A program with its words. `stdin` is the text it is fed, None where unknown; `piped`: a command feeds it."""

    name: str
    args: tuple[str, ...]
    judge: Judge
    stdin: str | None = None
    piped: bool = False

    @property
    def before_dashes(self) -> tuple[str, ...]:
        """The words up to `--`: what follows is no option of this program."""
        return self.args[: self.args.index("--")] if "--" in self.args else self.args

    def has(self, *options: str) -> bool:
        """Whether an option may be given, generously: `-it` gives `-i` and `-t`. For what makes a command worse."""
        return any(_is_option(word, option) for word in self.before_dashes for option in options)

    def grants(self, *options: str) -> bool:
        """Whether an option is given word for word and not refused (`--dry-run=none`). For what makes it harmless."""
        for word in self.before_dashes:
            name, _, value = word.partition("=")
            if name in options and value.lower() not in {"none", "false", "no", "0"}:
                return True
        return False

    def inside(self, words: Sequence[str]) -> Verdict:
        """The verdict on a command that this one runs and hands its own input to."""
        return self.judge.command(words, stdin=self.stdin, piped=self.piped)

    def value(self, *options: str) -> str | None:
        """The value of the first of these options that is given, written apart or joined."""
        args = self.before_dashes
        for at, word in enumerate(args):
            for option in options:
                if word == option:
                    return args[at + 1] if at + 1 < len(args) else ""
                if word.startswith(option + "="):
                    return word[len(option) + 1 :]
                if len(option) == 2 and option[1] != "-" and word.startswith(option) and len(word) > 2:
                    return word[2:]
        return None


def _is_option(word: str, option: str) -> bool:
    if option.startswith("--"):
        return word == option or word.startswith(option + "=")
    if len(option) == 2 and word[:1] == "-" and word[1:2] != "-":
        return option[1] in word[1:].partition("=")[0]
    return word == option or word.startswith(option + "=")


Rule = Callable[[Call], Verdict]


def plain_words(args: Sequence[str], valued: frozenset[str] = frozenset()) -> list[str]:
    """The words that are neither options nor values of those named in `valued`."""
    plain: list[str] = []
    skip = False
    for at, word in enumerate(args):
        if skip:
            skip = False
        elif word == "--":
            return plain + list(args[at + 1 :])
        elif word in valued:
            skip = True
        elif not (word.startswith("-") and len(word) > 1) and not word.startswith("[-"):
            plain.append(word)
    return plain


def is_sure(args: Sequence[str], valued: frozenset[str], flags: frozenset[str]) -> bool:
    """Whether every option before the first plain word is known: an unknown one may take that word as its value."""
    skip = False
    for word in args:
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif not word.startswith("-"):
            return True
        elif word not in flags and "=" not in word and word.partition("=")[0] not in valued:
            return word[:2] in valued and len(word) > 2 and word[1] != "-"
    return True


def phrases(text: str) -> tuple[str, ...]:
    """Phrases of a list that is separated by commas; each may hold several words."""
    return tuple(" ".join(p.split()) for p in text.split(",") if p.strip())


def verbs(
    *, nothing: str = "", reads: str = "", undoable: str = "", changing: str = "", destroys: str = ""
) -> Mapping[str, Verdict]:
    """Verdicts by sub-command. `undoable` changes can be taken back, `destroys` cannot.

    A phrase that ends in `!` holds only where no further plain word follows.
    """
    table: dict[str, Verdict] = dict.fromkeys(phrases(nothing), NOTHING)
    table.update(dict.fromkeys(phrases(reads), READS))
    table.update((p, changes(f"{p} changes state that can be put back", reversible=True)) for p in phrases(undoable))
    table.update((p, changes(f"{p} changes state")) for p in phrases(changing))
    table.update((p, changes(f"{p} cannot be undone", destructive=True)) for p in phrases(destroys))
    return table


@dataclass(frozen=True)
class Tool:
    """A program with sub-commands of up to three words.

    `refine` may sharpen the table's verdict by the options. `valued` take the next word, `flags` do not; an
    unknown option before the sub-command makes a read uncertain. `complete`: no other sub-commands exist.
    """

    table: Mapping[str, Verdict]
    valued: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    refine: Callable[[Call, str, list[str], Verdict], Verdict] | None = None
    bare: Verdict = READS
    complete: bool = False

    def __call__(self, call: Call) -> Verdict:
        if _asks_for_help(call.args):
            return READS
        plain = plain_words(call.args, self.valued)
        if not plain:
            return self.bare
        phrase = self.phrase(plain)
        if phrase is None:
            broken = f"{call.name} has no command '{plain[0]}'" if self.complete and plain[0].isalpha() else ""
            verdict = unknown(f"{call.name} {plain[0]} is not known to only read")
            return replace(verdict, broken=broken)
        verdict = self.table[phrase]
        if verdict.why:
            verdict = replace(verdict, why=f"{call.name} {verdict.why}")
        rest = plain[phrase.count(" ") + 1 :]
        if self.refine is not None:
            verdict = self.refine(call, phrase, rest, verdict)
        if not verdict.is_change and not is_sure(call.args, self.valued, self.flags):
            return unknown(f"an option of {call.name} before '{phrase}' is not known")
        return verdict

    def phrase(self, plain: Sequence[str]) -> str | None:
        """The longest phrase of the table that the words begin with."""
        for count in (3, 2, 1):
            phrase = " ".join(plain[:count])
            if phrase in self.table:
                return phrase
            if len(plain) == count and phrase + "!" in self.table:
                return phrase + "!"
        return None

    def knows(self, plain: Sequence[str]) -> bool:
        return self.phrase(plain) is not None or any(p.startswith(plain[0] + " ") for p in self.table)


def _asks_for_help(args: Sequence[str]) -> bool:
    return bool(args) and (args[-1] == "--help" or args[0] in {"--help", "--version", "help"}) and "--" not in args[:-1]


@dataclass(frozen=True)
class Reader:
    """A program that only reads, unless one of these options is given.

    `writes` are options that make it change something; a short one also counts inside a cluster (`-ni`).
    `feeds` are options that let it run forever.
    """

    writes: tuple[str, ...] = ()
    forever: tuple[str, ...] = ()
    pages: str = ""

    def __call__(self, call: Call) -> Verdict:
        for option in self.writes:
            if call.has(option):
                return changes(f"{call.name} {option} changes state")
        endless = next((f"{call.name} {o} goes on until it is stopped" for o in self.forever if call.has(o)), "")
        interactive = self.pages if self.pages and not call.piped else ""
        return replace(READS, endless=endless, interactive=interactive)


def always(verdict: Verdict) -> Rule:
    """A program whose arguments do not matter."""

    def rule(call: Call) -> Verdict:
        if _asks_for_help(call.args) and verdict.does is not Does.NOTHING:
            return READS
        why = verdict.why.replace("{name}", call.name)
        return replace(verdict, why=why) if why else verdict

    return rule


def in_words(args: Sequence[str], limit: int = 6) -> str:
    """The first words of a command, for a sentence about it."""
    return " ".join(args[:limit])
