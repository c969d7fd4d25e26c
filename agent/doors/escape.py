"""Text from outside, made fit to be shown: it may name anything, and steer nothing.

Labels, log lines, answers of targets and guides are all written by others. No character of theirs moves a
cursor, turns a line around, or becomes markup, and no secret of theirs is passed on.
"""

from __future__ import annotations

import re
from typing import Any

from agent import redact

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&])")
_BEGINS_A_BLOCK = re.compile(r"^([-=]|[0-9]{1,9}(?=[.)]))")
_LINKS_ITSELF = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)


def visible(text: str) -> str:
    """The text without its secrets, and with nothing hidden in it."""
    return redact.redacted(redact.visible(text))


def one_line(text: Any) -> str:
    """What is printed as one line stays one line."""
    return visible(str(text)).replace("\n", "\\n").replace("\t", "\\t")


def bounded(text: str, most: int) -> str:
    """The text, or its beginning with a mark that there is more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def markdown(text: Any) -> str:
    """Untrusted text inside a Markdown line: no link, mention, markup or line break of its own."""
    words = " ".join(visible(str(text)).split())
    words = _LINKS_ITSELF.sub(r"\\\g<0>", _MARKDOWN.sub(r"\\\1", words))
    return _BEGINS_A_BLOCK.sub(_guarded, words)


def _guarded(start: re.Match[str]) -> str:
    """A dash or number that would begin a list, a rule or a heading."""
    return f"\\{start[0]}" if start[0] in "-=" else f"{start[0]}\\"


__all__ = ["bounded", "markdown", "one_line", "visible"]
