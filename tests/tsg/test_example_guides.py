"""The guides that come with stepfleet: clean, parallel where they read, verified where they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalogue import PluginCatalogue
from dag.effects import parallel_pairs
from dag.model import EdgeKind, Kind, Plan
from plugins.registry import Registry
from tsg.catalogue import Catalogue
from tsg.lint import lint_file

GUIDES = Path(__file__).parents[2] / "examples" / "guides"
ALERTS = {
    "replica-hotspot": "ReplicaHotspot",
    "replica-unhealthy": "ReplicaUnhealthy",
    "fleet-saturated": "FleetSaturated",
}


@pytest.fixture(params=sorted(ALERTS))
def plan(request: pytest.FixtureRequest, catalogue: Catalogue) -> Plan:
    checked = lint_file(GUIDES / f"{request.param}.md", catalogue)
    assert [str(f) for f in checked.findings] == []
    assert checked.guide is not None
    assert [dict(a) for a in checked.guide.front.alerts] == [{"alertname": ALERTS[request.param]}]
    assert checked.plan is not None
    return checked.plan


def test_there_is_no_guide_beside_those_that_are_tested() -> None:
    assert {p.stem for p in GUIDES.glob("*.md")} == set(ALERTS)


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_it_fits_the_plugins_that_are_installed(name: str) -> None:
    checked = lint_file(GUIDES / f"{name}.md", PluginCatalogue(Registry.installed({})))
    assert [str(f) for f in checked.findings] == []
    assert checked.ok


def test_it_measures_at_least_three_things_at_once(plan: Plan) -> None:
    assert len(parallel_pairs(plan)) >= 3


def test_every_change_is_verified_can_be_undone_and_may_fail(plan: Plan) -> None:
    actions = [s for s in plan.steps if s.kind is Kind.ACTION]
    assert actions
    for step in actions:
        assert step.verify is not None
        assert step.verify.condition.cel is not None
        assert step.undo
        assert any(e.default for e in plan.outgoing[step.id]), f"{step.id} does not say what happens when it fails"


def test_every_decision_has_a_stated_default_so_that_no_run_waits_for_a_model(plan: Plan) -> None:
    for step in plan.steps:
        edges = plan.outgoing[step.id]
        if any(e.condition is not None for e in edges):
            assert any(e.default for e in edges), f"{step.id} has no default"


def test_its_loop_is_bounded(plan: Plan) -> None:
    loops = [e for e in plan.edges if e.kind is EdgeKind.LOOP]
    assert loops or plan.guide.endswith("replica-unhealthy.md")  # the one whose remedy is tried once
    assert all(e.bound in (2, 3) for e in loops)


def test_the_hotspot_guide_judges_once_and_moves_on_when_nobody_can(catalogue: Catalogue) -> None:
    plan = lint_file(GUIDES / "replica-hotspot.md", catalogue).plan
    assert plan is not None
    judged = {e.source for e in plan.edges if e.condition is not None and e.condition.cel is None}
    assert judged == {"is-it-one-client"}
    (default,) = (e for e in plan.outgoing["is-it-one-client"] if e.default)
    assert default.target == "plan-the-moves"
