"""A report for the terminal (rich) and for chat and pages (Markdown). All text from outside is escaped here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agent.doors.escape import bounded, markdown, visible
from agent.doors.strict_json import dumps
from agent.report import Asked, Changed, Decided, Report, short

SHORT_DIGEST = 12  # characters that tell one call from another, where a person types them
MOST_FACTS = 200  # characters of a target's state before or after a change; the JSON report has all
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
    parts: list[RenderableType] = [Panel(head, title=plain(f"run {report.run_id}"), border_style=colour)]
    if timeline:
        parts += [_timeline(report), *([_asked(report.asked)] if report.asked else [])]
    if report.decided:
        parts.append(_decisions(report.decided))
    parts += [_change(c) for c in report.changed]
    parts += [Text.assemble(("not done ", "yellow"), plain(f"{r.action}: {r.reason}")) for r in report.refused]
    parts += [_waiting(w, how_to_answer(report, w)) for w in report.waiting]
    parts.append(plain(cost_line(report), "dim"))
    console.print(Group(*parts))


def cost_line(report: Report) -> str:
    """What it cost; zero calls says so, since silence would not."""
    cost = report.cost
    model = (
        "no model was asked"
        if not cost.model_calls
        else f"{cost.model_calls} model calls, {cost.prompt_tokens} + {cost.completion_tokens} tokens"
        + (f", {cost.model_cost:g} of money" if cost.model_cost else "")
    )
    waited = f", {cost.waited_s:.1f} s of it waiting for a person" if cost.waited_s else ""
    return (
        f"{cost.seconds:.1f} s{waited} (its steps one after another: {cost.sequential_s:.1f} s); "
        f"{model}; guide {report.guide}"
    )


def how_to_answer(report: Report, waiting: Mapping[str, Any]) -> list[str]:
    """The commands that answer a parked step."""
    say = f"stepfleet approve {report.run_id}"
    if len(report.waiting) > 1:
        say += f" --step {waiting['step']}"
    ask = waiting.get("ask", {})
    choices = [f"{say} --choose '{o['leads_to']}'   when {o['condition']}" for o in ask.get("options", ())]
    match waiting["why"]:
        case "approval":
            return [f"{say} --digest {ask['digest'][:SHORT_DIGEST]}", f"{say} --reject"]
        case "manual":
            return [f"{say} --done", f"{say} --not-done"]
        case "unknown_outcome":
            return [f"{say} --happened", f"{say} --not-happened"]
        case "failure":
            return [f"{say} --retry", *choices]
        case _:
            return choices


def _waiting(waiting: Mapping[str, Any], how: list[str]) -> RenderableType:
    ask = waiting.get("ask", {})
    lines = [plain(waiting["reason"])]
    if text := ask.get("text"):
        lines.append(plain(text, "dim"))
    if "call" in ask:
        lines += call_lines(ask["call"], ask.get("digest"))
    if until := ask.get("expires_at"):
        lines.append(Text.assemble(("until     ", "dim"), plain(until)))
    lines += [Text.assemble(("say       ", "dim"), plain(each, "bold")) for each in how]
    title = plain(f"{waiting['step']} waits ({waiting['why']})")
    return Panel(Group(*lines), title=title, title_align="left", border_style="yellow")


def call_lines(call: Mapping[str, Any], digest: str | None = None) -> list[Text]:
    """One exact call, whole: nobody agrees to an abbreviation."""
    writes = "unknown resources" if call["writes"] is None else ", ".join(call["writes"])
    undo = "can be undone" if call["reversible"] else "cannot be undone by itself"
    lines = [
        Text.assemble(("call      ", "dim"), plain(f"{call['action']} {dumps(call['arguments'])}")),
        Text.assemble(("writes    ", "dim"), plain(f"{writes}; stops {call['blast_radius']}; {undo}")),
    ]
    return [*lines, Text.assemble(("digest    ", "dim"), plain(digest))] if digest else lines


def _timeline(report: Report) -> Table:
    table = Table(title="What happened", title_justify="left", box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right", style="cyan", no_wrap=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(ratio=1)
    for moment in report.timeline:
        table.add_row(f"{moment.at_s:7.2f}s", plain(moment.step), plain(moment.what))
    return table


def _asked(asked: list[Asked]) -> Table:
    table = Table(title="\nWhat was asked", title_justify="left", box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(ratio=1)
    for a in asked:
        value = Text.assemble(plain(f"{a.name} = {short({'value': a.value})}"), plain(f"  as of {a.as_of}", "dim"))
        table.add_row(plain(a.step), value)
        if a.evidence:
            table.add_row("", plain(a.evidence, "dim"))
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
        for shown in _shown_to_judge(d):
            table.add_row("", plain("was shown", "dim"), plain(shown, "dim"))
    return table


def _shown_to_judge(d: Decided) -> list[str]:
    """Where the evidence of a judgement came from, and which past it was told of."""
    values = [
        f"{r['name']} of {r.get('step') or 'the alert'}, as of {r.get('as_of', 'unknown')}"
        + (f", whole: stepfleet show --artifact {r['artifact']}" if "artifact" in r else "")
        for r in d.rests_on
    ]
    return values + ([f"how {', '.join(d.past)} ended"] if d.past else [])


def _change(c: Changed) -> RenderableType:
    colour = "green" if c.outcome == "verified" else "red"
    lines = [
        Text.assemble(("call      ", "dim"), plain(f"{c.action} {_arguments(c.arguments)}")),
        Text.assemble(("writes    ", "dim"), plain(", ".join(c.writes or ["unknown"]))),
        Text.assemble(("allowed   ", "dim"), plain("; ".join(c.approved_by))),
        Text.assemble((f"{c.outcome:<10}", colour), plain(c.reason)),
        *(Text.assemble((f"{when:<10}", "dim"), plain(_facts(facts))) for when, facts in _around(c) if facts),
    ]
    if c.undone:
        lines.append(Text.assemble(("undone    ", "yellow"), plain(c.undone)))
    return Panel(Group(*lines), title=plain(f"changed by {c.step}"), title_align="left", border_style=colour)


def _around(c: Changed) -> tuple[tuple[str, dict[str, Any]], ...]:
    return ("before", c.before), ("after", c.after)


def _facts(facts: dict[str, Any]) -> str:
    """What a plugin kept of the target's state, as far as it fits a line."""
    return bounded(_arguments(facts), MOST_FACTS)


