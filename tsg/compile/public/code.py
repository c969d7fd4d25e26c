"""The code of a guide as its steps need it: which of it runs, what it does, and the words around it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from dag.model import Span
from tsg.commands import CodeBlock, Command, Does, Language, Remark, read_code, read_inline
from tsg.guide import Block, BlockKind, Piece, PieceKind

_SHELL = re.compile(
    r"\b(?:kubectl|oc|docker|podman|crictl)\b.*\b(?:rsh|exec|attach|debug)\b(?!.* -- +(?!(?:/(?:usr/)?bin/)?(?:ba|z"
    r"|a)?sh\s*$)\S)"
    r"|^(?:sudo )?ssh \S+$"
)
# A command line behind a colon, without code marks: "Find the volumes: kubectl get pv -o wide".
_BARE = re.compile(
    r":\s+(?P<command>(?:kubectl|oc|helm|rbd|ceph|etcdctl|systemctl|docker|scontrol"
    r"|nvidia-smi) [a-z][^.]*(?:\.[^\s.][^.]*)*)"
)
# A query between tags of the guide's own, which Markdown takes for a paragraph or for HTML.
_TAGGED = re.compile(r"<(?P<tag>[A-Za-z]\w*)>\n(?P<body>.*)\n</(?P=tag)>", re.DOTALL)
QUERIES = frozenset({Language.PROMQL, Language.LOGQL, Language.KQL, Language.SQL})


@dataclass(frozen=True, slots=True)
class Code:
    """One block of code. `parts` are its commands and remarks in order; none where nothing runs.

    `lines` leave out what the last command printed.
    """

    lines: Span
    language: Language
    parts: tuple[Command | Remark, ...]

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(p for p in self.parts if isinstance(p, Command))

    @property
    def runs(self) -> bool:
        return bool(self.commands)

    @property
    def changes(self) -> bool:
        return any(changes(c) for c in self.commands)


def changes(command: Command) -> bool:
    """Whether a command changes something, or is not known to only read.

    Opening a shell changes nothing by itself: what is typed in it is judged line by line.
    """
    return command.does is Does.CHANGES or (command.does is Does.UNKNOWN and not opens_shell(command))


def opens_shell(command: Command) -> str:
    """A name for the shell that a command leaves the reader in; empty when it does not."""
    if not _SHELL.search(command.text):
        return ""
    inside = re.search(r"(?:-c|--container)[ =](?P<name>[\w-]+)", command.text)
    inside = inside or re.search(r"<(?P<name>[\w-]+)>", command.text)
    return f"{inside['name'] if inside else 'remote'}_shell"


def code_of(block: Block) -> Code | None:
    """The code of a fence, an indented block, or a query between tags of the guide's own (`<QUERY_1>`)."""
    if block.fence is not None:
        found = _read(block.fence.language, block.fence.body, block.fence.body_line)
    elif block.kind is BlockKind.CODE:
        found = _read("", block.text, block.lines.first)
    elif (tagged := _TAGGED.fullmatch(block.text.strip())) is not None:
        found = _read("", tagged["body"], block.lines.first + 1)
        if found.language not in QUERIES:
            return None
    else:
        return None
    return Code(_carried_out(block.lines, found), found.language, found.parts if found.commands else ())


def _carried_out(lines: Span, code: CodeBlock) -> Span:
    """The lines of a block without what its last command printed."""
    if not code.commands or not code.output or code.commands[-1].interactive:
        return lines
    last = max(p.lines.last for p in code.parts)
    return Span(lines.first, last) if code.output[-1].first > last else lines


@lru_cache(maxsize=1024)  # a block is asked many times: what it is, what follows it, what it belongs to
def _read(language: str, body: str, line: int) -> CodeBlock:
    return read_code(language, body, line)


def inline_commands(blocks: Iterable[Block]) -> tuple[Command, ...]:
    """Commands that stand in the prose, as inline code or without any mark."""
    return tuple(c for block in blocks for piece in block.pieces for c in _of_piece(piece))


@lru_cache(maxsize=4096)
def _of_piece(piece: Piece) -> tuple[Command, ...]:
    if piece.kind is PieceKind.CODE:
        texts = [(piece.text, 0)]
    elif piece.kind is PieceKind.TEXT:
        joined = piece.text.replace("\n", " ")
        texts = [
            (m["command"].rstrip(". "), piece.text.count("\n", 0, m.start("command"))) for m in _BARE.finditer(joined)
        ]
    else:
        return ()
    read = (read_inline(text, piece.line + below) for text, below in texts)
    return tuple(command for command in read if command is not None)
