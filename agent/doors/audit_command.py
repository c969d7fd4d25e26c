"""audit: verify the chain, show its entries, tell its head."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.audit_heads import read_heads
from agent.doors.escape import bounded, one_line
from agent.doors.printing import print_json
from agent.doors.render import plain
from agent.errors import SettingsError
from agent.run import audit
from agent.run.audit import Entry, Head
from agent.run.journal import Journal
from agent.service import open_journal
from agent.settings import load_settings

SHOWN_CHARS = 160


def verify(config: Path | None, heads: Path | None, given: Sequence[str], *, as_json: bool) -> int:
    """0 when nothing was altered, 1 when something was."""
    settings = load_settings(config)
    file = heads or settings.audit.heads
    journal = open_journal(settings)
    try:
        exported = [parse_head(text) for text in given]
        if file is not None and (heads is not None or file.exists()):
            exported += read_heads(file)
        found = journal.read_now(lambda conn: audit.verify(conn, exported))
    finally:
        journal.close()
    if as_json:
        print_json({**_head(found.head), "exported": len(exported), "faults": list(found.faults)})
        return 1 if found.faults else 0
    for fault in found.faults:
        sys.stdout.write(one_line(fault) + "\n")
    end = f"{found.head.number} entries, {len(exported)} exported heads, head {found.head.hash}"
    sys.stdout.write(f"{'ALTERED' if found.faults else 'the audit holds'}: {end}\n")
    if not exported:
        sys.stdout.write("no exported head was given: that its end was cut off would not show\n")
    return 1 if found.faults else 0


def parse_head(text: str) -> Head:
    """NUMBER:HASH. Raises SettingsError."""
    number, _, hash_ = text.partition(":")
    if not number.isdigit() or len(hash_) != 64:
        raise SettingsError(f"'{text}' is not a head", hint="write NUMBER:HASH as `stepfleet audit head` prints it")
    return Head(int(number), hash_)


def head(config: Path | None, *, as_json: bool) -> int:
    found = _read(config, audit.head)
    if as_json:
        print_json(_head(found))
    else:
        sys.stdout.write(f"{found}\n")
    return 0


def show(config: Path | None, run_id: str | None, limit: int, *, as_json: bool) -> int:
    entries: list[Entry] = _read(config, lambda conn: audit.newest(conn, limit, run_id))
    if as_json:
        print_json({"entries": [{"number": e.number, "hash": e.hash, **e.told} for e in entries]})
        return 0
    table = Table(box=None, pad_edge=False)
    for name in ("entry", "at", "what", "run", "step"):
        table.add_column(name, no_wrap=True)
    table.add_column("", overflow="fold")
    for e in entries:
        told = e.told
        step = (told["event"] or {}).get("step") or ""
        words = bounded(one_line(_words(told["facts"])), SHOWN_CHARS)
        row = (str(e.number), told["at"][:19], told["kind"], told["run"] or "", step, words)
        table.add_row(*(plain(cell) for cell in row))
    Console().print(table if entries else "nothing was said or changed yet")
    return 0


def _words(facts: dict[str, Any]) -> str:
    """Who and what first, then the reason."""
    call = facts.get("call") or {}
    parts = (facts.get("by"), call.get("action"), *(call.get("writes") or ()), facts.get("reason"), facts.get("error"))
    return ", ".join(str(p) for p in parts if p) or ", ".join(f"{k} {v}" for k, v in facts.items())


def _read(config: Path | None, work: Any) -> Any:
    journal: Journal = open_journal(load_settings(config))
    try:
        return journal.read_now(work)
    finally:
        journal.close()


def _head(of: Head) -> dict[str, Any]:
    return {"number": of.number, "hash": of.hash}
