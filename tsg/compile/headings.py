"""What a heading says of its section: an ending, background, or the author's number of a step."""

from __future__ import annotations

import re

from dag.model import Terminal
from tsg.guide import Section

_NUMBER = re.compile(r"(?:step\s*)?#?(\d{1,4})(?=[\s.):–—-]|$)", re.IGNORECASE)
_ENDINGS = {
    "resolved": Terminal.RESOLVED,
    "escalate": Terminal.ESCALATE,
    "escalation": Terminal.ESCALATE,
    "not applicable": Terminal.NOT_APPLICABLE,
}
# Sections that people read and nobody carries out.
BACKGROUND = frozenset(
    {
        "about", "additional resources", "affected", "alert", "alert details", "background", "changelog",
        "consequence", "consequences", "context", "contents", "description", "further reading", "glossary",
        "history", "impact", "introduction", "key points", "links", "meaning", "more information", "note",
        "notes", "overview", "owners", "prerequisites", "purpose", "references", "related", "related alerts",
        "related documentation", "related runbooks", "requirements", "root cause", "scope", "see also",
        "severity", "sources", "summary", "symptoms", "table of contents", "what this means",
    }
)  # fmt: skip


def number_of(title: str) -> int | None:
    """`2. Measure`, `Step 2 - Measure` and `2) Measure` are step 2."""
    found = _NUMBER.match(title)
    return int(found[1]) if found else None


def plain(title: str) -> str:
    """A title without number, emphasis and case, for comparison."""
    bare = _NUMBER.sub("", title, count=1) if _NUMBER.match(title) else title
    return " ".join(re.sub(r"[^\w\s]", " ", bare).lower().split())


def ending_of(section: Section) -> Terminal | None:
    """The terminal that a section called Resolved, Escalate or Not applicable stands for."""
    return _ENDINGS.get(plain(section.title)) if section.level >= 2 else None


def is_background(section: Section) -> bool:
    return plain(section.title) in BACKGROUND