def _arguments(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{k}={short({'value': v})}" for k, v in arguments.items())


def markdown_report(report: Report) -> str:
    """The report for a chat or a page."""
    head = [
        f"## {report.outcome}: {markdown(report.title)}",
        "",
        markdown(report.reason),
        "",
        f"Run `{report.run_id}`, {markdown(cost_line(report))}",
    ]
    sections = {
        "What happened": [
            f"- {m.at_s:.2f} s **{markdown(m.step or 'run')}** {markdown(m.what)}" for m in report.timeline
        ],
        "What was asked": [
            f"- **{markdown(a.name)}** = {markdown(short({'value': a.value}))}, {markdown(a.evidence)}"
            for a in report.asked
        ],
        "What was decided": [_markdown_decision(d) for d in report.decided],
        "What was changed": [line for c in report.changed for line in _markdown_change(c)],
        "What was not done": [
            f"- **{markdown(r.action)}** {markdown(_arguments(r.arguments))}: {markdown(r.reason)}"
            for r in report.refused
        ],
        "What waits for a person": [f"- **{markdown(w['step'])}** {markdown(w['reason'])}" for w in report.waiting],
    }
    body = [line for title, lines in sections.items() if lines for line in ("", f"### {title}", "", *lines)]
    return "\n".join([*head, *body]) + "\n"


def _markdown_decision(d: Decided) -> str:
    by = "default taken" if d.default_taken else f"by {markdown(d.by)}"
    shown = "".join(f"\n  - was shown {markdown(text)}" for text in _shown_to_judge(d))
    return f"- **{markdown(d.step)}** {by}, to {markdown(', '.join(d.leads_to))}: {markdown(d.reason)}{shown}"


def _markdown_change(c: Changed) -> list[str]:
    lines = [
        f"- **{markdown(c.action)}** {markdown(_arguments(c.arguments))}: {c.outcome}, {markdown(c.reason)}",
        f"  - allowed: {markdown('; '.join(c.approved_by))}",
        *(f"  - {when}: {markdown(_facts(facts))}" for when, facts in _around(c) if facts),
    ]
    return [*lines, f"  - undone: {markdown(c.undone)}"] if c.undone else lines
