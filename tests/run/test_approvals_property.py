"""Whatever people say, in whatever order: a call begins only while enough of the right people agree to exactly it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.gate.approval import Agreement, agreement
from agent.gate.policy import Policy
from agent.run.events import Event, EventKind
from dag.model import Edge, Plan
from tests.run.engine_bench import Bench, Script, action, default, plan_of

PEOPLE = ("ann", "bob", "cid")
ROLES = ("sre", "lead")
EXPIRES_S = 60.0


def guide(edition: int) -> Plan:
    """Editions of one guide; all but every third ask for the same call, in another plan."""
    step = action("act", what="y" if edition % 3 == 2 else "x", timeout_s=10.0 + edition)
    return plan_of(step, Edge("START", "act"), Edge("act", "END.resolved"), default("act", "END.escalate"))


@dataclass(frozen=True)
class Said:
    """What a person said, as the oracle remembers it."""

    run: str
    verb: str
    by: str
    payload: dict[str, Any]


@dataclass
class Story:
    """A journal, its runs, and everything that was asked and said. Time moves only when told to."""

    folder: Path
    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    role: str = "sre"
    approvers: int = 2
    edition: int = 0
    runs: list[tuple[str, Plan]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    begun: set[str] = field(default_factory=set)  # runs

    def __post_init__(self) -> None:
        self.script = Script()
        self.bench = Bench(self.folder / "journal.db", self.script, policy=self.policy(), clock=lambda: self.now)

    def policy(self) -> Policy:
        rule = {"action": "*", "rung": "approve", "role": self.role, "approvers": self.approvers}
        return Policy.model_validate({"rule": [{**rule, "expires_s": EXPIRES_S}]})

    # -- what may happen ----------------------------------------------------------------------

    async def open(self) -> None:
        plan = guide(self.edition)
        self.runs.append((await self.bench.open(plan), plan))
        await self.go_on(len(self.runs) - 1)

    async def edit_guide(self) -> None:
        self.edition += 1
        await self.open()

    async def go_on(self, nth: int) -> None:
        if self.runs:
            run_id, plan = self.runs[nth % len(self.runs)]
            await self.bench.go_on(run_id, plan)
            self.judge()

    async def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def restart(self) -> None:
        self.bench.policy = self.policy()
        self.bench.restart()

    async def change_policy(self, role: str, approvers: int) -> None:
        self.role, self.approvers = role, approvers
        await self.restart()

    async def say(self, verb: str, to: int, about: int, by: str, over: dict[str, str]) -> None:
        """`by` speaks to run `to` with the words of ask `about`: of the same run or not, still open or not."""
        asks = self.asks()
        if asks:
            asked = asks[about % len(asks)][1]
            payload = {k: asked[k] for k in ("digest", "plan_digest", "expires_at", "role")} | over
            run_id = self.runs[to % len(self.runs)][0]
            self.said.append(Said(run_id, verb, by, payload))
            await self.bench.say(run_id, verb, step="act", by=by, **payload)

    async def at_once(self, to: int, first: str, second: str) -> None:
        """Two people approve the newest ask of a run while its run goes on."""
        run_id = self.runs[to % len(self.runs)][0] if self.runs else ""
        mine = [nth for nth, (of, _) in enumerate(self.asks()) if of == run_id]
        if mine:
            words = (self.say("approve", to, mine[-1], by, {}) for by in (first, second))
            await asyncio.gather(*words, self.go_on(to))

    # -- the oracle ---------------------------------------------------------------------------

    def asks(self) -> list[tuple[str, dict[str, Any]]]:
        return [(r, dict(e.payload)) for r, _ in self.runs for e in self.events(r, EventKind.APPROVAL_ASKED)]

    def events(self, run_id: str, kind: EventKind) -> list[Event]:
        return [e for e in self.bench.journal.events(run_id) if e.kind is kind]

    def judge(self) -> None:
        """Each call that began now was agreed to, at this moment, by the policy of this moment."""
        intents = {r: e for r, _ in self.runs for e in self.events(r, EventKind.INTENT)}
        for run_id in intents.keys() - self.begun:
            assert self.agreed(run_id, intents[run_id].payload["digest"]), (run_id, intents[run_id], self.said)
        self.begun = set(intents)
        assert len(self.script.applied) == len(intents)

    def agreed(self, run_id: str, digest: str) -> bool:
        """Written from the promise, not from the code: by what the journal asked in this run and people said to it."""
        asked = [p for r, p in self.asks() if r == run_id and p["digest"] == digest and p["role"] == self.role]
        good = [p for p in asked if datetime.fromisoformat(p["expires_at"]) > self.now]

        def of(verb: str) -> set[str]:
            keys = ("digest", "role", "expires_at")
            answers = [{k: p[k] for k in keys} for p in good]
            said = (s for s in self.said if s.run == run_id and s.verb == verb)
            return {s.by for s in said if {k: s.payload[k] for k in keys} in answers}

        return len(of("approve")) >= self.approvers and not of("reject")


Move = tuple[str, dict[str, Any]]
FORGED = st.sampled_from(
    [
        {},
        {},
        {},
        {"expires_at": "9999-12-31T00:00:00+00:00"},
        {"digest": "0" * 64},
        {"role": "lead"},
        {"role": "sre"},
    ]
)
SMALL = st.integers(0, 3)
MOVES: st.SearchStrategy[Move] = st.one_of(
    st.fixed_dictionaries({"to": SMALL, "first": st.sampled_from(PEOPLE), "second": st.sampled_from(PEOPLE)}).map(
        lambda kw: ("at_once", kw)
    ),
    st.fixed_dictionaries(
        {
            "verb": st.sampled_from(["approve", "approve", "approve", "reject"]),
            "to": SMALL,
            "about": SMALL,
            "by": st.sampled_from(PEOPLE),
            "over": FORGED,
        }
    ).map(lambda kw: ("say", kw)),
    st.fixed_dictionaries({"nth": SMALL}).map(lambda kw: ("go_on", kw)),
    st.sampled_from([1.0, 30.0, 61.0]).map(lambda s: ("wait", {"seconds": s})),
    st.sampled_from(["restart", "edit_guide", "open"]).map(lambda name: (name, {})),
    st.tuples(st.sampled_from(ROLES), st.integers(1, 3)).map(
        lambda to: ("change_policy", {"role": to[0], "approvers": to[1]})
    ),
)


async def play(folder: Path, moves: Sequence[Move]) -> Story:
    story = Story(folder)
    try:
        await story.open()
        for name, kw in moves:
            await getattr(story, name)(**kw)
        for nth in range(len(story.runs)):
            await story.go_on(nth)
    finally:
        story.bench.journal.close()
    return story


def told(moves: Sequence[Move]) -> Story:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(play(Path(folder), moves))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(MOVES, min_size=4, max_size=14))
def test_a_call_begins_only_while_enough_people_of_the_role_agree_to_exactly_it(moves: list[Move]) -> None:
    told(moves)


def test_a_no_stays_a_no_whatever_else_is_said() -> None:
    elsewhere = say("reject", "ann", expires_at="9999-12-31T00:00:00+00:00")
    said = [say("reject", "ann"), elsewhere, ("at_once", {"to": 0, "first": "ann", "second": "bob"})]
    assert not told([say("approve", "ann"), *said]).begun


def test_enough_people_in_time_begin_the_call() -> None:
    assert told([("at_once", {"to": 0, "first": "ann", "second": "bob"})]).begun


def say(verb: str, by: str, *, to: int = 0, about: int = 0, **over: str) -> Move:
    return "say", {"verb": verb, "to": to, "about": about, "by": by, "over": over}


def _with(**over: Any) -> Callable[..., Agreement]:
    return lambda asked, said, no, rule, now: agreement(
        over.get("asked", lambda a, n: a)(asked, now),
        over.get("said", lambda a, s: list(s))(asked, said),
        over.get("no", lambda n: n)(no),
        rule,
        now,
    )


LATER = "9999-12-31T00:00:00+00:00"
DAMAGE: dict[str, tuple[Callable[..., Agreement], list[Move]]] = {
    "one person counts twice": (
        _with(said=lambda a, s: [{**x, "by": f"{x['by']}{n}"} for n, x in enumerate(s)]),
        [say("approve", "ann"), say("approve", "ann")],
    ),
    "the expiry is not looked at": (
        _with(asked=lambda a, n: {**a, "expires_at": LATER}, said=lambda a, s: [{**x, "expires_at": LATER} for x in s]),
        [say("approve", "ann"), say("approve", "bob"), ("wait", {"seconds": 61.0})],
    ),
    "any digest will do": (
        _with(said=lambda a, s: [{**x, "digest": a["digest"]} for x in s]),
        [say("approve", "ann", digest="0" * 64), say("approve", "bob", digest="0" * 64)],
    ),
    "any role will do": (
        _with(said=lambda a, s: [{**x, "role": a["role"]} for x in s]),
        [say("approve", "ann", role="lead"), say("approve", "bob", role="lead")],
    ),
    "an approval of an earlier plan will do": (
        _with(said=lambda a, s: [{**x, **{k: a[k] for k in ("digest", "expires_at")}} for x in s]),
        [("edit_guide", {}), say("approve", "ann", to=1), say("approve", "bob", to=1)],
    ),
    "a no is not heard": (
        _with(no=lambda n: []),
        [say("approve", "ann"), say("reject", "cid"), say("approve", "bob")],
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_the_oracle_sees_a_damaged_count(name: str) -> None:
    damaged, moves = DAMAGE[name]

    def broken() -> AbstractContextManager[Any]:
        return patch("agent.run.acts.agreement", damaged)

    for how in (nullcontext, broken):
        with how():
            if how is broken:
                with pytest.raises(AssertionError):
                    told(moves)
            else:
                assert not told(moves).begun
