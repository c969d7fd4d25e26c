"""A plugin's own table of stepfleet.toml: read strictly, secrets by the file that holds them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from plugins.errors import PluginError

S = TypeVar("S", bound="PluginSettings")


class PluginSettings(BaseModel):
    """Base of a plugin's settings: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_settings(kind: type[S], table: str, settings: Mapping[str, Any]) -> S:
    """Raises: PluginError naming the table, the setting and, for an unknown one, the nearest known name."""
    try:
        return kind.model_validate(dict(settings))
    except ValidationError as exc:
        error = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, error["loc"]))
        if error["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(error["loc"][-1]), kind.model_fields, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(kind.model_fields)}"
            raise PluginError(f"[{table}]: unknown setting '{where}'", hint=hint) from exc
        raise PluginError(f"[{table}] {where}: {error['msg']}", hint="mend it in stepfleet.toml") from exc


def bearer(file: Path | None, table: str) -> Callable[[], Mapping[str, str]]:
    """The Authorization header, read anew at each call: tokens are renewed under a running service.

    The function returned raises PluginError naming the file, never what it holds.
    """

    def headers() -> Mapping[str, str]:
        if file is None:
            return {}
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise PluginError(
                f"[{table}]: the token in {file} cannot be read: {exc}", hint="create it, mode 0600"
            ) from exc
        if not token or not token.isascii() or not token.isprintable():
            raise PluginError(f"[{table}]: {file} holds no token", hint="one line of printable ASCII")
        return {"Authorization": f"Bearer {token}"}

    return headers
