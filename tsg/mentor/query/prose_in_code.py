"""A sentence inside a block of shell or SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from tsg.commands import Language, Remark
from tsg.findings import Severity
from tsg.mentor.code import RUNNABLE, Code
from tsg.mentor.query.rows import starts_of_statements
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View

QUERIES = frozenset({Language.SQL, Language.PROMQL, Language.LOGQL, Language.KQL, Language.HTTP})
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
        if code.fence is None or not (code.language in RUNNABLE or code.tagged in RUNNABLE):
            continue
        if code.language in {Language.YAML, Language.JSON, Language.OUTPUT, Language.CONFIG}:
            continue
        for line in islice(_sentences_of_code(code), 1):
            yield Issue(line, "a sentence stands among the commands", "move it above the fence, or make it a comment")


def _sentences_of_code(code: Code) -> Iterator[int]:
    rows = code.rows
    if code.language is Language.SHELL or code.language is Language.PROSE:
        said = (p.lines for p in code.read.parts if isinstance(p, Remark) and p.prose)
        prose = {at for lines in said for at in range(lines.first, lines.last + 1)}
        rows = tuple((at, row) for at, row in rows if at in prose)
    yield from sorted(
        {at for at, row in rows if _is_sentence(row.strip())}
        | {at for at, row in starts_of_statements(code) if _is_note(row.strip(), code.language)}
    )


# A note behind a mark that no shell knows, a step's number before a command, and a command that runs on as a sentence.
_NOTE = re.compile(
    r"(?:\((?=[a-z]+ [a-z]+)|>>+ |<<?-+ |[*•] |- |--> |\d{1,2}[.)] "
    r"|(?:NOTE|TODO|WARNING|CAUTION|IMPORTANT)\b[:!]? ?)(?P<said>.*)",
    re.IGNORECASE,
)
_RUNS_ON = re.compile(
    r"\S\s{2,}(?:and|then|to|until|which|where|if|but|or|for)\s(?:[a-z]+\s){1,12}[a-z]+[.!]?$"
    r"|\s<--+\s*[a-z]+(?:\s[a-z]+)+"
)


def _is_note(bare: str, language: Language) -> bool:
    if language in QUERIES or len(bare) > 400:
        return False
    found = _NOTE.match(bare)
    if found is not None:
        plain = [w.rstrip(".,;:!?)") for w in found["said"].split()]
        return len(plain) >= 3 and all(re.fullmatch(r"[A-Za-z][A-Za-z'’-]*|\d+", w) for w in plain)
    return _RUNS_ON.search(bare) is not None and not re.search(r"['\"\\]", bare)


def _is_sentence(bare: str) -> bool:
    """Whether a line of code is a sentence."""
    if bare.startswith(("#", "--", "//", "|", "-", '"', "'", "$", "}", "{", "(", ")", "/")):
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
    return bool(_SENTENCE_START.match(bare)) or bool(
        re.match(r"[A-Z][a-z]+ ", bare) and bare.endswith((".", ":", "!", "?"))
    )
