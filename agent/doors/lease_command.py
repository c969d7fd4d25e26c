"""leases: who writes what now, and who waits for it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from agent.doors.escape import one_line
from agent.doors.printing import print_json
from agent.doors.render import plain
from agent.run.lease_list import resources
from agent.service import open_journal
from agent.settings import load_settings


def leases(config: Path | None, *, as_json: bool) -> int:
    journal = open_journal(load_settings(config))
    try:
        found = journal.read_now(resources)
    finally:
        journal.close()
    if as_json:
        print_json({"leases": [r.to_json() for r in found]})
        return 0
    table = Table(box=None, pad_edge=False)
    table.add_column("resource", overflow="fold")
    for name in ("", "run", "step", "since"):
        table.add_column(name, no_wrap=True)
    for resource in found:
        key = plain(one_line(resource.key))
        claims = [("writes", resource.holder)] if resource.holder else []
        for does, claim in [*claims, *(("waits", w) for w in resource.waiting)]:
            table.add_row(key, does, claim.run_id, plain(claim.step), f"{claim.since:%Y-%m-%d %H:%M:%S}")
            key = plain("")
    Console().print(table if found else "nothing is being written, and nobody waits to")
    return 0
