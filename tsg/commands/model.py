"""What the code of a guide is: its language, its commands in order, and what each of them does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dag.model import Span


class Language(StrEnum):
    """What a block of code is written in, told by its content first and by its tag second."""

    SHELL = "shell"
    POWERSHELL = "powershell"
    SQL = "sql"
    PROMQL = "promql"
    LOGQL = "logql"
    KQL = "kql"
    PYTHON = "python"
    HTTP = "http"
    YAML = "yaml"
    JSON = "json"
    CONFIG = "config"  # any other notation that nobody runs: ini, toml, hcl, a diff
    OUTPUT = "output"  # what a command printed, a log
    PROSE = "prose"  # sentences
    DIAGRAM = "diagram"


class Does(StrEnum):
    """What carrying out a command would do to the world."""

    READS = "reads"
    CHANGES = "changes"
    UNKNOWN = "unknown"  # not known to only read: counts as a change
    NOTHING = "nothing"  # leaves no trace outside the shell it runs in: echo, cd, export X=literal


@dataclass(frozen=True, slots=True)
class Command:
    """One top-level statement of a block; a pipeline, an `&&` chain and a loop are one each.

    `lines` are the guide's lines. `text` is as written, prompt taken off and continued lines joined.
    `argv` are the words of the simple command that decides `does`, without quotes and without what
    it is wrapped in (sudo, env, time, watch). `why` says in words what is changed or not known; it is
    empty for a read. `touches` are resource keys it may read or write, where they can be told:
    `pod:<POD>`, `node:$NODE`. `reversible` is None for a read and where it is not known. `interactive`,
    `endless` and `broken` are empty or say why. `uses` are variables and placeholders as written,
    `sets` the names of variables it assigns.
    """

    lines: Span
    text: str
    argv: tuple[str, ...]
    does: Does
    why: str = ""
    touches: tuple[str, ...] = ()
    reversible: bool | None = None
    destructive: bool = False
    interactive: str = ""
    endless: str = ""
    uses: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """A run of comment lines in code or, with `prose`, a sentence that is not marked as a comment."""

    lines: Span
    text: str
    prose: bool = False


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A block of code in the order of its text. `parts` is empty for configuration and output.

    `tagged` is what the block's tag says, None where it says nothing known. `output` are the lines
    that a command printed.
    """

    language: Language
    tagged: Language | None
    parts: tuple[Command | Remark, ...] = ()
    output: tuple[Span, ...] = ()

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(p for p in self.parts if isinstance(p, Command))
