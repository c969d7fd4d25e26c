"""How the client finds out what an endpoint supports, and that it asks only once."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from agent.model import llm as errors
from agent.model.dialect import Dialect, Dialects, Mode, strict_schema
from agent.model.llm import Prompt
from agent.model.openai_chat import OpenAiChat
from agent.model.prompt import choice_schema
from agent.model.settings import LlmSettings
from tests.model.fault_server import Answer, FaultServer, Script, Seen, always, completion, failure, in_turn, serving

GOOD = json.dumps({"reason": "r", "choice": "B"})
SCHEMA = choice_schema(("A", "B"))
PROMPT = Prompt("system", "user")


def speaks(*modes: str) -> Script:
    """An endpoint that refuses every mode but these."""

    def script(seen: Seen) -> Answer:
        if seen.mode not in modes:
            return failure(400, f"unsupported parameter: {seen.mode}")
        return completion(tool=("answer", GOOD)) if seen.mode == "tool" else completion(GOOD)

    return script


def ignores(*modes: str) -> Script:
    """An endpoint that takes these modes' parameters and answers with prose all the same."""
    return lambda seen: completion("I think B." if seen.mode in modes else GOOD)


async def ask_twice(server: FaultServer, dialects: Dialects | None = None) -> list[str]:
    client = OpenAiChat(LlmSettings(base_url=server.url, model="m"), None, dialects=dialects)
    for _ in range(2):
        reply = await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        assert reply.value.choice == "B"
    await client.close()
    return server.modes


@pytest.mark.parametrize(
    ("script", "modes"),
    [
        pytest.param(speaks("json_schema"), ["json_schema"] * 2, id="json_schema is used where it works"),
        pytest.param(speaks("tool"), ["json_schema", "tool", "tool"], id="then a forced tool call"),
        pytest.param(speaks("plain"), ["json_schema", "tool", "plain", "plain"], id="then plain JSON"),
        pytest.param(
            ignores("json_schema"), ["json_schema", "tool", "tool"], id="a mode that is taken and ignored is left"
        ),
        pytest.param(ignores("json_schema", "tool"), ["json_schema", "tool", "plain", "plain"], id="so are two"),
    ],
)
async def test_what_worked_is_remembered(script: Script, modes: list[str]) -> None:
    async with serving(script) as server:
        assert await ask_twice(server) == modes


async def test_what_worked_is_remembered_per_endpoint_and_model() -> None:
    dialects = Dialects()
    async with serving(speaks("tool")) as first, serving(speaks("plain")) as second:
        await ask_twice(first, dialects)
        await ask_twice(second, dialects)
        assert await ask_twice(first, dialects) == ["json_schema", "tool", "tool", "tool", "tool"]


async def test_an_endpoint_that_changed_is_probed_again() -> None:
    answers = in_turn([completion(GOOD), failure(400, "response_format?"), completion(tool=("answer", GOOD))])
    async with serving(answers) as server:
        assert await ask_twice(server) == ["json_schema", "json_schema", "tool"]


async def test_one_bad_answer_of_a_proven_mode_does_not_change_it() -> None:
    async with serving(in_turn([completion(GOOD), completion("hm"), completion(GOOD)])) as server:
        client = OpenAiChat(LlmSettings(base_url=server.url, model="m"), None)
        await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        with pytest.raises(errors.Malformed):
            await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        await client.close()
    assert server.modes == ["json_schema"] * 3


async def test_probing_goes_on_with_the_next_question_when_calls_run_out() -> None:
    async with serving(speaks("plain")) as server:
        client = OpenAiChat(LlmSettings(base_url=server.url, model="m"), None)
        with pytest.raises(errors.BudgetExceeded):
            await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000, max_calls=2)
        await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000, max_calls=2)
        await client.close()
    assert server.modes == ["json_schema", "tool", "plain"]


async def test_plain_json_is_repaired_exactly_once_and_sees_what_was_wrong() -> None:
    async with serving(always(completion("B, surely"))) as server:
        client = OpenAiChat(LlmSettings(base_url=server.url, model="m"), None)
        with pytest.raises(errors.Malformed) as caught:
            await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000, max_calls=9)
        await client.close()
    assert server.modes == ["json_schema", "tool", "plain", "plain"]
    assert caught.value.repaired
    assert caught.value.raw == "B, surely"
    first, last = server.seen[-2].json["messages"], server.seen[-1].json["messages"]
    assert len(first) == 2
    assert last[2] == {"role": "assistant", "content": "B, surely"}
    assert '"enum": ["A", "B", "undecided"]' in last[3]["content"]


@pytest.mark.parametrize(
    ("refusal", "gone", "there"),
    [
        pytest.param(
            "Use 'max_completion_tokens' instead.", "max_tokens", "max_completion_tokens", id="the length's other name"
        ),
        pytest.param("temperature: only 1 is supported", "temperature", "response_format", id="a fixed temperature"),
    ],
)
async def test_parameters_that_a_model_refuses_are_left_out(refusal: str, gone: str, there: str) -> None:
    async with serving(lambda seen: failure(400, refusal) if gone in seen.json else completion(GOOD)) as server:
        assert await ask_twice(server) == ["json_schema"] * 3
    assert gone not in server.seen[1].json
    assert there in server.seen[1].json


async def test_an_answer_is_bounded_in_tokens() -> None:
    async with serving(always(completion(GOOD))) as server:
        client = OpenAiChat(LlmSettings(base_url=server.url, model="m"), None)
        await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=100)
        await client.close()
    assert [s.json["max_tokens"] for s in server.seen] == [512, 97]


def test_the_modes_end() -> None:
    dialect: Dialect | None = Dialect()
    modes = []
    while dialect:
        modes.append(dialect.mode)
        dialect = dialect.after_refusal("max_completion_tokens temperature")
    assert list(dict.fromkeys(modes)) == list(Mode)
    assert len(modes) <= 6


class _Book(BaseModel):
    title: str
    pages: int = 3


def test_schemas_are_closed_with_every_property_required() -> None:
    assert strict_schema(_Book) == {
        "type": "object",
        "properties": {"title": {"type": "string"}, "pages": {"type": "integer", "default": 3}},
        "required": ["title", "pages"],
        "additionalProperties": False,
    }
