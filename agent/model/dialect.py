"""How one endpoint wants to be asked for JSON: which mode of structured output, which parameter names.

Nothing in the API says what a server supports, so the first question finds out and the answer is kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from agent.model.llm import Prompt
from agent.model.templates import render

TOOL = "answer"


class Mode(StrEnum):
    """Ways to ask for JSON, surest first."""

    JSON_SCHEMA = "json_schema"  # response_format: the server constrains what the model can write
    TOOL = "tool"  # one forced tool call whose parameters are the schema
    PLAIN = "plain"  # the schema in the prompt; one repair when the answer does not fit


ORDER = tuple(Mode)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What to put into a request; each refusal of the server leads to at most one next dialect."""

    mode: Mode = Mode.JSON_SCHEMA
    length_field: str = "max_tokens"
    temperature: bool = True  # some models accept only their own
    stream_usage: bool = True  # whether the end of a stream may be asked for the tokens

    def simpler(self) -> Dialect | None:
        """The next mode down, None below plain JSON."""
        place = ORDER.index(self.mode) + 1
        return replace(self, mode=ORDER[place]) if place < len(ORDER) else None

    def after_refusal(self, message: str) -> Dialect | None:
        """What to try after the server refused a request's parameters with `message`; None: nothing is left."""
        said = message.lower()
        if self.length_field == "max_tokens" and "max_completion_tokens" in said:
            return replace(self, length_field="max_completion_tokens")
        if self.temperature and "temperature" in said:
            return replace(self, temperature=False)
        if self.stream_usage and "stream_options" in said:
            return replace(self, stream_usage=False)
        return self.simpler()

    def body(
        self, model: str, prompt: Prompt, schema: type[BaseModel], max_tokens: int, *, stream: bool = False
    ) -> dict[str, Any]:
        """The request's parameters."""
        body: dict[str, Any] = {"model": model, "messages": self.worded(prompt, schema).messages()}
        body[self.length_field] = max_tokens
        if self.temperature:
            body["temperature"] = 0
        if stream:
            body["stream"] = True
            body |= {"stream_options": {"include_usage": True}} if self.stream_usage else {}
        match self.mode:
            case Mode.JSON_SCHEMA:
                wanted = {"name": TOOL, "schema": strict_schema(schema), "strict": True}
                body["response_format"] = {"type": "json_schema", "json_schema": wanted}
            case Mode.TOOL:
                function = {"name": TOOL, "description": "Give the answer.", "parameters": strict_schema(schema)}
                body["tools"] = [{"type": "function", "function": function}]
                body["tool_choice"] = {"type": "function", "function": {"name": TOOL}}
            case Mode.PLAIN:
                pass
        return body

    def worded(self, prompt: Prompt, schema: type[BaseModel]) -> Prompt:
        """The prompt as sent: plain mode has to spell the schema out."""
        if self.mode is not Mode.PLAIN:
            return prompt
        return replace(prompt, user=render("plain_json", user=prompt.user, schema=schema_text(schema)))


class Dialects:
    """What each endpoint and model takes: proven by a valid answer, or the place where probing stands."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[Dialect, bool]] = {}

    def start(self, base_url: str, model: str) -> tuple[Dialect, bool]:
        """The dialect to begin with, and whether a valid answer has proven it."""
        return self._known.get((base_url, model), (Dialect(), False))

    def prove(self, base_url: str, model: str, dialect: Dialect) -> None:
        self._known[(base_url, model)] = (dialect, True)

    def move_on(self, base_url: str, model: str, dialect: Dialect | None) -> None:
        """The endpoint refused the last dialect: the next question begins with this one, None anew.

        Kept although unproven: probing goes on over several questions when one has too few calls for it.
        """
        if dialect is None:
            self._known.pop((base_url, model), None)
        else:
            self._known[(base_url, model)] = (dialect, False)


def strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """The type's JSON Schema as strict servers want it: closed, every property required, no titles."""
    wanted: dict[str, Any] = _without_titles(schema.model_json_schema())
    wanted["additionalProperties"] = False
    wanted["required"] = list(wanted.get("properties", {}))
    return wanted


def schema_text(schema: type[BaseModel]) -> str:
    return json.dumps(strict_schema(schema), ensure_ascii=False)


def _without_titles(node: Any) -> Any:
    match node:
        case dict():
            # A property may itself be called "title": then its value is a schema, not a string.
            return {k: _without_titles(v) for k, v in node.items() if not (k == "title" and isinstance(v, str))}
        case list():
            return [_without_titles(v) for v in node]
        case _:
            return node
