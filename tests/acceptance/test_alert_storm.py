"""A storm of 10,000 alerts, with `kill -9` in its midst: what got a 2xx is journalled, once, in its group's run."""

from __future__ import annotations

from pathlib import Path

from bench.storm import GROUPS, PER_POST, POSTS, SOURCES, storm


async def test_a_storm_with_a_killed_server_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    seen = await storm(tmp_path, most=5, most_of_a_team=3)
    assert seen.alerts == len(SOURCES) * GROUPS * POSTS * PER_POST == 10_000
    assert seen.lost() == []
    assert seen.doubled() == []
    assert len(seen.runs) == len(set(seen.runs.values())) == len(SOURCES) * GROUPS, "equal group keys were mixed up"
    for source in SOURCES:
        assert seen.answers[source]["202"] == GROUPS * POSTS
    assert sum(a["503"] for a in seen.answers.values()) > 0
    assert sum(a["no answer"] for a in seen.answers.values()) > 0
