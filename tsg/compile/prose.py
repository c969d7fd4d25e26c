"""A section's prose as people and the model read it, and what in it asks a person to act."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tsg.guide import Block, BlockKind, PieceKind
from tsg.words import words

SHELL = words("bash sh shell console zsh fish cmd bat powershell pwsh terminal shell-session shellsession ps1")
_BY_HAND = re.compile(r"\s*(?:[*_]{1,2})?by hand\b", re.IGNORECASE)
_VERBS = re.compile(
    r"(?:please |then |first,? |now,? |finally,? |next,? )?"
    r"(?:add|apply|approve|ask|attach|call|change|check|clean|clear|close|collect|compare|configure|confirm"
    r"|connect|contact|copy|cordon|create|decide|decrease|delete|deploy|describe|determine|disable|disconnect"
    r"|drain|edit|enable|ensure|escalate|examine|execute|file|find|fix|follow|free|gather|get|identify|increase"
    r"|inform|inspect|install|investigate|kill|list|locate|log|login|look|make|mark|migrate|monitor|move|notify"
    r"|open|page|patch|perform|ping|plug|post|power|pull|purge|query|raise|reboot|record|reduce|remove|replace"
    r"|report|request|reset|resolve|restart|restore|resume|retrieve|retry|review|revert|roll|rollback|run|save"
    r"|scale|search|see|send|set|shut|ssh|start|stop|submit|switch|tell|test|trigger|try|turn|uncordon|undo"
    r"|uninstall|unplug|update|upgrade|use|validate|verify|view|wait|watch|write)\b(?!\s*[:=])",
    re.IGNORECASE,
)


def is_instruction(block: Block) -> bool:
    """Whether a paragraph or list item asks a person to do something."""
    if block.kind is not BlockKind.PARAGRAPH or block.quoted:
        return False
    return bool(_BY_HAND.match(block.text) or _VERBS.match(block.text.lstrip("*_ ")))


def is_by_hand(block: Block) -> bool:
    return block.kind is BlockKind.PARAGRAPH and _BY_HAND.match(block.text) is not None


def prose(blocks: Iterable[Block], *, with_fences: bool = False) -> str:
    """Paragraphs, items and rows as the author wrote them; with the fences that are not calls if asked."""
    parts = []
    for block in blocks:
        if block.fence is not None:
            if with_fences:
                parts.append(f"```{block.fence.language}\n{block.fence.body.rstrip()}\n```")
        elif block.kind is not BlockKind.HTML:
            mark = "" if not block.items else _mark(block)
            parts.append(mark + block.text.strip())
    return "\n\n".join(p for p in parts if p)


def _mark(block: Block) -> str:
    item = block.items[-1]
    first = item.lines.first == block.lines.first
    indent = "  " * (len(block.items) - 1)
    sign = "-" if item.number is None else f"{item.number}."
    return f"{indent}{sign if first else ' ' * len(sign)} "


def mentioned(blocks: Iterable[Block]) -> tuple[str, ...]:
    """Names that the prose shows as inline code and nothing else, e.g. `waiting`."""
    found = (
        piece.text.strip()
        for block in blocks
        for piece in block.pieces
        if piece.kind is PieceKind.CODE and piece.text.strip().isidentifier()
    )
    return tuple(dict.fromkeys(found))
