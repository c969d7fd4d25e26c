"""Code in a guide as its reader sees it: its language, its statements, its comments, and the lines they stand on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from dag.model import Span
from tsg.commands import CodeBlock, Command, Language, Remark, read_code, read_inline
from tsg.guide import Block, Fence

SHELLS = frozenset({Language.SHELL, Language.POWERSHELL})
RUNNABLE = SHELLS | {Language.SQL, Language.PROMQL, Language.LOGQL, Language.KQL, Language.HTTP}
MOST_ABOVE = 50  # comment lines that belong to a statement
PLAIN = frozenset({"", "text", "txt", "plain", "plaintext"})  # tags that say no more than that it is text


@dataclass(frozen=True, slots=True)
class Statement:
    """One command or query, and the comment lines right above it, if any."""

    command: Command
    comment: str = ""

    @property
    def lines(self) -> Span:
        return self.command.lines

    @property
    def text(self) -> str:
        return self.command.text


@dataclass(frozen=True, slots=True)
class Comment:
    line: int
    text: str


@dataclass(frozen=True)
class Code:
    """A fence, an indented block or an inline command. `section` is its section's index; `at` its block's place."""

    block: Block
    body: str
    body_line: int
    lines: Span
    section: int
    at: int
    fence: Fence | None = None
    inline: bool = False

    @property
    def tag(self) -> str:
        return self.fence.language if self.fence else ""

    @cached_property
    def read(self) -> CodeBlock:
        """What the block holds, its tag taken into account."""
        if self.inline:
            command = read_inline(self.body, self.body_line)
            return CodeBlock(Language.SHELL, None, () if command is None else (command,))
        return read_code(self.tag, self.body, self.body_line)

    @property
    def language(self) -> Language:
        """By content where that is plain, else by tag."""
        return self.read.language

    @cached_property
    def untagged(self) -> CodeBlock:
        """What it looks like, whatever its tag says."""
        return read_code("", self.body, self.body_line) if self.tag else self.read

    @property
    def written(self) -> Language:
        return self.untagged.language

    @property
    def tagged(self) -> Language | None:
        """What its tag says, if anything known."""
        return self.read.tagged

    @property
    def is_run(self) -> bool:
        """Whether somebody is meant to run it."""
        return self.language in RUNNABLE and self.tagged is not Language.OUTPUT

    @cached_property
    def rows(self) -> tuple[tuple[int, str], ...]:
        return tuple(enumerate(self.body.splitlines(), start=self.body_line))

    @cached_property
    def comments(self) -> tuple[Comment, ...]:
        """Lines that are comments, those inside a statement too."""
        mark = "--" if self.language is Language.SQL else "//" if self.language is Language.KQL else "#"
        return tuple(
            Comment(at, row.strip().lstrip("#-/ ").strip()) for at, row in self.rows if row.strip().startswith(mark)
        )

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The commands and queries of a block that is run."""
        return tuple(self._stated()) if self.is_run else ()

    def _stated(self) -> Iterator[Statement]:
        said = {c.line: c.text for c in self.comments}
        for command in self.read.commands:
            at, above = command.lines.first - 1, list[str]()
            while at in said and len(above) < MOST_ABOVE:
                above.append(said[at])
                at -= 1
            yield Statement(command, " ".join(reversed(above)))

    @cached_property
    def is_prompted(self) -> bool:
        """Whether its commands stand behind a shell's prompt."""
        if not self.statements:
            return False
        first = self.statements[0]
        row = dict(self.rows).get(first.lines.first, "").lstrip()
        return not row.startswith(first.text.partition("\n")[0].split(" ")[0])

    @cached_property
    def is_bare(self) -> bool:
        """Whether it holds statements and comments, and nothing else."""
        has_prose = any(isinstance(p, Remark) and p.prose for p in self.read.parts)
        return bool(self.read.commands) and not (self.read.output or has_prose)


def inline_command(text: str) -> bool:
    """Whether inline code is a command with arguments rather than a name."""
    return " " in text.strip() and read_inline(text, 1) is not None
