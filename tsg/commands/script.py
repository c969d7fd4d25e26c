"""Whether a block as a whole is a shell script, so that whatever its statements hold is part of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from tsg.commands.holes import masked
from tsg.commands.lines import is_known_command
from tsg.commands.shell_tree import parse

if TYPE_CHECKING:
    from tree_sitter import Node

_ASSIGNS = re.compile(r"[A-Za-z_]\w*=")
_OPERATOR = re.compile(r"[;&|({!]")
# No sentence and no output has their form.
_BY_KEYWORDS = frozenset(
    {"if_statement", "for_statement", "c_style_for_statement", "while_statement", "case_statement"}
    | {"select_statement", "function_definition"}
)
_BRACKETED = frozenset({"compound_statement", "subshell"})
_JOINED = frozenset({"list", "pipeline", "redirected_statement", "negated_command"})
_BETWEEN = frozenset({";", "&", "\n"})
MAX_DEPTH = 20  # groups in groups that are looked into


def is_script(text: str, is_command: Callable[[str], bool]) -> bool:
    """Whether `text` parses and each of its statements is a command.

    A sentence parses too, as a command named by its first word: `is_command` says by the first line of
    a simple statement whether it is one. What a loop, a branch or a function holds is not asked, and of
    a group one statement is enough: `{ "a": 1 }` has none.
    """
    source = text.encode()
    root = parse(masked(source))
    if root is None or root.has_error:
        return False
    statements = [node for node in root.children if node.type != "comment" and node.type not in _BETWEEN]
    return bool(statements) and all(_is_sound(node, source, is_command, MAX_DEPTH) for node in statements)


def is_joined(line: str) -> bool:
    """Whether a line is known commands with operators between or around them: `sleep 1; reboot`, `( reboot )`."""
    return _OPERATOR.search(line) is not None and is_script(line, _is_assignment_or_known)


def _is_sound(node: Node, source: bytes, is_command: Callable[[str], bool], depth: int) -> bool:
    if node.type in _BY_KEYWORDS:
        return True
    if node.type in _BRACKETED:
        return depth > 0 and any(_is_sound(c, source, is_command, depth - 1) for c in node.children if c.is_named)
    if not node.is_named:
        return False
    if is_command(_first_line(node, source)):
        return True
    inner = _leftmost(node)
    return inner is not node and _is_sound(inner, source, _is_assignment_or_known, depth)


def _is_assignment_or_known(line: str) -> bool:
    return _ASSIGNS.match(line) is not None or is_known_command(line)


def _leftmost(node: Node) -> Node:
    """The statement that a chain, a pipeline, a redirection or a negation begins with."""
    while node.type in _JOINED:
        inner = next((c for c in node.children if c.is_named and not c.type.endswith("_redirect")), None)
        if inner is None:
            return node
        node = inner
    return node


def _first_line(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].partition(b"\n")[0].decode(errors="replace")
