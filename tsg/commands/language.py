"""In which language a block of code is written: its content decides, then its tag."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tsg.commands.lines import MAX_LOOK, Kind, classify, is_known_command, is_sentence, strip_prompt
from tsg.commands.model import Language
from tsg.commands.powershell_cmdlets import has_cmdlet, is_cmdlet
from tsg.commands.script import is_joined, is_script
from tsg.commands.sql import starts_kql, starts_sql
from tsg.words import words

MAX_LINES = 300  # lines that are looked at
_TAGS = {
    Language.SHELL: words(
        "bash sh shell zsh fish ksh console terminal shell-session shellsession sh-session bash-session"
        " bash-interactive"
        " command commands cmdline shel bsh code-bash oc kubectl linux unix cli azurecli azurecli-interactive aws-cli"
    ),
    Language.POWERSHELL: words(
        "powershell pwsh ps1 ps posh powershell-interactive azurepowershell azurepowershell-interactive cmd bat dos"
        " batch"
    ),
    Language.SQL: words(
        "sql mysql postgres postgresql psql plsql tsql sqlite mongodb mongo mongosh javascript-mongo cql"
    ),
    Language.PROMQL: words("promql prometheus metricsql"),
    Language.LOGQL: words("logql loki"),
    Language.KQL: words("kql kusto csl"),
    Language.PYTHON: words(
        "python py python3 ipython pycon javascript js ts typescript node ruby rb perl lua groovy r"
    ),
    Language.HTTP: words("http https rest curl-http"),
    Language.YAML: words("yaml yml k8s"),
    Language.JSON: words("json json5 jsonc jsonl ndjson"),
    Language.CONFIG: words(
        "conf config ini toml properties hcl terraform tf nginx diff patch xml html css csv tsv env dotenv go java"
        " rust c cpp c++"
        " csharp cs dockerfile makefile jinja gotemplate template proto bicep cfg desktop systemd"
    ),
    Language.OUTPUT: words("log logs output out none-output stdout"),
    Language.PROSE: words("markdown md rst prose"),
    Language.DIAGRAM: words("mermaid plantuml puml dot graphviz ditaa ascii"),
}
_BY_TAG = {tag: language for language, tags in _TAGS.items() for tag in tags}
# Tags that say no more than that it is text.
_SESSIONS = words("console terminal shell-session shellsession sh-session bash-session code text txt plain plaintext")
_MERMAID = re.compile(
    r"\s*(?:graph|flowchart)\s+(?:TD|TB|LR|RL|BT)\b|\s*(?:sequenceDiagram|stateDiagram|classDiagram|gantt|erDiagram|journey|mindmap|@startuml|digraph)\b"
)
_BOX = re.compile(r"[─-╿▲▼◄►]")
_ASCII_BOX = re.compile(r"[ ]*\+-{3,}\+|[ ]*\|[ ].*[ ]\|[ ]*$|[ |v^]*(?:-->|<--|\|)[ |v^]*$")
_PROMQL_WORDS = words(
    "sum rate avg max min count increase irate histogram_quantile topk bottomk absent delta deriv predict_linear"
    " changes resets"
    " avg_over_time max_over_time min_over_time sum_over_time count_over_time quantile stddev by without"
    " label_replace label_join"
    " clamp_max clamp_min vector scalar sort sort_desc time round ceil floor abs idelta quantile_over_time group"
    " count_values"
    " absent_over_time last_over_time present_over_time stddev_over_time kube_"
)
_PROMQL_CALL = re.compile(r"\b([a-z_]+)\s*(?:by\s*\([^()]*\)\s*|without\s*\([^()]*\)\s*)?\(")
_SERIES = re.compile(r"^\s*[a-zA-Z_:][\w:]*\s*\{[^{}]*(?:=~?|!=|!~)\s*[\"'][^{}]*\}")
_RANGE = re.compile(r"\[(?:\d+(?:ms|[smhdwy]))+(?::(?:\d+(?:ms|[smhdwy])*)?)?\]|\[\$__\w+\]")
_METRIC_TEST = re.compile(r"^\s*[a-zA-Z_][\w]*(?::[\w:]+|_[\w:]+)\s*(?:[<>]=?|[=!]=)\s*-?[\d.]+\s*$")
_LOGQL = re.compile(
    r"\{[^{}]*=~?\s*[\"'`][^{}]*\}\s*(?:\|[=~]|!=|!~|\|\s*(?:json|logfmt|line_format|label_format|pattern|unwrap|regexp)\b)"
)
_HTTP = re.compile(
    r"\s*(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)[ ]+(?:https?://|/|\{\{|<)\S*(?:[ ]+HTTP/[\d.]+)?[ \t]*$"
)
_PYTHON = re.compile(
    r"\s*(?:import \w+|from [\w.]+ import |def \w+\(.*\).*:|class \w+.*:|if __name__|print\(|async def "
    r"|with open\(|>>> )"
)
_PS_LINE = re.compile(
    r"\s*(?:\$[\w:]+\s*=\s*|\[[\w.\[\]]+\]\s*\$\w+\s*=|(?:foreach|if)\s*\(\s*\$|\$\w+(?:\.\w+)*\s*\||param\s*\(|\$\w+\.\w+"
    r"|Import-Module\b)"
)
_SETTING = re.compile(r"[A-Za-z_][\w.]*=[^$`]*$")
_MONGO = re.compile(r"\s*(?:[\w:\[\]-]+>\s*)?(?:db\.\w|rs\.\w+\(|sh\.\w+\(|show (?:dbs|collections)\b)")


def language_of(tag: str, body: str) -> tuple[Language, Language | None]:
    """The language of a block and what its tag says."""
    tag = tag.strip().lower().strip("{}.").partition(",")[0]
    tagged = _BY_TAG.get(tag)
    lines = [line[:MAX_LOOK] for line in body.splitlines()[:MAX_LINES] if line.strip()]
    if not lines:
        return tagged or Language.PROSE, tagged
    return _decide(tag, tagged, lines, body[:40_000]), tagged


def _decide(tag: str, tagged: Language | None, lines: Sequence[str], body: str) -> Language:
    prompt = _prompted(lines, tagged)
    if prompt is not None:
        return prompt
    code = [line for line in lines if not line.lstrip().startswith("#")]
    text = "\n".join(code)
    match tagged:
        case Language.SHELL:
            return _of_shell_tag(tag, code, text, body)
        case Language.POWERSHELL:
            return _of_powershell_tag(code)
        case Language.PROMQL:
            return Language.LOGQL if _LOGQL.search(text) else tagged
        case Language.SQL if starts_kql(text) and not starts_sql(text):
            return Language.KQL
        case Language.KQL if starts_sql(text) and "|" not in text:
            return Language.SQL
        case Language.PYTHON if tag.startswith(("j", "t", "node")):
            return Language.SQL if _MONGO.match(text) else tagged
        case Language.YAML | Language.JSON | Language.CONFIG | Language.OUTPUT | Language.PROSE:
            return Language.SHELL if _is_mostly_commands(code) else tagged
        case None:
            return _of_no_tag(code, text, lines)
    return tagged


def _prompted(lines: Sequence[str], tagged: Language | None) -> Language | None:
    if tagged in {
        Language.SQL,
        Language.YAML,
        Language.JSON,
        Language.KQL,
        Language.DIAGRAM,
        Language.PYTHON,
        Language.POWERSHELL,
    }:
        kinds = {strip_prompt(line)[1] for line in lines[:40] if line.lstrip().startswith("PS")}
        return Language.POWERSHELL if "PS" in kinds else None
    for line in lines:
        _, prompt = strip_prompt(line)
        if prompt == "PS":
            return Language.POWERSHELL
        if prompt == "SQL" and starts_sql(line.partition("> ")[2] or line.partition("# ")[2]):
            return Language.SQL
        if prompt == "$" and (line.lstrip().startswith("$ ") or is_known_command(line[strip_prompt(line)[0] :])):
            return Language.SHELL
    return None


def _is_mostly_commands(code: Sequence[str]) -> bool:
    known = sum(is_known_command(line) for line in code)
    return bool(code) and is_known_command(code[0]) and known * 2 > len(code)


def _of_shell_tag(tag: str, code: Sequence[str], text: str, body: str) -> Language:
    if not code:
        return Language.SHELL
    kinds = Counter(classify(line, sure=True) for line in code)
    cmdlets = sum(is_cmdlet(line.split()[0]) for line in code)
    if cmdlets and cmdlets >= kinds[Kind.COMMAND]:
        return Language.POWERSHELL
    if is_known_command(code[0]):
        return Language.SHELL
    query = _query(text)
    if query is Language.KQL and "\n|" not in text:
        query = None  # `tool | sort` is a pipe
    if query is not None and not any(is_known_command(line) for line in code):
        return query
    if kinds[Kind.COMMAND] and not _is_json(body):
        return Language.SHELL
    sure = tag not in _SESSIONS
    if not (_diagram(code) or _is_json(body)) and (
        any(is_joined(line) for line in code) or is_script(body, lambda line: _may_be_command(line, sure=sure))
    ):
        return Language.SHELL
    other = _notation(code, text, body, sure=sure)
    if other is not None:
        return other
    if kinds[Kind.MAYBE] and sure:
        return Language.SHELL
    if kinds[Kind.PROSE] and not kinds[Kind.MAYBE] and sure:
        return Language.PROSE if kinds[Kind.PROSE] >= kinds[Kind.OUTPUT] else Language.OUTPUT
    if not sure and not kinds[Kind.COMMAND]:
        return (
            Language.OUTPUT
            if kinds[Kind.OUTPUT] + kinds[Kind.CONFIG] + kinds[Kind.PROSE] >= kinds[Kind.MAYBE]
            else Language.SHELL
        )
    return Language.SHELL


def _may_be_command(line: str, *, sure: bool) -> bool:
    return classify(line, sure=sure) in {Kind.COMMAND, Kind.MAYBE}


def _of_powershell_tag(code: Sequence[str]) -> Language:
    if not code:
        return Language.POWERSHELL
    for line in code:
        first = line.split()[0].strip("(@{")
        if (
            has_cmdlet(line)
            or _PS_LINE.match(line)
            or is_known_command(line)
            or first.lower().endswith((".ps1", ".exe"))
        ):
            return Language.POWERSHELL
        if first.lower() in {
            "netsh",
            "sc",
            "mpclaim",
            "ipconfig",
            "reg",
            "net",
            "wevtutil",
            "fsutil",
            "&",
            "dism",
            "azcmagent",
            "cd",
        }:
            return Language.POWERSHELL
    fields = sum(classify(line, sure=False) in {Kind.OUTPUT, Kind.CONFIG, Kind.PROSE} for line in code)
    return Language.OUTPUT if fields * 2 > len(code) else Language.POWERSHELL


def _of_no_tag(code: Sequence[str], text: str, lines: Sequence[str]) -> Language:
    if not code:
        return Language.PROSE if any(is_sentence(line.lstrip("# ")) for line in lines) else Language.SHELL
    if _diagram(lines):
        return Language.DIAGRAM
    if _is_json(text):
        return Language.JSON
    first = code[0].split()[0].strip("(")
    if (is_cmdlet(first) and not is_sentence(code[0])) or (
        _PS_LINE.match(code[0]) and any(is_cmdlet(w) for line in code[:20] for w in line.split())
    ):
        return Language.POWERSHELL
    query = _query(text)
    if query is not None:
        return query
    kinds = Counter(classify(line, sure=False) for line in code)
    if all(_SETTING.match(line) for line in code) and not any(is_known_command(line) for line in code):
        return Language.CONFIG
    if sum(is_known_command(line) for line in code) >= 2:
        return Language.SHELL
    if is_known_command(code[0]) or (kinds[Kind.COMMAND] and kinds[Kind.COMMAND] * 2 >= len(code)):
        return Language.SHELL
    if any(line.startswith("# ") and is_root_command(line) for line in lines[:3]):
        return Language.SHELL
    other = _notation(code, text, text, sure=False)
    if other is not None:
        return other
    return Language.PROSE if kinds[Kind.PROSE] * 2 >= len(code) else Language.OUTPUT


def is_root_command(line: str) -> bool:
    """Whether `# cat FILE` is a command at root's prompt rather than a comment."""
    rest = line.lstrip()[1:].strip()
    tokens = rest.split()
    return (
        len(tokens) > 0
        and tokens[0].islower()
        and not is_sentence(rest)
        and is_known_command(rest)
        and (
            len(tokens) == 1
            or re.search(r"(?:^|[ ])--?[A-Za-z]|[|/$<_]|=|\.\w", " ".join(tokens[1:])) is not None
            or len(tokens) <= 4
        )
        and not rest.endswith((".", ":"))
    )


