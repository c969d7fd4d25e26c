"""The incident memory in the journal's own database: exact facts first, then full text (FTS5, or tsvector).

What is remembered is made from ended runs, by whoever looks next; deleting it loses nothing. Recall ranks, and decides
nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from agent.memory.incident import Incident, incident_of, targets_of, words_of
from agent.report import report
from agent.run.journal import Journal
from agent.run.schema import INCIDENT, INCIDENT_FACT, RUN
from dag.serial import from_json

AT_ONCE = 100  # runs remembered in one transaction
CANDIDATES = 200  # that share a fact, the newest
FOUND = 50  # that full-text search gives
WEIGHED = 20  # how many of the best are ordered by meaning
MOST_WORDS = 40  # of a query
Nearness = Callable[[str, Sequence[str]], Sequence[float]]  # of a text to each of others
_WORD = re.compile(r"\w{2,40}")
_POINTS = {"alert": 4, "target": 2, "guide": 1}


@dataclass(frozen=True, slots=True)
class Facts:
    """What an incident is about. Empty: not asked for."""

    guide: str = ""
    alerts: Sequence[str] = ()
    targets: Sequence[str] = ()

    def pairs(self) -> set[tuple[str, str]]:
        named = {("guide", self.guide)} if self.guide else set()
        return named | {("alert", a) for a in self.alerts} | {("target", t) for t in self.targets}


@dataclass(frozen=True, slots=True)
class Recalled:
    """A past incident, and why it came to mind: shared facts, "words"."""

    incident: Incident
    why: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {**self.incident.model_dump(mode="json"), "why": list(self.why)}


@dataclass
class _Candidate:
    shared: set[tuple[str, str]] = field(default_factory=set)
    place: int = FOUND  # in the full-text search

    @property
    def points(self) -> int:
        """A kind of fact counts once, however many of it are shared."""
        return sum(_POINTS[kind] for kind in {kind for kind, _ in self.shared})

    @property
    def why(self) -> tuple[str, ...]:
        return (
            *(f"same {kind}: {name}" for kind, name in sorted(self.shared)),
            *(("words",) if self.place < FOUND else ()),
        )


def remember(journal: Journal) -> int:
    """Remember what has ended and is not remembered yet; how many there were. Blocks: call it off the event loop."""
    total = 0
    while ids := journal.read_now(_forgotten):
        kept = [_made(journal, run_id) for run_id in ids]
        journal.write_soon(lambda conn, kept=kept: _keep(conn, kept), durable=False).result()  # type: ignore[misc]
        total += len(ids)
    return total


def rebuild(journal: Journal) -> int:
    """Forget all, and remember it from the journal's runs."""

    def forget(conn: Connection) -> None:
        _open(conn)
        for table in (INCIDENT_FACT, INCIDENT):
            conn.execute(delete(table))
        if conn.dialect.name == "sqlite":
            conn.execute(text("DELETE FROM incident_words"))

    journal.write_soon(forget).result()
    return remember(journal)


def recall(
    conn: Connection,
    facts: Facts,
    words: str = "",
    *,
    limit: int = 5,
    strict: bool = False,
    but: str = "",
    nearness: Nearness | None = None,
) -> list[Recalled]:
    """Past incidents, likest first: by shared facts (alert before target before guide), then words, then the newest.

    `nearness`: orders by meaning what shares as much; it adds nothing and leaves nothing out. `strict`: only those that
    share every kind of fact that is given, and a word where words are. `but`: not that run.
    """
    found: dict[str, _Candidate] = {}
    wanted = facts.pairs()
    for kind, name in sorted(wanted):
        of = INCIDENT_FACT.c
        query = select(of.run_id).where(of.kind == kind, of.name == name).order_by(of.run_id.desc()).limit(CANDIDATES)
        for run_id in conn.execute(query).scalars():
            found.setdefault(run_id, _Candidate()).shared.add((kind, name))
    for place, run_id in enumerate(_by_words(conn, words)):
        found.setdefault(run_id, _Candidate()).place = place
    found.pop(but, None)
    if strict:
        kinds = {kind for kind, _ in wanted}
        found = {
            run_id: c
            for run_id, c in found.items()
            if {kind for kind, _ in c.shared} == kinds and (c.place < FOUND or not _WORD.search(words))
        }
    newest = sorted(found, reverse=True)  # a run's id begins with its time
    best = sorted(newest, key=lambda run_id: (-found[run_id].points, found[run_id].place))
    if nearness is not None and words:
        best = _by_meaning(conn, best[: max(limit, WEIGHED)], words, found, nearness)
    best = best[:limit]
    return [Recalled(incident, found[incident.run_id].why) for incident in _incidents(conn, best)]


