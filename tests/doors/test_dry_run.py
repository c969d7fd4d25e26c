"""A dry run walks every branch, says what would be asked and changed, and touches nothing."""

from __future__ import annotations

from typing import Any

import pytest

from agent.dry_run import ask, dry_run
from agent.gate.policy import Policy
from dag.model import Edge, Plan
from plugins.registry import Registry
from tests.run.engine_bench import (
    ALLOW,
    Script,
    ScriptedAction,
    ScriptedQuery,
    action,
    default,
    judged,
    plan_of,
    query,
    when,
)

PLAN = plan_of(
    query("a"),
    query("b"),
    action("act", what="{{ what }}"),
    query("after", consumes=("act",)),
    Edge("START", "a"),
    Edge("START", "b"),
    when("a", "act", "max(a) > 2.0", "a"),
    judged("a", "END.not_applicable", "it looks like a drill"),
    default("a", "END.escalate"),
    when("act", "after", "true"),
    when("after", "END.resolved", "max(after) < 1.0", "after"),
    default("after", "END.escalate"),
)


class Untouchable(ScriptedAction):
    """Whatever would change or even prepare a change ends the test."""

    async def precheck(self, args: Any, ctx: Any) -> Any:
        pytest.fail("a dry run prechecked")

    async def apply(self, args: Any, key: str, ctx: Any) -> Any:
        pytest.fail("a dry run applied")

    async def compensate(self, args: Any, key: str, ctx: Any) -> Any:
        pytest.fail("a dry run compensated")


@pytest.fixture
def script() -> Script:
    return Script(answers={"a": 3.0, "b": 1.0})


@pytest.fixture
def registry(script: Script) -> Registry:
    return Registry.of(ScriptedQuery(script), Untouchable(script))


async def test_live_it_asks_only_what_reads_and_needs_no_change(registry: Registry, script: Script) -> None:
    answers = await ask(PLAN, registry, {"what": "x"})
    assert sorted(script.calls) == ["a", "b"]
    assert script.applied == []
    assert answers["after"].error == "not asked: it needs act, which only a run brings"
    picture = dry_run(PLAN, registry, ALLOW, {"what": "x"}, answers)
    (a,) = [s for s in picture.steps if s.id == "a"]
    assert a.answers == {"a": [{"labels": {}, "value": 3.0}]}
    assert next(b.live for b in a.branches if b.leads_to == "act").startswith("true")


async def test_a_read_that_fails_is_said_and_stops_nothing_else(registry: Registry, script: Script) -> None:
    from plugins.errors import TargetUnreachable

    script.answers["a"] = TargetUnreachable("no route")
    answers = await ask(PLAN, registry, {})
    assert "no route" in answers["a"].error
    assert answers["b"].values


@pytest.mark.parametrize(
    ("policy", "ruling", "asks"),
    [
        pytest.param(Policy(), "no rule", "", id="no policy: nothing would be done"),
        pytest.param(
            Policy.model_validate({"rule": [{"action": "push", "rung": "approve", "approvers": 2, "role": "sre"}]}),
            "",
            "2 approval(s) by role 'sre'",
            id="an approval would be asked",
        ),
        pytest.param(
            Policy.model_validate({"rule": [{"action": "push", "rung": "observe"}]}), "only observes", "", id="observed"
        ),
    ],
)
def test_it_says_how_the_policy_would_rule_now(registry: Registry, policy: Policy, ruling: str, asks: str) -> None:
    (would,) = dry_run(PLAN, registry, policy, {"what": "x"}).actions
    assert ruling in would.ruling
    assert would.asks.startswith(asks)
    assert bool(would.asks) is bool(asks)


@pytest.mark.parametrize(
    ("values", "writes"),
    [
        pytest.param({"what": "x"}, ["thing:x"], id="bound by the inputs"),
        pytest.param({}, ["thing:{{ what }}"], id="as the guide writes it"),
    ],
)
def test_effects_are_bound_as_far_as_the_inputs_go(
    registry: Registry, values: dict[str, str], writes: list[str]
) -> None:
    (would,) = dry_run(PLAN, registry, Policy(), values).actions
    assert would.writes == writes


def test_every_way_through_is_walked_and_what_no_machine_decides_is_named(registry: Registry) -> None:
    picture = dry_run(PLAN, registry, Policy(), {})
    assert {walk[-1] for walk in picture.walks} == {"END.resolved", "END.escalate", "END.not_applicable"}
    assert picture.judged == [
        {
            "step": "a",
            "condition": "it looks like a drill",
            "leads_to": "END.not_applicable",
            "default": "END.escalate",
        }
    ]
    beside = {s.id: s.beside for s in picture.steps}
    assert "b" in beside["a"]


def test_a_plan_of_many_branches_is_cut_off_instead_of_walked_for_ever(registry: Registry) -> None:
    parts: list[Any] = []
    for i in range(40):
        parts += [query(f"s{i}"), when(f"s{i}", f"s{i + 1}", "true"), judged(f"s{i}", f"s{i + 1}", "or so")]
    plan: Plan = plan_of(*parts, query("s40"), when("START", "s0", "true"), when("s40", "END.resolved", "true"))
    assert 1 <= len(dry_run(plan, registry, Policy(), {}).walks) <= 200
