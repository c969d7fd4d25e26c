"""The wall clock of a machine whose time is set while it works."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.campaign.cases import Case


class JumpingClock:
    """Jumps where the case says, and by what anybody adds to `ahead_s`, in seconds."""

    def __init__(self, case: Case) -> None:
        self.jumps, self.reads, self.ahead_s = dict(case.clock_jumps), 0, 0.0

    def __call__(self) -> datetime:
        self.reads += 1
        self.ahead_s += self.jumps.pop(self.reads, 0.0)
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)
