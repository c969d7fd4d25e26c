"""Every way an endpoint fails ends in one of our errors, and then in an undecided judgement that says why."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.model import llm as errors
from agent.model.executor import ModelJudge
from agent.model.llm import ModelError, Prompt
from agent.model.openai_chat import OpenAiChat, Timing
from agent.model.prompt import Choice, choice_schema
from agent.model.settings import LlmSettings
from agent.run.events import EventKind, Outcome
from agent.run.judge import Option, Question
from agent.run.state import RunStatus
from dag.model import Edge
from tests.model.fault_server import (
    DATE,
    Answer,
    FaultServer,
    Seen,
    always,
    completion,
    events,
    failure,
    in_turn,
    serving,
)
from tests.run.engine_bench import Bench, Script, default, judged, plan_of, query

GOOD = json.dumps({"reason": "the queue grows", "choice": "A"})
FOREIGN = json.dumps({"reason": "because", "choice": "Z"})
PROMPT = Prompt("system", "user")
SCHEMA = choice_schema(("A", "B"))
QUESTION = Question("run", "step", "Look", "Look at the queue.", (Option("look->a#1", "it grows", "a"),) * 2)


def settings_for(server: FaultServer, *, stream: bool = False) -> LlmSettings:
    return LlmSettings(base_url=server.url, model="m", deadline_s=5, stream=stream)


class Naps:
    """A sleep that takes no time and is remembered."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)

    def timing(self) -> Timing:
        return Timing(sleep=self, now=lambda: datetime(2026, 11, 2, 10, 0, tzinfo=UTC), rng=random.Random(1))


FAULTS = [
    pytest.param(always(failure(429)), errors.RateLimited, 3, id="429 without Retry-After"),
    pytest.param(always(failure(429, headers={"Retry-After": "1"})), errors.RateLimited, 3, id="429, seconds"),
    pytest.param(
        always(failure(429, headers={"Retry-After": "Mon, 02 Nov 2026 10:00:02 GMT", "Date": DATE})),
        errors.RateLimited,
        3,
        id="429, a date two seconds away",
    ),
    pytest.param(always(failure(429, headers={"retry-after-ms": "50"})), errors.RateLimited, 3, id="429, milliseconds"),
    pytest.param(
        always(failure(429, headers={"Retry-After": "86400"})),
        errors.RateLimited,
        1,
        id="429 that asks to wait a day is not waited for",
    ),
    pytest.param(
        always(failure(429, headers={"Retry-After": "99999999999999999999"})),
        errors.RateLimited,
        1,
        id="429 that asks to wait for ever is not waited for",
    ),
    pytest.param(always(failure(429, headers={"Retry-After": "-5 soon"})), errors.RateLimited, 3, id="429, nonsense"),
    pytest.param(
        always(failure(429, "pay first", code="insufficient_quota")), errors.Rejected, 1, id="429 for an empty account"
    ),
    pytest.param(always(failure(500)), errors.Unreachable, 3, id="500"),
    pytest.param(always(failure(503, headers={"Retry-After": "1"})), errors.Unreachable, 3, id="503, seconds"),
    pytest.param(
        always(Answer(b"<html>Bad Gateway</html>", 502, content_type="text/html")),
        errors.Unreachable,
        3,
        id="502, HTML",
    ),
    pytest.param(always(failure(401, "bad key")), errors.Rejected, 1, id="401"),
    pytest.param(always(failure(403)), errors.Rejected, 1, id="403"),
    pytest.param(
        always(Answer(b"", 307, {"Location": "http://127.0.0.1:9/"})),
        errors.Rejected,
        1,
        id="a redirect is not followed",
    ),
    pytest.param(always(Answer(b"{}" * 40, trickle_s=0.2)), errors.ModelTimeout, 1, id="slow tokens"),
    pytest.param(always(Answer(completion(GOOD).body, cut_at=30)), errors.Unreachable, 3, id="a cut connection"),
    pytest.param(
        always(Answer(b"<!doctype html><title>Sign in</title>", content_type="text/html")),
        errors.NotJson,
        1,
        id="HTML with 200",
    ),
    pytest.param(always(Answer(b'{"choices": 7}')), errors.NotJson, 1, id="JSON that is no completion"),
    pytest.param(always(Answer(b"")), errors.Empty, 1, id="an empty body"),
    pytest.param(always(Answer(b'{"choices": []}')), errors.Empty, 1, id="empty choices"),
    pytest.param(always(completion(None)), errors.Empty, 1, id="no content"),
    pytest.param(always(completion("  \n")), errors.Empty, 1, id="blank content"),
    pytest.param(always(completion(GOOD[:20], finish="length")), errors.Truncated, 1, id="truncated"),
    pytest.param(always(completion(refusal="I cannot help with that")), errors.Refused, 1, id="a refusal"),
    pytest.param(always(completion("", finish="content_filter")), errors.Refused, 1, id="a content filter"),
    pytest.param(always(completion(f"Sure! {GOOD} Hope it helps")), errors.Malformed, 4, id="prose around JSON"),
    pytest.param(always(completion(GOOD + GOOD)), errors.Malformed, 4, id="two objects"),
    pytest.param(always(completion("[1, 2]")), errors.Malformed, 4, id="a list"),
    pytest.param(always(completion("[" * 15_000)), errors.Malformed, 4, id="nested beyond reason"),
    pytest.param(always(completion(FOREIGN)), errors.WrongSchema, 4, id="an option outside the enum"),
    pytest.param(always(completion('{"reason": "r", "choice": null}')), errors.WrongSchema, 4, id="a null choice"),
    pytest.param(always(completion('{"choice": "A"}')), errors.WrongSchema, 4, id="a missing field"),
    pytest.param(
        always(completion('{"reason": "r", "choice": "A", "action": "drain"}')),
        errors.WrongSchema,
        4,
        id="an extra field",
    ),
    pytest.param(
        always(completion(tool=("delete_everything", GOOD))), errors.WrongSchema, 4, id="a tool it was not given"
    ),
    pytest.param(always(completion("x" * 30_000)), errors.Malformed, 4, id="a huge content"),
    pytest.param(always(completion("x" * 2_000_000)), errors.TooLarge, 1, id="a huge body"),
    pytest.param(
        always(Answer(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})), errors.TooLarge, 1, id="a compressed body"
    ),
    pytest.param(always(failure(400, "no such model")), errors.Rejected, 3, id="400 to every mode"),
]


