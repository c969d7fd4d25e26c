"""Any OpenAI-compatible endpoint as our `LLM`: chat completions through the openai SDK.

The SDK builds and sends requests; retries, deadlines, structured output and accounting are ours. It is
imported when the first question is asked, and it is told everything: nothing comes from the environment.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from agent.model.budget import Budget, Meter, estimate_tokens
from agent.model.dialect import TOOL, Dialect, Dialects, Mode, schema_text
from agent.model.llm import (
    Malformed,
    ModelError,
    ModelTimeout,
    NotJson,
    Prompt,
    RateLimited,
    Rejected,
    Reply,
    T,
    TooLarge,
    Transient,
    Unreachable,
    WrongSchema,
)
from agent.model.reply import read_completion, read_value, reported_tokens
from agent.model.retry import backoff, give_up, retry_after_s
from agent.model.settings import LlmSettings, read_api_key
from agent.model.streamed import StreamCut, put_together
from agent.model.templates import render
from agent.redact import one_line, safe_text

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

# Statuses by which servers say that they do not know a parameter of the request.
PARAMETER_REFUSED = frozenset({400, 404, 415, 422, 501})


class _ParameterRefused(Rejected):
    """The endpoint does not take the request's parameters; a simpler request may do."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Where time and chance come from; tests hand in their own."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    rng: random.Random = field(default_factory=random.Random)  # spreads retries, guards nothing


class OpenAiChat:
    """`LLM` over one endpoint and one model. Close it when done; it keeps connections open."""

    def __init__(
        self,
        settings: LlmSettings,
        api_key: str | None,
        *,
        dialects: Dialects | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._settings = settings
        self._api_key = api_key
        self._dialects = dialects or Dialects()
        self._timing = timing or Timing()
        self._client: AsyncOpenAI | None = None

    @classmethod
    def from_settings(cls, settings: LlmSettings) -> OpenAiChat:
        """Raises: SettingsError when the key's reference leads nowhere."""
        return cls(settings, read_api_key(settings))

    @property
    def model(self) -> str:
        return self._settings.model

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def ask(
        self,
        prompt: Prompt,
        schema: type[T],
        *,
        deadline_s: float,
        max_tokens: int,
        max_calls: int = 4,
        max_cost: float = math.inf,
    ) -> Reply[T]:
        """See `LLM.ask`."""
        budget = Budget(max_calls, max_tokens, deadline_s, max_cost)
        meter = Meter(budget, self._timing.clock, self._settings.price)
        try:
            async with asyncio.timeout(deadline_s):
                value, model = await self._converse(prompt, schema, meter)
        except TimeoutError as exc:
            raise ModelTimeout(
                f"{self._where} gave no complete answer within {deadline_s:g} s",
                hint="raise llm.deadline_s, or use a faster model",
                usage=meter.usage,
            ) from exc
        except ModelError as exc:
            exc.usage = meter.usage
            raise
        return Reply(value, meter.usage, model or self.model)

    @property
    def _where(self) -> str:
        return f"{self._settings.base_url} ({self._settings.model})"

    async def _converse(self, prompt: Prompt, schema: type[T], meter: Meter) -> tuple[T, str]:
        """Ask, stepping down through the dialects until one gives a valid answer."""
        place = (self._settings.base_url, self._settings.model)
        dialect, proven = self._dialects.start(*place)
        asked, repaired = prompt, False
        while True:
            try:
                value, model = await self._attempts(asked, schema, dialect, meter)
            except _ParameterRefused as exc:
                following = dialect.after_refusal(str(exc))
                self._dialects.move_on(*place, following)
                if following is None:
                    raise Rejected(str(exc), hint=exc.hint) from exc
                dialect, proven = following, False
            except (Malformed, WrongSchema) as exc:
                # A server that honoured the schema could not have said this, unless it never has: then
                # it takes the parameter and ignores it, and the next mode is tried.
                if not proven and (simpler := dialect.simpler()):
                    dialect = simpler
                elif dialect.mode is Mode.PLAIN and not repaired:
                    asked, repaired = _repaired(prompt, schema, exc), True
                else:
                    exc.repaired = repaired
                    raise
            else:
                self._dialects.prove(*place, dialect)
                return value, model

    async def _attempts(self, prompt: Prompt, schema: type[T], dialect: Dialect, meter: Meter) -> tuple[T, str]:
        """One request, repeated while it fails in ways that pass."""
        from tenacity import AsyncRetrying, retry_if_exception_type

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Transient),
            wait=backoff(self._timing.rng),
            stop=give_up(lambda: meter.left_s if meter.left().calls else 0.0),
            sleep=self._timing.sleep,
            reraise=True,
        )
        return await retrying(self._once, prompt, schema, dialect, meter)

    async def _once(self, prompt: Prompt, schema: type[T], dialect: Dialect, meter: Meter) -> tuple[T, str]:
        sent = dialect.worded(prompt, schema)
        max_tokens = meter.open_call(sent.chars)
        request = dialect.body(self.model, prompt, schema, max_tokens, stream=self._settings.stream)
        body = await self._send(request, sent.chars, meter)
        tokens = reported_tokens(body)
        if tokens is None:
            meter.charge(estimate_tokens(sent.chars), estimate_tokens(len(body)), estimated=True)
        else:
            meter.charge(*tokens)
        completion = read_completion(body, self._where)
        if completion.tool is not None and completion.tool != TOOL:
            tool = one_line(completion.tool, 60)
            raise WrongSchema(f"the model called the tool '{tool}', which it was not given", raw=completion.text)
        return read_value(completion.text, schema), completion.model

    async def _send(self, request: dict[str, Any], prompt_chars: int, meter: Meter) -> bytes:
        """Send one request and return the answer's body; every failure becomes a ModelError."""
        sdk = await self._sdk()
        import openai

        from agent.model.wire import ANSWER_BYTES, BROKEN, AnswerTooLarge, never_connected

        lost = (estimate_tokens(prompt_chars), 0)  # the prompt may have been read before the failure
        try:
            return await (_streamed if request.get("stream") else _whole)(sdk, request, meter.left_s)
        except openai.APIStatusError as exc:
            self._charge_failure(exc, lost, meter)
            self._raise_for_status(exc)
        except openai.APITimeoutError as exc:
            meter.charge(*lost, estimated=True)
            raise ModelTimeout(f"{self._where} did not answer in time") from exc
        except AnswerTooLarge as exc:
            meter.charge(lost[0], estimate_tokens(ANSWER_BYTES), estimated=True)
            raise TooLarge(
                f"{self._where} answered with more than {ANSWER_BYTES:,} bytes, or compressed",
                hint="is this address a chat completions endpoint?",
            ) from exc
        except asyncio.CancelledError:
            meter.charge(*lost, estimated=True)
            raise
        except openai.APIConnectionError as exc:
            if not never_connected(exc.__cause__):
                meter.charge(*lost, estimated=True)
            cause = one_line(str(exc.__cause__ or exc), 160)
            raise Unreachable(f"{self._where}: {cause}", hint="check llm.base_url and that it runs") from exc
        except (StreamCut, *BROKEN) as exc:
            meter.charge(*lost, estimated=True)
            raise Unreachable(
                f"{self._where} broke off in the middle of its answer: {one_line(str(exc), 160)}"
            ) from exc
        except openai.APIError as exc:
            meter.charge(*lost, estimated=True)
            said = self._without_key(one_line(exc.message, 240))
            raise Unreachable(f"{self._where} broke off: {said}", hint="the endpoint's own log may say why") from exc
        except (openai.OpenAIError, ValueError) as exc:
            meter.charge(*lost, estimated=True)
            raise NotJson(f"{self._where} sent what is no event: {one_line(str(exc), 160)}") from exc

    def _charge_failure(self, exc: APIStatusError, lost: tuple[int, int], meter: Meter) -> None:
        """A request refused with 4xx was not run and costs nothing; after 5xx nobody knows."""
        tokens = reported_tokens(exc.response.content)
        if tokens is not None:
            meter.charge(*tokens)
        elif exc.status_code >= 500:
            meter.charge(*lost, estimated=True)

    def _raise_for_status(self, exc: APIStatusError) -> NoReturn:
        status = exc.status_code
        said = self._without_key(one_line(exc.message, 240))
        message = f"{self._where} answered {status}: {said}"
        wait = retry_after_s({k.lower(): v for k, v in exc.response.headers.items()}, self._timing.now())
        if status == 429 and exc.code != "insufficient_quota":
            asked = "" if wait is None else f" (asks to wait {wait:g} s)"
            raise RateLimited(message + asked, retry_after_s=wait, hint="lower the load or ask for more") from exc
        if (status >= 500 and status != 501) or status in (408, 409):
            raise Unreachable(message, retry_after_s=wait, hint="the endpoint's own log may say why") from exc
        if 300 <= status < 400:
            raise Rejected(message, hint="redirects are not followed: write the final address into llm.base_url")
        if status in PARAMETER_REFUSED:
            raise _ParameterRefused(message, hint="check llm.model and what the endpoint supports") from exc
        raise Rejected(message, hint="check the key that llm.api_key_env or llm.api_key_file names") from exc

    def _without_key(self, text: str) -> str:
        # Some servers quote the key they do not like.
        return text.replace(self._api_key, "[redacted:key]") if self._api_key else text

    async def _sdk(self) -> AsyncOpenAI:
        if self._client is None:
            # In a thread: the import and the certificates take most of a second, and others are waiting.
            client = await asyncio.to_thread(_build_sdk, self._settings, self._api_key)
            if self._client is None:
                self._client = client
        return self._client


