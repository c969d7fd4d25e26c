"""Which edges out of a step are taken: one pure decision over three-valued conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.run.shape import Link
from dag.conditions import Decision, Truth
from dag.model import EdgeKind


@dataclass(frozen=True, slots=True)
class Choice:
    """What follows a step.

    Exactly one of: `taken` is not empty; `ask` names judged edges of which one is to be chosen; neither:
    it cannot be decided and no default is stated, so a person must.
    """

    taken: tuple[Link, ...] = ()
    ask: tuple[Link, ...] = ()
    by: str = "condition"
    reason: str = ""


def choose(links: Sequence[Link], decisions: Mapping[str, Decision], *, loop_left: bool = True) -> Choice:
    """Choose among a succeeded step's edges.

    `decisions` holds one entry per edge whose condition is computed. Edges without a condition are
    always taken, except stated defaults, which are for the undecided. An exhausted loop
    (`loop_left` False) takes no edge: it counts as undecided.
    """
    always = tuple(lk for lk in links if _is_unconditional(lk))
    true = [lk for lk in links if lk.id in decisions and decisions[lk.id].truth is Truth.TRUE]
    if not loop_left and any(_is_loop(lk) for lk in (*true, *always)):
        return exhausted(links)
    if true:
        return Choice((*always, *true), reason="; ".join(_because(lk, decisions) for lk in true))
    unknown = [lk for lk in links if lk.id in decisions and decisions[lk.id].truth is Truth.UNKNOWN]
    if unknown:
        return undecided(links, "; ".join(_because(lk, decisions) for lk in unknown))
    judged = [lk for lk in links if lk.edge.condition is not None and lk.edge.condition.cel is None]
    if judged:
        return Choice(ask=tuple(judged))
    if always or not decisions:
        return Choice(always, reason="no condition holds" if decisions else "")
    return undecided(links, "no written branch holds: " + "; ".join(d.reason for d in decisions.values()))


def undecided(links: Sequence[Link], reason: str) -> Choice:
    """The stated default, or nothing."""
    default = tuple(lk for lk in links if lk.edge.default)
    return Choice(default, by="default" if default else "", reason=reason)


def exhausted(links: Sequence[Link]) -> Choice:
    """A loop that has used up its attempts goes round no more, whoever would have it so."""
    return undecided([lk for lk in links if not _is_loop(lk)], "the loop has used up its attempts")


def within_bound(choice: Choice, links: Sequence[Link], *, loop_left: bool) -> Choice:
    """`choice`, unless it goes round an exhausted loop: a judgement or a stated default ends it no less."""
    if loop_left or not any(_is_loop(lk) for lk in choice.taken):
        return choice
    last = exhausted(links)
    return Choice(last.taken, by=last.by, reason=f"{last.reason}; {choice.by} would go on: {choice.reason}")


def after_failure(links: Sequence[Link], error: str, *, optional: bool) -> Choice:
    """What follows a failed step: the stated default; for an optional step, the way on; else nothing."""
    choice = undecided(links, error)
    if choice.taken or not optional:
        return choice
    return Choice(tuple(lk for lk in links if _is_unconditional(lk)), by="optional", reason=error)


def record(decisions: Mapping[str, Decision]) -> list[dict[str, Any]]:
    """The decisions as the journal keeps them."""
    return [{"edge": e, "truth": str(d.truth), "reason": d.reason} for e, d in decisions.items()]


def _is_loop(link: Link) -> bool:
    return link.edge.kind is EdgeKind.LOOP


def _is_unconditional(link: Link) -> bool:
    edge = link.edge
    return edge.condition is None and not edge.default and not edge.otherwise


def _because(link: Link, decisions: Mapping[str, Decision]) -> str:
    return decisions[link.id].reason
