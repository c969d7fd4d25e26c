"""A streamed answer put together to the body that the endpoint would have sent at once: one reader for both."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class StreamCut(Exception):
    """The stream ended before the endpoint said that it was done."""


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Function(_Lenient):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(_Lenient):
    index: int = 0
    function: _Function | None = None


class _Delta(_Lenient):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(_Lenient):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class Chunk(_Lenient):
    """What is read of one event; the rest of it is the server's own."""

    choices: list[_Choice] = Field(default_factory=list)
    usage: dict[str, Any] | None = None
    model: str | None = None


@dataclass
class _Told:
    """What was said so far, by the first choice and its first tool call: nobody asked for more."""

    content: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    tool: str = ""
    arguments: list[str] = field(default_factory=list)
    finish: str | None = None
    usage: dict[str, Any] | None = None
    model: str = ""

    def hear(self, chunk: Chunk) -> None:
        self.usage, self.model = chunk.usage or self.usage, chunk.model or self.model
        for choice in chunk.choices:
            if choice.index:
                continue
            self.finish = choice.finish_reason or self.finish
            delta = choice.delta or _Delta()
            self.content.append(delta.content or "")
            self.refusal.append(delta.refusal or "")
            for call in delta.tool_calls or ():
                if call.index == 0 and call.function is not None:
                    self.tool += call.function.name or ""
                    self.arguments.append(call.function.arguments or "")

    def body(self) -> bytes:
        message: dict[str, Any] = {"content": "".join(self.content), "refusal": "".join(self.refusal)}
        if self.tool or any(self.arguments):
            message["tool_calls"] = [{"function": {"name": self.tool, "arguments": "".join(self.arguments)}}]
        whole: dict[str, Any] = {"choices": [{"message": message, "finish_reason": self.finish}], "model": self.model}
        if self.usage is not None:
            whole["usage"] = self.usage
        return json.dumps(whole).encode()


async def put_together(events: AsyncIterator[Any]) -> bytes:
    """Read the SDK's chunks to their end.

    Raises: StreamCut without a reason to finish; ValueError for an event that is no chunk; what the SDK raises.
    """
    told = _Told()
    async for event in events:
        told.hear(Chunk.model_validate(event.model_dump(warnings=False) if isinstance(event, BaseModel) else event))
    if told.finish is None:
        raise StreamCut("the stream ended without a reason to finish")
    return told.body()
