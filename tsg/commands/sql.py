"""SQL and KQL: statements parsed, and what each of them does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tsg.commands.verdict import NOTHING, READS, Verdict, changes, unknown, worst
from tsg.words import words

MAX_STATEMENT = 20_000  # characters
MAX_OPEN = 60  # brackets open at once: the parser recurses
_DIALECTS = ("postgres", "mysql", "tsql", "")
_STARTS = re.compile(
    r"\s*(?:select|with|show|explain|describe|desc|insert|update|delete|drop|create|alter|truncate|merge|grant|revoke|vacuum|analyze"
    r"|reindex|call|exec|execute|set|use|begin|start|commit|rollback|kill|lock|unlock|flush|reset|copy|declare|pragma|checkpoint|load"
    r"|optimize|repair|rename|replace|do|refresh|cluster|discard|dbcc|purge|values|table|stop|change|attach|detach|backup|restore)\b",
    re.IGNORECASE,
)
_THINGS = "table|index|view|user|role|database|schema|function|extension|materialized|trigger|procedure"
# What follows a word that English begins sentences with too: `show tables`, but not `show the tables`.
_GOES_ON_WITH = {
    "select": r"\bfrom\b|^\s*[\d'*@]|\w\(",
    "with": r"\bas\s*\(",
    "update": r"\bset\b",
    "delete": r"\bfrom\b",
    "insert": r"\binto\b",
    "show": r"^\s+(?:tables|databases|processlist|full|status|variables|slave|replica|engine|create|index|grants|master"
    r"|global|all|binary|columns|open|session|\w+;|warnings)",
    "create": rf"^\s+(?:or|unique|temp|login|{_THINGS})\b",
    "drop": rf"^\s+(?:if|column|{_THINGS})\b",
    "alter": rf"^\s+(?:system|session|availability|login|sequence|{_THINGS})\b",
    "set": r"=|\bto\b|^\s+(?:global|session|role)\b",
    "truncate": r"^\s+(?:table\b|\w+\s*;)",
    "explain": r"^\s+(?:select|analyze|\(|insert|update|delete|with|format|verbose)",
    "use": r"^\s+\w+\s*;?\s*$",
    "vacuum": r"^\s*(?:full|freeze|verbose|analyze|\(|\w+\s*;|;|$)",
    "kill": r"^\s+(?:query|connection|\d|<|\{)",
    "values": r"^\s*\(",
}
_HOLE = re.compile(r"\{\{[^{}\n]{0,200}\}\}|<[A-Za-z][\w .:-]{0,60}>|\$\{\w+\}|\{[A-Za-z_]\w*\}")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|--[^\n]*|/\*.*?\*/|\$\$.*?\$\$", re.DOTALL)
_READS = words("select with show describe desc explain values table")
_NOTHING = words("begin start commit rollback use declare")
_CHANGING_CALLS = re.compile(
    r"\b(?:pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_rotate_logfile|pg_switch_wal|pg_promote|pg_drop_replication_slot|"
    r"pg_create_\w+|pg_replication_slot_advance|pg_stat_reset\w*|pg_start_backup|pg_stop_backup|pg_backup_\w+|pg_wal_replay_\w+|nextval|"
    r"setval|lo_import|lo_export|lo_unlink|dblink\w*|pg_advisory_\w+|pg_try_advisory_\w+|set_config|xp_cmdshell|sp_executesql|load_file|"
    r"sleep|pg_sleep|benchmark|get_lock|release_lock|pg_logical_\w+|pg_file_\w+|query_to_xml\w*|sys_exec|sys_eval|kill)\s*\(",
    re.IGNORECASE,
)
_TEXT_CHANGES = re.compile(
    r"\b(?:insert|update|delete|drop|alter|create|truncate|grant|revoke|merge|call|exec|execute|into\s+(?:outfile|dumpfile)|for\s+update"
    r"|for\s+share|copy|lock|vacuum|reindex)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement: where it stands, in characters, and what it does."""

    start: int
    end: int
    verdict: Verdict