async def _whole(sdk: AsyncOpenAI, request: dict[str, Any], timeout_s: float) -> bytes:
    raw = await sdk.chat.completions.with_raw_response.create(**request, timeout=timeout_s)
    return bytes(raw.content)


async def _streamed(sdk: AsyncOpenAI, request: dict[str, Any], timeout_s: float) -> bytes:
    """The same body, heard as it is written; a server that does not stream is heard as well."""
    calling = sdk.chat.completions.with_streaming_response.create(**request, timeout=timeout_s)
    async with calling as raw:
        if "text/event-stream" not in raw.headers.get("content-type", ""):
            return bytes(await raw.read())
        return await put_together(await raw.parse())


def _build_sdk(settings: LlmSettings, api_key: str | None) -> AsyncOpenAI:
    """The SDK's client. Whatever is None here the SDK would look up in the environment.

    Empty strings keep it from looking; the HTTP client sends none of the headers they would become.
    """
    from openai import AsyncOpenAI

    from agent.model.wire import build_client

    return AsyncOpenAI(
        api_key=api_key or "none",
        admin_api_key="",
        organization="",
        project="",
        webhook_secret="",
        base_url=settings.base_url,
        max_retries=0,
        http_client=build_client(api_key, settings.ca_file),
    )


def _repaired(prompt: Prompt, schema: type[T], error: ModelError) -> Prompt:
    demand = render("json_only", problem=one_line(str(error), 300), schema=schema_text(schema))
    return prompt.corrected(safe_text(error.raw, 2_000), demand)
