"""The example policy allows exactly the example guides as they are now."""

from __future__ import annotations

import hashlib
from pathlib import Path

from agent.gate.policy import Rung, load_policy

GUIDES = Path(__file__).resolve().parents[2] / "examples" / "guides"


def sha256(name: str) -> str:
    return hashlib.sha256((GUIDES / name).read_bytes()).hexdigest()


def test_the_automatic_rule_names_the_guide_that_was_reviewed() -> None:
    (rule,) = [r for r in load_policy(GUIDES / "policy.toml").rule if r.rung is Rung.AUTO]
    assert rule.guides == (sha256("replica-hotspot.md"),), (
        "replica-hotspot.md has changed: review it, then put its sha256 into examples/guides/policy.toml"
    )


def test_the_control_policy_differs_only_in_doing_nothing() -> None:
    policy = load_policy(GUIDES / "policy-observe.toml")
    assert {r.rung for r in policy.rule} == {Rung.OBSERVE}
