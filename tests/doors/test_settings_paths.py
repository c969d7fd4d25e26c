"""Paths in a settings file are meant from where the file lies."""

from __future__ import annotations

from pathlib import Path

from agent.settings import load_settings

TEXT = """
[journal]
url = "sqlite:///j.db"
[library]
path = "g"
[policy]
file = "p.toml"
[llm]
base_url = "http://127.0.0.1:1/v1"
model = "m"
api_key_file = "key"
[[principals]]
name = "ann"
roles = ["operator"]
token = {file = "ann.token"}
[plugins.serving]
read_token_file = "read.token"
"""


def test_every_kind_of_path_is_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "stepfleet.toml").write_text(TEXT)
    settings = load_settings(tmp_path / "stepfleet.toml")
    assert settings.llm is not None
    assert {
        settings.journal.url.removeprefix("sqlite:///"),
        str(settings.library.path),
        str(settings.policy.file),
        str(settings.llm.api_key_file),
        str(settings.principals[0].token.file),
        settings.plugins["serving"]["read_token_file"],
    } == {str(tmp_path / name) for name in ("j.db", "g", "p.toml", "key", "ann.token", "read.token")}