CHUNK = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m"}
BEGUN = f"data: {json.dumps({**CHUNK, 'choices': [{'index': 0, 'delta': {'content': GOOD[:9]}}]})}"
STREAM_FAULTS = [
    pytest.param(always(events(BEGUN, end=False)), errors.Unreachable, 3, id="a stream that just ends"),
    pytest.param(always(events(BEGUN)), errors.Unreachable, 3, id="a stream that is done without a reason"),
    pytest.param(
        always(events(BEGUN, cut_at=60)), errors.Unreachable, 3, id="a stream that is cut off within an event"
    ),
    pytest.param(always(events("data: <html>")), errors.NotJson, 1, id="an event that is no JSON"),
    pytest.param(always(events("data: [1]")), errors.NotJson, 1, id="an event that is no object"),
    pytest.param(
        always(events('data: {"choices": [{"delta": 7}]}')), errors.NotJson, 1, id="an event that is no chunk"
    ),
    pytest.param(
        always(events(BEGUN, 'data: {"error": {"message": "out of memory", "code": 500}}')),
        errors.Unreachable,
        3,
        id="an error in the middle of a stream",
    ),
    pytest.param(always(events()), errors.Unreachable, 3, id="a stream without an event"),
    pytest.param(
        always(events(": still here", BEGUN, end=False, trickle_s=0.2)), errors.ModelTimeout, 1, id="a slow stream"
    ),
    pytest.param(
        always(events(*[": still here"] * 90_000, end=False)), errors.TooLarge, 1, id="a stream of nothing, for ever"
    ),
    pytest.param(always(events(*[BEGUN] * 9_000)), errors.TooLarge, 1, id="a stream without an end"),
]
WAYS = [
    *(pytest.param(*p.values, False, id=str(p.id)) for p in FAULTS),
    *(pytest.param(*p.values, True, id=f"{p.id}, streamed") for p in (*FAULTS, *STREAM_FAULTS)),
]


