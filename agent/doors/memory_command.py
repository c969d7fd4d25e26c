"""memory: what happened before, found by facts and words."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from agent.doors.printing import print_json
from agent.doors.render import COLOURS, plain
from agent.memory import recall as memory
from agent.memory.incident import Change
from agent.memory.recall import Facts, Recalled, latest, rebuild, recall, remember
from agent.service import open_journal, view_run
from agent.settings import load_settings


def search(config: Path | None, words: str, facts: Facts, limit: int, *, as_json: bool) -> int:
    """What shares all that is given; the newest, where nothing is."""
    settings = load_settings(config)
    nearness = settings.memory.nearness()
    journal = open_journal(settings)
    try:
        remember(journal)
        given = words or facts.pairs()
        found = journal.read_now(
            lambda conn: (
                recall(conn, facts, words, limit=limit, strict=True, nearness=nearness)
                if given
                else latest(conn, limit)
            )
        )
    finally:
        journal.close()
    return _tell(found, as_json=as_json)


def like(config: Path | None, run_id: str, limit: int, *, as_json: bool) -> int:
    """What is most like a run. Raises UnknownRun."""
    settings = load_settings(config)
    nearness = settings.memory.nearness()
    journal = open_journal(settings)
    try:
        found = memory.like(journal, view_run(journal, run_id).row.id, limit, nearness)
    finally:
        journal.close()
    return _tell(found, as_json=as_json)


def rebuild_memory(config: Path | None, *, as_json: bool) -> int:
    journal = open_journal(load_settings(config))
    try:
        count = rebuild(journal)
    finally:
        journal.close()
    if as_json:
        print_json({"incidents": count})
    else:
        sys.stdout.write(f"{count} incidents are remembered\n")
    return 0


def _tell(found: Sequence[Recalled], *, as_json: bool) -> int:
    if as_json:
        print_json({"incidents": [r.to_json() for r in found]})
    else:
        Console().print(*[_panel(r) for r in found] or ["nothing like it is remembered"], sep="\n")
    return 0


def _panel(recalled: Recalled) -> RenderableType:
    incident = recalled.incident
    colour = COLOURS.get(incident.outcome, "white")
    told = [
        ("alert", ", ".join(incident.alerts)),
        ("about", ", ".join(incident.targets)),
        *(("decided", f"{', '.join(d.leads_to)} by {d.by}: {d.reason}") for d in incident.decided),
        *(("changed", _changed(c)) for c in incident.changed),
        *(("refused", refused) for refused in incident.refused),
        ("recalled", "; ".join(recalled.why)),
    ]
    head = Text.assemble(plain(incident.outcome.upper(), f"bold {colour}"), "  ", plain(incident.reason))
    lines = [Text.assemble((f"{name:<9} ", "dim"), plain(text)) for name, text in told if text]
    title = plain(f"run {incident.run_id}, {incident.title}, {incident.opened_at[:16]}")
    return Panel(Group(head, *lines), title=title, title_align="left", border_style=colour)


def _changed(change: Change) -> str:
    undone = f"; undone: {change.undone}" if change.undone else ""
    return f"{change.action} on {', '.join(change.writes) or 'nothing'}: {change.outcome}{undone}"
