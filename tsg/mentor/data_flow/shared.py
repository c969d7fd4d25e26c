"""What several checks of data flow have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Language
from tsg.mentor.code import Code
from tsg.mentor.view import Part, View


def run_codes(view: View) -> Iterator[tuple[Part, Code]]:
    for part in view.parts:
        for code in part.commands:
            if (
                code.is_run
                or (code.language is Language.YAML and code.tag in {"yaml", "yml"})
                or code.language is Language.SQL
            ):
                yield part, code


INPUTS = re.compile(
    r"\b(?:inputs?|parameters?|params|variables?|required (?:information|values|data)|what you need|"
    r"arguments?|placeholders)\b",
    re.IGNORECASE,
)
DECLARATION = re.compile(
    r"^\W*(?:`(?P<code>[<${\[]{0,2}[A-Za-z_][\w-]*[>}\]]{0,2})`|\*{0,2}(?P<word>[A-Za-z_]\w*[_-]\w+|"
    r"[A-Z][A-Z0-9_]{2,})\*{0,2})\s*(?:\([^)]*\)\s*)?(?:[:=–—-]|\||is\b|,|$)"
)


def declared_inputs(view: View) -> Iterator[tuple[Part, int, str]]:
    """Inputs that a list or table under a heading or sentence about inputs names, with their lines."""
    for part in view.parts:
        if re.search(r"\benv(?:ironment)?\b", part.title + part.text[:300], re.IGNORECASE):
            continue
        opened = bool(INPUTS.search(part.title))
        for prose in part.proses:
            row = prose.block.kind == "row"
            if not prose.is_item and not row:
                last = prose.text.rstrip()
                opened = bool(INPUTS.search(part.title)) or (last.endswith(":") and bool(INPUTS.search(last)))
                if not opened:
                    continue
            if opened and (found := DECLARATION.match(prose.text.strip())) and (prose.is_item or row):
                name = found["code"] or found["word"]
                if name.lower() not in {"name", "parameter", "input", "variable", "placeholder"}:
                    yield part, prose.lines.first, name
