"""Nothing is sent to a model, and nothing to anyone else, because a variable happens to be set."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.errors import SettingsError
from agent.model.executor import ModelJudge
from agent.model.openai_chat import OpenAiChat
from agent.model.settings import LlmSettings, read_api_key
from agent.run.judge import Option, Question
from tests.model.fault_server import always, completion, serving

GOOD = json.dumps({"reason": "r", "choice": "A"})
QUESTION = Question("run", "step", "Look", "Look.", (Option("look->a#1", "hot", "a"),))


@pytest.fixture
def ambient(monkeypatch: pytest.MonkeyPatch) -> str:
    """Everything the SDK and the graph library would read, each value holding one marker."""
    mark = "ambient-marker"
    elsewhere = "http://127.0.0.1:9/ambient-marker"
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "LANGSMITH_API_KEY"):
        monkeypatch.setenv(name, mark)
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", mark)
    monkeypatch.setenv("OPENAI_BASE_URL", elsewhere)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Ambient: {mark}\nAuthorization: Bearer {mark}")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, elsewhere)
    return mark


@pytest.mark.parametrize(
    ("key", "authorization"),
    [
        pytest.param(None, None, id="no key is configured: none is sent"),
        pytest.param("configured", "Bearer configured", id="the configured key is sent"),
    ],
)
async def test_no_ambient_value_reaches_the_wire(ambient: str, key: str | None, authorization: str | None) -> None:
    async with serving(always(completion(GOOD))) as server:
        settings = LlmSettings(base_url=server.url, model="m")
        client = OpenAiChat(settings, key)
        judgement = await ModelJudge.from_settings(client, settings).judge(QUESTION)
        await client.close()
    assert judgement.edge == "look->a#1"
    (seen,) = server.seen
    assert ambient not in json.dumps([seen.headers, seen.json, seen.path])
    assert seen.headers.get("authorization") == authorization
    assert {k for k in seen.headers if k.startswith(("x-", "openai-"))} == set()


async def test_the_graph_reports_to_no_tracing_service(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(always(completion(GOOD))) as server:
        for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING_V2"):
            monkeypatch.setenv(name, "true")
        monkeypatch.setenv("LANGSMITH_API_KEY", "ambient")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", server.url)
        settings = LlmSettings(base_url=server.url, model="m")
        client = OpenAiChat(settings, None)
        assert (await ModelJudge.from_settings(client, settings).judge(QUESTION)).edge
        await client.close()
    assert [s.path for s in server.seen] == ["/v1/chat/completions"]


def test_an_ambient_key_alone_configures_nothing() -> None:
    with pytest.raises(ValidationError):
        LlmSettings()  # type: ignore[call-arg]


def test_the_key_comes_from_the_named_variable_or_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLEET_KEY", " key-1\n")
    file = tmp_path / "key"
    file.write_text("key-2\n")
    where = {"base_url": "http://127.0.0.1:1/v1", "model": "m"}
    assert read_api_key(LlmSettings(**where)) is None
    assert read_api_key(LlmSettings(**where, api_key_env="FLEET_KEY")) == "key-1"
    assert read_api_key(LlmSettings(**where, api_key_file=file)) == "key-2"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(None, "cannot be read", id="a missing file"),
        pytest.param("", "holds no usable API key", id="an empty file"),
        pytest.param("a key\nand more", "holds no usable API key", id="two lines"),
        pytest.param("schlüssel", "holds no usable API key", id="not ASCII: no header can hold it"),
    ],
)
def test_a_reference_that_leads_nowhere_is_an_error(tmp_path: Path, content: str | None, says: str) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match=says) as caught:
        OpenAiChat.from_settings(LlmSettings(base_url="http://127.0.0.1:1/v1", model="m", api_key_file=file))
    assert str(file) in str(caught.value)
    assert caught.value.hint


def test_a_variable_that_is_not_set_is_an_error() -> None:
    settings = LlmSettings(base_url="http://127.0.0.1:1/v1", model="m", api_key_env="STEPFLEET_NO_SUCH_KEY")
    with pytest.raises(SettingsError, match="STEPFLEET_NO_SUCH_KEY"):
        OpenAiChat.from_settings(settings)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"base_url": "127.0.0.1:8080"}, id="no scheme"),
        pytest.param({"base_url": "ftp://host/v1"}, id="not http"),
        pytest.param({"base_url": "http://user:pw@host/v1"}, id="a password in the address"),
        pytest.param({"base_url": "http://host/v1?key=1"}, id="a query in the address"),
        pytest.param({"api_key_env": "A", "api_key_file": "/b"}, id="two sources of the key"),
        pytest.param({"api_key": "sk-1"}, id="a key by value"),
        pytest.param({"deadline_s": 0}, id="no time"),
        pytest.param({"max_calls": 0}, id="no calls"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LlmSettings.model_validate({"base_url": "http://127.0.0.1:1/v1", "model": "m", **wrong})


def test_the_key_is_in_no_representation() -> None:
    client = OpenAiChat(LlmSettings(base_url="http://127.0.0.1:1/v1", model="m"), "swordfish")
    assert "swordfish" not in repr(client)


def test_importing_the_room_imports_no_client_and_no_graph() -> None:
    code = (
        "import sys, agent.model.executor, agent.model.openai_chat, agent.run.judge;"
        "print(sorted({'openai', 'langgraph', 'langsmith', 'httpx2', 'tenacity', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
