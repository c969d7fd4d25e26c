"""replay: a recorded run again, in memory, on its own plan or on a guide as it is now."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.catalogue import PluginCatalogue
from agent.doors.escape import bounded
from agent.doors.printing import print_json
from agent.doors.render import plain
from agent.guides import GuideShelf
from agent.replay.recorded_world import Missing
from agent.replay.replay import Replayed
from agent.replay.replay import replay as play_again
from agent.service import open_journal, view_run
from agent.settings import load_settings
from plugins.registry import Registry

SAME, OTHER = 0, 1
MOST_SHOWN = 100  # characters of one side of a difference; JSON has all


def replay(config: Path | None, run_id: str, *, guide: Path | None, as_json: bool) -> int:
    """0 when the replay is the same run, 1 when it is another one. Raises: what `agent.replay.replay` does."""
    settings = load_settings(config)
    installed = Registry.installed(settings.plugins)
    plan = None
    if guide is not None:
        plan = GuideShelf(settings.library.path, PluginCatalogue(installed)).plan(str(guide))
    journal = open_journal(settings)
    try:
        replayed = play_again(view_run(journal, run_id), journal, installed, plan)
    finally:
        journal.close()
    if as_json:
        print_json(replayed.to_json())
    else:
        _print(replayed, Console(), "the guide as it is now" if guide else "its own plan")
    return SAME if replayed.same else OTHER


def _print(replayed: Replayed, console: Console, on: str) -> None:
    head = ("the same run", "green") if replayed.same else ("another run", "yellow")
    console.print(Text.assemble(plain(f"run {replayed.run_id} of {replayed.guide}, again on {on}: "), head))
    console.print(plain(f"path     {_path(replayed.replayed.order)}", "dim"))
    console.print(plain(f"outcome  {replayed.replayed.outcome}", "dim"))
    if replayed.change is not None:
        for words, steps in (("new", replayed.change.steps_added), ("gone", replayed.change.steps_removed)):
            if steps:
                console.print(plain(f"steps that are {words}: {', '.join(steps)}"))
    if replayed.differences:
        table = Table(box=None, pad_edge=False)
        for name in ("differs", "where", "recorded", "replayed"):
            table.add_column(name, overflow="fold")
        for d in replayed.differences:
            row = (d.what, d.step, bounded(d.before, MOST_SHOWN), bounded(d.after, MOST_SHOWN))
            table.add_row(*(plain(cell) for cell in row))
        console.print(table)
    for missing in replayed.missing:
        console.print(_missing(missing))
    if replayed.missing:
        sys.stderr.write("what has no recorded answer counted as unknown\n")


def _path(order: tuple[str, ...]) -> str:
    return " -> ".join(order) or "no step"


def _missing(missing: Missing) -> Text:
    told = Text.assemble(
        ("no recorded answer ", "yellow"), plain(f"{missing.step}: {missing.what}: "), plain(missing.question)
    )
    if missing.nearest:
        told.append_text(plain(f"\n  the record has: {missing.nearest}", "dim"))
    return told