def _query(text: str) -> Language | None:
    """The query language that a text is in, if any."""
    if _MONGO.match(text):
        return Language.SQL
    if starts_sql(text):
        return Language.SQL
    if _LOGQL.search(text):
        return Language.LOGQL
    if _is_promql(text):
        return Language.PROMQL
    if starts_kql(text) and not is_known_command(text.partition("\n")[0]):
        return Language.KQL
    first = text.partition("\n")[0]
    if _HTTP.match(first):
        return Language.HTTP
    if _PYTHON.match(first):
        return Language.PYTHON
    return None


def _is_promql(text: str) -> bool:
    if "$(" in text or is_known_command(text.partition("\n")[0]):
        return False
    calls = {m[1] for m in _PROMQL_CALL.finditer(text)} & _PROMQL_WORDS
    if _RANGE.search(text) and calls:
        return True
    if _SERIES.match(text) and not text.rstrip().endswith(":"):
        return True
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and all(_METRIC_TEST.match(line) or line.strip() in {"and", "or", "unless"} for line in lines):
        return True
    return (
        bool(calls)
        and re.match(r"\s*[a-z_]+\s*(?:by|without|\()", text) is not None
        and re.search(r"[\w:]+_[\w:]+", text) is not None
        and ";" not in text
    )


def _notation(code: Sequence[str], text: str, body: str, *, sure: bool) -> Language | None:
    if _diagram(code):
        return Language.DIAGRAM
    if _is_json(body):
        return Language.JSON
    query = _query(text) if not sure else None
    if query is not None:
        return query
    kinds = Counter(classify(line, sure=sure) for line in code)
    if kinds[Kind.CONFIG] * 2 > len(code) and not kinds[Kind.COMMAND]:
        if any(line.strip() in {"...", "…"} for line in code) and any(line.lstrip().startswith("- ") for line in code):
            return Language.OUTPUT
        yaml = sum(re.match(r"\s*(?:-\s+)?[\w./\"-]+:(?:\s|$)|\s*-\s", line) is not None for line in code)
        return Language.YAML if yaml * 2 >= kinds[Kind.CONFIG] else Language.CONFIG
    if kinds[Kind.OUTPUT] and kinds[Kind.OUTPUT] * 2 >= len(code) and not kinds[Kind.COMMAND]:
        return Language.OUTPUT
    return None


def _diagram(lines: Sequence[str]) -> bool:
    if _MERMAID.match(lines[0]):
        return True
    boxes = sum(_BOX.search(line) is not None for line in lines)
    if boxes >= 3 and boxes * 2 > len(lines):
        return True
    ascii_boxes = sum(_ASCII_BOX.match(line) is not None for line in lines)
    return (
        ascii_boxes >= 3
        and ascii_boxes * 2 > len(lines)
        and any("-->" in line or re.match(r"\s*[v|^]\s*$", line) for line in lines)
    )


# No object begins with a second brace: `{ { ...; } < file; }` is shell.
_OPENS_JSON = re.compile(r'\{\s*(?:"[^"\n]{1,200}"\s*:|\}|\.\.\.)|\[\s*(?:"[^"\n]{1,200}"\s*[,\]]|[\[{\]]|-?\d|\.\.\.)')


def _is_json(text: str) -> bool:
    stripped = text.strip()
    if not stripped.startswith(("{", "[")) or not stripped.rstrip(",").endswith(("}", "]")):
        return False
    if stripped.startswith("{{") or _SERIES.match(stripped):
        return False
    return _OPENS_JSON.match(stripped) is not None
