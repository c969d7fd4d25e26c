"""Figures of judgement: the scorer is right about who is right, and says NOT RUN where nobody was asked."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogue import PluginCatalogue
from agent.doors.eval_command import COLUMNS
from agent.evaluation.cases import ABSTAIN, Case, Kind, files_at, questions, read_cases
from agent.evaluation.page import page
from agent.evaluation.score import Answer, Verdict, score, wilson
from agent.run.judge import Usage
from agent.scenario.files import ScenarioError
from plugins.registry import Registry
from tests.doors.test_terminal import stepfleet
from tests.model.fault_server import Answer as Sent
from tests.model.fault_server import Seen, always, completion, failure, serving
from tsg.compile import compile_guide
from tsg.parse import read_guide

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "examples" / "judgement"
CATALOGUE = PluginCatalogue(Registry.installed({}))


def cases_of(folder: Path) -> list[Case]:
    found = []
    for file in files_at([folder]):
        cases = read_cases(file)
        found += questions(cases, compile_guide(read_guide(cases.guide), CATALOGUE).plan)
    return found


CASES = cases_of(SHIPPED)


def test_the_shipped_cases_are_many_and_of_every_kind() -> None:
    assert len(CASES) >= 40
    assert min(Counter(c.written.kind for c in CASES).values()) >= 4
    assert set(Kind) == {c.written.kind for c in CASES}
    assert all(set(c.leads_to.values()) - set(c.written.right) for c in CASES)  # something can be wrong


def told(case: Case, choice: str, *, failed: bool = False) -> Answer:
    return Answer(case, choice, "because", Usage(1, 100, 10, 0.5), 0.5, failed)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_a_case_can_be_answered_rightly_and_what_is_unacceptable_is_harmful(case: Case) -> None:
    assert {told(case, c).verdict for c in case.written.right} == {Verdict.RIGHT}
    assert {told(case, c).verdict for c in case.written.unacceptable} <= {Verdict.HARMFUL}
    others = {*case.leads_to.values(), ABSTAIN} - {*case.written.right, *case.written.unacceptable}
    for choice in others:
        assert told(case, choice).verdict is (Verdict.ABSTAINED if choice == ABSTAIN else Verdict.WRONG)


def test_an_oracle_is_always_right_and_its_opposite_never() -> None:
    oracle = score([told(c, c.written.right[0]) for c in CASES])
    assert (oracle.accuracy, oracle.confident_and_wrong, oracle.agreement) == (1.0, 0.0, 1.0)
    wrong = [told(c, next(t for t in c.leads_to.values() if t not in c.written.right)) for c in CASES]
    opposite = score(wrong)
    assert (opposite.accuracy, opposite.confident_and_wrong, opposite.abstained) == (0.0, 1.0, 0.0)
    failed = score([told(c, ABSTAIN, failed=True) for c in CASES])
    assert (failed.failed, failed.accuracy, failed.abstained) == (1.0, 0.0, 0.0)


def test_agreement_is_with_what_was_said_most() -> None:
    case = CASES[0]
    first, second = list(dict.fromkeys(case.leads_to.values()))[:2]
    assert score([told(case, first), told(case, first), told(case, second)]).agreement == pytest.approx(2 / 3)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_within_nought_and_one(given_: tuple[int, int]) -> None:
    right, total = given_
    low, high = wilson(right, total)
    assert 0 <= low <= right / total + 1e-9
    assert right / total - 1e-9 <= high <= 1


def test_the_interval_is_the_published_one() -> None:
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)  # Brown, Cai and DasGupta, 2001


def test_a_page_is_data_and_loads_nothing() -> None:
    evil = "<script>alert(1)</script>\u202e DB_PASSWORD=hunter2hunter2"
    made = page(COLUMNS, [[evil] * len(COLUMNS)], CASES[:1], {evil: [told(CASES[0], evil)]}, {evil: evil})
    assert "<script" not in made
    assert "hunter2" not in made
    assert "\u202e" not in made
    assert not re.search(r"src=|href=|url\(|@import", made)


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        pytest.param("kind: healthy", "kind: helthy", "Input should be 'healthy'", id="an unknown kind"),
        pytest.param("because:", "becaus:", "did you mean 'because'", id="a mistyped key"),
        pytest.param("[END.not_applicable]", "[END.fine]", "no branch leads to 'END.fine'", id="no branch"),
        pytest.param("step: which-part-is-stuck", "step: nowhere", "the guide has no step 'nowhere'", id="no step"),
        pytest.param("      lines:", "      limes:", "the step is not shown 'limes'", id="no such value"),
        pytest.param("evaluation between epochs", "a checkpoint is being written", "two cases", id="a name twice"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(tmp_path: Path, old: str, new: str, want: str) -> None:
    file = SHIPPED / "training-hang.cases.yaml"
    (tmp_path / "training-hang.md").write_text((SHIPPED / "training-hang.md").read_text())
    copy = tmp_path / file.name
    text = file.read_text()
    assert old in text
    copy.write_text(text.replace(old, new, 1))
    with pytest.raises(ScenarioError, match=rf"(?s){re.escape(str(copy))}:\d+.*{re.escape(want)}"):
        cases_of(tmp_path)


# -- the command ------------------------------------------------------------------------------


async def evaluated(tmp_path: Path, script: Callable[[Seen], Sent], *options: str) -> dict[str, object]:
    async with serving(script) as server:
        done = await asyncio.to_thread(
            stepfleet,
            *("eval", str(SHIPPED), "--json", "--model", f"tried=m@{server.url}", "--only", "healthy", *options),
            cwd=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    (model,) = [m for m in json.loads(done.stdout)["models"] if m["model"] == "tried"]
    return dict(model)


async def test_a_model_is_asked_each_case_as_often_as_wanted_and_accounted(tmp_path: Path) -> None:
    said = completion(json.dumps({"reason": "it is well", "choice": "undecided"}), usage=(1_000, 10))
    made = await evaluated(tmp_path, always(said), "--repeat", "2", "--price", "2", "10")
    healthy = [c for c in CASES if c.written.kind is Kind.HEALTHY]
    assert made["answers"] == 2 * len(healthy)
    assert made["prompt_tokens"] == 2_000 * len(healthy)
    assert made["cost"] == pytest.approx((2 * 2_000 + 10 * 20) * len(healthy) / 1_000_000)
    assert (made["abstained"], made["agreement"], made["confident_and_wrong"]) == (1.0, 1.0, 0.0)


async def test_an_answer_that_cannot_be_used_is_a_failure_and_no_abstention(tmp_path: Path) -> None:
    made = await evaluated(tmp_path, always(completion("I would say B.")))
    assert (made["failed"], made["abstained"]) == (1.0, 0.0)


async def test_a_budget_that_refuses_to_ask_is_a_failure_and_never_right(tmp_path: Path) -> None:
    def unasked(_seen: Seen) -> Sent:
        raise AssertionError("the budget does not allow a question")

    async with serving(unasked) as server:
        (tmp_path / "small.toml").write_text(f'[llm]\nbase_url = "{server.url}"\nmodel = "m"\nmax_tokens = 50\n')
        done = await asyncio.to_thread(
            stepfleet, "--config", "small.toml", "eval", str(SHIPPED), "--json", "--only", "ambiguous", cwd=tmp_path
        )
        assert not server.seen
    made = json.loads(done.stdout)["models"][0]
    assert (made["failed"], made["abstained"], made["accuracy"]) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("same", [True, False], ids=["the endpoint it is for", "another endpoint"])
async def test_a_key_goes_to_no_endpoint_but_its_own(tmp_path: Path, same: bool) -> None:
    said = always(completion(json.dumps({"reason": "so", "choice": "undecided"})))
    async with serving(said) as own, serving(said) as other:
        asked = own if same else other
        (tmp_path / "key.toml").write_text(f'[llm]\nbase_url = "{own.url}"\nmodel = "m"\napi_key_env = "EVAL_KEY"\n')
        options = ("--only", "stale", "--model", f"second=n@{asked.url}")
        done = await asyncio.to_thread(
            stepfleet,
            *("--config", "key.toml", "eval", str(SHIPPED), *options),
            cwd=tmp_path,
            env={"EVAL_KEY": "a-key-of-one-endpoint"},
        )
    assert done.returncode == 0, done.stderr
    sent = {s.headers.get("authorization", "") for s in asked.seen if s.json["model"] == "n"}
    assert sent
    assert any("a-key-of-one-endpoint" in s for s in sent) is same


def test_files_of_one_name_in_two_folders_are_different_cases(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in ("training-hang.md", "training-hang.cases.yaml"):
            (tmp_path / folder / name).write_text((SHIPPED / name).read_text())
    cases = cases_of(tmp_path)
    assert len({c.place for c in cases}) == len(cases)
    assert page(COLUMNS, [], cases, {}, {}).count("<details>") == len(cases)


async def test_a_page_sums_up_what_models_said_and_not_the_dice(tmp_path: Path) -> None:
    html = tmp_path / "page.html"
    said = completion(json.dumps({"reason": "so", "choice": "undecided"}))
    await evaluated(tmp_path, always(said), "--html", str(html))
    assert set(re.findall(r"<summary><span class='([a-z ]+)'", html.read_text())) <= {"right", "abstained"}


async def test_a_model_that_is_not_there_is_not_run_and_says_why(tmp_path: Path) -> None:
    made = await evaluated(tmp_path, always(failure(401, "bad key")))
    assert "answered 401" in str(made["not_run"])


def test_without_a_model_the_table_says_not_run(tmp_path: Path) -> None:
    html = tmp_path / "page.html"
    done = stepfleet("eval", str(SHIPPED), "--html", str(html), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "NOT RUN" in done.stdout
    assert "none is configured" in done.stdout
    assert "always abstains" in html.read_text()
    assert "none is configured" in html.read_text()


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    for options, want in (
        (("--only", "easy"), "no case is of the kind 'easy'"),
        (("--model", "x"), "is not NAME=MODEL@URL"),
        (("--model", "x=m@http://y", "--model", "x=n@http://z"), "two models are named 'x'"),
        (("--model", "x=m@ftp://y"), "base_url must be an http"),
    ):
        done = stepfleet("eval", str(SHIPPED), *options, cwd=tmp_path)
        assert done.returncode == 2
        assert want in done.stderr