def starts_sql(text: str) -> bool:
    """Whether a text begins with a word of SQL and goes on as SQL does."""
    found = _STARTS.match(text)
    if found is None:
        return False
    word = found[0].strip().lower()
    rest = text[found.end() : found.end() + 4_000].lower()
    needs = _GOES_ON_WITH.get(word)
    if needs is None:
        return ";" in rest or word in {"begin", "commit", "rollback"}
    return re.search(needs, rest) is not None


def split_statements(text: str) -> Iterator[tuple[int, int]]:
    """Where the statements of a text stand; a semicolon in quotes or a comment ends none."""
    hidden = _QUOTED.sub(lambda m: " " * len(m[0]), text)
    hidden = re.sub(r"(?im)^[ \t]*go[ \t]*$", lambda m: ";" + " " * (len(m[0]) - 1), hidden)
    start = 0
    for end in [*(m.start() for m in re.finditer(";", hidden)), len(text)]:
        piece = hidden[start:end]
        if piece.strip() or _QUOTED.sub("", text[start:end]).strip():
            first = start + len(piece) - len(piece.lstrip())
            last = start + len(text[start:end].rstrip())
            yield min(first, last - 1), last
        start = end + 1


def read_sql(text: str, dialect: str = "") -> list[Statement]:
    return [Statement(a, b, judge_statement(text[a:b], dialect)) for a, b in split_statements(text)]


def judge_sql(text: str, dialect: str = "") -> Verdict:
    """The verdict on a text of one or more statements, such as a client is given by an option."""
    found = [judge_statement(text[a:b], dialect) for a, b in split_statements(text)]
    return worst(found) if found else NOTHING


def judge_statement(text: str, dialect: str = "") -> Verdict:
    """What one statement does. What cannot be parsed is known to only read where no word of it may change."""
    text = text.strip()
    if text.startswith("\\"):
        return (
            READS
            if re.match(r"\\(?:d\w*\+?|l\+?|x|timing|conninfo|pset|c|connect|q|h|\?|encoding)\b", text)
            else unknown("a client's own command")
        )
    bare = _QUOTED.sub(" '' ", text)
    first = re.match(r"[\s(]*([A-Za-z_]+)", bare)
    word = first[1].lower() if first else ""
    if not word:
        return NOTHING if not bare.strip() else unknown("no statement of SQL")
    if _CHANGING_CALLS.search(bare):
        return _data(changes("calls a function that changes the server"))
    if word == "explain":
        return _explain(text, bare, dialect)
    if word in _NOTHING:
        return NOTHING
    if word in {"show", "describe", "desc"}:
        return _data(READS)
    verdict = _parsed(text, dialect)
    if verdict is not None:
        return _data(verdict)
    return _data(_by_words(word, bare))


def _explain(text: str, bare: str, dialect: str) -> Verdict:
    """EXPLAIN reads; EXPLAIN ANALYZE carries the statement out."""
    found = re.match(
        r"\s*explain\s*(\([^)]*\)|(?:analyze|verbose|extended|format\s*=?\s*\w+|query\s+plan|\s)*)", bare, re.IGNORECASE
    )
    if found and "analyze" in found[1].lower():
        rest = re.sub(r"^\s*explain\s*(?:\([^)]*\)|(?:analyze|verbose|\s)*)", "", text, flags=re.IGNORECASE)
        return judge_statement(rest, dialect) if rest.strip() and rest != text else _data(unknown("EXPLAIN ANALYZE"))
    return _data(READS)


def _data(verdict: Verdict) -> Verdict:
    return verdict if verdict.touches else replace(verdict, touches=("database:*",))


def _by_words(word: str, bare: str) -> Verdict:
    if word in _READS and not _TEXT_CHANGES.search(bare) and not re.search(r"\binto\b", bare, re.IGNORECASE):
        return READS
    if word in {"pragma"} and "=" not in bare:
        return READS
    if word == "dbcc" and re.search(
        r"\b(?:checkdb|opentran|sqlperf|showcontig|show_statistics|inputbuffer)\b", bare, re.IGNORECASE
    ):
        return READS if "repair" not in bare.lower() else changes("DBCC repairs")
    destroys = word in {"drop", "truncate", "delete", "purge", "reset", "kill"}
    return changes(f"{word.upper()} changes the database", destructive=destroys)


