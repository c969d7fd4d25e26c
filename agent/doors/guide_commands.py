"""dry-run: what can be known of a guide without running it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from agent.catalogue import PluginCatalogue
from agent.doors.escape import visible
from agent.doors.findings_formats import finding_to_json
from agent.doors.printing import draw_plan, print_json
from agent.doors.render import plain
from agent.dry_run import Branch, DryRun, DryStep, WouldAct, ask
from agent.dry_run import dry_run as look
from agent.gate.policy import Policy, load_policy
from agent.guides import GuideShelf
from agent.inputs import bind_inputs
from agent.report import short
from agent.settings import Settings, load_settings
from dag.model import Plan
from plugins.registry import Registry
from tsg.findings import GuideError


def dry_run(
    config: Path | None, guide: str, inputs: Mapping[str, str], *, live: bool, draw: Path | None, as_json: bool
) -> int:
    """Show what a run could do. 1 when the guide must not run."""
    settings = load_settings(config)
    shelf = _shelf(settings)
    checked = shelf.checked(guide)
    if checked.plan is None:
        raise GuideError(checked.findings)
    plan, registry = checked.plan, shelf.catalogue.registry
    values = _inputs(plan, inputs)
    answers = asyncio.run(ask(plan, registry, values)) if live else None
    policy = load_policy(settings.policy.file) if settings.policy.file else Policy()
    picture = look(plan, registry, policy, values, answers)
    if draw is not None:
        draw_plan(plan, draw)
    if as_json:
        print_json({**picture.to_json(), "findings": [finding_to_json(f) for f in checked.findings]})
    else:
        _print_dry_run(picture, Console())
        for finding in checked.findings:
            sys.stderr.write(visible(f"{finding}\n"))
    return 0 if checked.ok else 1


def _shelf(settings: Settings) -> GuideShelf[PluginCatalogue]:
    return GuideShelf(settings.library.path, PluginCatalogue(Registry.installed(settings.plugins)))


def _inputs(plan: Plan, given: Mapping[str, str]) -> dict[str, Any]:
    """What is given and what has a default; an input without a value stays open in a dry run."""
    bound = bind_inputs([replace(i, required=False) for i in plan.inputs], given, None, datetime.now(UTC))
    return {name: stored["value"] for name, stored in bound.items()}


def _print_dry_run(picture: DryRun, console: Console) -> None:
    console.print(Text.assemble(("dry run ", "bold"), plain(picture.title, "bold"), "  nothing is changed"))
    console.print(plain(f"starts with: {', '.join(picture.entries)}"))
    for step in picture.steps:
        _print_step(step, console)
    for action in picture.actions:
        _print_action(action, console)
    if picture.judged:
        console.print(Text("\nNo machine can decide (a model or a person does):", "bold"))
        for j in picture.judged:
            console.print(plain(f"  {j['step']}: '{j['condition']}' -> {j['leads_to']}; default: {j['default']}"))
    console.print(Text("\nEvery way through:", "bold"))
    for walk in picture.walks:
        console.print(plain("  " + " -> ".join(walk)))
    console.print(
        plain(
            f"\ncritical path: {' -> '.join(picture.critical_path)} (about {picture.critical_path_s:g} s, "
            f"one after another {picture.sequential_s:g} s, assuming a second a read and ten an action)\n"
            f"up to {picture.widest} steps side by side"
        )
    )


def _print_step(step: DryStep, console: Console) -> None:
    head = Text.assemble(
        "\n", (f"{step.kind:<7}", "magenta" if step.kind == "action" else "cyan"), plain(step.title, "bold")
    )
    if step.beside:
        head.append_text(plain(f"   beside {', '.join(step.beside)}", "dim"))
    console.print(head)
    for name, value in step.answers.items():
        console.print(Text.assemble("        ", plain(f"{name} = {short({'value': value})}", "green")))
    if step.failed:
        console.print(Text.assemble("        ", plain(step.failed, "yellow")))
    for branch in step.branches:
        console.print(Text.assemble("        ", _shown(branch)))


def _shown(branch: Branch) -> Text:
    words = f"{branch.condition} -> {branch.leads_to}" if branch.condition else f"-> {branch.leads_to}"
    text = Text.assemble(plain(words), ("   " + branch.decided_by, "dim"))
    if branch.live:
        text.append_text(plain(f"\n          now {branch.live}", "green"))
    return text


def _print_action(action: WouldAct, console: Console) -> None:
    console.print(Text.assemble("\n", ("would change ", "magenta"), plain(f"in step {action.step}", "bold")))
    arguments = ", ".join(f"{k}={v}" for k, v in action.arguments.items())
    rows = {
        "call": f"{action.action} {arguments}",
        "writes": ", ".join(action.writes) if action.writes is not None else "unknown resources",
        "verified by": action.verification,
        "undone by": action.undo,
        "policy": action.ruling,
        "asks": action.asks or "nobody",
    }
    for name, value in rows.items():
        console.print(Text.assemble((f"        {name:<12}", "dim"), plain(value)))
