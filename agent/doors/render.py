"""A report for the terminal (rich) and for chat and pages (Markdown). All text from outside is escaped here."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agent.doors.escape import markdown, visible
from agent.report import Changed, Decided, Report, short

COLOURS = {
    "resolved": "green",
    "escalated": "yellow",
    "not_applicable": "cyan",
    "failed": "red",
    "cancelled": "magenta",
    "waiting": "yellow",
    "running": "blue",
}


def plain(text: Any, style: str = "") -> Text:
    """Untrusted text for rich: no markup is read in it."""
    return Text(visible(str(text)), style=style)


def render_report(report: Report, console: Console, *, timeline: bool = True) -> None:
    """Print a report; without its timeline where the events have just been printed line by line."""
    colour = COLOURS.get(report.outcome, "white")
    head = Text.assemble(
        (report.outcome.upper(), f"bold {colour}"), "  ", plain(report.title, "bold"), "\n", plain(report.reason)
    )
    parts: list[RenderableType] = [Panel(head, title=f"run {report.run_id}", border_style=colour)]
    parts += [_timeline(report)] if timeline else []
    if report.decided:
        parts.append(_decisions(report.decided))
    parts += [_change(c) for c in report.changed]
    parts += [Text.assemble(("not done ", "yellow"), plain(f"{r.action}: {r.reason}")) for r in report.refused]
    parts += [
        Text.assemble(("waits ", "yellow"), plain(f"{w['step']} ({w['why']}): {w['reason']}")) for w in report.waiting
    ]
    parts.append(plain(cost_line(report), "dim"))
    console.print(Group(*parts))


def cost_line(report: Report) -> str:
    cost = report.cost
    model = (
        "no model was asked"
        if not cost.model_calls
        else f"{cost.model_calls} model calls, {cost.prompt_tokens} + {cost.completion_tokens} tokens"
    )
    return (
        f"{cost.seconds:.1f} s (its steps one after another: {cost.sequential_s:.1f} s); {model}; guide {report.guide}"
    )


def _timeline(report: Report) -> Table:
    table = Table(title="What happened", title_justify="left", box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right", style="cyan", no_wrap=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(ratio=1)
    for moment in report.timeline:
        table.add_row(f"{moment.at_s:7.2f}s", plain(moment.step), plain(moment.what))
    return table


def _decisions(decided: list[Decided]) -> Table:
    table = Table(title="\nWhat was decided", title_justify="left", box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for d in decided:
        by = plain("default taken", "yellow") if d.default_taken else plain(f"by {d.by}")
        table.add_row(plain(d.step), by, plain(f"to {', '.join(d.leads_to)}: {d.reason}"))
        for c in d.conditions:
            table.add_row("", plain(c["truth"], "dim"), plain(c["reason"], "dim"))
    return table


def _change(c: Changed) -> RenderableType:
    colour = "green" if c.outcome == "verified" else "red"
    lines = [
        Text.assemble(("call      ", "dim"), plain(f"{c.action} {_arguments(c.arguments)}")),
        Text.assemble(("writes    ", "dim"), plain(", ".join(c.writes or ["unknown"]))),
        Text.assemble(("allowed   ", "dim"), plain("; ".join(c.approved_by))),
        Text.assemble((f"{c.outcome:<10}", colour), plain(c.reason)),
    ]
    if c.undone:
        lines.append(Text.assemble(("undone    ", "yellow"), plain(c.undone)))
    return Panel(Group(*lines), title=plain(f"changed by {c.step}"), title_align="left", border_style=colour)


def _arguments(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{k}={short({'value': v})}" for k, v in arguments.items())


def markdown_report(report: Report) -> str:
    """The report for a chat or a page."""
    lines = [
        f"## {report.outcome}: {markdown(report.title)}",
        "",
        markdown(report.reason),
        "",
        f"Run `{report.run_id}`, {markdown(cost_line(report))}",
        "",
        "### What happened",
        "",
        *(f"- {m.at_s:.2f} s **{markdown(m.step or 'run')}** {markdown(m.what)}" for m in report.timeline),
    ]
    if report.decided:
        lines += ["", "### What was decided", ""]
        for d in report.decided:
            by = "default taken" if d.default_taken else f"by {markdown(d.by)}"
            lines.append(f"- **{markdown(d.step)}** {by}, to {markdown(', '.join(d.leads_to))}: {markdown(d.reason)}")
    if report.changed:
        lines += ["", "### What was changed", ""]
        for c in report.changed:
            lines.append(
                f"- **{markdown(c.action)}** {markdown(_arguments(c.arguments))}: {c.outcome}, {markdown(c.reason)}"
            )
            if c.undone:
                lines.append(f"  - undone: {markdown(c.undone)}")
    lines += [f"- not done: **{markdown(r.action)}**, {markdown(r.reason)}" for r in report.refused]
    lines += [f"- waits: **{markdown(w['step'])}**, {markdown(w['reason'])}" for w in report.waiting]
    return "\n".join(lines) + "\n"
