"""The autonomy ladder: every ruling carries its reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.errors import SettingsError
from agent.gate.policy import ActionRequest, Begun, Facts, Policy, Rung, load_policy, rule_on
from dag.model import Effect

REVIEWED = "a" * 64
MIGRATED = Begun("kv_migrate", frozenset({"sessions:demo"}), 1)
ELSEWHERE = Begun("kv_migrate", frozenset({"sessions:other"}), 1)
UNKNOWN = Begun("kv_migrate", None, 1)
NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def request(**over: Any) -> ActionRequest:
    fields: dict[str, Any] = {
        "action": "kv_migrate",
        "version": "1",
        "arguments": {"fleet": "demo"},
        "effect": Effect(writes=frozenset({"sessions:demo"})),
        "reversible": True,
        "blast_radius": 1,
        "plan_digest": "p",
        "guide_sha256": REVIEWED,
    }
    return ActionRequest(**{**fields, **over})


def policy(**rule: Any) -> Policy:
    auto = {"action": "kv_migrate", "target": "sessions:demo", "rung": "auto", "guides": [REVIEWED]}
    return Policy.model_validate({"rule": [{**auto, "max_per_hour": 2, "max_blast_radius": 1, **rule}]})


@pytest.mark.parametrize(
    ("given", "over", "facts", "want"),
    [
        pytest.param(policy(), {}, {}, "covers it", id="inside all bounds it runs"),
        pytest.param(Policy(), {}, {}, "no rule", id="without a rule nothing runs"),
        pytest.param(policy(), {"action": "replica_drain"}, {}, "no rule", id="a rule is for its action"),
        pytest.param(
            policy(),
            {"effect": Effect(writes=frozenset({"sessions:demo", "replica:demo/a"}))},
            {},
            "no rule",
            id="every key that is written must be covered",
        ),
        pytest.param(
            policy(target="*"),
            {"effect": Effect(writes=None)},
            {},
            "no rule",
            id="unknown writes never run by themselves",
        ),
        pytest.param(policy(rung="observe"), {}, {}, "only observes", id="observe never acts"),
        pytest.param(policy(rung="suggest"), {}, {}, "only suggests", id="suggest shows and does nothing"),
        pytest.param(policy(), {"blast_radius": 2}, {}, "2 units would stop", id="a wider blast is refused"),
        pytest.param(policy(), {}, {"last_hour": [MIGRATED] * 2}, "2 in the last hour", id="the rate bound holds"),
        pytest.param(
            policy(), {}, {"last_hour": [ELSEWHERE] * 2}, "covers it", id="what a rule is not about uses up none of it"
        ),
        pytest.param(
            policy(), {}, {"last_hour": [UNKNOWN] * 2}, "2 in the last hour", id="what might be meant is counted"
        ),
        pytest.param(
            policy(action="*", max_blast_radius_per_hour=3),
            {},
            {"last_hour": [Begun("replica_drain", frozenset({"sessions:demo"}), 3)]},
            "4 units would stop serving within an hour, the rule allows 3",
            id="the blasts of an hour add up",
        ),
        pytest.param(
            policy(reversible_only=True),
            {"reversible": False},
            {},
            "reversible actions only",
            id="the irreversible is refused",
        ),
        pytest.param(
            policy(), {"guide_sha256": "b" * 64}, {}, "not among the guides", id="an unreviewed guide is refused"
        ),
        pytest.param(policy(window_utc=("13:00", "15:00")), {}, {}, "outside", id="outside its window it waits"),
        pytest.param(policy(window_utc=("22:00", "13:00")), {}, {}, "covers it", id="a window may span midnight"),
        pytest.param(policy(), {}, {"writes_stopped": "drill"}, "drill", id="the kill switch beats every rule"),
    ],
)
def test_the_ladder(given: Policy, over: dict[str, Any], facts: dict[str, Any], want: str) -> None:
    ruling = rule_on(request(**over), given, Facts(**{"now": NOON, **facts}))
    assert want in ruling.reason
    assert ruling.allowed is (want == "covers it")


def test_a_guide_that_is_not_reviewed_falls_to_the_next_rule() -> None:
    asked = Policy.model_validate({"rule": [{"action": "*", "rung": "approve"}]})
    both = Policy(rule=(*policy().rule, *asked.rule))
    assert not rule_on(request(), both, Facts(NOON)).needs_approval
    assert rule_on(request(guide_sha256="b" * 64), both, Facts(NOON)).needs_approval


def test_an_approval_is_asked_for_only_where_the_call_is_inside_the_bounds() -> None:
    rule = policy(rung="approve")
    assert rule_on(request(), rule, Facts(NOON)).needs_approval
    assert not rule_on(request(blast_radius=9), rule, Facts(NOON)).needs_approval


@pytest.mark.parametrize(
    "over",
    [
        pytest.param({"arguments": {"fleet": "other"}}, id="other arguments"),
        pytest.param({"plan_digest": "q"}, id="another plan"),
        pytest.param({"version": "2"}, id="another version of the plugin"),
        pytest.param({"effect": Effect(writes=frozenset({"sessions:x"}))}, id="another target"),
    ],
)
def test_a_digest_stands_for_one_exact_call(over: dict[str, Any]) -> None:
    assert request(**over).digest != request().digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("[[rule]\n", "not TOML", id="no TOML"),
        pytest.param('[[rule]]\naction = "x"\nrung = "always"\n', "rule.0.rung", id="an unknown rung"),
        pytest.param('[[rule]]\naction = "x"\nrung = "auto"\n', "max_per_hour", id="auto without bounds"),
        pytest.param('[[rule]]\naction = "x"\nrung = "observe"\nmax = 1\n', "rule.0.max", id="an unknown bound"),
    ],
)
def test_bad_policies_name_the_file_and_the_rule(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=says) as failure:
        load_policy(path)
    assert str(path) in str(failure.value)


def test_a_missing_policy_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


def test_rungs_are_ordered_by_what_they_allow() -> None:
    assert [str(r) for r in Rung] == ["observe", "suggest", "approve", "auto"]


@pytest.mark.parametrize("rung", ["observe", "suggest", "approve"])
def test_a_second_key_carries_no_call_past_a_stricter_rule(rung: str) -> None:
    strict = Policy.model_validate({"rule": [{"action": "*", "target": "replica:prod-*", "rung": rung}]})
    both = Policy(rule=(*strict.rule, *policy(action="*", target="*").rule))
    call = request(effect=Effect(writes=frozenset({"replica:prod-1", "replica:dev-1"})))
    ruling = rule_on(call, both, Facts(NOON))
    assert ruling.needs_approval if rung == "approve" else not ruling.allowed


@pytest.mark.parametrize("order", [1, -1], ids=["approve first", "observe first"])
def test_every_key_is_ruled_on_by_its_own_rule(order: int) -> None:
    rules = [
        {"action": "*", "target": "replica:*", "rung": "approve", "role": "sre"},
        {"action": "*", "target": "sessions:*", "rung": "observe"},
    ]
    call = request(effect=Effect(writes=frozenset({"replica:a", "sessions:demo"})))
    assert not rule_on(call, Policy.model_validate({"rule": rules[::order]}), Facts(NOON)).allowed


def test_one_key_that_asks_makes_the_whole_call_wait() -> None:
    asked = Policy.model_validate({"rule": [{"action": "*", "target": "replica:*", "rung": "approve", "approvers": 2}]})
    both = Policy(rule=(*policy(action="*").rule, *asked.rule))
    call = request(effect=Effect(writes=frozenset({"replica:a", "sessions:demo"})))
    ruling = rule_on(call, both, Facts(NOON))
    assert ruling.needs_approval
    assert ruling.rule is not None
    assert ruling.rule.approvers == 2


def test_two_roles_are_never_merged_into_one_approval() -> None:
    rules = [
        {"action": "*", "target": f"{kind}:*", "rung": "approve", "role": kind} for kind in ("replica", "sessions")
    ]
    call = request(effect=Effect(writes=frozenset({"replica:a", "sessions:demo"})))
    ruling = rule_on(call, Policy.model_validate({"rule": rules}), Facts(NOON))
    assert not ruling.allowed
    assert "replica and sessions each approve" in ruling.reason


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        pytest.param(
            [("replica:*", "observe"), ("*", "approve")], False, id="a stricter rule before it might be meant"
        ),
        pytest.param([("*", "approve")], True, id="people may approve what is not known"),
        pytest.param([("replica:*", "approve")], False, id="a rule for some targets is not enough"),
    ],
)
def test_unknown_writes(rules: list[tuple[str, str]], allowed: bool) -> None:
    given = Policy.model_validate({"rule": [{"action": "*", "target": t, "rung": r} for t, r in rules]})
    assert rule_on(request(effect=Effect(writes=None)), given, Facts(NOON)).allowed is allowed
