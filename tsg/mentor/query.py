"""Checks of what is run: queries and commands that do not parse, never end, or do not fit their prose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

import yaml

from tsg.compile.promql import promql_problems
from tsg.findings import Fix, Severity, did_you_mean
from tsg.mentor.code import Code, Statement
from tsg.mentor.command_forms import broken_form, endless_form, interactive_form, plain_command
from tsg.mentor.holes import holes_in
from tsg.mentor.language import (
    PLAIN,
    TAGS,
    TOOLS,
    Content,
    content_of,
    first_word,
    has_prompt,
    is_command,
    strip_prompt,
)
from tsg.mentor.numbers import Quantity, measures, same, thresholds_in_code, windows_in_code, windows_in_text
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, View
from tsg.mentor.wording import ACT, LOOK, lead_verb, shortened

QUERY = Category.QUERY
MAX_PARSED = 20_000  # characters; parsers of queries are not linear


@check(
    "syntax-error",
    QUERY,
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
    tag = TAGS.get(code.tag)
    body = code.body
    if tag is Content.JSON:
        return _json(code)
    if tag is Content.YAML:
        return _yaml(code)
    if tag is Content.PROMQL or (tag is None and code.content is Content.PROMQL):
        return _promql(code)
    if tag is Content.SQL or (tag is None and code.content is Content.SQL and code.tag in PLAIN):
        return _sql(code)
    if tag is Content.SHELL and code.language is Content.SHELL:
        return _shell(code)
    del body
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
    if re.search(r"\{\{|\{%|^\s*\.\.\.\s*$|\.\.\.$", text, re.MULTILINE) or code.content in {
        Content.SHELL,
        Content.SQL,
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
    for statement in code.statements or (Statement(code.lines, code.body),):
        text = _filled(re.sub(r"\[\s*(?:<[\w -]+>|\$\w+)\s*\]", "[5m]", statement.text)).strip()
        if (
            not text
            or content_of(text) in {Content.SHELL, Content.OUTPUT}
            or re.search(r"^\s*(?:alert|expr|record|- )\b", text, re.MULTILINE)
        ):
            continue
        problems = [p for p in promql_problems(text) if str(p.code) == "promql-error"]
        if problems and not _each_line_parses(text):
            return statement.lines.first + problems[0].line, problems[0].message
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
        if problem := _sql_problem(text):
            return min(statement.lines.first + problem[0], statement.lines.last), problem[1]
    return None


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
        if wrong := _unbalanced(text):
            return statement.lines.first, wrong
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


_SOURCE = {
    "sql": re.compile(
        r"\b(?:database|data ?base|db|cluster|data ?source|connection|connect|schema|host|server|instance|"
        r"psql|mysql|sqlite|workspace|warehouse|replica|primary|console|bigquery|snowflake|clickhouse|"
        r"postgres\w*|kusto|log analytics|dsn|catalog)\b",
        re.IGNORECASE,
    ),
    "promql": re.compile(
        r"\b(?:prometheus|grafana|thanos|mimir|victoria\w*|data ?source|metrics console|console|dashboard|"
        r"explore|promtool|cortex|metrics (?:ui|page)|kube-state-metrics|observe)\b",
        re.IGNORECASE,
    ),
    "exec": re.compile(r"\b(?:namespace|context|cluster|project)\b", re.IGNORECASE),
}


@check(
    "missing-connection",
    QUERY,
    Severity.INFO,
    "a query with no data source, cluster, namespace or context named anywhere near",
    "The reader asks the wrong system and trusts its answer.",
)
def missing_connection(view: View) -> Iterator[Issue]:
    said: set[str] = set()
    for part in view.parts if not view.native else ():
        for code in part.codes:
            kind = _query_kind(code)
            if not kind or kind in said:
                continue
            near = (
                view.intro
                + "\n"
                + part.title
                + "\n"
                + part.text
                + "\n"
                + "\n".join(view.parts[i].title + view.parts[i].text for i in part.above)
            )
            near += "\n".join(c.text for c in code.comments)
            if part.index and view.parts[part.index - 1].text:
                near += view.parts[part.index - 1].text
            if not _SOURCE[kind].search(near):
                said.add(kind)
                names = {"sql": "database", "promql": "Prometheus", "exec": "namespace or context"}
                yield Issue(
                    code.lines.first,
                    f"nothing near says which {names[kind]} this is asked of",
                    "name the data source, cluster, namespace or context in the sentence above it",
                )


def _query_kind(code: Code) -> str:
    if code.language is Content.SQL and code.statements:
        return "sql"
    if code.language is Content.PROMQL and code.statements:
        return "promql"
    if any(
        re.search(r"\b(?:kubectl|oc)\s+(?:\S+\s+)?exec\b", s.text)
        and not re.search(r"\s(?:-n|--namespace|--context|--kubeconfig)[ =]?", s.text)
        for s in code.statements
    ):
        return "exec"
    return ""


_LITERALS = (
    ("a date", re.compile(r"\b20\d\d-[01]\d-[0-3]\d(?:[T ][\d:.]+Z?)?\b|\b20\d\d/[01]\d/[0-3]\d\b")),
    (
        "an IP address",
        re.compile(
            r"(?<![\d.])(?!127\.|0\.0\.0\.0|169\.254\.169\.254|255\.|8\.8\.|1\.1\.1\.1|"
            r"1\.0\.0\.1)(?:\d{1,3}\.){3}\d{1,3}(?![\d.]|/(?:8|12|16)\b)"
        ),
    ),
    (
        "the name of one pod",
        re.compile(r"\b[a-z][a-z0-9]*(?:-[a-z0-9]+)*-(?=[a-f0-9]*\d)[a-f0-9]{7,10}-(?=[a-z0-9]*[a-z])[a-z0-9]{5}\b"),
    ),
    (
        "an id",
        re.compile(
            r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b(?:i|vol|sg|subnet|ami|eni|"
            r"snap|vpc)-[0-9a-f]{8,17}\b|\b\d{12}\b",
            re.IGNORECASE,
        ),
    ),
    (
        "the name of one host",
        re.compile(
            r"\bip-\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}\b|(?<![\w./<$-])(?:[a-z][a-z0-9]*-)*"
            r"(?:(?:node|gpu|worker|host|server|dgx|compute|master|srv|rack|cn|gn|hypervisor|login)s?-?\d{1,5}|"
            r"(?:web|db|prod|app|cache|kafka|broker|redis|mon|api|edge|head|mds|shard)s?-?\d{2,5})(?:\.[a-z][\w.-]*)?(?![\w/:=>}-])|"
            r"(?<![\w./<$-])[a-z][a-z0-9]*(?:-[a-z0-9]+)*-\d{2,4}(?:\.[a-z][\w-]*)+\b|\b[a-z][\w-]*\.(?:prod|"
            r"staging|internal|corp|intra|lan|local)\.[a-z.]{2,20}\b"
        ),
    ),
    ("a replica count", re.compile(r"--replicas[= ][\"']?[1-9]\d*\b|\"replicas\"\s*:\s*[1-9]\d*\b")),
    (
        "the id of one job or process",
        re.compile(
            r"\b(?:scancel|scontrol (?:show|requeue|hold|release|suspend|resume|update) job(?:id)?[= ]?|"
            r"sacct -j|sstat -j|squeue -j|kill(?: -\w+)*|strace -p|gdb -p|lsof -p|pmap|"
            r"py-spy dump --pid) *=?(?<![\w])[1-9]\d{2,9}\b"
        ),
    ),
)
_VERSION = re.compile(r"(?:v|version[= ]?|:|@|-)$", re.IGNORECASE)


@check(
    "hardcoded-parameter",
    QUERY,
    Severity.WARNING,
    "a date, address, pod, host, id or replica count written out in a command or query",
    "It fits the incident it was copied from; in the next one it asks about, or changes, the wrong thing.",
)
def hardcoded_parameter(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for code in part.commands:
            if not code.is_run or (code.inline and part.is_background):
                continue
            for statement in code.statements:
                if code.language is Content.SHELL and not is_command(statement.text):
                    continue
                if found := _literal(statement.text, inline=code.inline):
                    kind, text, offset = found
                    line = statement.lines.first + (statement.text.count("\n", 0, offset))
                    yield Issue(
                        min(line, statement.lines.last),
                        f"'{shortened(text, 40)}' is {kind} written into the command",
                        "write a placeholder and say where its value comes from: <NODE>, <START_TIME>",
                    )


def _literal(text: str, *, inline: bool) -> tuple[str, str, int] | None:
    if first_word(text) in {"export"} or re.match(r"\s*(?:export\s+)?[A-Za-z_]\w*=[^\s;|&]+\s*(?:#.*)?$", text):
        return None
    for kind, pattern in _LITERALS:
        if inline and kind in {"the name of one host", "a replica count"}:
            continue
        for found in pattern.finditer(text):
            before = text[max(0, found.start() - 14) : found.start()]
            if kind == "an IP address" and (
                (
                    _VERSION.search(before)
                    and not before.endswith(("://", "@", " -h "))
                    and not re.search(r"--?\w+[= ]$", before)
                )
                or any(int(p) > 255 for p in found[0].split("."))
            ):
                continue
            if kind == "the name of one host" and (
                before.endswith(
                    (
                        "deploy/",
                        "deployment ",
                        "sts ",
                        "statefulset ",
                        "app=",
                        'job="',
                        "-n ",
                        "-c ",
                        "namespace ",
                        "image=",
                    )
                )
                or re.match(r"(?:python|node|app|api|web)\d?$", found[0])
                or re.search(r"apiVersion|/v\d$", found[0])
            ):
                continue
            if kind == "an id" and found[0].isdigit() and not re.search(r"arn:|account", text):
                continue
            return kind, found[0], found.start()
    return None


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
    r"^\W*(?:in\s+)?(?:the|your)\s+(?:\w+\s+){0,2}?(?:name|id|ip|address|host|hostname|namespace|value|uuid|token|password|number)s?\b",
    re.IGNORECASE,
)
_STRONG = re.compile(r"^(?:replac|substitut|swap|fill|insert|put|plug)", re.IGNORECASE)


@check(
    "missing-placeholder",
    QUERY,
    Severity.WARNING,
    "the prose says to replace something, and the code has no placeholder",
    "The reader cannot tell which part to replace and runs the command as it stands.",
)
def missing_placeholder(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for at, flow in enumerate(part.flow):
            if not isinstance(flow, Prose):
                continue
            for sentence in flow.sentences:
                found = _REPLACE.search(sentence.text)
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
                yield Issue(
                    sentence.line,
                    f"'{shortened(sentence.text)}', and the code has no placeholder",
                    "mark the part to replace: <NODE_NAME>, and use the same word in the sentence",
                )


def _takes_a_value(code: Code, prose: Prose, sentence: str) -> bool:
    if any(True for _ in holes_in(code.body)) or re.search(
        r"\b(?:xxx+|XXX+|foo|example|changeme|TODO)\b|\*\*\*|<[^<>\n]{1,60}>", code.body
    ):
        return True
    named = [c for c in prose.codes if c.strip("<>{}$[] ") and f"`{c}`" in sentence]
    quoted = re.findall(r"[\"'“]([^\"'”]{2,40})[\"'”]", sentence)
    caps = re.findall(r"\b[A-Z][A-Z0-9_-]{1,}\b", sentence)
    return any(word in code.body for word in (*named, *quoted, *caps))


_FAMILY = {Content.POWERSHELL: Content.SHELL, Content.KQL: Content.SQL}
_NAMES = {
    Content.SHELL: "shell commands",
    Content.POWERSHELL: "PowerShell",
    Content.SQL: "SQL",
    Content.PROMQL: "PromQL",
    Content.YAML: "YAML",
    Content.JSON: "JSON",
    Content.OUTPUT: "output of a command",
    Content.KQL: "KQL",
}


@check(
    "wrong-language",
    QUERY,
    Severity.WARNING,
    "a fence's tag and its content disagree: YAML or output tagged bash, SQL tagged text",
    "Tools that read the tag run what nobody can run, or skip what should be run.",
)
def wrong_language(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if code.fence is None or not code.tag:
            continue
        content = code.content
        tag = TAGS.get(code.tag)
        if content is Content.UNKNOWN or (tag is None and code.tag not in PLAIN):
            continue
        if tag is None:  # text
            wrong = content in {Content.SQL, Content.PROMQL} or (content is Content.SHELL and _all_commands(code))
        else:
            wrong = _disagree(code, tag, content)
        if wrong:
            yield Issue(
                code.lines.first,
                f"the fence is tagged '{code.tag}' and holds {_NAMES[content]}",
                f"tag it `{_tag_of(content)}`",
            )


def _disagree(code: Code, tag: Content, content: Content) -> bool:
    if _FAMILY.get(tag, tag) is _FAMILY.get(content, content):
        return (tag, content) == (Content.SHELL, Content.POWERSHELL) and not re.search(r"\bpwsh\b", code.body)
    if tag is Content.SHELL:
        if content is Content.OUTPUT:
            return not any(is_command(row) for _, row in code.rows)
        if content in {Content.YAML, Content.JSON}:
            return not any(is_command(row) and " " in row.strip() for _, row in code.rows[:40])
        return content in {Content.SQL, Content.PROMQL}
    if tag is Content.OUTPUT:
        return content in {Content.SQL} or (
            content is Content.SHELL and not has_prompt(code.rows[0][1]) and _all_commands(code)
        )
    if tag is Content.YAML:
        return content in {Content.SHELL, Content.SQL, Content.JSON} and (content is not Content.JSON)
    if tag is Content.JSON:
        return content in {Content.SHELL, Content.SQL, Content.YAML}
    if tag is Content.SQL:
        return content in {Content.SHELL, Content.YAML, Content.JSON}
    if tag is Content.PROMQL:
        return content in {Content.SHELL, Content.SQL, Content.JSON} or (
            content is Content.YAML and re.match(r"\s*(?:- )?(?:alert|record|groups|name)\s*:", code.body) is not None
        )
    return content in {Content.SHELL, Content.YAML} and tag in {Content.POWERSHELL}


def _all_commands(code: Code) -> bool:
    rows = [row for _, row in code.rows if row.strip() and not row.strip().startswith("#")]
    joined, held = [], False
    for row in rows:
        if not held:
            joined.append(row)
        held = row.rstrip().endswith(("\\", "|", "&&"))
    return bool(joined) and all(is_command(row) for row in joined)


def _tag_of(content: Content) -> str:
    return {Content.SHELL: "bash", Content.OUTPUT: "text"}.get(content, str(content))


@check(
    "untagged-fence",
    QUERY,
    Severity.INFO,
    "a fence with commands and no language",
    "Neither a reader's editor nor a tool can tell a command from its output.",
)
def untagged_fence(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if (
            code.fence is None
            or code.tag
            or code.content not in {Content.SHELL, Content.POWERSHELL, Content.SQL, Content.PROMQL}
        ):
            continue
        tag = _tag_of(code.content)
        if any(has_prompt(row) for _, row in code.rows):
            tag = "console"
        certain = (code.content is Content.SHELL and tag == "bash" and _all_commands(code)) or (
            code.content is Content.SQL and code.body.strip().endswith(";")
        )
        fix = None
        source = view.source[code.lines.first - 1] if code.lines.first <= len(view.source) else ""
        if certain and re.fullmatch(r"\s*(?:`{3,}|~{3,})\s*", source):
            fix = Fix(code.lines.first, code.lines.first, source.rstrip() + tag)
        yield Issue(
            code.lines.first,
            f"the fence holds {_NAMES[code.content]} and has no language",
            f"open it with ```{tag}",
            fix,
        )


_TABLE_HEAD = re.compile(
    r"^(?:NAME|NAMESPACE|NODE|LAST SEEN|UID|USER|PID|Filesystem|STATE|ID|HOST|REVISION|CONTAINER|"
    r"JOBID|PARTITION|ENDPOINT|MEMBER|READY|STATUS|TYPE|Name|total|Mode)(?:\s{2,}|\s+[A-Z][A-Z%-]+\b)"
)
_NUMBERS_ONLY = re.compile(
    r"^\s*(?:[-+\d.]+%?\s*){1,6}$|^\s*(?:true|false|OK|PONG|Running|Ready|active|inactive|HEALTH_\w+)\s*$"
)


@check(
    "mixed-output",
    QUERY,
    Severity.INFO,
    "a command and its output in one fence",
    "Pasted as a whole, the output is run as commands.",
)
def mixed_output(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if code.fence is not None and _is_mixed(code):
            yield Issue(
                code.lines.first,
                "a command and what it prints stand in one fence",
                "put the output into a fence of its own, tagged `text`",
            )


def _is_mixed(code: Code) -> bool:
    if code.content not in {Content.SHELL, Content.POWERSHELL} or "<<" in code.body:
        return False
    rows = [row for _, row in code.rows if row.strip()]
    if len(rows) > 3000:
        return False
    prompted = has_prompt(rows[0])
    held, commands, odd = False, 0, 0
    quote = (False, False)
    for row in rows:
        bare = row.strip()
        from_prompt = has_prompt(row)
        if held and not from_prompt:
            held = bare.endswith(("\\", "|", "&&", "`"))
            continue
        if bare.startswith("#"):
            continue
        if from_prompt or (not prompted and is_command(row)):
            commands += 1
            held = (
                bare.endswith(("\\", "|", "&&", "`", "{", "(")) or bare.count("'") % 2 == 1 or bare.count('"') % 2 == 1
            )
        elif (commands and prompted) or (commands and (_TABLE_HEAD.match(bare) or _looks_printed(bare))):
            odd += 1
    del quote
    return commands >= 1 and odd >= 1


def _looks_printed(row: str) -> bool:
    return bool(
        re.match(
            r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d|^\[?\d\d:\d\d:\d\d|^[a-z0-9-]+\s+\d/\d\s+\w+|^\S+\s+(?:Running|"
            r"Pending|CrashLoopBackOff|Ready|NotReady|Completed|Bound|Error)\b|^(?:HEALTH_|error:|Error |"
            r"Warning:|deployment\.apps/|pod/\S+ \w+ed|pod \"|node/\S+ \w+ed|/dev/\w+\s+\S+)|^\(\d+ rows?\)|"
            r"^-{3,}[+\s-]|^[\w ]+\|[\w ]+\|",
            row,
        )
        or _NUMBERS_ONLY.match(row)
    )


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
    QUERY,
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


@check(
    "broken-command",
    QUERY,
    Severity.WARNING,
    "a command that cannot work: an unknown sub-command, exec without a command, a line break without backslash",
    "It stops the reader at the worst moment, or runs its first half.",
)
def broken_command(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for code in part.commands:
            if code.language is not Content.SHELL or not code.is_run or code.block.kind == "row":
                continue
            previous: Statement | None = None
            for statement in code.statements:
                if wrong := broken_form(plain_command(statement.text)):
                    yield Issue(statement.lines.first, wrong, "try the command as it stands, and paste what worked")
                elif previous is not None and (wrong := _cut(previous, statement)):
                    yield Issue(previous.lines.last, wrong, "end the line with a backslash")
                elif previous is None and not code.inline and (typo := _typo(statement.text)):
                    yield Issue(
                        statement.lines.first,
                        f"'{first_word(statement.text)}' is no command: {typo}",
                        "mend the spelling",
                    )
                previous = statement
            yield from _spaces_after_backslash(code)
        yield from _announced_filter(part)


def _cut(previous: Statement, statement: Statement) -> str:
    """Whether the next line continues this one though nothing says so."""
    text = statement.text.lstrip()
    if statement.lines.first != previous.lines.last + 1 or statement.comment:
        return ""
    if re.match(r"--?[a-zA-Z][\w-]*", text) or (
        re.search(
            r"(?:\s--?(?:patch|p|type|n|namespace|l|selector|o|output|field-selector|f|filename|c|container|"
            r"from-literal|data|d|H|X|set|overrides|as|context)|\s-[a-z])$",
            previous.text.rstrip(),
        )
        and text[:1] in "'\"[{<$" + "abcdefghijklmnopqrstuvwxyz"
        and not is_command(text)
    ):
        return "the command goes on in the next line, and no backslash says so"
    if re.match(r"\|(?!\|)\s*\w|&&\s*\w|['\"]?[\[{]", text) and not previous.text.rstrip().endswith(
        ("|", "&&", "\\", "{", "do", "then")
    ):
        return "the command goes on in the next line, and no backslash says so"
    return ""


def _spaces_after_backslash(code: Code) -> Iterator[Issue]:
    for at, row in code.rows:
        if re.search(r"\\[ \t]+$", row) and at < code.body_line + len(code.rows) - 1:
            yield Issue(at, "a blank after the backslash ends the command here", "remove the blanks at the line's end")


def _typo(text: str) -> str:
    word = first_word(text)
    if len(word) < 5 or not word.isalpha() or word in TOOLS or not word.islower():
        return ""
    near = did_you_mean(word, [t for t in _LONG_TOOLS if abs(len(t) - len(word)) <= 1], "")
    from difflib import SequenceMatcher

    named = re.search(r"'([^']+)'", near)
    return (
        near
        if named
        and sorted(named[1]) != sorted(word + " ")
        and SequenceMatcher(None, named[1], word).ratio() >= 0.85
        and named[1][0] == word[0]
        else ""
    )


_LONG_TOOLS = frozenset(
    {
        "kubectl",
        "systemctl",
        "journalctl",
        "docker",
        "nvidia-smi",
        "scontrol",
        "squeue",
        "sinfo",
        "etcdctl",
        "helm",
        "terraform",
        "ansible",
        "openssl",
        "rabbitmqctl",
        "crictl",
        "promtool",
        "amtool",
    }
)
_BARE_LOG = re.compile(r"`(?:sudo )?(?:journalctl|dmesg|kubectl logs|grep|tail|docker logs|oc logs)`")
_FILTERED = re.compile(
    r"\b(?:for|of|about|from|since|filter|only|journal|unit|service|errors?|why|last)\b", re.IGNORECASE
)


def _announced_filter(part: Part) -> Iterator[Issue]:
    """`journalctl` alone, where the sentence says what to look for."""
    if part.is_background:
        return
    for prose in part.proses:
        for sentence in prose.sentences:
            found = _BARE_LOG.search(sentence.text)
            if (
                found
                and re.search(
                    r"\b(?:with|use|using|run|running|via|in|command)\b",
                    sentence.text[: found.end() + 12],
                    re.IGNORECASE,
                )
                and _FILTERED.search(prose.text.replace(found[0], ""))
                and not part.codes[-1:]
            ) or (
                found
                and re.search(r"\b(?:with|use|using|run|running|via)\b", sentence.text, re.IGNORECASE)
                and not any(c.at > prose.at for c in part.codes)
                and _FILTERED.search(prose.text.replace(found[0], ""))
            ):
                yield Issue(
                    prose.line_of(max(0, prose.text.find(found[0]))),
                    f"{found[0]} is named without the arguments that select what is announced",
                    "give the unit, the time and the pattern: `journalctl -u kubelet --since -1h`",
                )
    for code in part.codes:
        for statement in code.statements:
            if re.fullmatch(r"(?:sudo )?journalctl", statement.text.strip()):
                yield Issue(
                    statement.lines.first,
                    "journalctl without arguments prints the whole journal",
                    "select the unit and the time: `journalctl -u kubelet --since -1h`",
                )


_IN_PROSE = re.compile(
    r"(?<![\w`/.-])(?:(?:kubectl|oc)\s+(?:-n\s+\S+\s+)?(?:get|describe|logs|delete|apply|exec|scale|"
    r"rollout|drain|cordon|uncordon|patch|edit|label|annotate|top|create|set|adm|rsh|port-forward|cp|"
    r"taint)\s+(?!and\b|or\b|to\b|is\b|on\b|command)[\w<./-]+|helm\s+(?:upgrade|rollback|list|get|"
    r"uninstall|install|history|status)\s+[\w<./-]*|docker\s+(?:ps|logs|restart|inspect|exec|rm|stop|"
    r"start|run)\b|"
    r"systemctl\s+(?:status|restart|start|stop|reload|enable|disable|is-active)\s+[\w@.<-]+|"
    r"journalctl\s+-\S+|ceph\s+(?:-s\b|status|health|df|tell|(?:osd|pg|mds|mon|fs)\s+(?:stat|status|"
    r"tree|df|dump|ls|rm|out|in|set|fail|repair|purge|perf|crush)\b)|rbd\s+(?:ls|info|snap|children|"
    r"status|du)\b|nvidia-smi\s+-\S+|scontrol\s+(?:show|update|reconfigure)\s+\w+|(?:squeue|sinfo|"
    r"sacct|scancel)\s+-\S+|scancel\s+\d+|etcdctl\s+(?:endpoint|member|defrag|alarm|get|snapshot|"
    r"del)\b|"
    r"aws\s+[a-z0-9]+\s+[a-z]+-[a-z-]+|gcloud\s+\w+\s+\w+|az\s+\w+\s+(?:list|show|delete|create|"
    r"update|restart)|curl\s+(?:-\S+|https?:)|ssh\s+[\w.-]+@|psql\s+-\S|mysql\s+-\S|redis-cli\s+\S+|"
    r"rm\s+-rf?\s|df\s+-\S+|du\s+-\S+|free\s+-\S+|tail\s+-\S+|ps\s+aux|kill\s+-\d+|crictl\s+(?:ps|"
    r"logs|rmi|images|pods)\b|terraform\s+(?:apply|plan|destroy)\b|git\s+(?:revert|reset|pull|push|"
    r"checkout|log)\s+\S|dmesg\s*\||iptables\s+-\S|nslookup\s+\S+\.\S|rabbitmqctl\s+\w+_\w+)"
)


@check(
    "code-in-prose",
    QUERY,
    Severity.INFO,
    "a command in a sentence without code marks",
    "Dashes and quotes change when the page is rendered, and no tool sees the command.",
)
def code_in_prose(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for prose in part.proses:
            plain = re.sub(r"`[^`]*`", lambda m: "x" * len(m[0]), prose.text)
            for piece in prose.block.pieces:
                if piece.target:
                    plain = plain.replace(piece.text, "x" * len(piece.text), 1) if piece.text else plain
            for found in _IN_PROSE.finditer(plain):
                yield Issue(
                    prose.line_of(found.start()),
                    f"the command '{shortened(found[0], 40)}' stands in the sentence without code marks",
                    "put it between backticks, or into a fence of its own",
                )


@check(
    "interactive-command",
    QUERY,
    Severity.WARNING,
    "a command that opens an editor, a shell or a prompt",
    "What follows is typed into another program; a run, or a paste, stops there.",
)
def interactive_command(view: View) -> Iterator[Issue]:
    for line, what in _forms(view, interactive_form):
        yield Issue(
            line,
            f"the command {what}",
            "give the command to run inside: `kubectl exec POD -- df -h`; patch instead of edit",
        )


@check(
    "endless-command",
    QUERY,
    Severity.WARNING,
    "a command that never ends: logs -f, get -w, watch, top, ping without a count",
    "Nothing after it is ever reached, and nobody knows what was to be seen.",
)
def endless_command(view: View) -> Iterator[Issue]:
    for line, what in _forms(view, endless_form):
        yield Issue(
            line,
            f"the command {what}",
            "bound it: `timeout 60 ...`, `--tail=200`, `-c 4`, `kubectl wait --timeout=60s`",
        )


def _forms(view: View, form: object) -> Iterator[tuple[int, str]]:
    assert callable(form)
    for part in view.parts:
        for code in part.commands:
            if code.language not in {Content.SHELL, Content.POWERSHELL} or not code.is_run:
                continue
            if code.inline and part.is_background:
                continue
            for statement in code.statements:
                if what := form(plain_command(statement.text)):
                    yield statement.lines.first, str(what)


@check(
    "prose-query-mismatch",
    QUERY,
    Severity.WARNING,
    "a threshold, count, window or namespace in the prose differs from the one in the query beside it",
    "One of the two is wrong, and the reader cannot tell which.",
)
def prose_query_mismatch(view: View) -> Iterator[Issue]:
    for part in view.parts:
        blocks = part.codes
        for i, code in enumerate(part.flow):
            if not isinstance(code, Code) or not code.is_run or (code.inline and len(code.body) < 12):
                continue
            near = _beside(view, part, i, code, alone=len(blocks) == 1)
            for test in (_window_mismatch, _threshold_mismatch, _namespace_mismatch, _count_mismatch):
                if found := test(code, near):
                    yield Issue(*found, "make both say the same, or let the prose name the query's value")
                    break


def _beside(view: View, part: Part, at: int, code: Code, *, alone: bool) -> list[Prose]:
    """The prose that speaks of a block: what introduces it and what follows it."""
    if code.inline:
        return [f for f in part.flow if isinstance(f, Prose) and f.block is code.block]
    step = view.step_of(code)
    if step is not None and not step.by_heading and len([c for c in step.codes if not c.inline]) == 1:
        return [f for f in step.flow if isinstance(f, Prose)]
    near: list[Prose] = []
    for f in reversed(part.flow[:at]):
        if isinstance(f, Code) and not f.inline:
            break
        if isinstance(f, Prose):
            near.insert(0, f)
            if len(near) >= (3 if alone else 2):
                break
    follow = 0
    for f in part.flow[at + 1 :]:
        if (isinstance(f, Code) and not f.inline) or follow >= 4:
            break
        if isinstance(f, Prose):
            if f.text.rstrip().endswith(":") and not alone:
                break
            near.append(f)
            follow += 1
    return near


Mismatch = tuple[int, str] | None


def _window_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    in_code = windows_in_code(code.body)
    if not in_code:
        return None
    for prose in near:
        for sentence in prose.sentences:
            said = windows_in_text(sentence.text)
            if said and not any(same(a, b) for a in said for b in in_code) and len(said) == 1:
                return sentence.line, f"the prose says {said[0]}, the query looks at {in_code[0]}"
    return None


def _threshold_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    in_code = thresholds_in_code(code.body)
    if not in_code:
        return None
    for prose in near:
        for sentence in prose.sentences:
            said = [q for q in measures(sentence.text) if q.compared]
            if not said or len(said) > 3 or any(same(a, b) for a in said for b in in_code):
                continue
            if all(_comparable(a, b) for a in said for b in in_code[:1]) or len(said) == len(in_code) == 1:
                shown = ", ".join(str(q) for q in in_code[:3])
                return sentence.line, f"the prose says {said[0]}, the query compares with {shown}"
    return None


def _comparable(a: Quantity, b: Quantity) -> bool:
    return not (a.kind and b.kind) or a.kind == b.kind or {a.kind, b.kind} <= {"ratio", "count"}


_IN_NAMESPACE = re.compile(
    r"\b(?:in|of|inside|under)\s+(?:the\s+)?`?([a-z][a-z0-9-]{2,})`?\s+(?:namespace|project)\b|"
    r"\bnamespace\s+`([a-z][a-z0-9-]{2,})`|\bnamespace\s+\"([a-z][a-z0-9-]{2,})\"",
    re.IGNORECASE,
)
_CODE_NAMESPACE = re.compile(r"(?:^|\s)(?:-n|--namespace)[ =]\"?([a-z][a-z0-9-]+)\b|namespace=~?\"([a-z][a-z0-9-]+)\"")
_NO_NAMES = frozenset(
    [
        "the",
        "same",
        "this",
        "that",
        "correct",
        "right",
        "affected",
        "relevant",
        "given",
        "own",
        "other",
        "another",
        "each",
        "every",
        "which",
        "any",
        "your",
        "default",
        "target",
        "specific",
        "whole",
        "entire",
        "kubernetes",
        "workload",
        "application",
        "following",
    ]
)


def _namespace_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    used = {a or b for a, b in _CODE_NAMESPACE.findall(code.body)}
    if not used:
        return None
    for prose in near:
        if prose.lines.first > code.lines.first:
            continue
        for sentence in prose.sentences:
            named = {a or b or c for a, b, c in _IN_NAMESPACE.findall(sentence.text)} - _NO_NAMES
            if named and not named & used:
                return (
                    sentence.line,
                    f"the prose says namespace '{sorted(named)[0]}', the command uses '{sorted(used)[0]}'",
                )
    return None


_COUNTED = re.compile(
    r"\b(?:last|top|first|latest|newest|most recent)\s+(\d{1,6}|ten|twenty|five|hundred|three|two|"
    r"fifty)\s+(?:\w+\s+){0,2}?(?:lines?|rows?|entries|records?|results?|events?|messages?|items?|"
    r"queries|errors?|processes|pods|consumers|tables|jobs)\b",
    re.IGNORECASE,
)
_CODE_COUNT = re.compile(
    r"--tail[= ](\d+)|(?:head|tail) (?:-n ?|-)(\d+)|\bLIMIT (\d+)|\bTOP \(?(\d+)|\b(?:topk|"
    r"bottomk)\((\d+)|\| ?(?:take|top) (\d+)|-n (\d+)\b(?=.*journalctl)|journalctl.*-n ?(\d+)",
    re.IGNORECASE,
)
_SCALE = re.compile(
    r"\b(?:scale|increase|set|raise|bring|reduce|lower|change|expand|grow)\b[^.;]*?\b(?:to|"
    r"at)\s+(?P<n>\d{1,5}|two|three|four|five|ten|zero)\s+(?:\w+\s+)?(?:replicas?|pods?|instances?|"
    r"workers?|nodes?|copies)\b",
    re.IGNORECASE,
)
_CODE_SCALE = re.compile(r"--replicas[= ](\d+)|\"replicas\"\s*:\s*(\d+)")
_WORD_NUMBERS = {
    "zero": 0,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "ten": 10,
    "twenty": 20,
    "fifty": 50,
    "hundred": 100,
}


def _count_mismatch(code: Code, near: list[Prose]) -> Mismatch:
    for said_in, used_in in ((_COUNTED, _CODE_COUNT), (_SCALE, _CODE_SCALE)):
        used = {int(next(g for g in m.groups() if g)) for m in used_in.finditer(code.body)}
        if not used:
            continue
        for prose in near:
            for sentence in prose.sentences:
                found = said_in.search(sentence.text)
                if found is None:
                    continue
                word = found[1].lower()
                said = _WORD_NUMBERS[word] if word in _WORD_NUMBERS else int(word)
                if said not in used:
                    return sentence.line, f"the prose says {said}, the command {sorted(used)[0]}"
    return None


_MEASURE = re.compile(
    r"\b(?:latency|duration|response times?|delay|lag|p\d\d|percentile|memory|disk|cpu|usage|"
    r"utili[sz]ation|throughput|bandwidth|rate|age|uptime|size|temperature|queue time|wait time|"
    r"runtime|rtt|jitter|timeouts?|free space|space|load time|skew|offset|drift|"
    r"power)\b[^.;,\n]{0,50}?"
    r"(?P<cmp>\b(?:is |are |stays |remains |goes |rises |climbs |gets |grows |falls |drops )?(?:above|"
    r"over|below|under|exceeds?|greater than|more than|less than|higher than|lower than|larger than|"
    r"longer than|at least|at most|beyond|past|reaches|>=?|<=?)|"
    r"[<>]=?)\s*(?P<n>\d[\d.,]*)(?P<unit>\s*(?:%|[°A-Za-zµ]+)?)",
    re.IGNORECASE,
)
_UNITS = re.compile(
    r"^\s*(?:%|percent|pct|m?s\b|sec|second|min|minute|h\b|hour|d\b|day|week|[kmgtp]i?b?\b|bytes?|rps|"
    r"qps|req|requests?|ops|iops|x\b|times|°|c\b|degrees|celsius|bps|[kmg]bps|[kmg]bit|ms|us|µs|ns|"
    r"ratio|cores?|millicores?|w\b|watts?|ratio|per|messages?|errors?|connections?|of\b)",
    re.IGNORECASE,
)


@check(
    "threshold-without-unit",
    QUERY,
    Severity.WARNING,
    "a number for a latency, size, rate or time without its unit",
    "500 is half a second or eight minutes: three orders of magnitude decide the branch.",
)
def threshold_without_unit(view: View) -> Iterator[Issue]:
    for part in view.working:
        for prose in part.proses:
            for sentence in prose.sentences:
                plain = re.sub(r"`([^`\n]*)`", r"\1", sentence.text)
                for found in _MEASURE.finditer(plain):
                    number = found["n"].rstrip(".,")
                    rest = plain[found.end("n") :]
                    if (
                        _UNITS.match(rest)
                        or number in {"0", "1", "0.0"}
                        or re.match(r"\s*-\s*\d", rest)
                        or (number.startswith("0."))
                    ):
                        continue
                    if re.match(r"[^.;,\n]{0,4}\d", rest) or re.search(
                        r"\b(?:count|number of|burn rate|replicas?|pods|score|code|status|version)\b",
                        found[0],
                        re.IGNORECASE,
                    ):
                        continue
                    yield Issue(
                        sentence.line,
                        f"'{shortened(found[0])}' has no unit",
                        "write the unit beside the number: 500 ms, 20 GB, 5 %, 30 requests/s",
                    )
                    break


_TEMPLATE = re.compile(
    r"\[!INCLUDE|\{\{[<%].{0,200}?[>%]\}\}|\{%-? ?.{0,200}? ?-?%\}|<%=? ?.{0,200}?%>|"
    r"^:::\s*(?:moniker|zone|row|column|image)|\{\{ ?(?:site|page|cookiecutter|config|book|include|"
    r"macro|template|partial|\.Values|\.Params|\.Site)[.\s]|^\{\{#|\{\{> ?\w|<!-- ?#?include|"
    r"\$\{\{ ?\w|@@\w+@@|\{\{(?:TODO|FIXME|TBD)\}\}|^\.\. (?:include|code-block|note|warning)::|"
    r"\[\[include\b|\{\{ ?\w+\([^)]*\) ?\}\}|<\?php|<#if|<%@",
    re.IGNORECASE,
)


@check(
    "template-unexpanded",
    QUERY,
    Severity.WARNING,
    "an include, shortcode or template tag left in the text",
    "What it stands for is not in the guide, and nobody at the incident has the generator.",
)
def template_unexpanded(view: View) -> Iterator[Issue]:
    inside = {line for c in view.codes for line in range(c.lines.first, c.lines.last + 1)}
    for at, line in enumerate(view.source, start=1):
        if (
            len(line) > 4000
            or at in inside
            or not ("{" in line or "<" in line or "[" in line or ":" in line or "@" in line)
        ):
            continue
        found = _TEMPLATE.search(re.sub(r"`[^`]*`", "", line))
        if found:
            yield Issue(at, f"'{shortened(found[0], 40)}' is left from a template", "write out what it stands for")


del ACT, LOOK, lead_verb
