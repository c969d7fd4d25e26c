"""Placeholders and variables of a guide: where each is used, set, explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ANGLE = r"<(?P<angle>[A-Za-z][\w .:/-]{0,60}?)>"
_CURLY = r"\{\{\s*(?P<curly>[A-Za-z_][\w.-]*)\s*\}\}"
_VARIABLE = r"\$\{?(?P<var>[A-Za-z_]\w*)"
_SQUARE = r"(?<![\w\])}'\"$])\[(?P<square>[A-Z][A-Z0-9]*(?:[ _-][A-Z0-9]+){0,5})\]"
_YOUR = r"(?<![\w$<-])(?P<your>(?:YOUR|your|MY|my)[-_][\w-]+)"
_BRACE = r"(?<![\w$.{%'\"(])\{(?P<brace>[a-z_][a-z0-9_]*)\}(?!\})"
_CAPS = (
    r"(?<![\w$<{\[./%~@\\'\"-])(?P<caps>(?:[A-Z][A-Z0-9]*_)+"
    r"(?:NAME|NAMESPACE|ID|IP|NODE|POD|HOST|ADDRESS|PORT|URL|UUID|TOKEN|PATH))(?![\w\]}>=({])"
)
_LONE = r"(?<=[a-z]=)(?P<lone>[N-Z])(?![\w.'\"/:-])"  # --replicas=N
_HOLE = re.compile("|".join((_ANGLE, _CURLY, _VARIABLE, _SQUARE, _YOUR, _BRACE, _CAPS, _LONE)))
_HTML = frozenset(
    [
        "a",
        "b",
        "br",
        "p",
        "i",
        "em",
        "strong",
        "div",
        "span",
        "table",
        "tr",
        "td",
        "th",
        "ul",
        "ol",
        "li",
        "pre",
        "code",
        "img",
        "details",
        "summary",
        "sub",
        "sup",
        "hr",
        "none",
        "nil",
        "unset",
        "unknown",
        "u",
        "kbd",
        "h1",
        "h2",
        "h3",
        "h4",
        "font",
        "center",
        "small",
        "del",
        "ins",
    ]
)
KNOWN_VARIABLES = frozenset(
    [
        "HOME",
        "PATH",
        "USER",
        "PWD",
        "SHELL",
        "HOSTNAME",
        "UID",
        "EUID",
        "RANDOM",
        "IFS",
        "PS1",
        "OLDPWD",
        "TERM",
        "LANG",
        "EDITOR",
        "LOGNAME",
        "PPID",
        "BASH",
        "PIPESTATUS",
        "REPLY",
        "LINENO",
        "SECONDS",
        "BASH_SOURCE",
        "FUNCNAME",
        "_",
        "null",
        "true",
        "false",
        "PSItem",
        "env",
        "Env",
        "Error",
        "Matches",
        "args",
        "input",
        "this",
        "PSScriptRoot",
        "Host",
        "KUBECONFIG",
        "TMPDIR",
        "XDG_RUNTIME_DIR",
        "Home",
        "profile",
        "LASTEXITCODE",
        "ErrorActionPreference",
        "v",
        "k",
        "NF",
        "NR",
        "FS",
        "OFS",
        "NUM",
    ]
)
_HAS_DEFAULT = re.compile(r":?[-=+]")  # ${NAME:-value}
_SET = re.compile(
    r"(?:^|[\s;(&|])(?:export\s+|local\s+|declare\s+(?:-\w+\s+)?|readonly\s+|set\s+(?:-x\s+)?|"
    r"\$(?:global:|script:)?)?([A-Za-z_]\w*)\s?\+?=(?!=)"
    r"|\bfor(?:each)?\s+\(?\$?([A-Za-z_]\w*)\s+in\b|\bread\s+(?:-\w+\s+(?:\"[^\"]*\"\s+|"
    r"'[^']*'\s+)?)*([A-Za-z_]\w*)|\bas \$?([A-Za-z_]\w*)\b"
    r"|\$([A-Za-z_]\w*)\s*:?="
    r"|\brange \$([A-Za-z_]\w*), \$([A-Za-z_]\w*)"
    r"|\[[\w.\[\]]+\]\s*\$([A-Za-z_]\w*)\s*=|\bparam\s*\(\s*\$([A-Za-z_]\w*)|"
    r"--arg(?:json)?\s+([A-Za-z_]\w*)|-v\s+([A-Za-z_]\w*)=|\bmapfile\s+(?:-\w+\s+)*([A-Za-z_]\w*)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Hole:
    """A placeholder or variable as written, its bare name, and its place in the text."""

    text: str
    name: str
    start: int
    is_variable: bool

    @property
    def norm(self) -> str:
        """Spelling left out: `<pod-name>`, `POD_NAME` and `$podName` are one."""
        split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name)
        return re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")


def holes_in(text: str) -> Iterator[Hole]:
    """Placeholders and variables in code, single-quoted awk programs and their kind left out."""
    quoted = _single_quoted(text) if "$" in text else ()
    for found in _HOLE.finditer(text):
        kind = found.lastgroup or ""
        name = found[kind]
        if kind == "angle" and (name.lower() in _HTML or not _is_name(name)):
            continue
        if kind == "var" and (name in KNOWN_VARIABLES or any(a <= found.start() < b for a, b in quoted)):
            continue
        if kind == "var" and found.start() and text[found.start() - 1] == "\\":
            continue
        if kind == "var" and found[0].startswith("${") and _HAS_DEFAULT.match(text, found.end()):
            continue
        if (kind == "curly" and name.startswith((".", "range", "end", "else", "printf", "println"))) or name in {
            "end",
            "else",
        }:
            continue
        shown = found[0] + ("}" if found[0].startswith("${") else "")
        yield Hole(shown, name, found.start(), kind == "var")


def _is_name(name: str) -> bool:
    """`<pod>` and `<the pod's name>`; not `<none>` or a comparison `a <b and c> d`."""
    return not re.search(r"\s(?:and|or|&&)\s|[<>=]", name) and not name.endswith(" ")


def _single_quoted(text: str) -> tuple[tuple[int, int], ...]:
    made = []
    at = 0
    while (start := text.find("'", at)) >= 0:
        if start and text[start - 1].isalnum():
            at = start + 1
            continue
        end = text.find("'", start + 1)
        if end < 0:
            break
        made.append((start, end))
        at = end + 1
    return tuple(made[:2000])


def names_set(code: str) -> set[str]:
    """Variables that code assigns."""
    return {next(g for g in found.groups() if g) for found in _SET.finditer(code)}
