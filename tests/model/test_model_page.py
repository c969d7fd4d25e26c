"""docs/model.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from agent.model import llm, retry
from agent.model.llm import ModelError, Transient
from agent.model.prompt import REASON_CHARS
from agent.model.settings import LlmSettings

PAGE = (Path(__file__).parents[2] / "docs" / "model.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_the_page_lists_every_setting_with_its_default() -> None:
    said: dict[str, str] = {}
    for names, defaults, _ in rows("Configuring one"):
        listed = re.findall(r"`(\w+)`", names)
        values = [d.strip() for d in defaults.split(",")] if "," in defaults else [defaults] * len(listed)
        said |= dict(zip(listed, values, strict=True))
    fields = LlmSettings.model_fields.items()
    assert said == {k: "" if f.is_required() or f.default is None else _written(f.default) for k, f in fields}


def _written(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else f"{default:g}"


def test_the_page_lists_every_error() -> None:
    said = {name for row in rows("When it fails") for name in re.findall(r"`(\w+)`", row[0])}
    public = {k for k, v in vars(llm).items() if isinstance(v, type) and issubclass(v, ModelError)}
    assert said == public - {ModelError.__name__, Transient.__name__}


def test_the_page_s_numbers_are_the_code_s() -> None:
    assert f"at most {REASON_CHARS} characters" in PAGE
    waits = f"{retry.FIRST_WAIT_S:g} s and {retry.FIRST_WAIT_S * 2:g} s apart"
    assert f"up to {retry.ATTEMPTS} attempts, {waits}" in PAGE
