"""Words of a command line as a shell splits them, for text that is no part of a parsed script."""

from __future__ import annotations


def split_words(text: str) -> list[str]:
    """Split at blanks outside quotes and take the quotes off; an open quote ends with the text."""
    found: list[str] = []
    word: list[str] = []
    quote = ""
    started = False
    escaped = False
    for char in text:
        if escaped:
            word.append(char)
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = started = True
        elif quote:
            if char == quote:
                quote = ""
            else:
                word.append(char)
        elif char in "'\"":
            quote = char
            started = True
        elif char.isspace():
            if started:
                found.append("".join(word))
            word, started = [], False
        else:
            word.append(char)
            started = True
    if started:
        found.append("".join(word))
    return found
