"""How the serving plugins come to their fleet: one settings table, two tokens, one connection per call."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plugins.errors import BadArguments, PluginError
from plugins.serving.cluster import Fleet, ServingCluster
from plugins.serving.gateway import connect

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Access(StrEnum):
    """Which token a call may use: queries, and the reads of actions, never hold the one that changes."""

    READ = "read"
    CHANGE = "change"


Connect = Callable[[str, Access], AbstractAsyncContextManager[ServingCluster]]


class ServingSettings(BaseModel):
    """The table `[plugins.serving]`. All of it may be missing until a fleet is called: guides still compile."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = None
    fleet: str = "demo"
    read_token_file: Path | None = None
    write_token_file: Path | None = None
    timeout_s: Seconds = 10.0  # for one read
    change_timeout_s: Seconds = 60.0  # for the answer to one change

    @classmethod
    def checked(cls, settings: Mapping[str, Any]) -> Self:
        """Raises: PluginError naming the setting, and the nearest known one."""
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as exc:
            first = exc.errors()[0]
            name = ".".join(map(str, first["loc"]))
            near = difflib.get_close_matches(name, cls.model_fields, n=1)
            hint = f"did you mean '{near[0]}'?" if near and near[0] != name else f"known: {', '.join(cls.model_fields)}"
            raise PluginError(f"[plugins.serving] {name}: {first['msg']}", hint=hint) from exc


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
                f"no fleet '{fleet}' is configured", hint=f"[plugins.serving] holds the fleet '{settings.fleet}'"
            )
        async with connect(
            settings.url,
            fleet,
            await asyncio.to_thread(_token, settings, access),
            timeout_s=settings.timeout_s,
            change_timeout_s=settings.change_timeout_s,
        ) as cluster:
            yield cluster

    return open_fleet


def _token(settings: ServingSettings, access: Access) -> str:
    """Read at each call, so that a token can be replaced under a running process."""
    name, file = {
        Access.READ: ("read_token_file", settings.read_token_file),
        Access.CHANGE: ("write_token_file", settings.write_token_file),
    }[access]
    if file is None:
        raise PluginError(f"[plugins.serving] {name} is not set", hint=f"name the file that holds the {access} token")
    try:
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise PluginError(f"[plugins.serving] {name}: {file} cannot be read", hint="check its path and mode") from exc
    if not token or not token.isascii() or not token.isprintable():
        raise PluginError(f"[plugins.serving] {name}: {file} holds no token", hint="one line of printable ASCII")
    return token


class ServingPlugin:
    """What every plugin of the serving fleet is made of: the way to its fleet."""

    settings_table: ClassVar[str] = "serving"

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Raises: PluginError for an unknown or ill-typed setting."""
        return cls(connector(ServingSettings.checked(settings)))

    async def _read(self, fleet: str) -> Fleet:
        async with self._connect(fleet, Access.READ) as cluster:
            return await read_fleet(cluster)


async def read_fleet(cluster: ServingCluster) -> Fleet:
    """Sessions, then replicas: a session that came in between holds a slot we count, and is not listed twice."""
    sessions = await cluster.sessions()
    return Fleet(await cluster.replicas(), sessions)
