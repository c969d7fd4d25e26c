"""stepfleet.toml and the environment (`STEPFLEET_*`), merged once: defaults < file < environment."""

from __future__ import annotations

import difflib
import os
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from agent.errors import SettingsError
from agent.gate.principals import PrincipalSettings
from agent.model.settings import LlmSettings
from agent.run.speculation import Speculation
from agent.run.store import LEASE_S
from plugins.base import Cost
from tsg.findings import Severity

if TYPE_CHECKING:
    from agent.memory.recall import Nearness

DEFAULT_FILE = Path("stepfleet.toml")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JournalSettings(_Section):
    url: str = "sqlite:///.stepfleet/journal.db"
    lease_s: Annotated[float, Field(ge=1)] = LEASE_S

    @property
    def is_shared(self) -> bool:
        """Whether processes of several machines may use it at once."""
        return self.url.startswith("postgresql")


class LibrarySettings(_Section):
    path: Path = Path("guides")


class PolicySettings(_Section):
    file: Path | None = None  # without a policy nothing is done


class AuditSettings(_Section):
    """Where the audit's head goes, besides the log."""

    heads: Path | None = None  # a file of lines, best kept where the database's owner cannot write
    every_s: Annotated[float, Field(ge=0.1)] = 5.0


class ApiSettings(_Section):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080  # 0: a free one, printed
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    allowed_origins: tuple[str, ...] = ()
    without_secret: bool = False  # accept webhooks from anybody: only where the network is the guard
    max_body_bytes: Annotated[int, Field(gt=0)] = 16 * 1024 * 1024
    max_queued: Annotated[int, Field(gt=0)] = 1_000  # runs waiting; beyond: 503
    max_queued_per_team: Annotated[int, Field(gt=0)] = 500


class EngineSettings(_Section):
    runs_at_once: Annotated[int, Field(gt=0)] = 16
    calls_per_plugin: Annotated[int, Field(gt=0)] = 32
    run_deadline_s: Annotated[float, Field(gt=0)] = 86_400.0


class SpeculationSettings(_Section):
    """What one run may spend on reads that start before it is decided whether they are wanted."""

    enabled: bool = True
    light_calls: Annotated[int, Field(ge=0)] = 40
    moderate_calls: Annotated[int, Field(ge=0)] = 20
    heavy_calls: Annotated[int, Field(ge=0)] = 0
    seconds: Annotated[float, Field(ge=0)] = 60.0
    at_once: Annotated[int, Field(gt=0)] = 4
    max_age_s: Annotated[float, Field(gt=0)] = 30.0
    plugins_off: tuple[str, ...] = ()

    def value(self) -> Speculation | None:
        """None when it is switched off."""
        if not self.enabled:
            return None
        return Speculation(
            calls={
                Cost.LIGHT: self.light_calls,
                Cost.MODERATE: self.moderate_calls,
                Cost.HEAVY: self.heavy_calls,
            },
            seconds=self.seconds,
            at_once=self.at_once,
            max_age_s=self.max_age_s,
            plugins_off=frozenset(self.plugins_off),
        )


class MemorySettings(_Section):
    """What a model is told of past incidents; people are told whenever they ask."""

    recall: bool = True
    shown: Annotated[int, Field(ge=1, le=3)] = 3
    ranking: Literal["words", "meaning"] = "words"  # of incidents that share as many facts

    def nearness(self) -> Nearness | None:
        """How texts are compared. Raises SettingsError where that needs what is not installed."""
        if self.ranking == "words":
            return None
        from agent.memory.meaning import meaning

        return meaning().nearness


class MentorSettings(_Section):
    """What a project wants of `lint`; codes are checked where checks are known."""

    disable: tuple[str, ...] = ()  # codes or categories
    severity: dict[str, Severity] = {}  # by code
    per_file_ignores: dict[str, tuple[str, ...]] = {}  # by glob: codes or categories


class Settings(BaseSettings):
    """All settings of a process. Paths in the file are relative to the file."""

    model_config = SettingsConfigDict(env_prefix="STEPFLEET_", env_nested_delimiter="__", extra="forbid", frozen=True)
    _file: ClassVar[Path | None] = None

    journal: JournalSettings = JournalSettings()
    library: LibrarySettings = LibrarySettings()
    policy: PolicySettings = PolicySettings()
    audit: AuditSettings = AuditSettings()
    api: ApiSettings = ApiSettings()
    engine: EngineSettings = EngineSettings()
    speculation: SpeculationSettings = SpeculationSettings()
    memory: MemorySettings = MemorySettings()
    mentor: MentorSettings = MentorSettings()
    llm: LlmSettings | None = None
    principals: tuple[PrincipalSettings, ...] = ()
    plugins: dict[str, dict[str, Any]] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        if cls._file is None:
            return init_settings, env_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls._file)


