"""compile: what a plan is locked as, what has drifted from it, and where each part came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.doors.test_terminal import HOTSPOT, stepfleet

FOR_PEOPLE = """\
# Queue is long

## 1. Look at the queue

The queue is long when more than 50 requests wait.

```promql
sum(vllm:num_requests_waiting) > 50
```

If it is empty, go to step 2.

## 2. Stop the feeder

```bash
kubectl scale deploy/feeder --replicas=0 -n serving
```
"""


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    guide = tmp_path / "hotspot.md"
    guide.write_text(HOTSPOT.read_text())
    done = stepfleet("compile", guide, "--lock", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"wrote {tmp_path / 'hotspot.plan.json'}" in done.stderr
    return guide


def test_a_locked_guide_has_not_drifted(locked: Path) -> None:
    done = stepfleet("compile", locked, "--check", cwd=locked.parent)
    assert (done.returncode, done.stdout) == (0, "")
    assert "as locked" in done.stderr


def test_prose_and_places_may_change_under_a_lock(locked: Path) -> None:
    text = locked.read_text()
    locked.write_text(text.replace("## Meaning\n", "## Meaning\n\nOne more sentence of background.\n"))
    assert stepfleet("compile", locked, "--check", cwd=locked.parent).returncode == 0


@pytest.mark.parametrize(
    ("was", "now", "where", "part"),
    [
        pytest.param("If `max(hot) < 1`", "If `max(hot) < 2`", "is-it-still-a-hotspot", "way", id="a threshold"),
        pytest.param("max_age=30s retries=2\nsum(", "max_age=300s retries=2\nsum(", "free-slots", "calls", id="an age"),
        pytest.param("== 1\n)", "== 0\n)", "free-slots", "calls", id="a query"),
        pytest.param("## Free slots", "## Slots that are free", "slots-that-are-free", "step", id="a step"),
        pytest.param("default: demo}", "default: prod}", "fleet", "input", id="an input"),
        pytest.param('fleet: "{{ fleet }}"\nplan', "fleet: other\nplan", "move", "calls", id="an action's argument"),
    ],
)
def test_a_change_of_what_it_does_is_drift(locked: Path, was: str, now: str, where: str, part: str) -> None:
    text = locked.read_text()
    assert was in text
    locked.write_text(text.replace(was, now, 1))
    done = stepfleet("compile", locked, "--check", "--json", cwd=locked.parent)
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (1, False)
    assert any(where in change["where"] and change["part"] == part for change in told["drift"]), told["drift"]
    lines = locked.read_text().count("\n") + 1
    assert all(1 <= change["line"] <= lines for change in told["drift"])


def test_words_that_disagree_with_their_query_are_drift_too(tmp_path: Path) -> None:
    guide = tmp_path / "queue.md"
    guide.write_text(FOR_PEOPLE.replace("> 50\n", "> 80\n"))
    assert stepfleet("compile", guide, "--lock", cwd=tmp_path).returncode == 0
    done = stepfleet("compile", guide, "--check", cwd=tmp_path)
    assert done.returncode == 1
    assert f"{guide}:5: warning prose-query-mismatch" in done.stdout
    guide.write_text(FOR_PEOPLE)
    assert stepfleet("compile", guide, "--lock", cwd=tmp_path).returncode == 0
    assert stepfleet("compile", guide, "--check", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        pytest.param(None, "has no lock", id="none"),
        pytest.param("{", "is no JSON", id="no JSON"),
        pytest.param("[]", "queue.plan.json", id="no plan"),
        pytest.param('{"steps": [], "edges": [], "digest": "0"}', "queue.plan.json", id="edited"),
    ],
)
def test_a_lock_that_cannot_be_compared_with_is_told(tmp_path: Path, lock: str | None, message: str) -> None:
    guide = tmp_path / "queue.md"
    guide.write_text(FOR_PEOPLE)
    if lock is not None:
        guide.with_suffix(".plan.json").write_text(lock)
    done = stepfleet("compile", guide, "--check", cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "--lock" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_guide_with_errors_is_not_locked(tmp_path: Path) -> None:
    guide = tmp_path / "hotspot.md"
    guide.write_text(HOTSPOT.read_text().replace("`max(hot) < 1`", "`max(hott) < 1`"))
    done = stepfleet("compile", guide, "--lock", cwd=tmp_path)
    assert done.returncode != 0
    assert "hott" in done.stderr
    assert not guide.with_suffix(".plan.json").exists()


def test_each_part_of_a_step_is_explained_with_its_lines(tmp_path: Path) -> None:
    guide = tmp_path / "queue.md"
    guide.write_text(FOR_PEOPLE)
    done = stepfleet("compile", guide, "--explain", "2-stop-the-feeder", "--json", cwd=tmp_path)
    told = {r["part"]: (r["lines"], r["rule"]) for r in json.loads(done.stdout)["reasons"]}
    assert told["step"][0] == [[13, 17]]
    assert told["risk"][0] == [[13, 17]]
    assert "scale" in told["risk"][1]
    assert "edge from 1-look-at-the-queue" in told
    missing = stepfleet("compile", guide, "--explain", "nothing", cwd=tmp_path)
    assert missing.returncode == 2
    assert "no step is called 'nothing'" in missing.stderr
    assert "1-look-at-the-queue" in missing.stderr
