"""PromQL, SQL, JSON, YAML or shell that does not parse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import yaml

from tsg.commands import Language, read_code
from tsg.compile.promql import promql_problems
from tsg.findings import Severity
from tsg.mentor.code import PLAIN, Code
from tsg.mentor.holes import holes_in
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View

MAX_PARSED = 20_000  # characters; parsers of queries are not linear


@check(
    "syntax-error",
    Category.QUERY,
    Severity.WARNING,
    "PromQL, SQL, JSON, YAML or shell that does not parse",
    "It fails when it is needed, and a half-read command may do something else.",
)
def syntax_error(view: View) -> Iterator[Issue]:
    severity = Severity.ERROR if view.native else None
    for part in view.parts:
        for code in part.codes:
            if (
                len(code.body) > MAX_PARSED
                or code.tag in {"action", "query"}
                or (view.native and code.fence and "as" in code.fence.attributes)
            ):
                continue
            if wrong := _syntax(code):
                line, message = wrong
                yield Issue(
                    line,
                    message,
                    "run it once, or have its own tool check it, and paste what worked",
                    severity=severity,
                )


def _syntax(code: Code) -> tuple[int, str] | None:
    tag = code.tagged
    if tag is Language.JSON:
        return _json(code)
    if tag is Language.YAML:
        return _yaml(code)
    if tag is Language.PROMQL or (tag is None and code.written is Language.PROMQL):
        return _promql(code)
    if tag is Language.SQL or (tag is None and code.written is Language.SQL and code.tag in PLAIN):
        return _sql(code)
    if tag is Language.SHELL and code.language is Language.SHELL:
        return _shell(code)
    if tag in _BRACKETED and (code.language is tag or code.written is tag):
        return _brackets(code)
    return None


_BRACKETED = frozenset({Language.KQL, Language.LOGQL, Language.POWERSHELL})
_STRINGS = re.compile(r"@'.*?'@|@\".*?\"@|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|`[^`\n]*`", re.DOTALL)


def _brackets(code: Code) -> tuple[int, str] | None:
    """A bracket that is never closed, in a language that has no parser here."""
    mark = r"//[^\n]*" if code.language is Language.KQL else r"(?m)^\s*#[^\n]*"
    text = re.sub(mark, "", _STRINGS.sub("''", _filled(code.body)))
    closes = {")": "(", "]": "[", "}": "{"}
    opened: list[tuple[str, int]] = []
    for at, c in enumerate(text):
        if c in "([{":
            opened.append((c, at))
        elif c in closes and (not opened or opened.pop()[0] != closes[c]):
            line = code.body_line + text.count("\n", 0, at)
            return min(line, code.lines.last), f"it does not parse: a '{c}' closes nothing"
    if opened:
        c, at = opened[-1]
        return min(
            code.body_line + text.count("\n", 0, at), code.lines.last
        ), f"it does not parse: a '{c}' is never closed"
    return None


_ELLIPSIS = re.compile(r"\.\.\.|…|//|/\*|^\s*#|\{%|<<", re.MULTILINE)


def _filled(text: str, by: str = "x1") -> str:
    """The text with its placeholders filled in."""
    made, at = [], 0
    for hole in holes_in(text):
        if hole.start < at or (hole.is_variable and "$" + hole.name not in text):
            continue
        made += [text[at : hole.start], by]
        at = hole.start + len(hole.text)
    return "".join([*made, text[at:]])


def _json(code: Code) -> tuple[int, str] | None:
    text = code.body.strip()
    if not text or _ELLIPSIS.search(text) or text[0] not in "{[":
        return None
    for candidate in (text, _filled(text), _filled(text, "1"), _filled(text, '"x"'), f"[{text.rstrip(',')}]"):
        try:
            json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        return None
    try:
        json.loads(text)
    except json.JSONDecodeError as exc:
        if exc.msg.startswith("Extra data"):
            return _json_lines(code, text)
        return code.body_line + exc.lineno - 1, f"the JSON does not parse: {exc.msg} in column {exc.colno}"
    except RecursionError:
        return None
    return None


def _json_lines(code: Code, text: str) -> tuple[int, str] | None:
    """One document a line is fine; two at odds are not."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(1000):
        try:
            _, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return code.body_line + text.count("\n", 0, at), "the JSON does not parse: there is more after its end"
        while at < len(text) and text[at].isspace():
            at += 1
        if at >= len(text):
            return None
    return None


