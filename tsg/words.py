"""Word lists that stay readable in the source."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set to look up."""
    return frozenset(text.split())
