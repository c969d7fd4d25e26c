"""A plugin's table of stepfleet.toml: read strictly; its secrets stay in their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.errors import PluginError
from plugins.settings import PluginSettings, bearer, read_settings


class Shop(PluginSettings):
    url: str = "http://127.0.0.1:1"
    timeout_s: float = 1.0


def test_a_table_is_read_with_its_types() -> None:
    assert read_settings(Shop, "plugins.shop", {"timeout_s": 2}) == Shop(timeout_s=2.0)


@pytest.mark.parametrize(
    ("table", "says", "hint"),
    [
        pytest.param(
            {"timout_s": 2}, "[plugins.shop]: unknown setting 'timout_s'", "did you mean 'timeout_s'?", id="misspelt"
        ),
        pytest.param(
            {"colour": 2}, "[plugins.shop]: unknown setting 'colour'", "known here: url, timeout_s", id="unheard of"
        ),
        pytest.param({"timeout_s": "soon"}, "[plugins.shop] timeout_s: Input should", "mend it in", id="of no number"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(table: dict[str, Any], says: str, hint: str) -> None:
    with pytest.raises(PluginError) as refused:
        read_settings(Shop, "plugins.shop", table)
    assert str(refused.value).startswith(says)
    assert refused.value.hint.startswith(hint)


def test_a_token_is_read_anew_at_each_call(tmp_path: Path) -> None:
    file = tmp_path / "token"
    headers = bearer(file, "plugins.shop")
    for token in ("first", "renewed"):
        file.write_text(f"{token}\n")
        assert headers() == {"Authorization": f"Bearer {token}"}


def test_no_file_means_no_credentials() -> None:
    assert bearer(None, "plugins.shop")() == {}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(None, "cannot be read", id="missing"),
        pytest.param(b"", "holds no token", id="empty"),
        pytest.param(b" \n", "holds no token", id="blank"),
        pytest.param(b"hunter2\r\nX-Admin: yes", "holds no token", id="two lines"),
        pytest.param("hünter2".encode(), "holds no token", id="not ASCII"),
        pytest.param(b"hunter2\xff", "cannot be read", id="not UTF-8"),
    ],
)
def test_what_is_no_token_is_refused_and_never_shown(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PluginError) as refused:
        bearer(file, "plugins.shop")()
    said = f"{refused.value} {refused.value.hint}"
    assert says in said
    assert str(file) in said
    assert "hunter2" not in said
    assert "hünter2" not in said