def _yaml(code: Code) -> tuple[int, str] | None:
    text = code.body
    if re.search(r"\{\{|\{%|^\s*\.\.\.\s*$|\.\.\.$", text, re.MULTILINE) or code.written in {
        Language.SHELL,
        Language.SQL,
    }:
        return None
    if text.count("[") + text.count("{") > 200:
        return None
    for candidate in (text, _filled(text)):
        try:
            for _ in yaml.compose_all(candidate, Loader=yaml.SafeLoader):
                pass
        except yaml.MarkedYAMLError as exc:
            where = exc.problem_mark.line if exc.problem_mark else 0
            message = f"the YAML does not parse: {exc.problem or exc.context}"
            continue
        except (yaml.YAMLError, RecursionError, ValueError):
            return None
        return None
    return min(code.body_line + where, code.lines.last), message


def _promql(code: Code) -> tuple[int, str] | None:
    stated = [(s.lines.first, s.text) for s in code.statements] or [(code.lines.first, code.body)]
    for line, written in stated:
        text = _filled(re.sub(r"\[\s*(?:<[\w -]+>|\$\w+)\s*\]", "[5m]", written)).strip()
        if (
            not text
            or read_code("", text, line).language is Language.SHELL
            or re.search(r"^\s*(?:alert|expr|record|- )\b", text, re.MULTILINE)
        ):
            continue
        problems = [p for p in promql_problems(text) if str(p.code) == "promql-error"]
        if problems and not _each_line_parses(text):
            return line + problems[0].line, problems[0].message
    return None


