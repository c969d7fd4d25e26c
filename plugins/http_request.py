"""What a guide says of an HTTP request, what the operator allows, and the sending of one within both."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator
from pydantic_core import from_json

from plugins.base import Args, CallContext
from plugins.errors import BadArguments
from plugins.settings import PluginSettings, bearer

if TYPE_CHECKING:
    from plugins.http_wire import Reply

TABLE = "plugins.http"
KEY = "{key}"  # in a status_url: the action's idempotency key
MAX_URL = 8_192  # characters
Seconds = Annotated[float, Field(gt=0, le=3_600, allow_inf_nan=False)]
Status = Annotated[int, Field(ge=100, le=599)]
_UNENCODED = re.compile(r"[\s\x00-\x1f\x7f<>\"{}\\]|/\.{1,2}(/|$|\?)")
_HAS_PORT = re.compile(r"^(\[[^\]]+\]|[^:]+):\d+$")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# The connection's own, and those that carry secrets: a guide is no place for either.
_CONNECTION = {"host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "expect", "trailer"}
_SECRET = {"authorization", "proxy-authorization", "cookie"}


class Tokens(BaseModel):
    """The bearer tokens of one host: reading has its own, so that no query can change anything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read_token_file: Path | None = None
    write_token_file: Path | None = None


class HttpSettings(PluginSettings):
    """`[plugins.http]`. `allow` and the names in `tokens` are `host` (the scheme's own port) or `host:port`."""

    allow: tuple[str, ...] = ()
    tokens: Mapping[str, Tokens] = Field(default_factory=dict)
    timeout_s: Seconds = 10.0
    max_bytes: Annotated[int, Field(gt=0, le=1 << 30)] = 4 << 20  # of an answer
    ca_file: Path | None = None  # authorities to trust instead of the public ones


class RequestArgs(Args):
    """What one request is, in a guide."""

    url: Annotated[str, Field(min_length=1, max_length=MAX_URL, pattern=r"^https?://[^\s\x00-\x1f]")]
    headers: dict[str, str] = Field(default_factory=dict)
    body: JsonValue = None  # a text is sent as it is, anything else as JSON

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER.fullmatch(name) or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
                raise ValueError(f"'{name}' is no header that can be sent")
            if name.lower() in _SECRET:
                raise ValueError(f"'{name}' carries a secret: name a token's file in [{TABLE}.tokens] instead")
            if name.lower() in _CONNECTION or name.lower() == "idempotency-key":
                raise ValueError(f"'{name}' is set by the sender")
        return headers


class HttpQueryArgs(RequestArgs):
    """A request that reads."""

    method: Literal["GET", "HEAD"] = "GET"


class Undo(RequestArgs):
    """The request that takes a change back."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"


class HttpActionArgs(RequestArgs):
    """A request that changes.

    `expect`: the statuses that say it was done; none: any 2xx. `status_url` holds `{key}` in place of the
    idempotency key: 2xx there says that the call happened, 404 that it did not. `verify_url` answers
    `verify_status` while the effect holds.
    """

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    expect: tuple[Status, ...] = ()
    status_url: str | None = None
    verify_url: str | None = None
    verify_status: Status = 200
    undo: Undo | None = None

    @model_validator(mode="after")
    def _asks_by_key(self) -> Self:
        if self.status_url is not None and KEY not in self.status_url:
            raise ValueError(f"status_url must hold {KEY}: without it, it tells nothing of this call")
        return self

    def is_done(self, status: int) -> bool:
        return status in self.expect if self.expect else 200 <= status < 300


class Sender:
    """Sends what the operator allows, with the operator's credentials."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings

    async def send(
        self, method: str, args: RequestArgs, ctx: CallContext, *, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Raises: BadArguments (not allowed, cannot be sent), NotSent, TargetUnreachable, PluginError (no token)."""
        from plugins.http_wire import Request, send

        token = await self.check(args.url, write=method not in ("GET", "HEAD"))
        content, kind = _content(args)
        request = Request(method, args.url, {**kind, **args.headers, **token, **(headers or {})}, content)
        timeout_s = min(self._settings.timeout_s, 0.95 * ctx.deadline_s)
        return await send(
            request, timeout_s=timeout_s, max_bytes=self._settings.max_bytes, ca_file=self._settings.ca_file
        )

    async def check(self, url: str, *, write: bool) -> Mapping[str, str]:
        """Return the credentials for this address.

        Raises: BadArguments when it is none that may be called; PluginError when its token cannot be read.
        """
        from plugins.http_wire import authority

        if _UNENCODED.search(url):
            raise BadArguments(f"'{url[:200]}' is not encoded", hint="look at what the values in it hold")
        host = authority(url)
        if host not in {_authority_of(entry, url) for entry in self._settings.allow}:
            raise BadArguments(
                f"{host} is not among the hosts that may be called", hint=f"add '{host}' to allow in [{TABLE}]"
            )
        for entry, tokens in self._settings.tokens.items():
            if _authority_of(entry, url) == host:
                file = tokens.write_token_file if write else tokens.read_token_file
                return await asyncio.to_thread(bearer(file, f"{TABLE}.tokens"))
        return {}

    @property
    def max_bytes(self) -> int:
        return self._settings.max_bytes


def _authority_of(entry: str, url: str) -> str:
    """An entry of the settings as host and port; without a port it means the one of the address's scheme."""
    if _HAS_PORT.search(entry):
        return entry.lower()
    return f"{entry.lower()}:{443 if url.startswith('https') else 80}"


def _content(args: RequestArgs) -> tuple[bytes | None, dict[str, str]]:
    """The body as sent, and the headers it asks for where the guide gives none."""
    if args.body is None:
        return None, {}
    if isinstance(args.body, str):
        return args.body.encode(), {}
    given = any(name.lower() == "content-type" for name in args.headers)
    return json.dumps(args.body).encode(), {} if given else {"Content-Type": "application/json"}


def as_value(reply: Reply) -> dict[str, Any]:
    """Status and body: a JSON document where the target says it is one and it is, else text."""
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.endswith("json"):
        try:
            return {"status": reply.status, "body": from_json(reply.body, allow_inf_nan=False)}
        except ValueError:
            pass  # the text shows what it is instead
    return {"status": reply.status, "body": reply.body.decode("utf-8", "replace")}


def shown(reply: Reply) -> str:
    text = " ".join(reply.body[:400].decode("utf-8", "replace").split())
    return repr(text[:200]) if text else "nothing"


def age_s(headers: Mapping[str, str]) -> float:
    """Seconds a cache on the way has held the answer."""
    text = headers.get("age", "0")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
