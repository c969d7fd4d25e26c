"""Guides written as people write them, against plans that were drawn by hand and by somebody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import reduce
from operator import add
from pathlib import Path

import pytest

from dag.serial import to_json
from tests.tsg.plan_scores import Score, scores
from tsg.compile import Compiled

DRAWN = sorted(Path(__file__).with_name("gold").glob("*.json"))
Scored = dict[str, Score]


@pytest.fixture
def scored(compiled: Callable[[str], Compiled]) -> list[Scored]:
    found = []
    for path in DRAWN:
        text = path.with_suffix(".md").read_text(encoding="utf-8")
        found.append(scores(json.loads(path.read_text(encoding="utf-8")), to_json(compiled(text).plan), text))
    return found


def test_plans_come_near_to_what_a_person_drew(scored: list[Scored]) -> None:
    assert len(scored) == 6
    total = {name: reduce(add, (s[name] for s in scored)) for name in scored[0]}
    assert total["step"].f1 >= 0.92
    assert total["edge"].f1 >= 0.60
    assert total["terminal"].f1 >= 0.60
    assert total["kind"].recall >= 0.80
    assert total["risky"].recall >= 0.90
    assert total["risky"].precision >= 0.80


def test_nothing_runs_that_a_guide_only_shows(scored: list[Scored]) -> None:
    assert [s["no step"].found for s in scored] == [0] * len(DRAWN)


@pytest.mark.parametrize("path", DRAWN, ids=lambda p: p.stem)
def test_a_drawn_plan_is_its_own_best_match(path: Path) -> None:
    drawn = json.loads(path.read_text(encoding="utf-8"))
    own = scores(drawn, drawn, path.with_suffix(".md").read_text(encoding="utf-8"))
    assert all(s.f1 == 1.0 for name, s in own.items() if name != "no step")
    assert own["no step"].found == 0