def _each_line_parses(text: str) -> bool:
    """A block with one query a line."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return 1 < len(lines) <= 40 and not any(
        str(p.code) == "promql-error" for line in lines for p in promql_problems(line)
    )


def _sql(code: Code) -> tuple[int, str] | None:
    for statement in code.statements:
        if not re.match(r"\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b", statement.text, re.IGNORECASE):
            continue
        text = _filled(statement.text)
        if "..." in text or len(text) > 8_000 or text.count("(") > 200:
            continue
        if found := re.search(r",\s*(?:\)|FROM\b|WHERE\b|GROUP\s+BY\b|ORDER\s+BY\b)", text, re.IGNORECASE):
            line = statement.lines.first + text.count("\n", 0, found.start())
            return min(line, statement.lines.last), "the SQL does not parse: nothing follows a comma"
        if found := _SQL_GAP.search(text):
            line = statement.lines.first + text.count("\n", 0, found.start())
            return min(line, statement.lines.last), f"the SQL does not parse: nothing follows {found[1].upper()}"
        if problem := _sql_problem(text):
            return min(statement.lines.first + problem[0], statement.lines.last), problem[1]
    return None


_SQL_GAP = re.compile(
    r"\b(SET|WHERE|AND|OR|BY|FROM|HAVING)\s+(?:(?:WHERE|ORDER\s+BY|GROUP\s+BY|LIMIT|HAVING)\b|;|$)", re.IGNORECASE
)


def _sql_problem(text: str) -> tuple[int, str] | None:
    """The first thing wrong with a statement, by any dialect."""
    import sqlglot  # heavy: only where there is SQL
    from sqlglot.errors import SqlglotError

    first: tuple[int, str] | None = None
    for dialect in ("", "postgres", "mysql", "tsql", "clickhouse", "bigquery"):
        try:
            sqlglot.parse(text, read=dialect or None)
        except SqlglotError as exc:
            errors = getattr(exc, "errors", None) or [{}]
            line = int(errors[0].get("line") or 1) - 1
            what = str(errors[0].get("description") or exc).split("\n")[0]
            first = first or (max(0, line), f"the SQL does not parse: {what.rstrip('.')}")
        except (RecursionError, ValueError):
            return None
        else:
            return None
    return first


def _shell(code: Code) -> tuple[int, str] | None:
    for statement in code.statements:
        text = (
            re.sub(r"<<-?\s*['\"]?(\w+)['\"]?[^\n]*\n.*?^\s*\1\s*$", "", statement.text, flags=re.MULTILINE | re.DOTALL)
            if "<<" in statement.text
            else statement.text
        )
        if wrong := _unbalanced(text) or _odd_operator(text):
            return statement.lines.first, wrong
    if wrong_document := _open_document(code):
        return wrong_document
    last = code.statements[-1] if code.statements else None
    if last is not None and re.search(r"(?:\||&&|\|\|)\s*$", last.text):
        return last.lines.last, "the command ends in the middle: nothing follows the operator"
    text = re.sub(r"#[^\n]*", "", "\n".join(s.text for s in code.statements))
    for opened, closed in (("if", "fi"), ("do", "done"), ("case", "esac")):
        starts = len(re.findall(rf"(?:^|[;\n&|]|\bthen\b|\bdo\b|\belse\b)\s*{opened}\b", text))
        ends = len(re.findall(rf"(?:^|[;\n\s]){closed}(?=$|[\s;)|&<>])", text))
        if starts > ends:
            return code.lines.first, f"the shell's '{opened}' has no '{closed}'"
    return None


_ODD = (
    (re.compile(r"\|\s+\||(?:&&|\|\|)\s*(?:&&|\|\||\|)(?!\|)"), "two operators stand side by side"),
    (
        re.compile(r"^\s*(?:if|elif|while|until)\s+\[{1,2}[^;\n]*\]{1,2}\s+(?:then|do)\b", re.MULTILINE),
        "';' is missing before then",
    ),
)


def _odd_operator(text: str) -> str:
    """What is wrong around the operators of a command, quoted text and comments left out."""
    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", "''", text)
    bare = re.sub(r"(?m)(?:^|\s)#[^\n]*", " ", bare)
    if wrong := next((why for pattern, why in _ODD if pattern.search(bare)), ""):
        return wrong
    plain = re.sub(r"'[^']*'|\\.", "", text)
    is_open = "$(" in plain and "case " not in plain and plain.count("(") > plain.count(")")
    return "'$(' is opened and never closed" if is_open else ""


_DOCUMENT = re.compile(r"(?<!<)<<(?P<dash>-?)\s*(?P<q>['\"\\]?)(?P<word>[A-Za-z_]\w*)(?P=q)?(?=[\s|>;)]|$)")


def _open_document(code: Code) -> tuple[int, str] | None:
    """A here-document without the line that ends it."""
    for at, row in code.rows:
        found = None if row.lstrip().startswith("#") else _DOCUMENT.search(row)
        if found and not any(r.strip() == found["word"] for i, r in code.rows if i > at):
            return at, f"the text that '<<{found['word']}' opens is never closed"
        if found:
            return None
    return None


def _unbalanced(text: str) -> str:
    """What is left open at the end of a command."""
    quote, depth, escaped = "", 0, False
    for i, c in enumerate(text):
        if escaped:
            escaped = False
        elif c == "\\" and quote != "'":
            escaped = True
        elif quote:
            if c == quote:
                quote = ""
        elif c in "'\"" and not (
            c == "'" and i and text[i - 1].isalpha() and i + 1 < len(text) and text[i + 1].isalpha()
        ):
            quote = c
        elif c == "#" and (i == 0 or text[i - 1].isspace()):
            break
        elif (c == "(" and i and text[i - 1] == "$") or (c == "(" and depth):
            depth += 1
        elif c == ")" and depth:
            depth -= 1
    if quote:
        return f"a quote {quote} is opened and never closed"
    return "'$(' is opened and never closed" if depth else ""
