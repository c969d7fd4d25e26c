"""Damage that a campaign must see: each takes out one guard of the engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agent.run import acts, advance, branching, holding, journal, reads, ready_queue, shape
from agent.run.acts import ActionRun
from plugins.base import Observation, Result, Verdict


def sends_again_without_asking() -> None:
    """After a crash the target is not asked, and everything counts as honouring keys."""

    async def blind(self: ActionRun, exact: Any, *, patience_s: float) -> Observation:
        return Observation.NOT_HAPPENED

    acts.ActionRun._observe = blind  # type: ignore[method-assign]
    for kind in _actions():
        kind.idempotent = True


def believes_it_happened() -> None:
    """After a crash the action counts as applied."""

    async def hopeful(self: ActionRun, exact: Any, *, patience_s: float) -> Observation:
        return Observation.HAPPENED

    acts.ActionRun._observe = hopeful  # type: ignore[method-assign]


def takes_a_new_key() -> None:
    """A request that is sent again has another key."""
    reissue = acts.ActionRun._reissue

    async def renamed(self: ActionRun, exact: Any, error: str) -> None:
        assert self.state.intent is not None
        self.state.intent = {**self.state.intent, "key": "another"}
        await reissue(self, exact, error)

    acts.ActionRun._reissue = renamed  # type: ignore[method-assign]


def acts_before_the_journal() -> None:
    """The action goes out before its intent is on disk."""
    intend = acts.ActionRun._intend

    async def eager(self: ActionRun, exact: Any) -> None:
        await exact.action.apply(exact.args, "early", self._ctx())
        await intend(self, exact)

    acts.ActionRun._intend = eager  # type: ignore[method-assign]


def swaps_results() -> None:
    """A step is handed what the one before it asked for, as engines do that count calls."""
    read = reads.Reader.read
    last: dict[str, Result] = {}

    async def late(self: Any, step: Any, calls: Any, ctx: Any) -> dict[str, Result]:
        found = await read(self, step, calls, ctx)
        ((name, result),) = found.items()
        handed = last.get("result", result)
        last["result"] = result
        return {name: handed}

    reads.Reader.read = late  # type: ignore[method-assign]


def checks_no_fence() -> None:
    """Two processes advance one run: no lock, no fence."""
    seize = journal.SqliteStore.seize

    def shared(self: Any, run_id: str, owner: str, commit: Any) -> Any:
        self._locks = self._locks.parent / f"{self._locks.name}-{owner}"
        self._locks.mkdir(exist_ok=True)
        return seize(self, run_id, owner, commit)

    journal.SqliteStore.seize = shared  # type: ignore[method-assign]
    for module in (journal, acts):
        module.check_fence = lambda conn, lease: None  # type: ignore[attr-defined]


def begins_after_the_end() -> None:
    """An action does not look whether the run has ended meanwhile."""
    acts.ActionRun._stop_if_ending = lambda self: None  # type: ignore[method-assign]


def verifies_nothing() -> None:
    """What an action's target shows afterwards counts for nothing."""

    async def content(self: ActionRun, exact: Any) -> Verdict:
        return Verdict(True, "surely")

    acts.ActionRun._verdict = content  # type: ignore[method-assign]


def undoes_again() -> None:
    """After a crash an undo is sent again, whatever the target makes of it."""
    compensate = acts.ActionRun._compensate

    async def again(self: ActionRun, exact: Any, reason: str) -> None:
        self.state.compensating = False
        await compensate(self, exact, reason)

    acts.ActionRun._compensate = again  # type: ignore[method-assign]


def joins_too_soon() -> None:
    """Every step starts with the first edge taken to it."""
    init = shape.Shape.__init__

    def hasty(self: Any, plan: Any) -> None:
        init(self, plan)
        self.joins_any = frozenset(s.id for s in plan.steps)

    shape.Shape.__init__ = hasty  # type: ignore[method-assign]


def takes_one_way_only() -> None:
    """Of several branches that hold, one is taken."""
    choose = branching.choose

    def narrow(*given: Any, **more: Any) -> Any:
        choice = choose(*given, **more)
        return replace(choice, taken=choice.taken[:1])

    branching.choose = narrow


def writes_side_by_side() -> None:
    """Steps that write the same resource wait for nothing."""

    async def at_once(self: Any, writes: Any) -> None:
        return None

    ready_queue.ReadyQueue._barring = lambda self, step: None  # type: ignore[method-assign]
    holding.Holding.ask = at_once  # type: ignore[method-assign]


def asks_nobody() -> None:
    """What the policy wants approved is done without it."""

    async def alone(self: ActionRun, exact: Any) -> None:
        return None

    acts.ActionRun._agree = alone  # type: ignore[method-assign]
    acts.ActionRun._lack = lambda self, exact, ruling: None  # type: ignore[method-assign]


def takes_late_approvals() -> None:
    """An approval counts however late it comes."""
    agree = acts.ActionRun._agree

    async def patient(self: ActionRun, exact: Any) -> None:
        for said in (self.state.asked, *self.state.approvals):
            if said is not None:
                said["expires_at"] = "9999-12-31T00:00:00+00:00"  # type: ignore[index]
        await agree(self, exact)

    acts.ActionRun._agree = patient  # type: ignore[method-assign]


def takes_answers_to_old_questions() -> None:
    """Whatever a person answers is the answer to what is asked now."""
    fold = advance.fold_command

    def keen(command: Any, state: Any) -> Any:
        said = json.loads(command.payload)
        said.pop("question", None)
        return fold(command.model_copy(update={"payload": json.dumps(said)}), state)

    advance.fold_command = keen


def forgets_to_end() -> None:
    """A run that waits for people says so nowhere."""

    async def silent(self: Any) -> Any:
        return advance.Advanced(advance.RunStatus.PARKED, reason="")

    advance.Advance._end = silent  # type: ignore[method-assign]


def _actions() -> tuple[Any, ...]:
    from tests.campaign.target import PushAction, PushOnceAction

    return PushAction, PushOnceAction


BREAKAGES: dict[str, Callable[[], None]] = {
    f.__name__.replace("_", "-"): f
    for f in (
        sends_again_without_asking,
        believes_it_happened,
        takes_a_new_key,
        acts_before_the_journal,
        swaps_results,
        checks_no_fence,
        begins_after_the_end,
        verifies_nothing,
        undoes_again,
        joins_too_soon,
        takes_one_way_only,
        writes_side_by_side,
        asks_nobody,
        takes_late_approvals,
        takes_answers_to_old_questions,
        forgets_to_end,
    )
}
