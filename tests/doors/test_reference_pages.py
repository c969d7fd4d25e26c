"""The reference pages and the code name the same commands, options, routes and settings."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer.main
import yaml
from pydantic import BaseModel, TypeAdapter

from agent.doors import run_commands
from agent.doors.api import WEBHOOK, create_app
from agent.doors.cli import app
from agent.doors.signals import STOPPED
from agent.gate.principals import PrincipalSettings
from agent.model.settings import LlmSettings
from agent.run.intake import Decision
from agent.service import Service
from agent.settings import (
    ApiSettings,
    AuditSettings,
    EngineSettings,
    JournalSettings,
    LibrarySettings,
    MemorySettings,
    MentorSettings,
    PolicySettings,
    Settings,
    SpeculationSettings,
    load_settings,
)
from plugins.http_request import HttpSettings, Tokens
from plugins.promql import PromqlSettings
from plugins.serving.access import ServingSettings

DOCS = Path(__file__).resolve().parents[2] / "docs"
USAGE = 2  # typer's own exit code for a wrong command line
CODE = re.compile(r"`([^`\n]+)`")
SECTIONS: dict[str, type[BaseModel]] = {
    "[journal]": JournalSettings,
    "[library]": LibrarySettings,
    "[policy]": PolicySettings,
    "[audit]": AuditSettings,
    "[api]": ApiSettings,
    "[engine]": EngineSettings,
    "[speculation]": SpeculationSettings,
    "[memory]": MemorySettings,
    "[mentor]": MentorSettings,
    "[llm]": LlmSettings,
    "[[principals]]": PrincipalSettings,
    "[plugins.promql]": PromqlSettings,
    "[plugins.http]": HttpSettings,
    "[plugins.serving]": ServingSettings,
}


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def sections(name: str) -> dict[str, str]:
    """The text below each heading that is inline code."""
    parts = re.split(r"^## `(.+)`$", page(name), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(text: str, head: str) -> list[list[str]]:
    """The rows of the table whose first column is headed so."""
    found = re.search(rf"^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)*)", text, flags=re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[1].splitlines()] if found else []


def named(text: str, head: str) -> set[str]:
    """What the first cells of that table name as code."""
    return {name for row in rows(text, head) for name in CODE.findall(row[0])}


# -- commands ---------------------------------------------------------------------------------


def commands() -> dict[str, Any]:
    """By name; those of a group by the group's name and theirs."""
    found: dict[str, Any] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", {"": command})
        found |= {f"{name} {sub}".strip(): c for sub, c in inner.items()}
    return found


def heading(name: str) -> str:
    arguments = [p.metavar for p in commands()[name].params if p.param_type_name == "argument"]
    return " ".join([name, *arguments])


def options(command: Any) -> set[str]:
    given = [p for p in command.params if p.param_type_name == "option"]
    return {o for p in given for o in (*p.opts, *p.secondary_opts)} - {"--help"}


def test_the_page_of_commands_has_every_command_and_no_other() -> None:
    assert set(sections("cli.md")) == {heading(name) for name in commands()}


@pytest.mark.parametrize("name", commands())
def test_a_command_s_table_has_its_options_and_no_other(name: str) -> None:
    assert named(sections("cli.md")[heading(name)], "option") == options(commands()[name])


def test_no_option_is_named_that_no_command_has() -> None:
    everywhere = options(typer.main.get_command(app))
    known = {"--help", *everywhere, *(o for c in commands().values() for o in options(c))}
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page("cli.md")))
    assert everywhere <= shown <= known


@pytest.mark.parametrize("line", re.findall(r"^\$ stepfleet (.+)$", page("cli.md"), flags=re.MULTILINE))
def test_a_command_line_of_the_page_can_be_given(line: str) -> None:
    words = shlex.split(line)
    name = next(n for n in (" ".join(words[:2]), words[0]) if n in commands())
    commands()[name].make_context(name, words[len(name.split()) :])


def test_the_exit_codes_are_those_of_the_code() -> None:
    codes = {int(row[0]) for row in rows(page("cli.md"), "exit code")}
    assert codes == {run_commands.FINE, run_commands.NOT_FINE, USAGE, run_commands.FOR_A_PERSON, STOPPED}
    assert f"`{run_commands.TOKEN_VARIABLE}`" in page("cli.md")


# -- routes -----------------------------------------------------------------------------------


