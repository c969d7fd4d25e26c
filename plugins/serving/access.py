"""How the serving plugins come to their fleet: one settings table, two tokens, one connection per call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from plugins.errors import BadArguments, PluginError
from plugins.serving.cluster import Fleet, ServingCluster
from plugins.serving.gateway import connect
from plugins.settings import PluginSettings, bearer, read_settings

TABLE = "plugins.serving"

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Access(StrEnum):
    """Which token a call may use: queries, and the reads of actions, never hold the one that changes."""

    READ = "read"
    CHANGE = "change"


Connect = Callable[[str, Access], AbstractAsyncContextManager[ServingCluster]]


class ServingSettings(PluginSettings):
    """The table `[plugins.serving]`. All of it may be missing until a fleet is called: guides still compile."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+")] | None = None
    fleet: str = "demo"
    read_token_file: Path | None = None
    write_token_file: Path | None = None
    timeout_s: Seconds = 10.0  # for one read
    change_timeout_s: Seconds = 60.0  # for the answer to one change


def connector(settings: ServingSettings) -> Connect:
    """What opens the fleet of these settings.

    Opening raises: BadArguments for another fleet's name; PluginError when a setting or a token is missing.
    """

    @asynccontextmanager
    async def open_fleet(fleet: str, access: Access) -> AsyncIterator[ServingCluster]:
        if settings.url is None:
            raise PluginError("no serving fleet is configured", hint='write url = "http://..." in [plugins.serving]')
        if fleet != settings.fleet:
            raise BadArguments(
                f"no fleet '{fleet}' is configured", hint=f"[{TABLE}] holds the fleet '{settings.fleet}'"
            )
        async with connect(
            settings.url,
            fleet,
            await asyncio.to_thread(_headers, settings, access),
            timeout_s=settings.timeout_s,
            change_timeout_s=settings.change_timeout_s,
        ) as cluster:
            yield cluster

    return open_fleet


def _headers(settings: ServingSettings, access: Access) -> Mapping[str, str]:
    name, file = {
        Access.READ: ("read_token_file", settings.read_token_file),
        Access.CHANGE: ("write_token_file", settings.write_token_file),
    }[access]
    if file is None:
        raise PluginError(f"[{TABLE}] {name} is not set", hint=f"name the file that holds the {access} token")
    return bearer(file, TABLE)()


class ServingPlugin:
    """What every plugin of the serving fleet is made of: the way to its fleet."""

    settings_table: ClassVar[str] = "serving"

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Raises: PluginError for an unknown or ill-typed setting."""
        return cls(connector(read_settings(ServingSettings, TABLE, settings)))

    async def _read(self, fleet: str) -> Fleet:
        async with self._connect(fleet, Access.READ) as cluster:
            return await read_fleet(cluster)


async def read_fleet(cluster: ServingCluster) -> Fleet:
    """Sessions, then replicas: a session that came in between holds a slot we count, and is not listed twice."""
    sessions = await cluster.sessions()
    return Fleet(await cluster.replicas(), sessions)
