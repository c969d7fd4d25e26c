"""clarify: proposals over a real wire, shown with what they change, and written only when named."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.doors.test_terminal import stepfleet
from tests.model.fault_server import Script, Seen, completion, failure, serving

GUIDE = """\
# Cache is cold

## Steps

1. Read the hit rate with `redis-cli info stats`.
2. Make the shard ready.
   Only the replication lag and its age are looked at for that.
3. Flush the shard, then go to step 9.
"""


def model(seen: Seen) -> Any:
    """Answers the first question with a read, and leaves the other open."""
    asked = seen.json["messages"][-1]["content"]
    place = re.search(r"The place in question is line (\d+)", asked)
    assert place
    if place[1] == "6":
        said = {"reason": "it looks", "line": 7, "quote": "Only the replication lag", "choice": "A"}
    else:
        said = {"reason": "no step 9", "line": 8, "quote": "then go to step 9", "choice": "unclear"}
    return completion(json.dumps(said))


async def clarified(folder: Path, *arguments: str | Path, script: Script = model) -> subprocess.CompletedProcess[str]:
    async with serving(script) as server:
        return await asyncio.to_thread(run, folder, server.url, *arguments)


def run(folder: Path, url: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    (folder / "stepfleet.toml").write_text(f'[llm]\nbase_url = "{url}"\nmodel = "wire"\n')
    return stepfleet("clarify", *arguments, cwd=folder, env={"XDG_CACHE_HOME": str(folder / "cache")})


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    file = tmp_path / "cold.md"
    file.write_text(GUIDE)
    file.chmod(0o640)
    return file


async def test_a_proposal_is_shown_with_its_evidence_and_changes_nothing(guide: Path) -> None:
    done = await clarified(guide.parent, guide)
    assert done.returncode == 1, done.stderr
    assert "wire proposes <!-- stepfleet: kind query -->: the step only reads" in done.stdout
    assert "because it looks (line 7: 'Only the replication lag')" in done.stdout
    assert "steps-2: kind was manual, is query" in done.stdout
    assert "reference stays open" in done.stdout
    assert guide.read_text() == GUIDE


async def test_an_accepted_proposal_is_a_line_of_the_guide(guide: Path) -> None:
    async with serving(model) as server:
        first = await asyncio.to_thread(run, guide.parent, server.url, guide, "--json")
        told = json.loads(first.stdout)
        (proposal,) = told["proposals"]
        assert proposal["cites"] == {"line": 7, "quote": "Only the replication lag"}
        assert [o["line"] for o in told["open"]] == [8]
        done = await asyncio.to_thread(run, guide.parent, server.url, guide, "--accept", proposal["key"])
        assert "accepted: the mark stands" in done.stdout, done.stderr
        assert done.returncode == 1, "one place is still open"
        assert len(server.seen) == 2, "the answers were kept"
    assert guide.read_text() == GUIDE.replace("shard ready.", "shard ready. <!-- stepfleet: kind query -->")
    assert guide.stat().st_mode & 0o777 == 0o640
    plan = json.loads(stepfleet("compile", guide, "--json", cwd=guide.parent).stdout)
    assert {s["id"]: s["kind"] for s in plan["steps"]}["steps-2"] == "query"
    assert [p for p in guide.parent.iterdir() if p.name.startswith(".cold")] == []


async def test_a_key_that_names_nothing_writes_nothing(guide: Path) -> None:
    done = await clarified(guide.parent, guide, "--accept", "0000")
    assert done.returncode == 2
    assert "'0000' names 0 proposals" in done.stderr
    assert guide.read_text() == GUIDE


async def test_a_model_that_fails_leaves_all_open(guide: Path) -> None:
    done = await clarified(guide.parent, guide, script=lambda _seen: failure(401, "no such key"))
    assert done.returncode == 1
    assert done.stdout.count("stays open") == 2
    assert "Rejected" in done.stdout
    assert guide.read_text() == GUIDE


def test_without_a_model_it_says_what_to_configure(guide: Path) -> None:
    done = stepfleet("clarify", guide, cwd=guide.parent)
    assert done.returncode == 2
    assert "no model is configured" in done.stderr
    assert "[llm]" in done.stderr


def test_a_guide_without_open_places_asks_nobody(tmp_path: Path) -> None:
    guide = tmp_path / "clear.md"
    guide.write_text("# G\n\n## Do\n\n1. Check the disk with `df -h`.\n")
    done = stepfleet("clarify", guide, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
