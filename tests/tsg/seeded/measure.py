"""How well the Mentor finds planted defects, and how often it speaks where there is nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.tsg.seeded.planting import CHECKS, Planted
from tsg.findings import Finding

Lint = Callable[[str, str], Sequence[Finding]]  # text, name -> findings


@dataclass(frozen=True, slots=True)
class Count:
    """Plants found and missed, and findings where there is nothing to find."""

    found: int = 0
    missed: int = 0
    wrong: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.found + other.found, self.missed + other.missed, self.wrong + other.wrong)

    @property
    def precision(self) -> float:
        """1.0 where nothing was said."""
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """1.0 where there is nothing to find."""
        return self.found / (self.found + self.missed) if self.found + self.missed else 1.0

    @property
    def f1(self) -> float:
        total = 2 * self.found + self.wrong + self.missed
        return 2 * self.found / total if total else 1.0


@dataclass(frozen=True)
class Measured:
    """Counts by check, the plants that were missed, and the findings that no plant explains."""

    counts: Mapping[str, Count]
    missed: tuple[Planted, ...]
    wrong: tuple[tuple[str, Finding], ...]  # the plant or the clean guide it was found in
    clean_findings: int
    clean_lines: int

    @property
    def overall(self) -> Count:
        """All checks, summed before dividing."""
        return sum(self.counts.values(), Count())

    @property
    def per_100_lines(self) -> float:
        """Findings in every hundred lines of the clean guides."""
        return 100 * self.clean_findings / self.clean_lines if self.clean_lines else 0.0


def measure(guides: Mapping[str, str], plants: Iterable[Planted], lint: Lint) -> Measured:
    """Lint every clean guide and every plant once.

    Of a planted guide only what the defect added counts: a finding on a line that the clean guide has, and where the
    same check spoke already, is the clean guide's own, and counted there once.
    """
    before = {name: lint(text, name) for name, text in guides.items()}
    counts: dict[str, Count] = defaultdict(Count, {c: Count() for codes in CHECKS.values() for c in codes})
    wrong = [(name, f) for name, found in before.items() for f in found if f.category]
    on_clean = len(wrong)
    missed = []
    for plant in plants:
        news = _new(plant, before[plant.plant.guide], lint(plant.text, plant.plant.guide))
        hits = [f for f in news if f.line in plant.lines and _says(plant, f)]
        counts[plant.code] += Count(found=bool(hits), missed=not hits)
        if not hits:
            missed.append(plant)
        known = {*plant.plant.also, *(f.code for f in before[plant.plant.guide] if f.line in plant.replaced)}
        wrong += [(plant.where, f) for f in news if f.category and f not in hits and f.code not in known]
    for _, finding in wrong:
        counts[finding.code] += Count(wrong=1)
    lines = sum(text.count("\n") for text in guides.values())
    return Measured(dict(counts), tuple(missed), tuple(wrong), on_clean, lines)


def _says(plant: Planted, finding: Finding) -> bool:
    return finding.code == plant.code or (not finding.category and finding.code in plant.plant.also)


def _new(plant: Planted, before: Sequence[Finding], after: Sequence[Finding]) -> list[Finding]:
    """Findings that the clean guide lacks on the same line or, within the defect, on a line that reads alike."""
    clean, text = plant.clean.split("\n"), plant.text.split("\n")
    on_line = {(f.code, f.line) for f in before}
    alike = {(f.code, _line(clean, f.line)) for f in before}
    news = []
    for finding in after:
        line = plant.clean_line(finding.line)
        old = (finding.code, _line(text, finding.line)) in alike if line is None else (finding.code, line) in on_line
        if not old:
            news.append(finding)
    return news


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""
