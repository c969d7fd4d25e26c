"""What a campaign went through, and what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass
class Tally:
    """Counts of cases, kill points and other faults; `violations` name their seed and their fault."""

    cases: int = 0
    kills: int = 0
    plans_with: Counter[str] = field(default_factory=Counter)  # what, and in how many of the cases
    killed_at: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)  # how the runs came to rest
    violations: list[str] = field(default_factory=list)

    def __iadd__(self, other: Tally) -> Self:
        self.cases += other.cases
        self.kills += other.kills
        self.plans_with.update(other.plans_with)
        self.killed_at.update(other.killed_at)
        self.faults.update(other.faults)
        self.ends.update(other.ends)
        self.violations += other.violations
        return self

    def to_json(self) -> dict[str, Any]:
        return {
            "cases": self.cases,
            "kill_points": self.kills,
            "plans_with": dict(sorted(self.plans_with.items())),
            "killed_at": dict(sorted(self.killed_at.items())),
            "other_faults": dict(sorted(self.faults.items())),
            "ends": dict(sorted(self.ends.items())),
            "violations": self.violations,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            document["cases"],
            document["kill_points"],
            Counter(document["plans_with"]),
            Counter(document["killed_at"]),
            Counter(document["other_faults"]),
            Counter(document["ends"]),
            list(document["violations"]),
        )

    def text(self, seed: int) -> str:
        return "\n".join(
            [
                f"{self.kills} kill points in {self.cases} cases from seed {seed}: {_listed(self.killed_at)}",
                f"plans with: {_listed(self.plans_with)}",
                f"other faults: {_listed(self.faults)}",
                f"runs came to rest as: {_listed(self.ends)}",
                f"{len(self.violations)} violations",
                *self.violations,
            ]
        )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {what}" for what, n in sorted(counts.items())) or "none"