@cache
def _sqlglot() -> Any:
    import logging

    import sqlglot

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it warns of what it keeps as text; the verdict says it
    return sqlglot


def _parsed(text: str, dialect: str) -> Verdict | None:
    """The verdict by sqlglot's tree, None where it has none."""
    if len(text) > MAX_STATEMENT or _depth(text) > MAX_OPEN:
        return None
    glot = _sqlglot()
    filled = _HOLE.sub("hole", text)
    for name in dict.fromkeys((dialect, *_DIALECTS)):
        try:
            trees = glot.parse(filled, read=name or None)
        except (glot.errors.SqlglotError, RecursionError, ValueError, TypeError, AttributeError, IndexError, KeyError):
            continue
        tree = trees[0] if len(trees) == 1 else None
        if tree is None or isinstance(tree, glot.exp.Command):
            continue
        return _by_tree(tree, glot.exp)
    return None


def _depth(text: str) -> int:
    depth = deepest = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    return deepest + len(re.findall(r"\b(?:not|case)\b|[~!]|-(?=\s*-)", text, re.IGNORECASE)) // 8


def _by_tree(tree: Any, exp: Any) -> Verdict:
    destroying = (exp.Drop, exp.TruncateTable, exp.Delete)
    changing = (
        exp.Insert,
        exp.Update,
        exp.Merge,
        exp.Create,
        exp.Alter,
        exp.Copy,
        exp.LoadData,
        exp.Grant,
        exp.Into,
        exp.Lock,
    )
    for node in tree.walk():
        if isinstance(node, exp.Kill):
            return changes("KILL ends a session", destructive=True)
        if isinstance(node, destroying):
            return changes(f"{node.key.upper()} removes data", destructive=True)
        if isinstance(node, changing):
            made = isinstance(node, exp.Create) and not isinstance(tree, exp.Select)
            return changes(f"{node.key.upper()} changes the database", reversible=True if made else None)
        if isinstance(node, exp.Command):
            return changes("a statement inside it is not known")
    if isinstance(tree, exp.Query | exp.Show | exp.Describe | exp.Values | exp.Table | exp.Subquery | exp.Paren):
        return READS
    if isinstance(tree, exp.Pragma):
        return READS if not list(tree.find_all(exp.EQ)) else changes("PRAGMA sets a value", reversible=True)
    if isinstance(tree, exp.Use | exp.Transaction | exp.Commit | exp.Rollback):
        return NOTHING
    if isinstance(tree, exp.Set):
        shared = re.search(r"\b(?:global|persist)\b|@@global", tree.sql(), re.IGNORECASE) is not None
        return changes("SET changes the server", reversible=True) if shared else NOTHING
    return changes(f"{tree.key.upper()} is not known to only read")


_KQL_STARTS = re.compile(
    r"\s*(?:let\s+\w+\s*=|[A-Za-z_][\w.()'\"*,\[\]-]*\s*\|\s*(?:where|project|summarize|extend|take|limit|top|order|sort|count"
    r"|join|distinct|render|union|parse|mv-expand|evaluate|make-series|search)\b|union\s+\w|\.\w|print\s)",
    re.IGNORECASE,
)


def starts_kql(text: str) -> bool:
    return _KQL_STARTS.match(text[:4_000]) is not None and not text.lstrip().startswith(("./", "..", ".\\"))


def judge_kql(text: str) -> Verdict:
    """A query in KQL only reads; a command that begins with a dot may change the cluster."""
    bare = text.strip()
    if not bare.startswith("."):
        return _data(READS)
    verb = bare[1:].split(maxsplit=1)[0].lower() if len(bare) > 1 and bare[1:].split() else ""
    if verb == "show":
        return _data(READS)
    return _data(
        changes(f".{verb} changes the cluster", destructive=verb in {"drop", "purge", "delete", "clear", "truncate"})
    )
