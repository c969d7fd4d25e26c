"""A plan as a Mermaid flowchart. A guide's text is written so that no character of it means anything to Mermaid."""

from __future__ import annotations

from collections.abc import Mapping

from dag.draw import text
from dag.model import START, TERMINALS, Edge, EdgeKind, Kind, Plan, Step, Terminal

MOST_LABEL = 60  # characters
_PLAIN = frozenset(" ,.:-+=/?!'")
_SHAPES: Mapping[Kind, tuple[str, str]] = {
    Kind.QUERY: ("(", ")"),
    Kind.ACTION: ("{{", "}}"),
    Kind.CHECK: ("{", "}"),
    Kind.MANUAL: ("[/", "/]"),
}
_CLASSES = (
    "classDef query fill:#eaf2fd,stroke:#3b7dd8,color:#1f2328",
    "classDef action fill:#fdefe3,stroke:#d9711c,color:#1f2328",
    "classDef check fill:#f2ecfd,stroke:#7c56d6,color:#1f2328",
    "classDef manual fill:#fbf6da,stroke:#ab8a08,color:#1f2328",
    "classDef resolved fill:#e2f5e7,stroke:#2b9348,color:#1f2328",
    "classDef escalate fill:#fde8ea,stroke:#cf3a49,color:#1f2328",
    "classDef not_applicable fill:#eef0f2,stroke:#7a828c,color:#1f2328",
    "classDef risky stroke-width:3px",
)


def mermaid(plan: Plan) -> str:
    """Mermaid text; steps are numbered in the plan's order. Stated defaults are dashed, ways back thick."""
    at = {s.id: f"s{i}" for i, s in enumerate(plan.steps)}
    at[START] = "start"
    at |= {t: f"end_{t.name.lower()}" for t in Terminal}
    used = {e.target for e in plan.edges}
    lines = ["flowchart TD"]
    if plan.outgoing[START]:
        lines.append('  start(["Alert"])')
    lines += [_step(at[s.id], s) for s in plan.steps]
    lines += [f'  {at[t]}(["{text.ending(t)}"]):::{t.name.lower()}' for t in Terminal if t in used & TERMINALS]
    lines += [_edge(at[e.source], at[e.target], e) for e in plan.edges]
    risky = [at[s.id] for s in plan.steps if s.risky]
    lines += [f"  {c}" for c in _CLASSES]
    if risky:
        lines.append(f"  class {','.join(risky)} risky")
    return "\n".join(lines) + "\n"


def quoted(value: str) -> str:
    """A label between quotes: everything but letters, digits and a few marks as a numbered character.

    The mark after leading digits is numbered too: `1.` and `-` begin lists for a Mermaid that reads labels
    as Markdown, which then draws no label.
    """
    shown = text.clean(value)
    if len(shown) > MOST_LABEL:
        shown = shown[: MOST_LABEL - 1].rstrip() + text.ELLIPSIS
    mark = len(shown) - len(shown.lstrip("0123456789"))
    kept = (c.isalnum() or (c in _PLAIN and (i != mark or c == " ")) for i, c in enumerate(shown))
    return '"' + "".join(c if keep else f"#{ord(c)};" for c, keep in zip(shown, kept, strict=True)) + '"'


def _step(name: str, step: Step) -> str:
    opening, closing = _SHAPES[step.kind]
    return f"  {name}{opening}{quoted(text.title(step))}{closing}:::{step.kind}"


def _edge(source: str, target: str, edge: Edge) -> str:
    why = text.reason(edge)
    arrow = "==>" if edge.kind is EdgeKind.LOOP else "-.->" if edge.default else "-->"
    return f"  {source} {arrow}{'|' + quoted(why) + '|' if why else ''} {target}"
