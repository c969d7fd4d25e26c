"""What is remembered of past runs, and what comes to mind of it: the same over both stores."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.gate.policy import Policy
from agent.memory.recall import Facts, Recalled, latest, rebuild, recall, remember
from agent.run.intake import Intake
from agent.run.journal import Journal
from dag.model import Edge, Plan
from plugins.base import Verdict
from telemetry.alertmanager import parse_v4
from tests.doors.notifications import firing, notification
from tests.run.engine_bench import ALLOW, Bench, Script, action, default, plan_of

PLAN = plan_of(action("act"), Edge("START", "act"), Edge("act", "END.resolved"), default("act", "END.escalate"))


class OneGuide:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def plan_for(self, alert: Any) -> tuple[Plan, str]:
        return self.plan, "the only one"


@pytest.fixture(params=["sqlite", "postgres"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    url = None if request.param == "sqlite" else request.getfixturevalue("database")
    made = Bench(tmp_path / "journal.db", Script(), url=url)
    yield made
    made.journal.close()


class Past:
    """Runs that ended, one after another."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.count = bench, 0

    async def run(self, name: str = "Hot", guide: str = "guide.md", summary: str = "", **labels: str) -> str:
        self.count += 1
        plan = replace(PLAN, guide=guide)
        alert = firing(self.count, labels={"alertname": name, **labels}, annotations={"summary": summary})
        body = json.dumps(notification(alert, groupKey=f"g{self.count}")).encode()
        intake = Intake(self.bench.journal, OneGuide(plan), run_deadline_s=3600, clock=lambda: datetime.now(UTC))
        (accepted,) = await intake.accept(parse_v4(body, "alertmanager"))
        assert accepted.run_id
        await self.bench.go_on(accepted.run_id, plan)
        return accepted.run_id

    def recall(self, facts: Facts, words: str = "", **how: Any) -> list[Recalled]:
        remember(self.bench.journal)
        return self.bench.journal.read_now(lambda conn: recall(conn, facts, words, **how))


def ids(found: list[Recalled]) -> list[str]:
    return [r.incident.run_id for r in found]


async def test_what_was_changed_and_verified_is_remembered_with_its_outcome(bench: Bench) -> None:
    past = Past(bench)
    run_id = await past.run(host="gpu-7", severity="page")
    bench.script.verdict = Verdict(False, "still hot")
    failed = await past.run(host="gpu-8")
    (one,) = past.recall(Facts(targets=["gpu-7"]), strict=True)
    assert (one.incident.run_id, one.incident.outcome, one.incident.alerts) == (run_id, "resolved", ("Hot",))
    assert one.incident.targets == ("gpu-7", "thing:x")
    assert [(c.action, c.writes, c.outcome) for c in one.incident.changed] == [("push", ("thing:x",), "verified")]
    (other,) = past.recall(Facts(targets=["gpu-8"]), strict=True)
    assert (other.incident.run_id, other.incident.outcome) == (failed, "escalated")
    assert (other.incident.changed[0].outcome, other.incident.changed[0].undone) == ("not verified", "pulled back")


async def test_exact_facts_come_first_then_words_then_the_newest(bench: Bench) -> None:
    past = Past(bench)
    elsewhere = await past.run("Slow", "other.md", "the fan of a switch stands still", host="sw-1")
    same_guide = await past.run("Slow", host="gpu-1")
    same_target = await past.run("Slow", "other.md", host="gpu-7")
    same_alert = await past.run("Hot", "other.md", host="gpu-2")
    both = await past.run("Hot", host="gpu-7")
    facts = Facts("guide.md", ["Hot"], ["gpu-7"])
    found = past.recall(facts, "fan", limit=10)
    assert ids(found) == [both, same_alert, same_target, same_guide, elsewhere]
    assert found[0].why == ("same alert: Hot", "same guide: guide.md", "same target: gpu-7")
    assert found[-1].why == ("words",)
    assert ids(past.recall(facts, limit=10, but=both))[0] == same_alert
    assert ids(past.recall(facts, limit=2)) == [both, same_alert]
    assert ids(past.recall(Facts(alerts=["Hot"], targets=["gpu-7"]), strict=True)) == [both]
    assert ids(past.recall(Facts(), "FAN switch", strict=True)) == [elsewhere]


async def test_a_run_that_goes_on_is_not_remembered_and_an_ended_one_once(bench: Bench) -> None:
    past = Past(bench)
    bench.policy = Policy.model_validate({"rule": [{"action": "*", "rung": "approve"}]})
    bench.restart()
    await past.run(host="gpu-7")
    assert past.recall(Facts(targets=["gpu-7"])) == []
    bench.policy = ALLOW
    bench.restart()
    ended = await past.run(host="gpu-8")
    assert (remember(bench.journal), remember(bench.journal)) == (1, 0)
    assert ids(bench.journal.read_now(lambda conn: latest(conn, 10))) == [ended]


async def test_it_is_made_anew_from_the_journal(bench: Bench) -> None:
    past = Past(bench)
    runs = [await past.run(summary=f"word{n}", host=f"gpu-{n}") for n in range(3)]
    before = past.recall(Facts("guide.md"), "word1")
    assert rebuild(bench.journal) == len(runs)
    assert past.recall(Facts("guide.md"), "word1") == before


async def test_no_secret_is_remembered(bench: Bench) -> None:
    past = Past(bench)
    await past.run(summary="DB_PASSWORD=hunter2hunter2 was refused", token="hunter2hunter2", host="gpu-7")
    (found,) = past.recall(Facts(targets=["gpu-7"]))
    assert "hunter2" not in found.incident.model_dump_json()
    assert past.recall(Facts(), "hunter2hunter2") == []


HOSTILE = [
    '"',
    "' OR 1=1 --",
    "a AND NOT b",
    "NEAR(a b)",
    "words:*",
    "(((",
    "x' ; DROP TABLE incident",
    "-gpu",
    ":terms",
    "%",
]


@pytest.mark.parametrize("words", HOSTILE)
async def test_what_somebody_wrote_is_words_and_never_the_searchs_syntax(bench: Bench, words: str) -> None:
    past = Past(bench)
    run_id = await past.run(summary=f"{words} needle", host=words)
    assert ids(past.recall(Facts(), f"{words} needle")) == [run_id]
    assert ids(past.recall(Facts(targets=[words]), strict=True)) == [run_id]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Any:
    journal = Journal(f"sqlite:///{tmp_path_factory.mktemp('memory')}/journal.db")
    rebuild(journal)
    yield journal
    journal.close()


@given(st.text(max_size=200))
def test_any_text_can_be_looked_for(empty: Journal, words: str) -> None:
    assert empty.read_now(lambda conn: recall(conn, Facts(), words)) == []
