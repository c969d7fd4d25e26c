"""Every attack is stopped, and every attack succeeds when its guards are taken out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.attack import Attack
from tests.attacks.bench import carried_out
from tests.attacks.guards import GUARDS
from tests.attacks.written import ATTACKS


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
async def test_is_stopped(attack: Attack, tmp_path: Path) -> None:
    assert await carried_out(attack, tmp_path) == set()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
async def test_succeeds_without_its_guards(attack: Attack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in attack.guards:
        GUARDS[name].take_out(monkeypatch)
    assert attack.harm in await carried_out(attack, tmp_path)


def test_each_attack_is_one_of_its_own_and_each_guard_is_attacked() -> None:
    assert len({a.name for a in ATTACKS}) == len(ATTACKS)
    assert {g for a in ATTACKS for g in a.guards} == set(GUARDS)