def properties(document: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return set(schema.get("properties", {}))


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{m.upper()} {path}": op for path, ms in document["paths"].items() for m, op in ms.items()}


@pytest.fixture
def document(service: Service) -> dict[str, Any]:
    return create_app(service, service.settings).openapi()


async def test_the_page_of_routes_has_every_route_and_no_other(document: dict[str, Any]) -> None:
    assert set(sections("api.md")) == {*operations(document), "GET /openapi.json"}


async def test_a_route_s_table_has_what_it_takes_and_no_other(document: dict[str, Any]) -> None:
    for route, operation in operations(document).items():
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        asked = {p["name"] for p in operation.get("parameters", ()) if p["in"] != "path"} | properties(document, body)
        assert named(sections("api.md")[route], "field") == asked, route


async def test_a_route_s_section_names_every_field_of_its_answer(document: dict[str, Any]) -> None:
    for route, operation in operations(document).items():
        text = sections("api.md")[route]
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                assert status in text, route
                schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
                missing = {f for f in properties(document, schema) if f"`{f}`" not in text and f'"{f}"' not in text}
                assert not missing, route


@pytest.mark.parametrize("route", sections("api.md"))
async def test_who_needs_a_token_is_as_the_page_says(http: httpx.AsyncClient, route: str) -> None:
    method, path = route.split()
    answer = await http.request(method, path.replace("{run_id}", "none"), json={} if method == "POST" else None)
    open_to_all = sections("api.md")[route].lstrip().startswith("For: anybody.")
    assert answer.status_code == (200 if open_to_all else 401)


def test_the_decisions_on_alerts_are_those_of_the_code() -> None:
    assert named(sections("api.md")[f"POST {WEBHOOK}"], "decision") == set(Decision)


def test_the_receiver_of_the_page_posts_all_alerts_to_the_webhook_with_a_token() -> None:
    example = re.search(r"```yaml\n(.*?)```", page("api.md"), flags=re.DOTALL)
    assert example
    (receiver,) = yaml.safe_load(example[1])["receivers"]
    (hook,) = receiver["webhook_configs"]
    assert httpx.URL(hook["url"]).path == WEBHOOK
    assert httpx.URL(hook["url"]).port == ApiSettings().port
    assert hook["max_alerts"] == 0
    assert hook["http_config"]["authorization"]["type"] == "Bearer"
    assert hook["http_config"]["authorization"]["credentials_file"]


# -- settings ---------------------------------------------------------------------------------


def test_the_page_of_settings_has_every_section_and_no_other() -> None:
    assert list(sections("configuration.md")) == list(SECTIONS)
    assert {s.strip("[]").split(".")[0] for s in SECTIONS} == set(Settings.model_fields)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_s_table_has_its_fields_and_no_other(section: str) -> None:
    assert named(sections("configuration.md")[section], "field") == set(SECTIONS[section].model_fields)


def test_the_tokens_of_hosts_are_named() -> None:
    text = sections("configuration.md")["[plugins.http]"]
    assert all(f"`{name}`" in text for name in Tokens.model_fields)


@pytest.mark.parametrize("section", SECTIONS)
def test_the_defaults_are_those_of_the_code(section: str) -> None:
    for name, _, default in rows(sections("configuration.md")[section], "field"):
        field = SECTIONS[section].model_fields[name.strip("`")]
        if field.is_required():
            assert default == "required", name
            continue
        value = TypeAdapter(Any).dump_python(field.get_default(call_default_factory=True), mode="json")
        said = None if default == "none" else tomllib.loads(f"value = {default.strip('`')}")["value"]
        assert (said, type(said)) == (value, type(value)), name


def test_the_example_uses_every_section_and_is_read(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", page("configuration.md"), flags=re.DOTALL)
    assert example
    assert set(re.findall(r"^\[.+\]$", example[1], flags=re.MULTILINE)) == set(SECTIONS)
    file = tmp_path / "stepfleet.toml"
    file.write_text(example[1], encoding="utf-8")
    settings = load_settings(file)
    assert settings.library.path == tmp_path / "guides"
    for name, table in settings.plugins.items():
        SECTIONS[f"[plugins.{name}]"].model_validate(table)


def test_every_variable_of_the_page_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = set(re.findall(r"STEPFLEET_([A-Z_]+)", page("configuration.md"))) - {"SECTION__FIELD", "TOKEN"}
    for name in shown:
        first, *rest = name.lower().split("__")
        section = f"[{first}.{rest.pop(0)}]" if first == "plugins" else f"[{first}]"
        assert first in Settings.model_fields, name
        assert not rest or rest[0] in SECTIONS[section].model_fields, name
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEPFLEET_API__PORT", "9000")
    monkeypatch.setenv("STEPFLEET_API__ALLOWED_HOSTS", '["stepfleet"]')
    monkeypatch.setenv("STEPFLEET_PLUGINS__PROMQL__URL", "http://prometheus:9090")
    settings = load_settings()
    assert (settings.api.port, settings.api.allowed_hosts) == (9000, ("stepfleet",))
    assert settings.plugins["promql"]["url"] == "http://prometheus:9090"
