"""Code in a guide as its reader sees it: statements, comments, and the lines they stand on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from dag.model import Span
from tsg.guide import Block, Fence
from tsg.mentor.language import CONSOLES, PLAIN, TAGS, Content, content_of, has_prompt, is_command, strip_prompt

_HEREDOC = re.compile(r"<<-?\s*['\"]?([A-Za-z_]\w*)['\"]?")
RUNNABLE = frozenset({Content.SHELL, Content.POWERSHELL, Content.SQL, Content.PROMQL, Content.KQL})


@dataclass(frozen=True, slots=True)
class Statement:
    """One command as written, continued lines joined, its prompt taken off; its comment lines, if any, above it."""

    lines: Span
    text: str
    comment: str = ""


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
    def content(self) -> Content:
        return Content.SHELL if self.inline else content_of(self.body)

    @cached_property
    def language(self) -> Content:
        """By content where that is known, else by tag."""
        if self.content is not Content.UNKNOWN:
            return self.content
        return TAGS.get(self.tag, Content.UNKNOWN)

    @property
    def is_run(self) -> bool:
        """Whether somebody is meant to run it."""
        return self.language in RUNNABLE and TAGS.get(self.tag) is not Content.OUTPUT

    @cached_property
    def rows(self) -> tuple[tuple[int, str], ...]:
        return tuple(enumerate(self.body.splitlines(), start=self.body_line))

    @cached_property
    def comments(self) -> tuple[Comment, ...]:
        mark = "--" if self.language is Content.SQL else "//" if self.language is Content.KQL else "#"
        return tuple(
            Comment(at, row.strip().lstrip("#-/ ").strip()) for at, row in self.rows if row.strip().startswith(mark)
        )

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The commands of a shell block; of a query language, the query."""
        if not self.is_run:
            return ()
        if self.language in {Content.SHELL, Content.POWERSHELL}:
            return tuple(self._shell())
        return tuple(self._queries())

    def _queries(self) -> Iterator[Statement]:
        mark = "--" if self.language is Content.SQL else "#" if self.language is Content.PROMQL else "//"
        held: list[str] = []
        first = self.body_line
        comment = ""
        for at, row in self.rows:
            bare = row.strip()
            if bare.startswith(mark) and not held:
                comment = bare
                continue
            ends = bare.endswith(";") or (not bare and self.language is Content.PROMQL)
            if bare:
                if not held:
                    first = at
                held.append(row)
            if ends and held:
                yield Statement(Span(first, at), "\n".join(held), comment)
                held, comment = [], ""
        if held:
            yield Statement(Span(first, max(first, self.body_line + len(self.rows) - 1)), "\n".join(held), comment)

    def _shell(self) -> Iterator[Statement]:
        prompts = any(has_prompt(row) for _, row in self.rows) and (
            self.tag in CONSOLES or self.tag in PLAIN or has_prompt(next((r for _, r in self.rows if r.strip()), ""))
        )
        held: list[str] = []
        comments: list[str] = []
        first = self.body_line
        until = ""
        single, double = False, False
        for at, row in self.rows:
            bare = row.strip()
            if until:
                held.append(row)
                if bare == until:
                    until = ""
                    yield Statement(Span(first, at), "\n".join(held), " ".join(comments))
                    held, comments = [], []
                continue
            if not held:
                if not bare:
                    comments = []
                    continue
                if bare.startswith("#") and not bare.startswith("#!"):
                    comments.append(bare.lstrip("# "))
                    continue
                if prompts and not has_prompt(row):
                    continue
                first = at
                bare = strip_prompt(row)
            single, double = _quotes(bare, single, double)
            held.append(bare)
            if found := _HEREDOC.search(bare):
                until = found[1]
                continue
            if (
                single
                or double
                or bare.endswith(("\\", "|", "&&", "||"))
                or (self.language is Content.POWERSHELL and bare.endswith("`"))
            ):
                if len(held) > 400:
                    single = double = False
                else:
                    continue
            yield Statement(Span(first, at), _joined(held), " ".join(comments))
            held, comments = [], []
            single = double = False
        if held:
            yield Statement(
                Span(first, max(first, self.body_line + len(self.rows) - 1)), _joined(held), " ".join(comments)
            )


def _joined(held: list[str]) -> str:
    return "\n".join(held) if len(held) == 1 else " ".join(h.rstrip("\\").rstrip() for h in held)


def _quotes(text: str, single: bool, double: bool) -> tuple[bool, bool]:
    """Whether a quote is open after `text`."""
    escaped = False
    for i, c in enumerate(text):
        if escaped:
            escaped = False
        elif c == "\\" and not single:
            escaped = True
        elif c == "'" and not double:
            single = not single
        elif c == '"' and not single:
            double = not double
        elif c == "#" and not single and not double and (i == 0 or text[i - 1].isspace()):
            break
    return single, double


def inline_command(text: str) -> bool:
    """Whether inline code is a command with arguments rather than a name."""
    return " " in text.strip() and is_command(text) and "\n" not in text
