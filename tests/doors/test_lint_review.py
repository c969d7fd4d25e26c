"""lint --review: a model's remarks over a real wire, marked in every format, beside what checks find."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.doors.sarif_log import LOG
from tests.doors.test_terminal import stepfleet
from tests.model.fault_server import Script, Seen, always, completion, failure, serving

GUIDE = """\
# Cache is cold

1. Read the hit rate with `redis-cli info stats`.
2. Warm the shard up as usual.
"""


def claim(**changed: Any) -> dict[str, Any]:
    good = {
        "line": 4,
        "quote": "Warm the shard up as usual",
        "category": "clarity",
        "message": "nobody new knows what is usual",
        "suggestion": "give the command",
    }
    return {**good, **changed}


def saying(*claims: dict[str, Any]) -> Script:
    return always(completion(json.dumps({"claims": list(claims)})))


TRUE_AND_FALSE = saying(claim(), claim(line=3))


async def reviewed(folder: Path, *arguments: str, script: Script = TRUE_AND_FALSE) -> subprocess.CompletedProcess[str]:
    async with serving(script) as server:
        return await asyncio.to_thread(run, folder, server.url, *arguments)


def run(folder: Path, url: str, *arguments: str, more: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "stepfleet.toml").write_text(f'[llm]\nbase_url = "{url}"\nmodel = "wire"\n{more}')
    return stepfleet("lint", "cold.md", "--review", *arguments, cwd=folder, env={"XDG_CACHE_HOME": str(folder / "c")})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cold.md").write_text(GUIDE)
    return tmp_path


async def test_a_remark_stands_beside_findings_and_a_false_one_is_counted(folder: Path) -> None:
    done = await reviewed(folder)
    assert done.returncode == 0, done.stderr
    assert (
        "cold.md:4: info model-review: the model wire finds of clarity: nobody new knows what is usual\n"
        "  hint: give the command\n"
    ) in done.stdout
    assert done.stderr.endswith("; 1 of a model's, 1 dropped that do not quote the guide\n")


@pytest.mark.parametrize(
    ("shape", "mark"),
    [
        pytest.param("json", '"category": "model-review"', id="JSON"),
        pytest.param("sarif", '"ruleId": "model-review"', id="SARIF"),
        pytest.param("github", "title=model-review::the model wire finds", id="annotations"),
    ],
)
async def test_every_format_marks_what_is_the_model_s(folder: Path, shape: str, mark: str) -> None:
    done = await reviewed(folder, "--format", shape)
    assert mark in done.stdout
    assert "the model wire finds of clarity" in done.stdout


async def test_a_claim_in_sarif_is_as_the_standard_has_it(folder: Path) -> None:
    done = await reviewed(folder, "--format", "sarif", "--select", "model-review")
    log = json.loads(done.stdout)
    Draft202012Validator(LOG).validate(log)
    (result,) = log["runs"][0]["results"]
    assert result["level"] == "note"


async def test_json_counts_what_was_dropped(folder: Path) -> None:
    done = await reviewed(folder, "--json")
    assert json.loads(done.stdout)["review"] == {"dropped": 1, "unanswered": []}


async def test_other_findings_need_not_be_chosen_for_it(folder: Path) -> None:
    done = await reviewed(folder, "--json", "--select", "structure")
    assert [f["code"] for f in json.loads(done.stdout)["findings"]] == ["model-review"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GUIDE.replace("usual.", "usual. <!-- stepfleet: ignore model-review -- known -->"), id="a line"),
        pytest.param(GUIDE + "\n<!-- stepfleet: ignore-file model-review -->\n", id="the guide"),
    ],
)
async def test_a_remark_can_be_silenced(folder: Path, text: str) -> None:
    (folder / "cold.md").write_text(text)
    done = await reviewed(folder, "--json")
    assert not {f["code"] for f in json.loads(done.stdout)["findings"]} & {"model-review", "unused-suppression"}


@pytest.mark.parametrize(
    ("section", "text", "arguments"),
    [
        pytest.param('per_file_ignores = {"cold.md" = ["model-review"]}', GUIDE, (), id="the project, of the file"),
        pytest.param('disable = ["model-review"]', GUIDE, (), id="the project"),
        pytest.param("", GUIDE + "\n<!-- stepfleet: ignore-file model-review -->\n", (), id="the author"),
        pytest.param("", GUIDE, ("--ignore", "model-review"), id="the command line"),
    ],
)
async def test_a_guide_without_wanted_remarks_is_not_shown_to_the_model(
    folder: Path, section: str, text: str, arguments: tuple[str, ...]
) -> None:
    (folder / "cold.md").write_text(text)
    async with serving(TRUE_AND_FALSE) as server:
        done = await asyncio.to_thread(run, folder, server.url, *arguments, more=f"[mentor]\n{section}\n")
        assert server.seen == []
    assert done.returncode == 0
    assert "cold.md: was not reviewed: model-review is left out of it" in done.stderr


async def test_no_setting_makes_a_claim_graver(folder: Path) -> None:
    async with serving(TRUE_AND_FALSE) as server:
        more = '[mentor]\nseverity = {model-review = "error"}\n'
        done = await asyncio.to_thread(run, folder, server.url, more=more)
        assert server.seen == []
    assert done.returncode == 2
    assert "never more than info" in done.stderr


@pytest.mark.parametrize(("level", "code"), [("warning", 0), ("info", 1)])
async def test_a_claim_fails_only_where_remarks_do(folder: Path, level: str, code: int) -> None:
    done = await reviewed(folder, "--select", "model-review", "--fail-on", level)
    assert done.returncode == code


async def test_without_an_answer_the_other_findings_are_shown_and_the_exit_code_is_2(folder: Path) -> None:
    done = await reviewed(folder, script=always(failure(401)))
    assert done.returncode == 2
    assert "cold.md: lines 1 to 5 were not reviewed: Rejected" in done.stderr
    assert "cold.md:4: info kind-open" in done.stdout
    assert "Traceback" not in done.stderr


async def test_the_second_time_nothing_is_asked(folder: Path) -> None:
    seen: list[Seen] = []

    def script(request: Seen) -> Any:
        seen.append(request)
        return TRUE_AND_FALSE(request)

    async with serving(script) as server:
        first, second = [await asyncio.to_thread(run, folder, server.url, "--json") for _ in range(2)]
    assert first.stdout == second.stdout
    assert len(seen) == 1
    assert re.search(r"4: 2\. Warm the shard", seen[0].json["messages"][-1]["content"])


def test_without_a_model_it_says_how_to_configure_one_and_mends_nothing(folder: Path) -> None:
    (folder / "cold.md").write_text(GUIDE.replace("2. Warm", "3. Warm"))
    done = stepfleet("lint", "cold.md", "--review", "--fix", cwd=folder)
    assert done.returncode == 2
    assert "no model is configured" in done.stderr
    assert "docs/model.md" in done.stderr
    assert "3. Warm" in (folder / "cold.md").read_text()
