"""Older SQLite journals, brought to this program's schema inside the transaction that opens them."""

from __future__ import annotations

from sqlalchemy import Connection

# Columns that schema 1 did not have at first. Its runs are not known to rest: a start looks at each once.
COLUMNS = (
    ("lease", "expires_at", "DATETIME"),
    ("run", "team", "VARCHAR NOT NULL DEFAULT ''"),
    ("run", "parked", "TEXT"),
    ("run", "wake_at", "DATETIME"),
)


def migrate(conn: Connection) -> None:
    """Bring the tables of schema 1 to schema 2; part of the caller's transaction. Schema 3 only adds tables."""
    for table, column, kind in COLUMNS:
        known = {row[1] for row in conn.exec_driver_sql(f"PRAGMA table_info({table})")}
        if known and column not in known:
            conn.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    conn.exec_driver_sql("CREATE INDEX run_by_wake ON run (outcome, wake_at)")
