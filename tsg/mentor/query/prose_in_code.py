"""A sentence inside a block of shell or SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.language import TAGS, Content, has_prompt, is_command, strip_prompt
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View

_SENTENCE_START = re.compile(
    r"^(?:make sure|then|now|you|note|after|before|check|verify|this|that|the|if|when|wait|next|run|"
    r"look|replace|please|once|in|to|it|and|as|for|see|ensure|there|here|we|only|do not|don't|also|"
    r"finally|first|second|otherwise|use|repeat|copy|log|go|open|confirm|expect|should|optionally|"
    r"remember|be|all|any|these|those|at|with|from|let|on|never|always|restart|delete|watch out|"
    r"warning|important|caution|output|result|example|follow|continue|proceed|ask|tell|notify)\b",
    re.IGNORECASE,
)


@check(
    "prose-in-code",
    Category.QUERY,
    Severity.WARNING,
    "a sentence inside a block of shell or SQL",
    "Pasted into a shell, a sentence is a command; 'Make' and 'at' even exist.",
)
def prose_in_code(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if (
            code.fence is None
            or TAGS.get(code.tag, code.content) not in {Content.SHELL, Content.SQL, Content.POWERSHELL, Content.PROMQL}
            or code.content in {Content.YAML, Content.JSON, Content.OUTPUT}
        ):
            continue
        for line in islice(_sentences_of_code(code), 1):
            yield Issue(line, "a sentence stands among the commands", "move it above the fence, or make it a comment")


def _sentences_of_code(code: Code) -> Iterator[int]:
    inside, held, until, printed = "", False, "", False
    for at, row in code.rows:
        bare = row.strip()
        if until:
            until = "" if bare == until else until
            continue
        if inside:
            inside = "" if bare.count(inside) % 2 else inside
            continue
        if heredoc := re.search(r"<<-?\s*['\"]?([A-Za-z_]\w*)", bare):
            until = heredoc[1]
            continue
        continued, held = held, bare.endswith(("\\", "|", ","))
        if has_prompt(row):
            printed = True
        if not bare:
            continue
        if not continued and not (printed and not has_prompt(row)) and _is_sentence(strip_prompt(row)):
            yield at
            continue
        if bare.startswith(("#", "--", "//")):
            continue
        for mark in ("'", '"'):
            if bare.replace("\\" + mark, "").count(mark) % 2:
                inside = mark


def _is_sentence(bare: str) -> bool:
    if bare.startswith(("#", "--", "//", "|", "-", '"', "'", "$", "}", "{", "(", ")", "/")) or (
        is_command(bare) and not bare[:1].isupper()
    ):
        return False
    found = re.findall(r"[^\s]+", bare)
    if len(found) < 4:
        return False
    plain = sum(
        bool(re.fullmatch(r"[A-Za-z][A-Za-z'’-]*[,.:;!?)]?|\(?[A-Za-z'’-]+|`[^`]+`|<[\w-]+>|\d+[.,]?", w))
        for w in found
    )
    if plain * 10 < len(found) * 8 or re.search(r"[=|{};]|\s--?\w|\$\(", bare):
        return False
    if re.match(
        r"(?:SELECT|FROM|WHERE|GROUP BY|ORDER BY|AND|OR|JOIN|LEFT|INNER|HAVING|LIMIT|UPDATE|DELETE|INSERT|"
        r"SET|VALUES|WITH|UNION|CREATE|DROP|ALTER|ON|AS|CASE|WHEN|THEN|ELSE|END|TRUNCATE|EXPLAIN|SHOW|USE|"
        r"GRANT|RIGHT|FULL|OUTER|CROSS)\b",
        bare,
    ):
        return False
    if re.match(r"(?:if|while|for|until|case)\s", bare) and re.search(r"[\[$(]|\bin\b.*;", bare):
        return False
    return bool(_SENTENCE_START.match(bare)) or bool(
        re.match(r"[A-Z][a-z]+ ", bare) and bare.endswith((".", ":", "!", "?"))
    )
