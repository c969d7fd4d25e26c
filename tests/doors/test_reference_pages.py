"""The reference pages name every command, option, route and setting that there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel

from agent.doors.api import create_app
from agent.doors.cli import app
from agent.gate.principals import PrincipalSettings
from agent.model.settings import LlmSettings
from agent.service import Service
from agent.settings import ApiSettings, EngineSettings, JournalSettings, LibrarySettings, PolicySettings

DOCS = Path(__file__).resolve().parents[2] / "docs"
PLAIN = {"--help", "--json", "--config"}


def commands() -> dict[str, Any]:
    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_in_the_page_of_commands(name: str) -> None:
    page = (DOCS / "cli.md").read_text()
    assert f"`{name}" in page
    options = {o for p in commands()[name].params for o in (*p.opts, *p.secondary_opts) if o.startswith("--")}
    assert not {o for o in options - PLAIN if o not in page}


async def test_every_route_is_in_the_page_of_routes(service: Service) -> None:
    page = (DOCS / "api.md").read_text()
    paths = create_app(service, service.settings).openapi()["paths"]
    missing = [
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if f"`{method.upper()} {path}`" not in page
    ]
    assert not missing


@pytest.mark.parametrize(
    "section",
    [
        JournalSettings,
        LibrarySettings,
        PolicySettings,
        ApiSettings,
        EngineSettings,
        PrincipalSettings,
        LlmSettings,
    ],
    ids=lambda s: s.__name__,
)
def test_every_setting_is_in_the_page_of_settings(section: type[BaseModel]) -> None:
    page = (DOCS / "configuration.md").read_text()
    assert not [f for f in section.model_fields if f"`{f}`" not in page]


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        pytest.param(ApiSettings().port, "8080", id="the port"),
        pytest.param(ApiSettings().max_queued, "1,000", id="the queue"),
        pytest.param(EngineSettings().runs_at_once, "16", id="runs at once"),
        pytest.param(EngineSettings().run_deadline_s, "86,400", id="the deadline"),
    ],
)
def test_defaults_that_the_page_quotes_are_those_of_the_code(setting: float, shown: str) -> None:
    assert f"{setting:,.0f}".replace("8,080", "8080") == shown
    assert shown in (DOCS / "configuration.md").read_text()
