"""A query with no data source, cluster, namespace or context named anywhere near."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Language
from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View

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
    Category.QUERY,
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
    if code.language is Language.SQL and code.statements:
        return "sql"
    if code.language is Language.PROMQL and code.statements:
        return "promql"
    if any(
        re.search(r"\b(?:kubectl|oc)\s+(?:\S+\s+)?exec\b", s.text)
        and not re.search(r"\s(?:-n|--namespace|--context|--kubeconfig)[ =]?", s.text)
        for s in code.statements
    ):
        return "exec"
    return ""
