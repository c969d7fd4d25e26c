"""A query with no data source, cluster, namespace or context named anywhere near."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Language
from tsg.commands.tools.table import plain_words
from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, View
from tsg.words import words

_DATABASE = (
    r"data ?bases?|dbs?|psql|mysql|mariadb|sqlite|warehouse|bigquery|snowflake|clickhouse|postgres\w*|pg|oracle"
    r"|mongo\w*|cassandra|redis|valkey|dsn|data ?source|connection string|sql (?:server|console|editor)"
)
# What names a system of each kind, wherever it is said.
_NAMES = {
    "sql": re.compile(rf"\b(?:{_DATABASE})\b", re.IGNORECASE),
    "promql": re.compile(
        r"\b(?:prometheus|grafana|thanos|mimir|victoria\w*|data ?source|metrics console|promtool|cortex"
        r"|metrics (?:ui|page|store|backend)|kube-state-metrics)\b",
        re.IGNORECASE,
    ),
    "logql": re.compile(r"\b(?:loki|grafana|data ?source|logcli)\b", re.IGNORECASE),
    "kql": re.compile(
        r"\b(?:workspaces?|kusto|log analytics|data ?source|application insights|app insights|sentinel|data explorer"
        r"|adx|cluster|database)\b",
        re.IGNORECASE,
    ),
    "exec": re.compile(r"\b(?:namespaces?|contexts?|clusters?|projects?)\b", re.IGNORECASE),
}
# What also names it where it stands in the query's own section.
_ALSO_BESIDE = {
    "sql": re.compile(
        r"\b(?:on|to|at|from|against|inside|in|of)\s+(?:the|an?|each|every|that"
        r"|its)?\s*(?:[\w`<>$-]+\s+){0,2}?(?:clusters?"
        r"|hosts?|servers?|instances?|primary|primaries|replica|standby|leader|node|console|catalog|schema"
        r"|workspace)\b"
        r"|\bconnect(?:s|ed|ion)?\b|\bkusto\b|\blog analytics\b",
        re.IGNORECASE,
    ),
    "promql": re.compile(r"\b(?:console|dashboards?|explore|observe)\b", re.IGNORECASE),
    "logql": re.compile(r"\b(?:explore|dashboards?)\b", re.IGNORECASE),
    "kql": re.compile(r"\b(?:portal|logs blade|logs page|server)\b", re.IGNORECASE),
}
_DIRECTS = re.compile(
    r"\b(?:quer(?:y|ies)|promql|logql|kql|kusto|sql|runs?|asked|against|data ?sources?|statements?|commands?|metrics"
    r"|connects?|logs? in|credentials|dsn|endpoint|url)\b|\b(?:data ?base|db|workspace|namespace|context|project"
    r"|prometheus|redis|mongo\w*|postgres\w*|mysql|loki)\s+(?:called\s+|named\s+|is\s+)?[`<\"$]",
    re.IGNORECASE,
)
_SYSTEM = {
    "sql": "database",
    "promql": "Prometheus",
    "logql": "Loki",
    "kql": "workspace",
    "exec": "namespace or context",
}


@check(
    "missing-connection",
    Category.QUERY,
    Severity.INFO,
    "a query with no data source, cluster, namespace or context named anywhere near",
    "The reader asks the wrong system and trusts its answer.",
)
def missing_connection(view: View) -> Iterator[Issue]:
    said: set[str] = set()
    directed: set[str] = set()
    for part in view.parts if not view.native else ():
        for code in part.commands:
            for kind, line in _asked(code, view):
                if kind in said or kind in directed or (code.inline and part.is_background):
                    continue
                if _is_named(view, part, code, kind):
                    continue
                said.add(kind)
                yield Issue(
                    line,
                    f"nothing near says which {_SYSTEM[kind]} this is asked of",
                    "name the data source, cluster, namespace or context in the sentence above it",
                )
        directed |= {kind for kind in _NAMES if _directs(part, kind)}


def _is_named(view: View, part: Part, code: Code, kind: str) -> bool:
    beside = own = "\n".join((part.title, part.text, *(c.text for c in code.comments)))
    if part.index and not view.parts[part.index - 1].is_background:
        beside += "\n" + view.parts[part.index - 1].text
    around = "\n".join((view.intro, *(view.parts[i].title + "\n" + view.parts[i].text for i in part.above)))
    also = _ALSO_BESIDE.get(kind)
    return (
        _names(kind, beside)
        or _names(kind, around)
        or (also is not None and also.search(own) is not None)
        or _directs(part, kind)
    )


_OTHERS = {
    "sql": re.compile(r"\b(?:promql|prom\w*|loki|logql|metrics?|logs?)\b", re.IGNORECASE),
    "promql": re.compile(r"\b(?:loki|logql|sql|kusto|kql|logs?)\b", re.IGNORECASE),
    "logql": re.compile(r"\b(?:promql|prom\w*|sql|kusto|kql|metrics?)\b", re.IGNORECASE),
    "kql": re.compile(r"\b(?:promql|prom\w*|loki|logql|metrics?)\b", re.IGNORECASE),
}


def _names(kind: str, text: str) -> bool:
    """Whether a text names a system of the kind; a data source of another kind is none."""
    for found in _NAMES[kind].finditer(text):
        if not found[0].lower().startswith("data") or found[0].lower().endswith(("base", "bases", "explorer")):
            return True
        start = max(text.rfind(". ", 0, found.start()), text.rfind("\n\n", 0, found.start()), 0)
        ends = [at for at in (text.find(". ", found.end()), text.find("\n\n", found.end())) if at >= 0]
        if kind not in _OTHERS or not _OTHERS[kind].search(text[start : min(ends, default=len(text))][:600]):
            return True
    return False


def _directs(part: Part, kind: str) -> bool:
    """Whether a section says where queries of a kind go, so that later sections need not."""
    return any(
        _names(kind, sentence.text) and _DIRECTS.search(sentence.text)
        for prose in part.proses
        for sentence in prose.sentences
    )


_BY_LANGUAGE = {Language.SQL: "sql", Language.PROMQL: "promql", Language.LOGQL: "logql", Language.KQL: "kql"}
_EXEC = re.compile(r"\b(?:kubectl|oc)\s+(?:\S+\s+)?exec\b(?P<rest>.*)", re.DOTALL)
_SCOPED = re.compile(r"(?:^|\s)(?:-n|--namespace|--context|--kubeconfig|--cluster|-s|--server)(?![\w-])")


def _asked(code: Code, view: View) -> Iterator[tuple[str, int]]:
    """Kinds of systems that code asks without saying which, each with its line."""
    if not code.is_run:
        return
    if code.language in _BY_LANGUAGE:
        if code.statements and not code.inline:
            yield _BY_LANGUAGE[code.language], code.lines.first
        return
    for statement in code.statements:
        text = statement.text
        if (found := _EXEC.search(text)) and not _SCOPED.search(
            text[: found.start("rest")] + found["rest"].split(" -- ")[0]
        ):
            yield "exec", statement.lines.first if code.inline else code.lines.first
        elif _is_aimless(statement) and not _ENVIRONMENT.search(view.code_text):
            yield "sql", statement.lines.first if code.inline else code.lines.first


_ENVIRONMENT = re.compile(
    r"\b(?:PGHOST|PGSERVICE|PGDATABASE|PGHOSTADDR|DATABASE_URL|MYSQL_HOST|REDISCLI_HOST|REDIS_URL|MONGO_URL"
    r"|MONGODB_URI|CLICKHOUSE_HOST)="
)
# Clients of databases: options that take a value, and those that say where to.
_CLIENTS = {
    "psql": (
        "-c --command -f --file -v --set -U --username -o --output -p --port -P -F -R -L",
        "-h --host -d --dbname --service",
    ),
    "mysql": ("-e --execute -u --user -P --port", "-h --host -D --database -S --socket --login-path --defaults-file"),
    "mariadb": ("-e --execute -u --user -P --port", "-h --host -D --database -S --socket --defaults-file"),
    "mongosh": ("--eval -u --username -p --password --file -f --port", "--host"),
    "mongo": ("--eval -u --username -p --password --port", "--host"),
    "clickhouse-client": ("--query -q --user -u --format --port", "-h --host -d --database -C --config --connection"),
    "sqlcmd": ("-Q -q -i -U -P -o", "-S -d"),
    "cqlsh": ("-e --execute -f --file -u -p -k", "--cqlshrc"),
    "redis-cli": ("-p -a -n -i -r", "-h -u -s"),
}
_NO_POSITIONAL = words("redis-cli")


def _is_aimless(statement: Statement) -> bool:
    """Whether a database's client is run with neither host, service nor database."""
    argv, text = statement.command.argv, statement.text.lstrip()
    if not argv or argv[0] not in _CLIENTS or re.match(r"(?:ssh|kubectl|oc|docker|podman|nsenter|lxc)\b", text):
        return False
    valued, aims = (words(w) for w in _CLIENTS[argv[0]])
    for word in argv[1:]:
        if word.partition("=")[0] in aims or (word[:2] in aims and len(word) > 2 and word[1] != "-"):
            return False
    if argv[0] in _NO_POSITIONAL:
        return len(argv) > 1
    return not plain_words(argv[1:], valued) and len(argv) > 1
