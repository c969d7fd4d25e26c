"""Which steps and edges of a guide its scenarios come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agent.replay.trace import Trace
from agent.run.shape import Shape


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of one guide: how many steps and edges it has, and those that no scenario came to."""

    steps: int
    edges: int
    steps_missed: tuple[str, ...]
    edges_missed: tuple[str, ...]

    @property
    def pct(self) -> float:
        """Steps and edges together, in percent."""
        whole = self.steps + self.edges
        return 100.0 * (whole - len(self.steps_missed) - len(self.edges_missed)) / whole if whole else 100.0

    def to_json(self) -> dict[str, Any]:
        return {
            "pct": round(self.pct, 1),
            "steps": self.steps,
            "edges": self.edges,
            "steps_missed": list(self.steps_missed),
            "edges_missed": list(self.edges_missed),
        }


def coverage(shape: Shape, traces: Iterable[Trace]) -> Coverage:
    """An edge is covered when it was taken; a step when it ran, whatever came of it."""
    ran: set[str] = set()
    taken: set[str] = set()
    for trace in traces:
        ran |= {key.partition("@")[0] for key in trace.order}
        taken |= {edge for edges in trace.edges.values() for edge in edges}
    steps_missed = tuple(s.id for s in shape.plan.steps if s.id not in ran)
    missed = tuple(_shown(lk.source, lk.target, lk.edge.default) for e, lk in shape.by_edge.items() if e not in taken)
    return Coverage(len(shape.plan.steps), len(shape.by_edge), steps_missed, missed)


def _shown(source: str, target: str, default: bool) -> str:
    return f"{source} -> {target}" + (" (default)" if default else "")