@pytest.mark.parametrize(("script", "want", "requests", "stream"), WAYS)
async def test_a_fault_becomes_our_error_and_an_undecided_judgement(
    script: Callable[..., Answer], want: type[ModelError], requests: int, stream: bool
) -> None:
    async with serving(script) as server:
        settings = settings_for(server, stream=stream)
        client = OpenAiChat(settings, None, timing=Naps().timing())
        deadline_s = 0.5 if want is errors.ModelTimeout else 5
        with pytest.raises(want) as caught:
            await client.ask(PROMPT, SCHEMA, deadline_s=deadline_s, max_tokens=20_000)
        assert type(caught.value) is want
        assert caught.value.usage.calls == requests == len(server.seen)
        assert len(str(caught.value)) < 600
        assert "127.0.0.1" in str(caught.value) or want in (
            errors.Refused,
            errors.Malformed,
            errors.WrongSchema,
        )

        fresh = OpenAiChat(settings, None, timing=Naps().timing())
        judge = ModelJudge.from_settings(fresh, settings.model_copy(update={"deadline_s": deadline_s}))
        judgement = await judge.judge(QUESTION)
        await client.close()
        await fresh.close()
    assert judgement.edge is None
    assert judgement.reason.startswith(want.__name__)
    assert judgement.usage.calls == requests
    assert judgement.by == "m"


JUDGED = plan_of(
    query("look"),
    Edge("START", "look"),
    judged("look", "END.resolved", "it grows"),
    judged("look", "END.not_applicable", "it shrinks"),
)
WITH_DEFAULT = plan_of(
    query("look"),
    Edge("START", "look"),
    judged("look", "END.resolved", "it grows"),
    default("look", "END.escalate"),
)


@pytest.mark.parametrize(("script", "want", "requests", "stream"), WAYS)
async def test_a_run_goes_on_by_the_guides_default_or_waits_for_a_person(
    tmp_path: Path, script: Callable[..., Answer], want: type[ModelError], requests: int, stream: bool
) -> None:
    bench = Bench(tmp_path / "journal.db", Script())
    async with serving(script) as server:
        settings = settings_for(server, stream=stream)
        settings = settings.model_copy(update={"deadline_s": 0.5 if want is errors.ModelTimeout else 5})
        client = OpenAiChat(settings, None, timing=Naps().timing())
        bench.judge = ModelJudge.from_settings(client, settings)
        bench.restart()
        advanced, _ = await bench.run(WITH_DEFAULT)
        assert advanced.outcome is Outcome.ESCALATED
        run_id = await bench.open(JUDGED)
        advanced, _ = await bench.go_on(run_id, JUDGED)
        await client.close()
    parked = bench.last(run_id, EventKind.PARKED).payload
    bench.journal.close()
    assert (advanced.status, parked["why"]) == (RunStatus.PARKED, "judgement")
    assert want.__name__ in parked["reason"]
    assert parked["usage"]["calls"] <= settings.max_calls


SURVIVED = [
    pytest.param([completion(GOOD)], 1, id="a good answer"),
    pytest.param([completion(f"```json\n{GOOD}\n```")], 1, id="fenced JSON"),
    pytest.param([completion(tool=("answer", GOOD))], 1, id="a tool call in answer to a schema"),
    pytest.param([failure(503), completion(GOOD)], 2, id="one 503"),
    pytest.param([failure(429, headers={"Retry-After": "2"}), completion(GOOD)], 2, id="one 429"),
    pytest.param([Answer(b"{", cut_at=0), completion(GOOD)], 2, id="one broken connection"),
    pytest.param([completion(json.dumps({"reason": "long " * 200, "choice": "A"}))], 1, id="a reason that is too long"),
    pytest.param(
        [completion("hm"), completion("hm"), completion("hm"), completion(GOOD)],
        4,
        id="plain JSON after one repair",
    ),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("answers", "requests"), SURVIVED)
async def test_a_fault_that_passes_is_survived(answers: list[Answer], requests: int, stream: bool) -> None:
    async with serving(in_turn(answers)) as server:
        client = OpenAiChat(settings_for(server, stream=stream), None, timing=Naps().timing())
        reply = await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        await client.close()
    assert isinstance(reply.value, Choice)
    assert reply.value.choice == "A"
    assert len(reply.value.reason) <= 300
    assert reply.model == "served-model"
    assert reply.usage.calls == requests == len(server.seen)


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        pytest.param({"Retry-After": "2"}, [2.0, 2.0], id="seconds are honoured"),
        pytest.param({"retry-after-ms": "250"}, [0.25, 0.25], id="milliseconds are honoured"),
        pytest.param({"Retry-After": "Mon, 02 Nov 2026 10:00:03 GMT"}, [3.0, 3.0], id="a date is counted from now"),
        pytest.param(
            {"Retry-After": "Mon, 02 Nov 2026 12:00:01 GMT", "Date": "Mon, 02 Nov 2026 12:00:00 GMT"},
            [1.0, 1.0],
            id="a date is counted from the server's own clock",
        ),
        pytest.param({"Retry-After": "3600"}, [], id="a wait past the deadline is not begun"),
    ],
)
async def test_retry_after_is_honoured_within_the_deadline(headers: dict[str, str], waits: list[float]) -> None:
    naps = Naps()
    async with serving(always(failure(429, headers=headers))) as server:
        client = OpenAiChat(settings_for(server), None, timing=naps.timing())
        with pytest.raises(errors.RateLimited):
            await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        await client.close()
    assert naps.taken == waits


