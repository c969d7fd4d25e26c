"""Shell text as a syntax tree. Offsets are bytes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_LINE = 16_000  # bytes: a longer line is not parsed
MAX_OPEN = 200  # brackets and quotes open at once


def parse(hidden: bytes) -> Node | None:
    """The root of the tree, None for what no person writes. `hidden` has its placeholders masked."""
    return _parser().parse(hidden).root_node if _is_tame(hidden) else None


@cache
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def _is_tame(source: bytes) -> bool:
    """Whether a source is such as people write: no endless lines, no towers of brackets."""
    if len(source) > MAX_LINE and any(len(line) > MAX_LINE for line in source.split(b"\n")):
        return False
    depth = deepest = 0
    for byte in source:
        if byte in b"({":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b")}":
            depth = max(0, depth - 1)
    return deepest <= MAX_OPEN
