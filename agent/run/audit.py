"""The audit: one hash chain, over all runs and workers, of what people said and what was changed.

An entry holds the hash of the one before it, so none can be altered, left out or slipped in without every later
hash being another. Only its end can be cut off unseen: heads that were exported elsewhere show that. Entries are
written in the transaction of what they tell of, as its last statement, so that workers queue here only to commit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from agent.run.events import Event, EventKind
from agent.run.schema import AUDIT, AUDIT_HEAD, EVENT

GENESIS = "0" * 64
DECISIVE = frozenset(
    {
        EventKind.APPROVAL_ASKED,
        EventKind.APPROVED,
        EventKind.REJECTED,
        EventKind.ANSWERED,
        EventKind.CANCEL_ASKED,
        EventKind.REFUSED,
        EventKind.INTENT,
        EventKind.APPLIED,
        EventKind.NOT_APPLIED,
        EventKind.OUTCOME_UNKNOWN,
        EventKind.VERIFIED,
        EventKind.COMPENSATING,
        EventKind.COMPENSATED,
    }
)
_KINDS = [str(kind) for kind in sorted(DECISIVE)]
_READ = frozenset({"values", "evidence", "before", "usage"})  # what was read stays with its run
_NOTES = "audit_notes"
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Note:
    """What an entry will tell. `facts` are JSON; `run_id` and `event` only for the event of a run."""

    kind: str
    at: datetime
    facts: Mapping[str, Any]
    run_id: str | None = None
    event: Mapping[str, Any] | None = None  # seq, step, attempt, sha256


@dataclass(frozen=True, slots=True)
class Head:
    """The chain's last entry: how many there are, and its hash."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One link, as it stands in the database. `text` is what is hashed."""

    number: int
    text: str
    hash: str

    @property
    def told(self) -> dict[str, Any]:
        """at, kind, run, event, facts."""
        told: dict[str, Any] = json.loads(self.text)
        return told


@dataclass(frozen=True, slots=True)
class Audited:
    """What a verification found. `faults` are sentences; none: nothing was altered."""

    head: Head
    faults: tuple[str, ...] = ()


# -- writing ----------------------------------------------------------------------------------


@contextmanager
def audited(conn: Connection) -> Iterator[list[Note]]:
    """Collects what is noted on the connection, and appends it to the chain where no error left the block."""
    notes: list[Note] = []
    info = conn.info  # of a connection that is lost meanwhile, it could not be asked for again
    info[_NOTES] = notes
    try:
        yield notes
        _append(conn, notes)
    finally:
        del info[_NOTES]


def note(conn: Connection, *notes: Note) -> None:
    """Leave notes for the end of the transaction; only inside `audited`."""
    conn.info[_NOTES].extend(notes)


def note_events(conn: Connection, run_id: str, events: Sequence[Event], rows: Sequence[Mapping[str, Any]]) -> None:
    """Note those of a run's new events that decide something; `rows` are theirs in the journal."""
    for event, row in zip(events, rows, strict=True):
        if event.kind in DECISIVE:
            note(conn, _of_event(run_id, event.at, row, event.payload))


def _append(conn: Connection, notes: Sequence[Note]) -> None:
    if not notes:
        return
    # The lock on this row orders the workers; a snapshot taken before it was held would show an older head.
    number, last = conn.execute(select(AUDIT_HEAD.c.number, AUDIT_HEAD.c.hash).with_for_update()).one()
    rows = []
    for n in notes:
        text = _canonical({"at": _time(n.at), "event": n.event, "facts": n.facts, "kind": n.kind, "run": n.run_id})
        number, last = number + 1, link(last, number + 1, text)
        rows.append({"number": number, "kind": n.kind, "run_id": n.run_id, "entry": text, "hash": last})
    conn.execute(insert(AUDIT), rows)
    conn.execute(update(AUDIT_HEAD).values(number=number, hash=last))


def link(last: str, number: int, text: str) -> str:
    """The hash of an entry: SHA-256 over the hash before it, its number, and its text."""
    return hashlib.sha256(f"{last}\n{number}\n{text}".encode()).hexdigest()


def _of_event(run_id: str, at: datetime, row: Mapping[str, Any], payload: Mapping[str, Any]) -> Note:
    event = {"seq": row["seq"], "step": row["step_key"], "attempt": row["attempt"], "sha256": _event_hash(row)}
    return Note(row["kind"], at, {k: v for k, v in payload.items() if k not in _READ}, run_id, event)


def _event_hash(row: Mapping[str, Any]) -> str:
    told = [row["run_id"], row["seq"], row["kind"], row["step_key"], row["attempt"], row["payload"], _time(row["at"])]
    return hashlib.sha256(_canonical(told).encode()).hexdigest()


def _time(at: datetime) -> str:
    """SQLite drops the zone of what is UTC anyway."""
    return at.replace(tzinfo=UTC).isoformat() if at.tzinfo is None else at.astimezone(UTC).isoformat()


# -- opening ----------------------------------------------------------------------------------


