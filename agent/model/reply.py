"""From the endpoint's bytes to one typed value: pure, and strict about everything a server can get wrong."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.model.llm import Empty, Malformed, NotJson, Refused, T, Truncated, WrongSchema
from agent.redact import one_line

ANSWER_CHARS = 20_000  # of content or tool arguments; a longer one is no answer to our questions
FENCED = re.compile(r"\A```[A-Za-z]*[ \t]*\n(.*)\n```\Z", re.DOTALL)


class _Lenient(BaseModel):
    # Servers add fields of their own; only those we read are checked.
    model_config = ConfigDict(extra="ignore")


class _Function(_Lenient):
    name: str = ""
    arguments: str | dict[str, Any] = ""  # a string by the API; some servers send the object itself


class _ToolCall(_Lenient):
    function: _Function


class _Message(_Lenient):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(_Lenient):
    message: _Message
    finish_reason: str | None = None


class _Tokens(_Lenient):
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class _Envelope(_Lenient):
    choices: list[_Choice] = Field(default_factory=list)
    usage: _Tokens | None = None
    model: str = ""


class _UsageOnly(_Lenient):
    usage: _Tokens | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer as the endpoint delivered it; `tool` is the name of the tool it called, if it called one."""

    text: str
    tool: str | None
    model: str


def reported_tokens(body: bytes) -> tuple[int, int] | None:
    """Prompt and completion tokens that an answer reports, however useless the rest of it is."""
    try:
        usage = _UsageOnly.model_validate_json(body).usage
    except ValidationError:
        return None
    return (usage.prompt_tokens, usage.completion_tokens) if usage else None


def read_completion(body: bytes, where: str) -> Completion:
    """Read one chat completion; `where` is the endpoint's address, for messages.

    Raises: NotJson, Empty, Refused, Truncated, Malformed.
    """
    envelope = _read_envelope(body, where)
    if not envelope.choices:
        raise Empty(f"{where} answered without any choice", hint="the server's log may say why")
    choice = envelope.choices[0]
    message = choice.message
    if message.refusal or choice.finish_reason == "content_filter":
        said = one_line(message.refusal or "content filter", 160)
        raise Refused(f"the model declined: {said}", hint="a person has to decide this step")
    call = message.tool_calls[0].function if message.tool_calls else None
    text = _arguments(call) if call else (message.content or "")
    if choice.finish_reason == "length":
        raise Truncated(
            f"{where} cut the answer off after {len(text)} characters", hint="raise llm.max_tokens", raw=text
        )
    if not text.strip():
        raise Empty(f"{where} answered with an empty message", hint="the model may not suit structured output")
    if len(text) > ANSWER_CHARS:
        raise Malformed(f"the answer has {len(text)} characters; at most {ANSWER_CHARS} are read", raw=text)
    return Completion(text, call.name if call else None, one_line(envelope.model, 80))


def read_value(text: str, schema: type[T]) -> T:
    """Read the one JSON object of an answer; a code fence around the whole of it is forgiven.

    Prose around JSON is not: it may take back what the JSON says. Raises: Malformed, WrongSchema.
    """
    stripped = text.strip()
    fenced = FENCED.match(stripped)
    try:
        value = json.loads(fenced[1] if fenced else stripped, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise Malformed(f"the answer is not JSON: {one_line(str(exc), 120)}", raw=text) from exc
    if not isinstance(value, dict):
        raise Malformed(f"the answer is a JSON {type(value).__name__}, not an object", raw=text)
    try:
        return schema.model_validate(value)
    except ValidationError as exc:
        raise WrongSchema(f"the answer does not fit: {_first_problem(exc)}", raw=text) from exc


def _read_envelope(body: bytes, where: str) -> _Envelope:
    if not body.strip():
        raise Empty(f"{where} answered with an empty body", hint="is this address a chat completions endpoint?")
    try:
        return _Envelope.model_validate_json(body)
    except ValidationError as exc:
        start = one_line(body[:400].decode("utf-8", "replace"), 120)
        problem = f"{where} did not answer with a chat completion: {_first_problem(exc)}; it begins: {start}"
        raise NotJson(problem, hint="check llm.base_url; it usually ends in /v1") from exc


def _arguments(call: _Function) -> str:
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _first_problem(exc: ValidationError) -> str:
    first = exc.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(p) for p in first["loc"]) or "the whole"
    return one_line(f"{place}: {first['msg']}", 160)
