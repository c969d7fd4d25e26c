"""Which language model stepfleet may ask, and how much it may spend. Nothing here is read from ambient variables."""

from __future__ import annotations

import math
import os
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from agent.errors import SettingsError
from agent.model.budget import Budget, Price


class LlmSettings(BaseModel):
    """One OpenAI-compatible endpoint, named explicitly; its key is given by reference, never by value.

    `max_calls`, `max_tokens`, `max_cost` and `deadline_s` bound one judgement, the `run_*` fields all judgements of
    one run. Tokens count prompts and completions together; calls count every request, retries included. Prices are of a
    million tokens, and costs are in their currency.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str
    model: str = Field(min_length=1)
    api_key_env: str | None = None
    api_key_file: Path | None = None
    ca_file: Path | None = None  # certificates to trust instead of the public ones
    stream: bool = False  # for what stands between that cuts quiet connections off
    deadline_s: float = Field(default=60.0, gt=0)
    max_calls: int = Field(default=4, ge=1)
    max_tokens: int = Field(default=20_000, ge=1)
    run_max_calls: int = Field(default=40, ge=1)
    run_max_tokens: int = Field(default=200_000, ge=1)
    run_max_s: float = Field(default=900.0, gt=0)
    price_in: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    price_out: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_cost: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    run_max_cost: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @field_validator("base_url")
    @classmethod
    def _is_plain_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url must be an http or https address, e.g. http://127.0.0.1:8080/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("base_url must hold no user, password, query or fragment; name the key's source instead")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _has_one_key_source(self) -> LlmSettings:
        if self.api_key_env and self.api_key_file:
            raise ValueError("give api_key_env or api_key_file, not both")
        return self

    @model_validator(mode="after")
    def _money_needs_prices(self) -> LlmSettings:
        if (self.price_in is None) != (self.price_out is None):
            raise ValueError("give both price_in and price_out, of a million tokens each, or neither")
        if self.price_in is None and (self.max_cost is not None or self.run_max_cost is not None):
            raise ValueError("max_cost and run_max_cost need price_in and price_out: they are in their currency")
        return self

    @property
    def price(self) -> Price:
        return Price(self.price_in or 0.0, self.price_out or 0.0)

    @property
    def per_judgement(self) -> Budget:
        return Budget(self.max_calls, self.max_tokens, self.deadline_s, _money(self.max_cost))

    @property
    def per_run(self) -> Budget:
        return Budget(self.run_max_calls, self.run_max_tokens, self.run_max_s, _money(self.run_max_cost))


def _money(bound: float | None) -> float:
    return math.inf if bound is None else bound


def read_api_key(settings: LlmSettings) -> str | None:
    """Resolve the key's reference; None when the settings name no source (a server without keys).

    Raises: SettingsError when the named variable or file holds no key.
    """
    if settings.api_key_env:
        key = os.environ.get(settings.api_key_env, "").strip()
        where = f"the environment variable {settings.api_key_env}"
    elif settings.api_key_file:
        where = f"the file {settings.api_key_file}"
        try:
            key = settings.api_key_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise SettingsError(f"{where} cannot be read: {exc}", hint="check llm.api_key_file") from exc
    else:
        return None
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(
            f"{where} holds no usable API key", hint="it must be one line of printable ASCII without spaces"
        )
    return key
