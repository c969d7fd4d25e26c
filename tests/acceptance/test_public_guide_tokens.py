"""What judgement costs on a long guide of others: nothing where its conditions are typed, little where they are judged.

The guide is read where `STEPFLEET_CORPUS` says, and made runnable the way its team would do it: each query block
becomes a bound `http` query with recorded rows, and each of its three conditions in words a branch, either in those
words or as code. Nothing else of its text is touched. Tokens are characters / 4, as for any endpoint that reports none.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from agent.report import Report, report
from agent.service import build_service
from agent.settings import load_settings
from tests.doors.pushing import pushing
from tests.model.fault_server import completion, serving
from tests.plugins.http_target import Seen, Target, http_target, says

GUIDE = "guides/stepfly/TSGs__Distributed_System_Low_Availability.md"
MOST_JUDGED_TOKENS = 20_000
PUBLISHED_TOKENS = 396_000  # of the guide's published executor, by its own paper
DECIDES = re.compile(
    r"^If (?P<words>[^\n]+?), recommend [^\n]+\n\nOtherwise, proceed to Step 11\.$"
    r"|^- If (?P<finds>[^\n]+?), this indicates [^\n]+\n\n- Otherwise, [^\n]+$",
    re.MULTILINE,
)
QUERY = re.compile(r"<PLUGIN_(\d+)>(?P<body>.*?)</PLUGIN_\1>", re.DOTALL)
TYPED = {
    "1": "`rows_1.body.exists(r, r.assessment == 'REGRESSION_DETECTED')`",
    "2": "`rows_2.body.exists(r, r.assessment == 'HIGH_ERROR_RATE')`",
    "8": "`rows_8.body.exists(r, r.impact == 'CRITICAL' && r.completion_rate < 99.0)`",
}
QUERIES, ROWS = 9, 20
HEAD = "---\ntitle: Availability\ninputs:\n  - {name: region, type: string, default: us-east}\n---\n# Availability\n\n"
RESOLVED = "\n\n## Resolved\n\nThe cause is known.\n"


def runnable(guide: str, url: str, *, typed: bool) -> str:
    """The guide with bound queries and branches that say where they lead.

    Its first section, which lists parameters, becomes inputs; its last, which sums up, becomes the hand-over.
    """
    _, _, *steps, last = re.split(r"(?m)^(?=## )", guide)
    summary = re.sub(r"(?m)^#+ .*", "", last)
    return f"{HEAD}{''.join(_section(step, url, typed=typed) for step in steps)}## Escalate\n\n{summary}{RESOLVED}"


def _section(text: str, url: str, *, typed: bool) -> str:
    query = QUERY.search(text)
    assert query is not None
    number = query[1]
    block = f"```http as=rows_{number} timeout=10s\nGET {url}/rows/{number}?region={{{{ region }}}}\n```"
    text = QUERY.sub(lambda _: block, text).replace(" Proceed to Step 11.", "")
    text = re.sub(r"(?s)The raw workflow data is now.*?analysis results:\*\*\n\n", "", text)
    text = text.replace("Proceed based on analysis conclusions.", "")
    return DECIDES.sub(lambda m: _branch(TYPED[number] if typed else m["words"] or m["finds"], number), text)


def _branch(condition: str, rows: str) -> str:
    return (
        f"Look at `rows_{rows}`. If {condition}, go to [Resolved](#resolved). Otherwise continue. "
        "If this fails or cannot be decided, go to [Escalate](#escalate)."
    )


def recorded(path: str) -> list[Mapping[str, Any]]:
    """Rows as the query of that number selects them: a healthy system, in as many columns as a real answer has."""
    rng = random.Random(path)
    return [
        {
            "name": f"{path.rpartition('/')[2]}-{nth}",
            "total_count": rng.randint(1_000, 90_000),
            "failure_rate": round(rng.random(), 3),
            "prev_failure_rate": round(rng.random(), 3),
            "failure_rate_delta": round(rng.random(), 3),
            "overall_avg_latency": round(rng.random() * 300, 1),
            "max_p99_latency": round(rng.random() * 900, 1),
            "completion_rate": 99.0 + rng.random(),
            "impact": "LOW",
            "assessment": "NO_REGRESSION",
        }
        for nth in range(ROWS)
    ]


async def answer(seen: Seen, writer: Any) -> None:
    await says(200, recorded(seen.path))(seen, writer)


async def run(folder: Path, guide: str, *, typed: bool) -> Report:
    async with AsyncExitStack() as stack:
        target: Target = await stack.enter_async_context(http_target(answer))
        said = json.dumps({"reason": "no row says so", "choice": "B"})
        model = await stack.enter_async_context(serving(lambda _: completion(said, usage=None)))
        file = pushing(folder, target)
        (folder / "guides" / "push.md").write_text(runnable(guide, target.url, typed=typed))
        file.write_text(f"{file.read_text()}\n[llm]\nbase_url = '{model.url}'\nmodel = 'm'\n")
        service = await stack.enter_async_context(build_service(load_settings(file)))
        run_id = await service.start_run("push", {}, by="test")
        await asyncio.wait_for(service.wait(run_id), 60)
        view = await service.run_view(run_id)
        return report(view.row, view.plan, view.events)


@pytest.fixture(scope="module")
def guide() -> str:
    file = Path(os.environ.get("STEPFLEET_CORPUS", "")) / GUIDE
    if not file.is_file():
        pytest.skip("NOT RUN: set STEPFLEET_CORPUS to a folder of public guides")
    return file.read_text(encoding="utf-8")


async def test_typed_conditions_take_no_token(tmp_path: Path, guide: str) -> None:
    made = await run(tmp_path, guide, typed=True)
    print(made.outcome, made.reason, [(d.step, d.by, d.leads_to) for d in made.decided], len(made.asked), made.cost)
    assert len(made.asked) == QUERIES
    assert {d.by for d in made.decided} == {"condition"}
    assert (made.cost.model_calls, made.cost.prompt_tokens) == (0, 0)


async def test_conditions_in_words_take_a_twentieth_of_the_published_executor(tmp_path: Path, guide: str) -> None:
    made = await run(tmp_path, guide, typed=False)
    print(made.outcome, made.reason, [(d.step, d.by, d.leads_to) for d in made.decided], len(made.asked), made.cost)
    assert len(made.asked) == QUERIES
    assert made.cost.model_calls == len(TYPED)
    assert 0 < made.cost.prompt_tokens <= MOST_JUDGED_TOKENS < PUBLISHED_TOKENS / 19
