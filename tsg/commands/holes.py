"""Holes in code that the reader fills in: `<POD>`, `{{ node }}`, `$NODE`, `[POD]`, `YOUR_TOKEN`.

A shell reads `<POD>` as a redirection. `masked` puts as many letters in its place, so that the text
parses and every offset still points into what was written.
"""

from __future__ import annotations

import re

from tsg.words import words

_ANGLE = re.compile(r"<[A-Za-z][\w.:/|,+*@#-]*(?:[ ][\w.:/|,+*@#-]+){0,12}>")
_CURLY = re.compile(r"\{\{[^{}\n;&`$<>]{0,200}\}\}")
_OPTIONAL = re.compile(r"\[-{1,2}[a-z][\w-]*(?:[ =](?:<[\w .:/-]{1,60}>|[\w.:/-]+))?\]")
_SQUARE = re.compile(r"(?<![\w$\]}'\"])\[[A-Za-z][A-Za-z0-9]*(?:[ _-][A-Za-z0-9]+){0,6}\](?![\w(=])")
_FILE_START = re.compile(r"/(?:bin|boot|dev|etc|home|lib|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)\b")

_USES = re.compile(
    r"\{\{[^{}\n]{0,200}\}\}"
    r"|<[A-Za-z][\w.:/|,+*@#-]*(?:[ ][\w.:/|,+*@#-]+){0,12}>"
    r"|\$\{[A-Za-z_]\w*"
    r"|\$(?:env:)?[A-Za-z_]\w*"
    r"|(?<![\w$\]}'\"])\[[A-Z][A-Z0-9]*(?:[ _-][A-Z0-9]+){0,6}\]"
    r"|(?<![\w$.{])\{[A-Za-z_]\w*\}"
    r"|(?<![\w$])(?:[Yy][Oo][Uu][Rr])[_-][\w-]+"
    r"|(?<![\w$.:/=%~@\\-])[A-Z][A-Z0-9]*(?:[_-][A-Z0-9]+)+(?![\w=({.-])"
    r"|(?<=[=/ ])X{3,}(?![\w])"
)
# Upper-case words that stand for a value where a command takes a name: `kubectl describe node NODE`.
_VALUE_WORDS = words(
    "NAME NAMESPACE NODE POD PODNAME CONTAINER HOST HOSTNAME SERVICE DEPLOYMENT CLUSTER REGION ZONE USER USERNAME"
    " PASSWORD"
    " TOKEN IP ADDRESS PORT PATH FILE FILENAME DEVICE INTERFACE VOLUME PVC PV INSTANCE JOBID JOB ID PID UUID VERSION"
    " REVISION RELEASE BUCKET IMAGE POOL OSD DATABASE TABLE URL ENDPOINT SECRET CONFIGMAP GPU INDEX SERVER ACCOUNT ARN"
)
_NOT_HOLES = frozenset({"{end}", "{range}", "$_", "$true", "$false", "$null", "$this", "$args", "$PSItem", "$Matches"})
_UPPER_WORD = re.compile(r"(?<![\w$<{\[.:/=%~@\\'\"-])[A-Z]{2,14}(?![\w\]}>=({.:/'\"-])")


def _names_a_value(word: str) -> bool:
    """Whether `POD_NAME` or `YOUR-TOKEN` stands for a value rather than being one, such as `DCGM_FR_CLOCK`."""
    parts = word.upper().replace("-", "_").split("_")
    return parts[0] in {"YOUR", "MY"} or not _VALUE_WORDS.isdisjoint(parts) or not word.isupper()


def masked(source: bytes) -> bytes:
    """The source with its holes as words of the same length."""
    source = source.replace(b"\xc2\xa0", b"  ")  # a no-break blank
    if b"<" not in source and b"{{" not in source and b"[" not in source:
        return source
    text = source.decode("latin-1")  # one character a byte: offsets are those of the bytes
    text = _OPTIONAL.sub(_letters, text)
    if "<" in text:
        text = _ANGLE.sub(lambda m: m[0] if _redirects(m) else _letters(m), text)
    if "{{" in text:
        text = _CURLY.sub(_letters, text)
    if "[" in text:
        text = _SQUARE.sub(lambda m: _letters(m) if " " in m[0] else m[0], text)
    return text.encode("latin-1")


def _letters(found: re.Match[str]) -> str:
    return "V" * len(found[0])


def _redirects(found: re.Match[str]) -> bool:
    """Whether `<in.txt>out.txt` reads and writes files rather than stand for a value.

    What is in doubt is left to the shell's reading, which is a change at worst.
    """
    text, start, end = found.string, found.start(), found.end()
    before, after = text[start - 1 : start], text[end : end + 1]
    inside = found[0][1:-1]
    if before not in {"", " ", "\t", "\n"} and not before.isdigit():
        return before == "<"
    if after in {">", "&"} or text.startswith("<<", start):
        return True
    if _FILE_START.match(text, end) and not inside.isupper():
        return True
    if after.isalnum() or after in {"_", "$"}:
        return not any(c.isupper() for c in inside)
    return bool(after) and after in "./" and any(c in "./|" for c in inside)


def holes(text: str) -> tuple[str, ...]:
    """Variables and placeholders of a command as written, each once, in order."""
    found: dict[str, None] = {}
    for match in _USES.finditer(text):
        word = match[0]
        if word.startswith("${"):
            word = "$" + word[2:]
        if word not in _NOT_HOLES and (not word[0].isupper() or _names_a_value(word)):
            found[word] = None
    for match in _UPPER_WORD.finditer(text):
        if match[0] in _VALUE_WORDS:
            found[match[0]] = None
    return tuple(found)
