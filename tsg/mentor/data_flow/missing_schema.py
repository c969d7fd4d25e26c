"""A column or field of a result is read that no query selects and nothing describes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Language
from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, View

_COLUMN = re.compile(
    r"\b(?:the|each|every|its|their|a|column|field|by|whose|where|both)\s+(?:`(?P<code>[\w.]+)`|"
    r"\"(?P<quoted>[\w.]+)\"|(?P<word>[a-z]+_[a-z_0-9]+|[A-Z]{3,}(?:_[A-Z]+)*|"
    r"[a-z]+[A-Z]\w+))\s+(?:columns?|fields?|attribute|values?|property|properties|keys?)\b"
    r"|\b(?:columns?|fields?)\s+(?:named |called )?(?:`(?P<code2>[\w.]+)`|\"(?P<quoted2>[\w.]+)\")",
)
_WHERE_CODE = re.compile(
    r"\b(?:rows?|results?|entries|records|lines)\s+(?:with|where|whose|having)\s+(?:an?\s+|"
    r"the\s+)?`(?P<code>[a-z]\w*(?:_\w+)+)`|"
    r"\bif\s+(?:the\s+)?`(?P<code2>[a-z]+(?:_[a-z0-9]+)+)`\s+(?:is|exceeds|equals|shows|contains|goes|"
    r"stays|drops|column|above|below|>|<)"
)


@check(
    "missing-schema",
    Category.DATA_FLOW,
    Severity.INFO,
    "a column or field of a result is read that no query selects and nothing describes",
    "Nobody can tell where to look in the result, nor what it means when the field is not there.",
)
def missing_schema(view: View) -> Iterator[Issue]:
    yield from _unselected(view)
    yield from _unlisted(view)
    known = view.code_text
    tables = "\n".join(p.text for part in view.parts for p in part.proses if p.block.kind == "row")
    said: set[str] = set()
    for part in view.working:
        queries = [c for c in part.codes if c.is_run]
        above = [c for i in part.above for c in view.parts[i].codes if c.is_run]
        if not queries and not above and not (part.index and view.parts[part.index - 1].codes):
            continue
        for prose in part.proses:
            for pattern in (_COLUMN, _WHERE_CODE):
                for found in pattern.finditer(prose.text):
                    name = next((g for g in found.groups() if g), "")
                    if (
                        len(name) < 3
                        or name in said
                        or re.search(rf"(?<!\w){re.escape(name)}(?!\w)", known, re.IGNORECASE)
                        or name.lower() in tables.lower()
                    ):
                        continue
                    leaf = name.rsplit(".", 1)[-1]
                    if leaf in known or _printed(queries or above, name):
                        continue
                    if pattern is _WHERE_CODE and not any(c.language in {Language.SQL, Language.KQL} for c in queries):
                        continue
                    said.add(name)
                    yield Issue(
                        prose.line_of(found.start()),
                        f"'{name}' is read from a result, and no query here selects it",
                        "select the column by name, or say what the result looks like",
                    )


# Ways to say which columns or fields a command prints.
_SELECTS = re.compile(
    r"\b(?:summarize|project|extend|custom-columns|group by)\b|(?i:\bselect\s+(?!\*))|--query-[\w-]+=|--formatter\b"
    r"|--format[= ](?!json)|-[oO]\s?[\"']?(?:%|jsonpath|custom-columns|[a-z]+,[a-z]|[a-z]+=,)|--output-format"
    r"|\bjq\b[^|]*\{|\bawk\b|--columns|Select-Object|Format-Table",
)
_FIELD = r"`(?P<{0}>[A-Za-z_][\w.]{{2,}})`"
_READ = re.compile(
    rf"\b(?:row|line|entry|record|result|object|answer|item|session|pod|first|last)'s\s+{_FIELD.format('owned')}"
    rf"|\b(?:columns?|fields?|keys?|attributes?|property|properties)\s+{_FIELD.format('named')}"
    rf"|{_FIELD.format('of')}\s+of (?:the|each|every|any|that|this) (?:first|last|row|line|result|answer|object)"
    rf"|\b(?:if|where|whose|when|with|until|note|read|compare|take)\s+(?:the\s+|its\s+|an?\s+)?{_FIELD.format('read')}"
    r"(?=\s+(?:is|are|exceeds|equals|shows?|contains|stays|rises|falls|drops|above|below|of|has|column|field))",
    re.IGNORECASE,
)


_ITS = re.compile(rf"\b(?:its|their)\s+{_FIELD.format('its')}")


def _unselected(view: View) -> Iterator[Issue]:
    """A field that the prose reads although the query right before says which fields it gives, and not this one."""
    told: set[tuple[int, str]] = set()
    for part in view.working:
        query: Code | None = None
        cells: list[str] = []
        for flow in part.flow:
            if isinstance(flow, Code):
                query = flow if not flow.inline and flow.is_run else query
                continue
            cells = flow.text.split(" | ") if flow.block.kind == "row" and not cells else cells
            if query is None or not _SELECTS.search(query.body) or flow.block.lines.first < query.lines.first:
                continue
            heads = [c.strip(" `") for c in cells if re.fullmatch(r"\s*`[A-Za-z_]\w{2,}`\s*", c)]
            cells = [] if flow.block.kind != "row" else [" "]
            named = [(m.start(), next(g for g in m.groups() if g)) for m in _READ.finditer(flow.text)]
            if any(name in query.body for _, name in named) or any(c in query.body for c in flow.codes):
                named += [(m.start(), m["its"]) for m in _ITS.finditer(flow.text)]
            for at, name in [*named, *((0, h) for h in heads)]:
                leaf = name.rsplit(".", 1)[-1]
                if (
                    re.search(rf"(?<!\w){re.escape(leaf)}(?!\w)", query.body, re.IGNORECASE)
                    or (part.index, leaf) in told
                ):
                    continue
                if _elsewhere(part, query, leaf) or _is_input(view, leaf):
                    continue
                told.add((part.index, leaf))
                yield Issue(
                    flow.line_of(at),
                    f"'{name}' is read from the result of line {query.lines.first}, which does not give it",
                    "select the column by name, or read one that is there",
                )


_LISTING = re.compile(r"\b(?:columns?|fields?|keys?|properties|attributes)\b", re.IGNORECASE)
_IN_COLUMN = re.compile(
    r"\b(?:columns?|fields?|keys?|property|properties|attributes?)\s+`(?P<name>[A-Za-z_][\w.-]*)`", re.IGNORECASE
)


def _unlisted(view: View) -> Iterator[Issue]:
    """A column that is read, although the text has listed the columns there are, and this is none of them."""
    listed: set[str] = set()
    for part in view.parts:
        for prose in part.proses:
            for sentence in prose.sentences:
                codes = re.findall(r"`([A-Za-z_][\w.-]*)`", sentence.text)
                for found in _IN_COLUMN.finditer(sentence.text) if len(listed) > 1 else ():
                    name = found["name"]
                    if name.lower() not in listed and not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", view.code_text):
                        told = f"the columns are told above, and '{name}' is none of them"
                        yield Issue(sentence.line, told, "read a column that is there, or list this one too")
                if len(codes) > 1 and _LISTING.search(sentence.text):
                    listed |= {c.lower() for c in codes}


def _elsewhere(part: Part, query: Code, name: str) -> bool:
    """Whether another block of the section, or prose before the query, knows the name."""
    codes = [c.body for c in part.commands if c is not query]
    before = [p.text for p in part.proses if p.lines.last < query.lines.first]
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) for text in (*codes, *before))


def _is_input(view: View, name: str) -> bool:
    return any(i.name == name for i in view.guide.front.inputs)


def _printed(codes: list[Code], name: str) -> bool:
    """Whether a well-known command prints the column by itself."""
    text = "\n".join(c.body for c in codes)
    if re.search(
        r"\b(?:kubectl|oc|docker|squeue|sinfo|ps|df|free|helm|sacct|describe|-o (?:yaml|json|wide)|top|systemctl)\b",
        text,
    ):
        return True
    return bool(re.search(r"(?i)show\s|explain\b|curl|-o json", text)) and not re.search(r"(?i)\bselect\b", text)
