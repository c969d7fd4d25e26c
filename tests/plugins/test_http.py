"""The query `http` and the action `http_call` against a server on loopback."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError

from examples.fleet.processes import free_port
from plugins.base import Action, CallContext, Observation, Query, effect_of
from plugins.errors import ApplyFailed, BadArguments, NoData, PluginError, PrecheckFailed, TargetUnreachable
from plugins.http import HttpAction, HttpQuery
from plugins.http_request import HttpActionArgs, HttpQueryArgs
from tests.plugins.http_target import Target, hangs_up, http_target, says, silent

KEY = "0123456789abcdef"


def ctx(**changes: Any) -> CallContext:
    return CallContext(**{"run_id": "r", "step_key": "s", "deadline_s": 5.0, **changes})


@pytest_asyncio.fixture
async def target() -> AsyncIterator[Target]:
    async with http_target(says(200, {"state": "up"})) as running:
        yield running


@pytest.fixture
def tokens(target: Target, tmp_path: Path) -> dict[str, Any]:
    for name in ("read", "write"):
        (tmp_path / name).write_text(f"{name}-secret\n")
    files = {"read_token_file": tmp_path / "read", "write_token_file": tmp_path / "write"}
    return {"allow": [target.host], "tokens": {target.host: files}, "timeout_s": 0.4}


@pytest.fixture
def query(tokens: dict[str, Any]) -> HttpQuery:
    return HttpQuery.from_settings(tokens)


@pytest.fixture
def action(tokens: dict[str, Any]) -> HttpAction:
    return HttpAction.from_settings(tokens)


def test_they_are_a_query_and_an_action_and_neither_starts_early() -> None:
    assert isinstance(HttpQuery(), Query)
    assert isinstance(HttpAction(), Action)
    assert not HttpQuery.speculative
    assert not HttpAction.reversible
    assert not HttpAction.idempotent
    assert effect_of(HttpAction(), {"url": "http://h/x"}).writes == {"http:http://h/x"}


# -- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "want"),
    [
        pytest.param(says(200, {"state": "up"}), {"status": 200, "body": {"state": "up"}}, id="JSON"),
        pytest.param(says(503, "overloaded"), {"status": 503, "body": "overloaded"}, id="a status is an answer"),
        pytest.param(says(302, "", "Location: http://127.0.0.1:1/"), {"status": 302, "body": ""}, id="a redirect"),
        pytest.param(says(204), {"status": 204, "body": ""}, id="nothing"),
        pytest.param(
            says(200, "{", "Content-Type: application/json"), {"status": 200, "body": "{"}, id="JSON that is none"
        ),
    ],
)
async def test_an_answer_is_its_status_and_body(target: Target, query: HttpQuery, answer: Any, want: Any) -> None:
    target.answer = answer
    before = datetime.now(UTC)
    result = await query.run(HttpQueryArgs(url=f"{target.url}/healthz"), ctx())
    assert result.value == want
    assert before <= result.as_of <= datetime.now(UTC)
    assert f"GET {target.url}/healthz: {want['status']}" in result.evidence


async def test_a_request_is_sent_as_the_guide_says_with_the_reading_token(target: Target, query: HttpQuery) -> None:
    args = HttpQueryArgs(url=f"{target.url}/s/{{{{ id }}}}?q={{{{ id }}}}", headers={"X-Team": "{{ id }}"})
    await query.run(args, ctx(values={"id": "a b&c"}))
    (seen,) = target.seen
    assert (seen.method, seen.path) == ("GET", "/s/a%20b%26c?q=a%20b%26c")
    assert seen.headers["x-team"] == "a b&c"
    assert seen.headers["authorization"] == "Bearer read-secret"
    assert seen.headers["cache-control"] == "no-cache"


async def test_a_head_request_reads_the_status_alone(target: Target, query: HttpQuery) -> None:
    result = await query.run(HttpQueryArgs(method="HEAD", url=target.url), ctx())
    assert result.value == {"status": 200, "body": ""}


async def test_a_cache_s_answer_is_as_old_as_it_says(target: Target, query: HttpQuery) -> None:
    target.answer = says(200, "x", "Age: 40")
    args = HttpQueryArgs(url=target.url)
    result = await query.run(args, ctx())
    assert 39 < (datetime.now(UTC) - result.as_of).total_seconds() < 43
    with pytest.raises(NoData, match="from a cache"):
        await query.run(args, ctx(newer_than=datetime.now(UTC) - timedelta(seconds=10)))


async def test_an_answer_that_is_too_long_is_refused(target: Target) -> None:
    target.answer = says(200, "x" * 5000)
    query = HttpQuery.from_settings({"allow": [target.host], "max_bytes": 1000})
    with pytest.raises(PluginError, match="answered more than 1,000 bytes"):
        await query.run(HttpQueryArgs(url=target.url), ctx())


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(silent, "did not answer within 0.4 s", id="silence"),
        pytest.param(hangs_up, "did not answer: Server disconnected", id="it hangs up"),
    ],
)
async def test_a_target_that_does_not_answer_is_unreachable(
    target: Target, query: HttpQuery, answer: Any, message: str
) -> None:
    target.answer = answer
    started = time.monotonic()
    with pytest.raises(TargetUnreachable, match=message):
        await query.run(HttpQueryArgs(url=target.url), ctx())
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        pytest.param([], "http://127.0.0.1:1/", id="no host is allowed by itself"),
        pytest.param(["127.0.0.1:1"], "http://127.0.0.1:2/", id="another port"),
        pytest.param(["127.0.0.1"], "http://127.0.0.1:2/", id="no port means the scheme's own"),
        pytest.param(["example.org:443"], "http://example.org/", id="another scheme's port"),
        pytest.param(["example.org"], "https://example.org.evil.example/", id="a longer name"),
        pytest.param(["example.org"], "https://evil.example/example.org", id="the name in the path"),
        pytest.param(["example.org"], "https://evil.example\\@example.org/", id="a backslash"),
        pytest.param(["example.org"], "https://example.org@evil.example/", id="a user name that looks like it"),
        pytest.param(["example.org"], "https://user@example.org/", id="a user name"),
        pytest.param(["example.org"], "https://example.org:444444/", id="no port"),
        pytest.param(["example.org"], "https://example.org/a/../b", id="a way out of its place"),
        pytest.param(["example.org"], "https://example.org/a b", id="not encoded"),
    ],
)
async def test_only_allowed_hosts_are_called(allow: list[str], url: str) -> None:
    with pytest.raises(BadArguments) as refused:
        await HttpQuery.from_settings({"allow": allow}).run(HttpQueryArgs(url=url), ctx())
    assert refused.value.hint
    with pytest.raises(PrecheckFailed):
        await HttpAction.from_settings({"allow": allow}).precheck(HttpActionArgs(url=url), ctx())


@pytest.mark.parametrize("allowed", ["{host}", "LOCALHOST:{port}"])
async def test_hosts_are_compared_as_the_net_does(target: Target, allowed: str) -> None:
    port = target.host.partition(":")[2]
    entry = allowed.format(host=target.host, port=port)
    url = target.url if allowed == "{host}" else f"http://LocalHost:{port}"
    result = await HttpQuery.from_settings({"allow": [entry]}).run(HttpQueryArgs(url=url), ctx())
    assert result.value["status"] == 200


@pytest.mark.parametrize(
    ("headers", "says_"),
    [
        pytest.param({"Authorization": "Bearer x"}, "carries a secret", id="a secret"),
        pytest.param({"cookie": "a=b"}, "carries a secret", id="a cookie"),
        pytest.param({"Host": "x"}, "is set by the sender", id="the host"),
        pytest.param({"Idempotency-Key": "x"}, "is set by the sender", id="the key"),
        pytest.param({"X": "a\r\nY: b"}, "is no header that can be sent", id="two headers"),
        pytest.param({"X Y": "a"}, "is no header that can be sent", id="a name with a blank"),
    ],
)
def test_headers_that_are_not_the_guide_s_are_refused(headers: dict[str, str], says_: str) -> None:
    with pytest.raises(ValidationError, match=says_):
        HttpQueryArgs(url="http://h/", headers=headers)


async def test_a_value_that_would_be_two_headers_is_refused(target: Target, query: HttpQuery) -> None:
    with pytest.raises(BadArguments, match="no header that can be sent"):
        await query.run(HttpQueryArgs(url=target.url, headers={"X": "{{ v }}"}), ctx(values={"v": "a\r\nY: b"}))
    assert not target.seen


async def test_a_token_that_cannot_be_read_is_named_and_nothing_is_sent(target: Target, tmp_path: Path) -> None:
    tokens = {target.host: {"read_token_file": tmp_path / "missing"}}
    query = HttpQuery.from_settings({"allow": [target.host], "tokens": tokens})
    with pytest.raises(PluginError, match="missing cannot be read"):
        await query.run(HttpQueryArgs(url=target.url), ctx())
    assert not target.seen


# -- changing ---------------------------------------------------------------------------------


async def test_an_action_sends_its_key_and_the_changing_token(target: Target, action: HttpAction) -> None:
    target.answer = says(201, {"id": 7})
    args = HttpActionArgs(url=f"{target.url}/jobs", body={"name": "x"}, expect=(201,))
    assert await action.precheck(args, ctx()) == {}
    result = await action.apply(args, KEY, ctx())
    assert result.value == {"status": 201, "body": {"id": 7}}
    (seen,) = target.seen
    assert (seen.method, json.loads(seen.body)) == ("POST", {"name": "x"})
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["idempotency-key"] == KEY
    assert seen.headers["authorization"] == "Bearer write-secret"


@pytest.mark.parametrize(
    ("answer", "expect", "error"),
    [
        pytest.param(says(400, "no"), (), ApplyFailed, id="400: nothing was changed"),
        pytest.param(says(401), (), ApplyFailed, id="401: nothing was changed"),
        pytest.param(says(404), (), ApplyFailed, id="404: nothing was changed"),
        pytest.param(says(429), (), ApplyFailed, id="429: nothing was changed"),
        pytest.param(says(409), (), PluginError, id="409 may speak of an earlier sending"),
        pytest.param(says(408), (), PluginError, id="408 may come late"),
        pytest.param(says(500), (), PluginError, id="500: nobody can tell"),
        pytest.param(says(303, "", "Location: /"), (), PluginError, id="a redirect: nobody can tell"),
        pytest.param(says(200), (202,), PluginError, id="done, and not as expected"),
        pytest.param(silent, (), TargetUnreachable, id="silence: nobody can tell"),
        pytest.param(hangs_up, (), TargetUnreachable, id="it hangs up: nobody can tell"),
    ],
)
async def test_what_a_failed_action_says_of_its_outcome(
    target: Target, action: HttpAction, answer: Any, expect: tuple[int, ...], error: type[PluginError]
) -> None:
    target.answer = answer
    with pytest.raises(error) as failed:
        await action.apply(HttpActionArgs(url=target.url, expect=expect), KEY, ctx())
    assert type(failed.value) is error
    assert failed.value.hint
    assert len(target.seen) == 1  # never sent again by itself


async def test_what_was_never_sent_has_not_happened(target: Target) -> None:
    host = f"127.0.0.1:{free_port()}"
    action = HttpAction.from_settings({"allow": [host]})
    with pytest.raises(ApplyFailed, match="cannot be reached"):
        await action.apply(HttpActionArgs(url=f"http://{host}/"), KEY, ctx())
    with pytest.raises(ApplyFailed, match="not among the hosts"):
        await action.apply(HttpActionArgs(url=target.url), KEY, ctx())


async def test_a_long_answer_to_a_change_is_cut_and_still_says_that_it_was_done(target: Target) -> None:
    target.answer = says(200, "x" * 5000)
    action = HttpAction.from_settings({"allow": [target.host], "max_bytes": 10})
    assert (await action.apply(HttpActionArgs(url=target.url), KEY, ctx())).value["body"] == "x" * 10


@pytest.mark.parametrize(
    ("answer", "want"),
    [
        pytest.param(says(200, {"status": "done"}), Observation.HAPPENED, id="a record that is done"),
        pytest.param(says(200, "yes"), Observation.HAPPENED, id="a record"),
        pytest.param(says(404), Observation.NOT_HAPPENED, id="no record"),
        pytest.param(says(200, {"status": "running"}), Observation.UNKNOWN, id="not settled"),
        pytest.param(says(200, {"status": "failed"}), Observation.UNKNOWN, id="failed: perhaps half of it"),
        pytest.param(says(503), Observation.UNKNOWN, id="no answer of use"),
    ],
)
async def test_whether_it_happened_is_asked_where_the_guide_says(
    target: Target, action: HttpAction, answer: Any, want: Observation
) -> None:
    target.answer = answer
    args = HttpActionArgs(url=target.url, status_url=f"{target.url}/operations/{{key}}")
    assert await action.observe(args, KEY, ctx()) is want
    (seen,) = target.seen
    assert (seen.method, seen.path) == ("GET", f"/operations/{KEY}")
    assert seen.headers["authorization"] == "Bearer read-secret"


async def test_without_a_status_url_nobody_can_tell(target: Target, action: HttpAction) -> None:
    assert await action.observe(HttpActionArgs(url=target.url), KEY, ctx()) is Observation.UNKNOWN
    assert not target.seen


def test_a_status_url_without_the_key_tells_nothing() -> None:
    with pytest.raises(ValidationError, match=r"must hold \{key\}"):
        HttpActionArgs(url="http://h/", status_url="http://h/status")


async def test_an_effect_is_read_back_until_it_holds(target: Target, action: HttpAction) -> None:
    args = HttpActionArgs(method="DELETE", url=f"{target.url}/x", verify_url=f"{target.url}/x", verify_status=404)
    before = await action.precheck(args, ctx())
    assert before == {"verify_status": 200}

    async def gone_soon() -> None:
        await asyncio.sleep(0.5)
        target.answer = says(404)

    soon = asyncio.create_task(gone_soon())
    verdict = await action.verify(args, before, ctx())
    await soon
    assert verdict.ok
    assert verdict.evidence == {"status": 404, "status_before": 200}


async def test_an_effect_that_does_not_hold_is_told(target: Target, action: HttpAction) -> None:
    args = HttpActionArgs(url=target.url, verify_url=f"{target.url}/x", verify_status=404)
    verdict = await action.verify(args, {}, ctx(deadline_s=0.5))
    assert not verdict.ok
    assert "answered 200, not 404" in verdict.reason


async def test_without_a_way_to_read_back_the_verdict_says_so(target: Target, action: HttpAction) -> None:
    verdict = await action.verify(HttpActionArgs(url=target.url), {}, ctx())
    assert verdict.ok
    assert "no verify_url says how to read its effect back" in verdict.reason


async def test_a_change_is_taken_back_by_the_guide_s_own_request(target: Target, action: HttpAction) -> None:
    undo = {"method": "DELETE", "url": f"{target.url}/x"}
    verdict = await action.compensate(HttpActionArgs(url=target.url, undo=undo), KEY, ctx())
    assert verdict.ok
    (seen,) = target.seen
    assert (seen.method, seen.path, seen.headers["idempotency-key"]) == ("DELETE", "/x", f"{KEY}-undo")


async def test_without_an_undo_nothing_is_taken_back(target: Target, action: HttpAction) -> None:
    verdict = await action.compensate(HttpActionArgs(url=target.url), KEY, ctx())
    assert not verdict.ok
    assert not target.seen


async def test_a_dry_look_changes_nothing(target: Target, action: HttpAction) -> None:
    args = HttpActionArgs(url=target.url, verify_url=target.url, undo={"url": target.url})
    await action.precheck(args, ctx())
    assert [s.method for s in target.seen] == ["GET"]


def test_an_action_s_values_are_encoded_for_where_they_stand() -> None:
    bound = HttpAction.bind_arguments({"url": "http://h/x/{{ v }}", "body": '{"a": "{{ v }}"}'}, {"v": "../b"})
    assert bound == {"url": "http://h/x/..%2Fb", "body": {"a": "../b"}}
