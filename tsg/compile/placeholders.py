"""`{{ name }}` in blocks and arguments: where it stands, and whether it is one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_ANY = re.compile(r"\{\{.*?(?:\}\}|$)", re.MULTILINE)
_BARE = re.compile(r"^(\s*(?:- +)?(?:[\w.-]+:\s+)?)(\{\{\s*\w+\s*\}\})[ \t]*$", re.MULTILINE)


def names_in(value: Any) -> tuple[str, ...]:
    """Names used anywhere in an argument tree, in order of first use."""
    return tuple(dict.fromkeys(_names(value)))


def _names(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield from (m[1] for m in PLACEHOLDER.finditer(value))
        case Mapping():
            for item in value.values():
                yield from _names(item)
        case list() | tuple():
            for item in value:
                yield from _names(item)


def malformed(text: str) -> Iterator[tuple[int, str]]:
    """Each `{{ ... }}` that is no plain name, with the offset of its line (0 for the first)."""
    for found in _ANY.finditer(text):
        if PLACEHOLDER.fullmatch(found[0]) is None:
            yield text.count("\n", 0, found.start()), found[0]


def line_offset(text: str, name: str) -> int:
    """Lines between the start of `text` and the first use of `name`; 0 when it is not used."""
    for found in PLACEHOLDER.finditer(text):
        if found[1] == name:
            return text.count("\n", 0, found.start())
    return 0


def quoted(yaml: str) -> str:
    """YAML in which a value that is one bare placeholder is quoted: `{{ x }}` alone is a nested mapping."""
    return _BARE.sub(r'\1"\2"', yaml)
