"""How near a compiled plan comes to one that a person drew: steps by their lines, then everything between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one measure: what was found rightly, what was found at all, and what there was to find."""

    right: int = 0
    found: int = 0
    there: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(self.right + other.right, self.found + other.found, self.there + other.there)

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else float(not self.there)

    @property
    def recall(self) -> float:
        return self.right / self.there if self.there else 1.0

    @property
    def f1(self) -> float:
        total = self.found + self.there
        return 2 * self.right / total if total else 1.0


def scores(drawn: Json, made: Json, text: str) -> dict[str, Score]:
    """Measures by name. Steps are paired one to one where half of their lines are the same."""
    counting = _lines_that_count(text)
    pairs = _pairs(drawn["steps"], made["steps"], counting)
    kinds = {s["id"]: s["kind"] for s in drawn["steps"]}
    risky = {s["id"] for s in drawn["steps"] if s["risky"]}
    flagged = [s["id"] for s in made["steps"] if s["risky"]]
    explained = {n for d in drawn["not_steps"] for n in _numbers(d["lines"])} & counting
    alike = sum(kinds[pairs[s["id"]]] == s["kind"] for s in made["steps"] if s["id"] in pairs)
    return {
        "step": Score(len(pairs), len(made["steps"]), len(drawn["steps"])),
        "edge": _same(_inner(drawn["edges"]), _inner(made["edges"]), pairs),
        "terminal": _same(_ends(drawn["edges"]), _ends(made["edges"]), pairs),
        "kind": Score(alike, len(pairs), len(pairs)),
        "risky": Score(len({pairs[s] for s in flagged if s in pairs} & risky), len(flagged), len(risky)),
        "no step": Score(0, sum(_explains(s, explained, counting) for s in made["steps"]), 0),
    }


def _lines_that_count(text: str) -> set[int]:
    """Lines with words of their own: no blank ones, no headings, no marks of fences."""
    skipped = re.compile(r"\s*$|#|\s*(?:```|~~~)")
    return {n for n, line in enumerate(text.splitlines(), 1) if not skipped.match(line)}


def _numbers(spans: Iterable[Sequence[int]]) -> set[int]:
    return {n for first, last in spans for n in range(first, last + 1)}


def _pairs(drawn: Sequence[Json], made: Sequence[Json], counting: set[int]) -> dict[str, str]:
    graph = nx.Graph()
    for a in drawn:
        for b in made:
            one, other = _numbers(a["lines"]) & counting, _numbers(b["lines"]) & counting
            common = len(one & other) / len(one | other) if one | other else 0.0
            if common >= 0.5:
                graph.add_edge(("drawn", a["id"]), ("made", b["id"]), weight=common)
    matching = nx.max_weight_matching(graph)
    return dict((x[1], y[1]) if x[0] == "made" else (y[1], x[1]) for x, y in matching)


def _inner(edges: Sequence[Json]) -> set[tuple[str, str]]:
    return {
        (e["from"], e["to"])
        for e in edges
        if e["type"] != "loop" and e["from"] != "START" and not e["to"].startswith("END.")
    }


def _ends(edges: Sequence[Json]) -> set[tuple[str, str]]:
    return {(e["from"], e["to"]) for e in edges if e["to"].startswith("END.") and e["from"] != "START"}


def _same(drawn: set[tuple[str, str]], made: set[tuple[str, str]], pairs: Mapping[str, str]) -> Score:
    named = {(pairs.get(a, ""), pairs.get(b, b if b.startswith("END.") else "")) for a, b in made}
    return Score(len(named & drawn), len(made), len(drawn))


def _explains(step: Json, explained: set[int], counting: set[int]) -> bool:
    """Whether something runs that the guide only shows."""
    own = _numbers(step["lines"]) & counting
    return step["kind"] in ("query", "action") and bool(own) and len(own & explained) * 2 > len(own)
