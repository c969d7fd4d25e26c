"""The query `http` (GET, HEAD) and the action `http_call` (every other method): one request to an allowed host.

Hosts, time, size and credentials are the operator's, in `[plugins.http]`; a guide names none of them. No
redirect is followed: it would lead where nobody allowed. Values of a run are encoded for the place they
stand in, and never name the host.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import ValidationError

from dag.model import ValueType
from plugins.base import Args, CallContext, Observation, Result, Verdict
from plugins.errors import ApplyFailed, BadArguments, NoData, PluginError, PrecheckFailed, TargetUnreachable
from plugins.http_binding import bind_request
from plugins.http_request import (
    KEY,
    TABLE,
    HttpActionArgs,
    HttpQueryArgs,
    HttpSettings,
    RequestArgs,
    Sender,
    age_s,
    as_value,
    shown,
)
from plugins.settings import read_settings

if TYPE_CHECKING:
    from plugins.http_wire import Reply

VERIFY_PAUSE_S = 1.0
_UNFINISHED = {"running", "pending", "queued", "accepted", "in_progress", "failed", "error", "cancelled"}


class HttpQuery:
    """Any status is an answer: `{"status": 503, "body": ...}`. Never started early: who knows what a GET does."""

    name: ClassVar[str] = "http"
    version: ClassVar[str] = "1"
    settings_table: ClassVar[str] = "http"
    Args: ClassVar[type[Args]] = HttpQueryArgs
    result: ClassVar[ValueType] = ValueType.DYN
    speculative: ClassVar[bool] = False
    binds_values: ClassVar[bool] = True

    def __init__(self, settings: HttpSettings | None = None) -> None:
        self._sender = Sender(settings or HttpSettings())

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        return cls(read_settings(HttpSettings, TABLE, settings))

    async def run(self, args: HttpQueryArgs, ctx: CallContext) -> Result:
        """Raises: NoData (a cache's answer is too old), TargetUnreachable, BadArguments, PluginError (too long)."""
        args = _validated(HttpQueryArgs, bind_request(args.model_dump(), ctx.values))
        asked_at = ctx.now()
        reply = await self._sender.send(args.method, args, ctx, headers={"Cache-Control": "no-cache"})
        if not reply.is_whole:
            raise PluginError(
                f"{args.url} answered more than {self._sender.max_bytes:,} bytes",
                hint=f"ask for less, or raise max_bytes in [{TABLE}]",
            )
        as_of = asked_at - timedelta(seconds=age_s(reply.headers))
        if ctx.newer_than is not None and as_of <= ctx.newer_than:
            raise NoData(
                f"{args.url} answered from a cache, with what it knew at {as_of.isoformat()}",
                hint="ask the target itself, or tell the cache to revalidate",
            )
        evidence = f"{args.method} {args.url}: {reply.status}, {len(reply.body):,} bytes"
        return Result(as_value(reply), ValueType.DYN, as_of, evidence=evidence)


class HttpAction:
    """One changing request with an Idempotency-Key; nothing is known of whether the target honours it.

    So it is never sent again by itself. What it did can be told only where the guide says how
    (`status_url`, `verify_url`); it is undone only by the guide's own `undo`, and counts as irreversible.
    """

    name: ClassVar[str] = "http_call"
    version: ClassVar[str] = "1"
    settings_table: ClassVar[str] = "http"
    Args: ClassVar[type[Args]] = HttpActionArgs
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("http:{url}",)
    reversible: ClassVar[bool] = False
    idempotent: ClassVar[bool] = False

    def __init__(self, settings: HttpSettings | None = None) -> None:
        self._sender = Sender(settings or HttpSettings())

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        return cls(read_settings(HttpSettings, TABLE, settings))

    @staticmethod
    def bind_arguments(arguments: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """Bind `{{ name }}` encoded for where it stands: pasted into an address, a value could be another one."""
        return bind_request(arguments, values)

    def blast_radius(self, args: HttpActionArgs) -> int:
        return 1  # not known; the least that a change can reach

    async def precheck(self, args: HttpActionArgs, ctx: CallContext) -> Mapping[str, Any]:
        """The status of `verify_url` before. Raises: PrecheckFailed; nothing is changed by looking."""
        urls = [(args.url, True), (args.undo.url if args.undo else None, True)]
        urls += [(args.verify_url, False), (args.status_url, False)]
        try:
            for url, write in urls:
                if url is not None:
                    await self._sender.check(url.replace(KEY, "key"), write=write)
            status = None if args.verify_url is None else (await self._read(args.verify_url, ctx)).status
        except PluginError as exc:
            raise PrecheckFailed(str(exc), hint=exc.hint) from exc
        return {} if status is None else {"verify_status": status}

    async def apply(self, args: HttpActionArgs, key: str, ctx: CallContext) -> Result:
        """Raises: ApplyFailed (it was not sent, or refused); TargetUnreachable, PluginError: nobody can tell."""
        reply = await self._change(args.method, args, key, ctx)
        if not args.is_done(reply.status):
            said = f"{args.method} {args.url} answered {reply.status}: {shown(reply)}"
            if _is_refusal(reply.status):
                raise ApplyFailed(said, hint="mend the request in the guide, or the token in the settings")
            raise PluginError(said, hint="that tells neither that it was done nor that it was not; look at the target")
        evidence = f"{args.method} {args.url}: {reply.status}"
        return Result(as_value(reply), ValueType.DYN, ctx.now(), evidence=evidence)

    async def observe(self, args: HttpActionArgs, key: str, ctx: CallContext) -> Observation:
        """What `status_url` says of this key; without one, nothing can be told."""
        if args.status_url is None:
            return Observation.UNKNOWN
        reply = await self._read(args.status_url.replace(KEY, key), ctx)
        if reply.status == 404:
            return Observation.NOT_HAPPENED
        body = as_value(reply)["body"]
        state = body.get("status") if isinstance(body, dict) else None
        settled = not (isinstance(state, str) and state.lower() in _UNFINISHED)
        return Observation.HAPPENED if 200 <= reply.status < 300 and settled else Observation.UNKNOWN

    async def verify(self, args: HttpActionArgs, before: Mapping[str, Any], ctx: CallContext) -> Verdict:
        """Ask `verify_url` until it answers as expected or the time is over."""
        if args.verify_url is None:
            return Verdict(True, "the target took the request; no verify_url says how to read its effect back")
        loop = asyncio.get_running_loop()
        end = loop.time() + 0.9 * ctx.deadline_s
        while True:
            reply = await self._read(args.verify_url, ctx)
            evidence = {"status": reply.status, "status_before": before.get("verify_status")}
            said = f"{args.verify_url} answered {reply.status}"
            if reply.status == args.verify_status:
                return Verdict(True, said, evidence)
            if loop.time() + VERIFY_PAUSE_S > end:
                return Verdict(False, f"{said}, not {args.verify_status}", evidence)
            await asyncio.sleep(VERIFY_PAUSE_S)

    async def compensate(self, args: HttpActionArgs, key: str, ctx: CallContext) -> Verdict:
        """Send the guide's `undo`, under a key of its own."""
        if args.undo is None:
            return Verdict(False, "the guide gives no undo request")
        reply = await self._change(args.undo.method, args.undo, f"{key}-undo", ctx)
        said = f"{args.undo.method} {args.undo.url} answered {reply.status}"
        return Verdict(200 <= reply.status < 300, said, {"status": reply.status})

    async def _change(self, method: str, args: RequestArgs, key: str, ctx: CallContext) -> Reply:
        """Raises: ApplyFailed when it was not sent; TargetUnreachable when it may have been seen."""
        from plugins.http_wire import NotSent

        try:
            return await self._sender.send(method, args, ctx, headers={"Idempotency-Key": key})
        except TargetUnreachable as exc:
            if not isinstance(exc, NotSent):
                raise
            raise ApplyFailed(str(exc), hint=exc.hint) from exc
        except PluginError as exc:  # not allowed, no token, no header that can be sent
            raise ApplyFailed(str(exc), hint=exc.hint) from exc

    async def _read(self, url: str, ctx: CallContext) -> Reply:
        return await self._sender.send("GET", RequestArgs(url=url), ctx, headers={"Cache-Control": "no-cache"})


def _validated(kind: type[HttpQueryArgs], arguments: Mapping[str, Any]) -> HttpQueryArgs:
    """What values made of the arguments must fit as well. Raises: BadArguments."""
    try:
        return kind.model_validate(arguments)
    except ValidationError as exc:
        error = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, error["loc"]))
        raise BadArguments(f"{where}: {error['msg']}", hint="look at what the values hold") from exc


def _is_refusal(status: int) -> bool:
    """Whether the target says that nothing was changed. 408, 409 and 425 may speak of an earlier sending."""
    return 400 <= status < 500 and status not in (408, 409, 425)
