"""Who may do what at the doors: a principal is known by its token alone, never by what a body says."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from agent.errors import NotAllowed, SettingsError

MIN_TOKEN_CHARS = 16


class Role(StrEnum):
    """Built-in roles; a policy may name others for its approvers."""

    WEBHOOK = "webhook"  # posts alerts; reads and approves nothing
    VIEWER = "viewer"  # reads runs
    OPERATOR = "operator"  # reads, approves, answers, cancels, uses the kill switch


class SecretRef(BaseModel):
    """Where a secret is: an environment variable's name or a file. Never the secret itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one_place(self) -> SecretRef:
        if (self.env is None) == (self.file is None):
            raise ValueError("give exactly one of 'env' (a variable's name) and 'file' (a path)")
        return self

    def resolve(self, environ: Mapping[str, str] = os.environ) -> str:
        """The secret. Raises SettingsError naming the place, never the value."""
        if self.env is not None:
            value = environ.get(self.env, "")
            place = f"environment variable {self.env}"
        else:
            assert self.file is not None
            place = str(self.file)
            try:
                value = self.file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as exc:
                raise SettingsError(f"{place}: the secret cannot be read: {exc}", hint="create it, mode 0600") from exc
        if not value:
            raise SettingsError(f"{place} holds no secret", hint="set it, or remove the setting that names it")
        return value


class PrincipalSettings(BaseModel):
    """One entry of `[[principals]]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    roles: tuple[str, ...]
    token: SecretRef


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone known by a token."""

    name: str
    roles: frozenset[str]

    @property
    def may_read(self) -> bool:
        return bool(self.roles - {Role.WEBHOOK})

    @property
    def may_operate(self) -> bool:
        return Role.OPERATOR in self.roles

    def may_approve(self, role: str) -> bool:
        return role in self.roles and role != Role.WEBHOOK


class Principals:
    """All principals of a process. Raises SettingsError for weak, missing or shared tokens."""

    def __init__(self, settings: tuple[PrincipalSettings, ...], environ: Mapping[str, str] = os.environ) -> None:
        self._known: list[tuple[bytes, Principal]] = []
        for entry in settings:
            token = entry.token.resolve(environ).encode()
            if len(token) < MIN_TOKEN_CHARS:
                raise SettingsError(
                    f"principal '{entry.name}': its token is shorter than {MIN_TOKEN_CHARS} characters",
                    hint="make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
                )
            if any(hmac.compare_digest(token, other) for other, _ in self._known):
                raise SettingsError(f"principal '{entry.name}' shares its token with another", hint="one token each")
            self._known.append((token, Principal(entry.name, frozenset(entry.roles))))

    def __len__(self) -> int:
        return len(self._known)

    def who(self, token: str) -> Principal | None:
        """The principal of a token; all are compared, in constant time each."""
        given, found = token.encode("utf-8", "surrogateescape"), None
        for known, principal in self._known:
            if hmac.compare_digest(given, known):
                found = principal
        return found

    def require(self, token: str) -> Principal:
        """Raises NotAllowed when nobody has this token."""
        principal = self.who(token)
        if principal is None:
            raise NotAllowed("no principal has this token", hint="set STEPFLEET_TOKEN to the token of a principal")
        return principal