def open_chain(conn: Connection) -> None:
    """Begin the chain where there is none, with what an older journal holds; part of the opening transaction."""
    if conn.execute(select(AUDIT_HEAD.c.number)).first() is None:
        conn.execute(insert(AUDIT_HEAD).values(number=0, hash=GENESIS))
        with audited(conn) as notes:
            for row in _decided(conn):
                notes.append(_of_event(row["run_id"], row["at"], row, json.loads(row["payload"])))
    for table in (AUDIT.name, EVENT.name):
        for statement in _append_only(conn, table):
            conn.exec_driver_sql(statement)


def _append_only(conn: Connection, table: str) -> Sequence[str]:
    """Triggers against programs that err. Who owns the database can drop them; the chain shows what came of it."""
    words = f"{table} is append-only"
    if conn.dialect.name == "sqlite":
        return [
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    known = conn.exec_driver_sql("SELECT 1 FROM pg_trigger WHERE tgname = %s", (f"{table}_append_only",)).first()
    if known is not None:  # made once: it would lock a table that other workers are writing
        return ()
    return [
        f"CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$BEGIN RAISE EXCEPTION '{words}'; END$$",
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()",
    ]


# -- reading ----------------------------------------------------------------------------------


def head(conn: Connection) -> Head:
    """Where the chain ends, as its writers know it."""
    row = conn.execute(select(AUDIT_HEAD.c.number, AUDIT_HEAD.c.hash)).one()
    return Head(row.number, row.hash)


def last_of(conn: Connection, kind: str) -> Entry | None:
    """The newest entry of a kind."""
    query = select(AUDIT).where(AUDIT.c.kind == kind).order_by(AUDIT.c.number.desc()).limit(1)
    row = conn.execute(query).first()
    return Entry(row.number, row.entry, row.hash) if row else None


def newest(conn: Connection, limit: int, run_id: str | None = None) -> list[Entry]:
    """The last entries, oldest first; of one run, where it is given."""
    query = select(AUDIT).order_by(AUDIT.c.number.desc()).limit(limit)
    if run_id is not None:
        query = query.where(AUDIT.c.run_id == run_id)
    return [Entry(r.number, r.entry, r.hash) for r in conn.execute(query)][::-1]


def verify(conn: Connection, exported: Sequence[Head] = ()) -> Audited:
    """Hash the chain anew, and hold it against the journal's events and the heads that were exported."""
    if conn.dialect.name == "postgresql":  # one moment for all that follows; a SQLite transaction is one by itself
        conn.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    chain = _Chain({h.number: h.hash for h in exported})
    for row in conn.execute(select(AUDIT).order_by(AUDIT.c.number), execution_options={"yield_per": 1_000}):
        chain.follow(row)
    chain.end(head(conn))
    for event in _decided(conn):
        chain.hold_against(event)
    chain.missing()
    return Audited(Head(chain.number, chain.last), tuple(chain.faults))


def _decided(conn: Connection) -> Iterator[Mapping[str, Any]]:
    """The journal's decisive events, in the order in which they happened."""
    query = select(EVENT).where(EVENT.c.kind.in_(_KINDS)).order_by(EVENT.c.at, EVENT.c.run_id, EVENT.c.seq)
    for row in conn.execute(query, execution_options={"yield_per": 1_000}).mappings():
        yield dict(row)


@dataclass
class _Chain:
    """Follows the entries in order and remembers what does not fit."""

    exported: dict[int, str]
    number: int = 0
    last: str = GENESIS
    faults: list[str] = field(default_factory=list)
    _events: dict[tuple[str, int], tuple[int, str]] = field(default_factory=dict)

    def follow(self, row: Any) -> None:
        if row.number != self.number + 1:
            self.faults.append(f"entries {self.number + 1} to {row.number - 1} are missing")
        elif link(self.last, row.number, row.entry) != row.hash:
            self.faults.append(f"entry {row.number} was altered, or the one before it")
        self._against_export(row.number, row.hash)
        self.number, self.last = row.number, row.hash
        told = json.loads(row.entry)
        if (told["kind"], told["run"]) != (row.kind, row.run_id):
            self.faults.append(f"entry {row.number} is filed as another than it is")
        if told["event"] is not None:
            self._events[(told["run"], told["event"]["seq"])] = (row.number, told["event"]["sha256"])

    def _against_export(self, number: int, hash_: str) -> None:
        exported = self.exported.pop(number, hash_)
        if exported != hash_:
            self.faults.append(f"entry {number} is not the one whose hash was exported: {exported}")

    def end(self, known: Head) -> None:
        self._against_export(0, GENESIS)
        if known != Head(self.number, self.last):
            self.faults.append(f"the chain ends at entry {self.number}, its writers know of {known.number}")
        if beyond := [n for n in self.exported if n > self.number]:
            self.faults.append(f"the chain was cut off: entry {max(beyond)} was exported, it ends at {self.number}")

    def hold_against(self, row: Mapping[str, Any]) -> None:
        where = f"event {row['seq']} of run {row['run_id']} ({row['kind']})"
        number, hash_ = self._events.pop((row["run_id"], row["seq"]), (0, ""))
        if not number:
            self.faults.append(f"{where} has no entry: it was slipped into the journal")
        elif _event_hash(row) != hash_:
            self.faults.append(f"{where} is not what entry {number} tells: it was altered")

    def missing(self) -> None:
        for (run_id, seq), (number, _) in self._events.items():
            self.faults.append(f"event {seq} of run {run_id}, told by entry {number}, was removed from the journal")
