"""The lines of a shell block told apart, so that only commands and comments reach the parser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tsg.commands.extents import Extents
from tsg.commands.language import is_root_command
from tsg.commands.lines import EVIDENCE, STANDALONE, Kind, classify, is_known_command, program_of, strip_prompt
from tsg.commands.script import is_joined, is_script
from tsg.commands.tools import strong_names
from tsg.words import words

_SURE_TAGS = words("bash sh shell zsh fish ksh bash-interactive command commands shel")
_LABELS = words("bash sh shell console yaml json sql python powershell text copy")  # left over from a page's code block


@dataclass(frozen=True, slots=True)
class Told:
    """`kept` is the text for the parser, line by line, other lines blank; `remarks`: first, last row, text, prose."""

    kept: list[str] = field(default_factory=list)
    remarks: list[tuple[int, int, str, bool]] = field(default_factory=list)
    output: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Block:
    """What holds for every line of a block: the tag says shell, lines have prompts, root's prompt among them."""

    sure: bool
    prompted: bool
    root: bool


def sort_lines(tag: str, lines: Sequence[str]) -> Told:
    """Tell commands from the rest, a statement at a time: what a quote or a heredoc holds belongs to its command."""
    sure = tag.strip().lower() in _SURE_TAGS
    prompted = any(strip_prompt(line)[1] == "$" for line in lines)
    root = not sure and not prompted and any(_is_root(line) for line in lines[:200])
    block = _Block(sure, prompted, root)
    if not prompted and not root and is_script("\n".join(lines), lambda text: _is_command(text, block)):
        return Told(list(lines))
    extents = Extents(lines)
    told = Told()
    at = 0
    after_command = False
    while at < len(lines):
        line = lines[at]
        kind, length = _kind(line, block, after_command=after_command)
        after_command = kind is Kind.COMMAND
        if after_command:
            last = extents.last(at, length)
            told.kept.extend(extents.text(at, last, length))
            at = last + 1
            continue
        if kind is Kind.PROSE:
            told.remarks.append((at, at, line.strip(), True))
        elif kind in {Kind.OUTPUT, Kind.CONFIG}:
            told.output.append(at)
        told.kept.append(line if kind is Kind.COMMENT else _blank(line))
        at += 1
    return told


def _is_command(text: str, block: _Block) -> bool:
    return _kind(text, block, after_command=False)[0] is Kind.COMMAND


def _is_root(line: str) -> bool:
    return line.lstrip().startswith("# ") and is_root_command(line)


def _kind(line: str, block: _Block, *, after_command: bool) -> tuple[Kind, int]:
    """What a line is in its block, and the length of its prompt."""
    length, prompt = strip_prompt(line)
    if prompt == "$" and not line.lstrip().startswith("#"):
        return Kind.COMMAND, length
    if block.root and _is_root(line):
        return Kind.COMMAND, len(line) - len(line.lstrip()) + 2
    if after_command and line.lstrip()[:1] in {"'", '"'}:
        return Kind.COMMAND, 0  # a quoted text whose line break lacks a backslash
    if not block.sure and line.strip().lower() in _LABELS:
        return Kind.OUTPUT, 0
    kind = classify(line, sure=block.sure)
    if kind in {Kind.BLANK, Kind.COMMENT}:
        return kind, 0
    if block.prompted:
        return (Kind.COMMAND if kind is Kind.COMMAND and _plainly(line) else Kind.OUTPUT), 0
    if block.root:
        return (Kind.COMMAND if is_known_command(line) else Kind.OUTPUT), 0
    if kind is not Kind.COMMAND and is_joined(line):
        return Kind.COMMAND, 0
    if kind is Kind.MAYBE and not block.sure:
        return _doubtful(line), 0
    return (Kind.COMMAND if kind is Kind.MAYBE else kind), 0


def _plainly(line: str) -> bool:
    """Whether a line without a prompt among prompted ones is a command all the same."""
    name, rest = program_of(line)
    evident = (name in strong_names() and bool(rest)) or EVIDENCE.search(" ".join(rest)) is not None
    return is_known_command(line) and (evident or line.strip() in STANDALONE)


def _doubtful(line: str) -> Kind:
    """A line that may be a command, in a block whose tag does not say so."""
    return Kind.COMMAND if len(line.split()) <= 12 and not line.rstrip().endswith((".", ":")) else Kind.OUTPUT


def _blank(line: str) -> str:
    """As many bytes of blanks."""
    return " " * len(line.encode())


def uncommented(text: str) -> str:
    return "\n".join(
        line.strip().lstrip("#").removeprefix("//").removeprefix("--").strip() for line in text.split("\n")
    )
