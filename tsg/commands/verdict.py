"""What one simple command does, and how the verdicts of several add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tsg.commands.model import Does

_RANK = {Does.NOTHING: 0, Does.READS: 1, Does.UNKNOWN: 2, Does.CHANGES: 3}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one simple command; fields as in `Command`."""

    does: Does
    why: str = ""
    argv: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    reversible: bool | None = None
    destructive: bool = False
    interactive: str = ""
    endless: str = ""
    broken: str = ""

    @property
    def is_change(self) -> bool:
        """Whether it changes something, or is not known not to."""
        return _RANK[self.does] >= _RANK[Does.UNKNOWN]


NOTHING = Verdict(Does.NOTHING)
READS = Verdict(Does.READS)


def changes(why: str, *, reversible: bool | None = None, destructive: bool = False) -> Verdict:
    return Verdict(Does.CHANGES, why, reversible=False if destructive else reversible, destructive=destructive)


def unknown(why: str) -> Verdict:
    return Verdict(Does.UNKNOWN, why)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on commands that run together: the worst of them decides, the rest adds what it touches."""
    parts = tuple(verdicts)
    if not parts:
        return NOTHING
    lead = max(parts, key=lambda v: (_RANK[v.does], v.destructive))
    if len(parts) == 1:
        return lead
    changing = [v for v in parts if v.is_change]
    return replace(
        lead,
        argv=lead.argv or next((v.argv for v in parts if v.argv), ()),
        touches=tuple(dict.fromkeys(key for v in parts for key in v.touches)),
        reversible=_reversible(changing),
        destructive=any(v.destructive for v in parts),
        interactive=next((v.interactive for v in parts if v.interactive), ""),
        endless=next((v.endless for v in parts if v.endless), ""),
        broken=next((v.broken for v in parts if v.broken), ""),
    )


def _reversible(changing: list[Verdict]) -> bool | None:
    if not changing:
        return None
    if any(v.reversible is False for v in changing):
        return False
    return True if all(v.reversible for v in changing) else None
