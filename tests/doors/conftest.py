"""A real service over a journal on disk, with one guide that waits for a person, and its HTTP application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.doors.api import create_app
from agent.service import Service, build_service
from agent.settings import Settings

TOKENS = {
    "alertmanager": ("webhook-token-0123456789", ["webhook"]),
    "am2": ("second-webhook-token-0123456789", ["webhook"]),
    "vera": ("viewer-token-0123456789", ["viewer"]),
    "olga": ("operator-token-0123456789", ["operator"]),
}
GUIDE = """---
title: Ask a person
alerts: [Hot]
---
# Ask a person

## Look by hand

By hand: walk to the rack and look at the lamp.

## Resolved

It is well.
"""


def settings_in(folder: Path, **api: Any) -> Settings:
    guides = folder / "guides"
    guides.mkdir(exist_ok=True)
    (guides / "ask.md").write_text(GUIDE)
    principals = []
    for name, (token, roles) in TOKENS.items():
        (folder / name).write_text(token)
        principals.append({"name": name, "roles": roles, "token": {"file": folder / name}})
    return Settings.model_validate(
        {
            "journal": {"url": f"sqlite:///{folder}/journal.db"},
            "library": {"path": guides},
            "principals": principals,
            "api": api,
        }
    )


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with build_service(settings_in(tmp_path)) as running:
        yield running


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(service, service.settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        yield client


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[name][0]}"}
