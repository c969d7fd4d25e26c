"""A principal is known by its token alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.errors import NotAllowed, SettingsError
from agent.gate.principals import Principals, PrincipalSettings, SecretRef

ANN, HOOK = "ann-token-0123456789", "hook-token-0123456789"


def principals(**tokens: str) -> Principals:
    environ = {"ANN": ANN, "HOOK": HOOK, **tokens}
    return Principals(
        (
            PrincipalSettings(name="ann", roles=("operator", "sre"), token=SecretRef(env="ANN")),
            PrincipalSettings(name="alertmanager", roles=("webhook",), token=SecretRef(env="HOOK")),
        ),
        environ,
    )


def test_a_webhook_token_reads_and_approves_nothing() -> None:
    hook = principals().require(HOOK)
    assert not hook.may_read
    assert not hook.may_operate
    assert not hook.may_approve("webhook")


def test_an_operator_approves_for_the_roles_it_has() -> None:
    ann = principals().require(ANN)
    assert ann.may_read
    assert ann.may_approve("sre")
    assert not ann.may_approve("director")


@pytest.mark.parametrize("token", ["", "wrong", ANN + "x", ANN[:-1], "\udcff"], ids=repr)
def test_any_other_token_is_nobody(token: str) -> None:
    with pytest.raises(NotAllowed):
        principals().require(token)


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        pytest.param({"ANN": "short"}, "shorter than 16", id="a weak token"),
        pytest.param({"ANN": HOOK}, "shares its token", id="a shared token"),
        pytest.param({"ANN": ""}, "environment variable ANN holds no secret", id="an empty variable"),
    ],
)
def test_tokens_that_are_refused_at_start(tokens: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says) as failure:
        principals(**tokens)
    assert HOOK not in str(failure.value)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(ANN + "\n")
    assert SecretRef(file=tmp_path / "t").resolve({}) == ANN


def test_a_secret_has_one_place() -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        SecretRef(env="A", file=Path("b"))