async def test_without_retry_after_the_waits_grow() -> None:
    naps = Naps()
    async with serving(always(failure(503))) as server:
        client = OpenAiChat(settings_for(server), None, timing=naps.timing())
        with pytest.raises(errors.Unreachable):
            await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        await client.close()
    assert [0.5 <= naps.taken[0] <= 0.75, 1.0 <= naps.taken[1] <= 1.5, len(naps.taken)] == [True, True, 2]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_reported_usage_of_failed_attempts_is_counted(stream: bool) -> None:
    async with serving(in_turn([completion("hm", usage=(50, 5)), completion(GOOD, usage=(60, 6))])) as server:
        client = OpenAiChat(settings_for(server, stream=stream), None)
        usage = (await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)).usage
        await client.close()
    assert (usage.calls, usage.prompt_tokens, usage.completion_tokens, usage.estimated) == (2, 110, 11, False)


async def test_unreported_usage_is_estimated_and_says_so() -> None:
    prompt = Prompt("s" * 400, "u" * 400)
    async with serving(always(completion(GOOD, usage=None))) as server:
        client = OpenAiChat(settings_for(server), None)
        usage = (await client.ask(prompt, SCHEMA, deadline_s=5, max_tokens=20_000)).usage
        await client.close()
    assert usage.prompt_tokens == 200
    assert usage.completion_tokens > 0
    assert usage.estimated


async def test_a_request_that_was_refused_or_never_left_costs_no_tokens() -> None:
    async with serving(always(failure(401))) as server:
        client = OpenAiChat(settings_for(server), None)
        with pytest.raises(errors.Rejected) as refused:
            await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        await client.close()
    assert (refused.value.usage.prompt_tokens, refused.value.usage.estimated) == (0, False)
    nobody = OpenAiChat(LlmSettings(base_url="http://127.0.0.1:9/v1", model="m"), None, timing=Naps().timing())
    with pytest.raises(errors.Unreachable) as lost:
        await nobody.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
    await nobody.close()
    assert (lost.value.usage.calls, lost.value.usage.prompt_tokens) == (3, 0)


@pytest.mark.parametrize(
    ("bounds", "sent"),
    [
        pytest.param({"max_calls": 0, "max_tokens": 9_000, "deadline_s": 5}, 0, id="no calls: nothing is sent"),
        pytest.param({"max_calls": 4, "max_tokens": 50, "deadline_s": 5}, 0, id="too few tokens: nothing is sent"),
        pytest.param({"max_calls": 2, "max_tokens": 9_000, "deadline_s": 5}, 2, id="retries count as calls"),
    ],
)
async def test_the_budget_is_enforced_before_each_request(bounds: dict[str, float], sent: int) -> None:
    async with serving(always(completion("hm"))) as server:
        client = OpenAiChat(settings_for(server), None, timing=Naps().timing())
        with pytest.raises(errors.BudgetExceeded):
            await client.ask(PROMPT, SCHEMA, **bounds)  # type: ignore[arg-type]
        await client.close()
    assert len(server.seen) == sent


async def test_a_server_that_quotes_the_key_does_not_get_it_into_the_message() -> None:
    async with serving(always(failure(401, "your key swordfish-7 is wrong"))) as server:
        client = OpenAiChat(settings_for(server), "swordfish-7")
        with pytest.raises(errors.Rejected) as caught:
            await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        await client.close()
    assert "swordfish" not in str(caught.value)
    assert "[redacted:key]" in str(caught.value)


async def test_a_server_that_cannot_tell_the_tokens_of_a_stream_is_not_asked_for_them() -> None:
    def answer(seen: Seen) -> Answer:
        refused = "stream_options" in seen.json
        return failure(400, "unknown field: stream_options") if refused else completion(GOOD, usage=None)

    async with serving(answer) as server:
        client = OpenAiChat(settings_for(server, stream=True), None)
        first = await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        second = await client.ask(PROMPT, SCHEMA, deadline_s=5, max_tokens=20_000)
        await client.close()
    assert (first.usage.calls, second.usage.calls, second.usage.estimated) == (2, 1, True)
