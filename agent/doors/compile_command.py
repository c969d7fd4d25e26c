"""compile: a guide's plan, where each part of it came from, and the lock that says it was reviewed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.catalogue import PluginCatalogue
from agent.doors.escape import visible
from agent.doors.findings_formats import finding_to_json
from agent.doors.printing import draw_plan, print_json
from agent.doors.render import plain
from agent.errors import StepfleetError
from agent.guides import GuideShelf
from agent.settings import load_settings
from dag.diff import Change
from dag.model import Plan
from dag.order import critical_path
from dag.serial import to_json
from plugins.registry import Registry
from tsg.catalogue import Catalogue
from tsg.compile import Reason, compile_guide
from tsg.findings import Finding, GuideError
from tsg.lint import Checked
from tsg.lock import drift, write_lock
from tsg.parse import read_guide


def compile_(
    config: Path | None,
    guide: str,
    *,
    as_json: bool,
    draw: Path | None,
    explain: str | None = None,
    lock: bool = False,
    check: bool = False,
) -> int:
    """1 when the guide must not run or has drifted from its lock; GuideError when it has no plan at all."""
    settings = load_settings(config)
    shelf = GuideShelf(settings.library.path, PluginCatalogue(Registry.installed(settings.plugins)))
    checked = shelf.checked(guide)
    if checked.plan is None:
        raise GuideError(checked.findings)
    if draw is not None:
        draw_plan(checked.plan, draw)
    if explain is not None:
        return _explain(_file(shelf, guide), shelf.catalogue, checked.plan, explain, as_json=as_json)
    if check:
        return _check(_file(shelf, guide), checked, as_json=as_json)
    if lock:
        if not checked.ok:
            raise GuideError(checked.findings)
        sys.stderr.write(visible(f"wrote {write_lock(_file(shelf, guide), checked.plan)}\n"))
    if as_json:
        print_json({**to_json(checked.plan), "findings": [finding_to_json(f) for f in checked.findings]})
    else:
        _print_plan(checked.plan)
        _print_findings(checked.findings)
    return 0 if checked.ok else 1


def _file(shelf: GuideShelf[PluginCatalogue], guide: str) -> Path:
    """The guide's file: the path that was given, or where the library has it."""
    path = Path(guide)
    return path if path.is_file() else shelf.library.root / (guide if guide.endswith(".md") else f"{guide}.md")


def _explain(file: Path, catalogue: Catalogue, plan: Plan, step: str, *, as_json: bool) -> int:
    if step not in plan.by_id:
        raise StepfleetError(f"no step is called '{step}'", hint=f"the steps are {', '.join(plan.by_id)}")
    reasons = [r for r in compile_guide(read_guide(file), catalogue).reasons if r.step == step]
    if as_json:
        print_json({"step": step, "reasons": [_reason(r) for r in reasons]})
        return 0
    table = Table(box=None, pad_edge=False)
    for name in ("part", "lines", "because"):
        table.add_column(name)
    for reason in reasons:
        lines = ", ".join(f"{s.first}-{s.last}" if s.last > s.first else str(s.first) for s in reason.lines)
        table.add_row(plain(reason.part, "bold"), lines, plain(reason.rule))
    Console().print(table)
    return 0


def _reason(reason: Reason) -> dict[str, Any]:
    return {"part": reason.part, "lines": [[s.first, s.last] for s in reason.lines], "rule": reason.rule}


# What says that a guide's words and its queries or commands no longer mean the same.
_DISAGREEMENTS = frozenset({"prose-query-mismatch", "contradiction"})


def _check(file: Path, checked: Checked, *, as_json: bool) -> int:
    """Drift of two kinds: of the guide from its lock, and of the guide's words from its own queries."""
    assert checked.plan is not None
    found = drift(file, checked.plan)
    disagree = [f for f in checked.findings if f.code in _DISAGREEMENTS]
    ok = checked.ok and not found and not disagree
    if as_json:
        changed, said = [change_to_json(c) for c in found], [finding_to_json(f) for f in disagree]
        print_json({"guide": str(file), "drift": changed, "disagreements": said, "ok": ok})
    else:
        for change in found:
            sys.stdout.write(visible(f"{file}:{_line(change)}: {change.where}: {told(change)}\n"))
        for finding in disagree:
            sys.stdout.write(visible(f"{finding}\n"))
        _print_findings([f for f in checked.findings if f not in disagree])
        state = f"{len(found)} difference(s) to its lock" if found else "as locked"
        state += f", {len(disagree)} place(s) where words and code disagree" if disagree else ""
        sys.stderr.write(visible(f"{file}: {state}\n"))
    return 0 if ok else 1


def told(change: Change) -> str:
    """A change in words."""
    if change.was is None:
        return f"{change.part} is new: {change.now}"
    if change.now is None:
        return f"{change.part} is gone: {change.was}"
    return f"{change.part} was {change.was}, is {change.now}"


def _line(change: Change) -> int:
    return change.lines[0].first if change.lines else 1


def change_to_json(change: Change) -> dict[str, Any]:
    """A change as every command prints it."""
    plain_values = {k: None if v is None else str(v) for k, v in (("was", change.was), ("now", change.now))}
    return {"where": change.where, "part": change.part, "line": _line(change), **plain_values}


def _print_findings(findings: Iterable[Finding]) -> None:
    for finding in findings:
        sys.stderr.write(visible(f"{finding}\n"))


def _print_plan(plan: Plan) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("step", "kind", "lines", "calls", "then"):
        table.add_column(name)
    for step in plan.steps:
        lines = ", ".join(f"{s.first}-{s.last}" for s in step.lines)
        ways = "\n".join(_way(e.condition.text if e.condition else "", e.target) for e in plan.outgoing[step.id])
        calls = ", ".join(c.plugin for c in step.calls)
        table.add_row(plain(step.id, "bold"), str(step.kind), lines, calls, plain(ways))
    console = Console()
    console.print(table)
    path, _ = critical_path(plan, dict.fromkeys((s.id for s in plan.steps), 1.0))
    console.print(plain(f"longest chain: {' -> '.join(path)}", "dim"))
    console.print(plain(f"digest {plan.digest}\nguide sha256 {plan.guide_sha256}", "dim"), soft_wrap=True)


def _way(condition: str, target: str) -> str:
    return f"{condition} -> {target}" if condition else f"-> {target}"
