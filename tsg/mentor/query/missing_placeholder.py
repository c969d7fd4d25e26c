"""The prose says to replace something, and the code has no placeholder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeGuard

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.holes import holes_in
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Prose, Sentence, View
from tsg.mentor.wording import shortened

_REPLACE = re.compile(
    r"\b(?:replac(?:e|ing)|substitut(?:e|ing)|swap(?:ping)?|fill(?:ing)? in|insert(?:ing)?|putting in|"
    r"put in|plug in|chang(?:e|ing)|adjust(?:ing)?|adapt(?:ing)?|edit(?:ing)?|set(?:ting)?|updat(?:e|"
    r"ing)|us(?:e|ing))\b(?P<rest>[^.\n]*(?:\n[^.\n]*)?)",
    re.IGNORECASE,
)
_BY_YOURS = re.compile(
    r"\b(?:with|by|to|for|in)\s+(?:the |your )?(?:\w+\s+){0,2}?(?:your|actual|real|own|affected|"
    r"correct|respective|matching|relevant|appropriate|right|failing|faulty|current|desired)\b|"
    r"\bplaceholders?\b|\bangle brackets?\b|\byour own\b|\bwith the (?:name|id|value|address|ip|"
    r"hostname|namespace|uuid)\b|\b(?:name|id|namespace|host|hostname|ip|address|value|token|cluster|"
    r"region|pod|node|variable)s? (?:as (?:needed|appropriate|necessary)|accordingly)|"
    r"\b(?:accordingly|as appropriate) (?:for|to) your\b",
    re.IGNORECASE,
)
_OWN = re.compile(
    r"^\W*(?:in\s+)?(?:the |your )?(?:\w+ )?(?:your|actual|real|own|correct|affected|right|respective)\b|"
    r"^\W*(?:in\s+)?(?:the|your)\s+(?:\w+\s+){0,2}?(?:name|id|ip|address|host|hostname|namespace|value|uuid|token"
    r"|password|number)s?\b",
    re.IGNORECASE,
)
_STRONG = re.compile(r"^(?:replac|substitut|swap|fill|insert|put|plug)", re.IGNORECASE)


@check(
    "missing-placeholder",
    Category.QUERY,
    Severity.WARNING,
    "the prose says to replace something, and the code has no placeholder",
    "The reader cannot tell which part to replace and runs the command as it stands.",
)
def missing_placeholder(view: View) -> Iterator[Issue]:
    yield from _named_and_absent(view)
    for part in view.parts:
        for at, flow in enumerate(part.flow):
            if not isinstance(flow, Prose):
                continue
            for sentence in flow.sentences:
                found = _REPLACE.search(sentence.text)
                if _MARKED.search(sentence.text) or _PUT_INTO.search(sentence.text):
                    blocks = [c for c in part.flow[max(0, at - 2) : at + 3] if _is_block(c)]
                    if blocks and not any(_takes_a_value(c, flow, sentence.text) for c in blocks):
                        yield _absent(sentence)
                    continue
                if (
                    found is None
                    or not (_BY_YOURS.search(found["rest"]) or (_STRONG.match(found[0]) and _OWN.search(found["rest"])))
                    or (
                        not _STRONG.match(found[0])
                        and not re.search(r"\byour\b|\bplaceholder", found["rest"], re.IGNORECASE)
                    )
                ):
                    continue
                near = [
                    c for c in part.flow[max(0, at - 3) : at + 4] if isinstance(c, Code) and c.is_run and not c.inline
                ]
                near += [c for c in part.flow if isinstance(c, Code) and c.inline and c.block is flow.block]
                if not near or any(_takes_a_value(c, flow, sentence.text) for c in near):
                    continue
                if not _STRONG.match(found[0]) and not re.search(
                    r"\b(?:in|below|above|command|query|value|name|id|namespace|host)\b", sentence.text
                ):
                    continue
                yield _absent(sentence)


def _absent(sentence: Sentence) -> Issue:
    return Issue(
        sentence.line,
        f"'{shortened(sentence.text)}', and the code has no placeholder",
        "mark the part to replace: <NODE_NAME>, and use the same word in the sentence",
    )


# What says that the code has a slot, whatever the slot's name.
_MARKED = re.compile(
    r"\b(?:part|value|word|name|text|everything|what|parts|values)\b.{0,30}\b(?:in|between|within"
    r"|inside)\s+(?:angle|curly|square|pointed)"
    r"?\s*(?:brackets|braces)\b|\b(?:chang(?:e|ing)|exchang(?:e|ing)|adapt(?:ing)?|adjust(?:ing)?"
    r"|swap(?:ping)?)\s+(?:the\s+)?(?:\w+\s+)?"
    r"(?:name|id|ip|address|host|namespace|number|value)\s+(?:to|for|with)\s+(?:that|the one)\s+of\b",
    re.IGNORECASE,
)
_PUT_INTO = re.compile(
    r"\b(?:put|insert|enter|write|paste|plug)\s+(?:in\s+)?the\s+(?:\w+\s+)?(?:id|name|ip|address|number|uuid"
    r"|value|host|hostname|namespace)\b"
    r"[^.;]{0,60}\b(?:in|into)\s+the\s+(?:query|command|statement|request|url|filter|line)\b",
    re.IGNORECASE,
)


def _is_block(flow: Prose | Code) -> TypeGuard[Code]:
    return isinstance(flow, Code) and flow.is_run and not flow.inline


_FILLS = re.compile(
    r"\b(?:replac\w*|substitut\w*|swap\w*|fill(?:ed|ing|s)? (?:in|out)|insert\w*|plug\w*|exchang\w*|in place of"
    r"|instead of|where it (?:says|reads)|stands? (?:in )?for)\b|\bset(?:ting)?\s+`[$<{]"
    r"|\bwhere\s+`[<{$][^`\n]+`\s+is\b|\bput\b.*\b(?:in place of|where|for|into)\b",
    re.IGNORECASE,
)
_SLOT = re.compile(
    r"<[A-Za-z][\w .-]*>|\{\{\s*[\w.-]+\s*\}\}|\{[a-z]\w*\}|\[[A-Z][A-Z0-9_-]+\]|\$\{?[A-Z][A-Z0-9_]+\}?"
    r"|[A-Z][A-Z0-9]*(?:[_-][A-Z0-9]+)*"
)


def _named_and_absent(view: View) -> Iterator[Issue]:
    """A placeholder that the prose tells to fill in, and that no code of its section has."""
    for part in view.parts:
        bodies = "\n".join(c.body for c in part.codes)
        if not bodies:
            continue
        for prose in part.proses:
            for sentence in prose.sentences:
                if not _FILLS.search(sentence.text):
                    continue
                for token in re.findall(r"`([^`\n]{2,60})`", sentence.text):
                    if _SLOT.fullmatch(token) and len(token.strip("<>{}[]$ ")) > 2 and not _has(bodies, token):
                        yield Issue(
                            sentence.line,
                            f"'{token}' is to be filled in, and no code of this section has it",
                            "put the placeholder where the value belongs",
                        )
                        break


def _has(bodies: str, token: str) -> bool:
    """Whether code has a placeholder under any of its spellings; a key or option of the same word is none."""
    bare = re.sub(r"[^A-Za-z0-9]+", "[ _-]?", token.strip("<>{}[]$ "))
    marked = rf"<\s*{bare}\s*>|\{{\{{?\s*{bare}\s*\}}|\[\s*{bare}\s*\]|\$\{{?{bare}\b"
    return token in bodies or re.search(marked, bodies, re.IGNORECASE) is not None


def _takes_a_value(code: Code, prose: Prose, sentence: str) -> bool:
    if any(True for _ in holes_in(code.body)) or re.search(
        r"\b(?:xxx+|XXX+|foo|example|changeme|TODO)\b|\*\*\*|<[^<>\n]{1,60}>", code.body
    ):
        return True
    named = [c for c in prose.codes if c.strip("<>{}$[] ") and f"`{c}`" in sentence]
    quoted = re.findall(r"[\"'“]([^\"'”]{2,40})[\"'”]", sentence)
    caps = re.findall(r"\b[A-Z][A-Z0-9_-]{1,}\b", sentence)
    return any(word in code.body for word in (*named, *quoted, *caps))
