"""When an exact call counts as agreed to: a pure function of what was asked, what was said, and the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent.gate.policy import Rule

# What an approval repeats of the ask that it answers. The expiry, in microseconds, tells two asks of one call apart:
# what was said to an earlier one counts for no later one.
BOUND = ("digest", "role", "expires_at")


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who agrees, how many are missing, and what stands against it."""

    by: frozenset[str]
    missing: int
    rejected: str | None = None  # by whom and why, as a sentence
    expired: bool = False

    @property
    def holds(self) -> bool:
        return self.missing == 0 and self.rejected is None and not self.expired

    @property
    def lack(self) -> str:
        """Why it does not hold, for people."""
        if self.rejected is not None:
            return self.rejected
        return "nobody approved it in time" if self.expired else f"{self.missing} approval(s) missing"


def is_asked(asked: Mapping[str, Any] | None, digest: str, rule: Rule) -> bool:
    """Whether people have been asked about this call, under the role that the rule names today."""
    return asked is not None and (asked["digest"], asked["role"]) == (digest, rule.role)


def agreement(
    asked: Mapping[str, Any],
    approvals: Iterable[Mapping[str, Any]],
    rejections: Iterable[Mapping[str, Any]],
    rule: Rule,
    now: datetime,
) -> Agreement:
    """What was said to `asked`, under the rule of today. A person counts once, whatever they say twice."""
    expired = datetime.fromisoformat(asked["expires_at"]) <= now
    by = frozenset(str(a["by"]) for a in approvals if all(a.get(n) == asked[n] for n in BOUND))
    against = (r for r in rejections if all(r.get(n) in (None, asked[n]) for n in BOUND))  # in doubt it is a no
    no = next(against, None)
    rejected = None if no is None else f"rejected by {no['by']}: {no.get('reason', '')}"
    return Agreement(by, max(0, rule.approvers - len(by)), rejected, expired)