def load_settings(file: Path | None = None) -> Settings:
    """Read `file`, or ./stepfleet.toml when it exists, or nothing.

    Raises: SettingsError naming the file, the setting and, for an unknown one, the nearest known name.
    """
    chosen = file or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    if file is not None and not file.exists():
        raise SettingsError(f"{file}: no such file", hint="give --config an existing stepfleet.toml")
    reader = type("_Settings", (Settings,), {"_file": chosen})
    try:
        settings = reader()
    except ValidationError as exc:
        raise SettingsError(f"{chosen or 'STEPFLEET_*'}: {_first(exc)}", hint="see docs/configuration.md") from exc
    except (OSError, ValueError) as exc:
        raise SettingsError(f"{chosen}: cannot be read: {exc}", hint="it must be TOML") from exc
    return settings if chosen is None else _relative_to(settings, chosen.parent)


def _first(exc: ValidationError) -> str:
    error = exc.errors()[0]
    where = ".".join(str(p) for p in error["loc"])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), _known_names(), n=1)
        return f"unknown setting '{where}'" + (f", did you mean '{near[0]}'?" if near else "")
    return f"{where}: {error['msg']}"


def _known_names() -> list[str]:
    sections = (
        JournalSettings,
        LibrarySettings,
        PolicySettings,
        AuditSettings,
        ApiSettings,
        EngineSettings,
        SpeculationSettings,
        MemorySettings,
        MentorSettings,
        LlmSettings,
    )
    return [*Settings.model_fields, *(name for section in sections for name in section.model_fields)]


def _relative_to(settings: Settings, folder: Path) -> Settings:
    """Paths a file names are meant from where the file lies."""
    url = settings.journal.url
    prefix = "sqlite:///"
    if url.startswith(prefix) and not Path(url.removeprefix(prefix)).is_absolute():
        url = f"{prefix}{folder / url.removeprefix(prefix)}"
    policy, heads = settings.policy.file, settings.audit.heads
    return settings.model_copy(
        update={
            "journal": settings.journal.model_copy(update={"url": url}),
            "library": LibrarySettings(path=folder / settings.library.path),
            "policy": PolicySettings(file=folder / policy if policy else None),
            "audit": settings.audit.model_copy(update={"heads": folder / heads if heads else None}),
            "mentor": _mentor_from(folder, settings.mentor),
            "llm": _llm_from(folder, settings.llm),
            "principals": tuple(_principal_from(folder, p) for p in settings.principals),
            "plugins": {name: _table_from(folder, table) for name, table in settings.plugins.items()},
        }
    )


def _mentor_from(folder: Path, mentor: MentorSettings) -> MentorSettings:
    """A glob with a slash is meant from the folder; one without means a file's name, wherever it lies."""
    base = escape(os.path.abspath(folder))  # noqa: PTH100  links keep their names
    whole = {
        os.path.normpath(f"{base}/{g}") if "/" in g and not g.startswith("/") else g: codes
        for g, codes in mentor.per_file_ignores.items()
    }
    return mentor.model_copy(update={"per_file_ignores": whole})


def _llm_from(folder: Path, llm: LlmSettings | None) -> LlmSettings | None:
    if llm is None:
        return None
    files = {name: getattr(llm, name) for name in ("api_key_file", "ca_file")}
    return llm.model_copy(update={name: folder / file for name, file in files.items() if file is not None})


def _principal_from(folder: Path, principal: PrincipalSettings) -> PrincipalSettings:
    file = principal.token.file
    if file is None:
        return principal
    return principal.model_copy(update={"token": principal.token.model_copy(update={"file": folder / file})})


def _table_from(folder: Path, table: dict[str, Any]) -> dict[str, Any]:
    """A plugin's table; its settings whose names end in `_file` are paths."""
    return {
        name: str(folder / value) if name.endswith("_file") and isinstance(value, str) else value
        for name, value in table.items()
    }