def _by_meaning(
    conn: Connection, best: Sequence[str], words: str, found: Mapping[str, _Candidate], nearness: Nearness
) -> list[str]:
    rows = conn.execute(select(INCIDENT.c.run_id, INCIDENT.c.words).where(INCIDENT.c.run_id.in_(best)))
    texts = {row.run_id: row.words for row in rows}
    known = [run_id for run_id in best if run_id in texts]
    near = dict(zip(known, nearness(words, [texts[run_id] for run_id in known]), strict=True))
    return sorted(known, key=lambda run_id: (-found[run_id].points, -near[run_id]))


def like(journal: Journal, run_id: str, limit: int, nearness: Nearness | None = None) -> list[Recalled]:
    """What is most like a run, itself left out. Blocks. Empty for a run that there is not."""
    remember(journal)
    row, events = journal.run(run_id), journal.events(run_id)
    if row is None or not events:
        return []
    alert = events[0].payload.get("alert", {})
    alerts = [str(a.get("name", "")) for a in alert.get("alerts", ())]
    facts = Facts(row.guide, alerts, targets_of(alert))
    words = " ".join([row.title, *alerts, *facts.targets])
    return journal.read_now(lambda conn: recall(conn, facts, words, limit=limit, but=run_id, nearness=nearness))


def latest(conn: Connection, limit: int) -> list[Recalled]:
    """The newest, whatever they are about."""
    ids = conn.execute(select(INCIDENT.c.run_id).order_by(INCIDENT.c.run_id.desc()).limit(limit)).scalars().all()
    return [Recalled(incident, ()) for incident in _incidents(conn, ids)]


def _incidents(conn: Connection, ids: Sequence[str]) -> list[Incident]:
    rows = conn.execute(select(INCIDENT.c.run_id, INCIDENT.c.account).where(INCIDENT.c.run_id.in_(ids)))
    known = {row.run_id: Incident.model_validate_json(row.account) for row in rows}
    return [known[run_id] for run_id in ids if run_id in known]


def _by_words(conn: Connection, words: str) -> list[str]:
    """Runs whose words match any of these, best first. What somebody wrote is words, never the search's syntax."""
    terms = list(dict.fromkeys(w.lower() for w in _WORD.findall(words)))[:MOST_WORDS]
    if not terms:
        return []
    if conn.dialect.name == "sqlite":
        if conn.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'incident_words'")).first() is None:
            return []
        query = "SELECT run_id FROM incident_words WHERE words MATCH :terms ORDER BY rank LIMIT :most"
        given = " OR ".join(f'"{term}"' for term in terms)
    else:
        query = (
            "SELECT run_id FROM incident, websearch_to_tsquery('simple', :terms) q "
            "WHERE to_tsvector('simple', words) @@ q ORDER BY ts_rank(to_tsvector('simple', words), q) DESC LIMIT :most"
        )
        given = " or ".join(f'"{term}"' for term in terms)
    return list(conn.execute(text(query), {"terms": given, "most": FOUND}).scalars())


def _forgotten(conn: Connection) -> list[str]:
    query = (
        select(RUN.c.id)
        .outerjoin(INCIDENT, INCIDENT.c.run_id == RUN.c.id)
        .where(RUN.c.outcome.is_not(None), INCIDENT.c.run_id.is_(None))
        .order_by(RUN.c.id)
        .limit(AT_ONCE)
    )
    return list(conn.execute(query).scalars())


def _made(journal: Journal, run_id: str) -> tuple[Incident, str]:
    row = journal.run(run_id)
    assert row is not None
    made = report(row, from_json(json.loads(row.plan)), journal.events(run_id))
    incident = incident_of(made)
    return incident, words_of(incident, made.alert)


def _keep(conn: Connection, kept: Iterable[tuple[Incident, str]]) -> None:
    _open(conn)
    for incident, words in kept:
        if conn.execute(select(INCIDENT.c.run_id).where(INCIDENT.c.run_id == incident.run_id)).first() is not None:
            continue  # another process was first
        account = incident.model_dump_json()
        conn.execute(insert(INCIDENT).values(run_id=incident.run_id, account=account, words=words))
        about = Facts(incident.guide, incident.alerts, incident.targets).pairs()
        rows = [{"run_id": incident.run_id, "kind": kind, "name": name} for kind, name in sorted(about)]
        conn.execute(insert(INCIDENT_FACT), rows)
        if conn.dialect.name == "sqlite":
            conn.execute(
                text("INSERT INTO incident_words (run_id, words) VALUES (:run_id, :words)"),
                {"run_id": incident.run_id, "words": words},
            )


def _open(conn: Connection) -> None:
    """What full-text search needs and a table's declaration cannot say."""
    if conn.dialect.name == "sqlite":
        conn.execute(text("CREATE VIRTUAL TABLE IF NOT EXISTS incident_words USING fts5(run_id UNINDEXED, words)"))
    else:
        conn.execute(
            text("CREATE INDEX IF NOT EXISTS incident_by_words ON incident USING gin (to_tsvector('simple', words))")
        )
