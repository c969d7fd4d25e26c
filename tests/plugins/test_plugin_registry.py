"""The plugins installed: found by real entry points, made late, refused by name when they are none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from plugins.base import Action, Query
from plugins.errors import PluginError, UnknownPlugin
from plugins.promql import PromqlQuery
from plugins.registry import Registry
from plugins.serving.access import ServingPlugin
from plugins.serving.kv_migrate import KvMigrate

OURS = ("http", "http_call", "kv_migrate", "promql", "replica_add", "replica_drain", "reschedule")
SOUND = """
from dag.model import ValueType
from plugins.base import Args

class {cls}:
    name = "{name}"
    version = "1"
    Args = Args
    result = ValueType.SCALAR
    speculative = False

    async def run(self, args, ctx): ...
"""

Install = Callable[[str, Mapping[str, str], str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution of one module, as pip would leave it, for the length of one test."""

    def add(distribution: str, plugins: Mapping[str, str], source: str) -> None:
        root = tmp_path / distribution
        info = root / f"{distribution}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = [f"{name} = {distribution}:{cls}" for name, cls in plugins.items()]
        (info / "entry_points.txt").write_text("\n".join(["[stepfleet.plugins]", *lines]) + "\n")
        (root / f"{distribution}.py").write_text(source)
        monkeypatch.syspath_prepend(str(root))
        monkeypatch.delitem(sys.modules, distribution, raising=False)

    return add


def test_all_of_the_projects_own_plugins_are_installed() -> None:
    assert set(OURS) <= set(Registry.installed({}).names())


@pytest.mark.parametrize("name", OURS)
def test_each_of_them_can_be_made_without_any_settings(name: str) -> None:
    plugin = Registry.installed({}).plugin(name)
    assert plugin.name == name
    assert isinstance(plugin, Query | Action)


def test_a_plugin_is_made_once() -> None:
    registry = Registry.installed({})
    assert registry.query("promql") is registry.query("promql") is registry.plugin("promql")


def test_a_plugin_that_nobody_calls_is_not_imported() -> None:
    code = (
        "import sys; from plugins.registry import Registry\n"
        "r = Registry.installed({'serving': {}}); r.names(); r.query('promql')\n"
        "print([m for m in ('plugins.http', 'plugins.serving', 'httpx', 'requests', 'pandas') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_plugins_of_one_target_share_its_table() -> None:
    registry = Registry.installed({"serving": {"fleet": 3}})
    for name in ("kv_migrate", "replica_add", "replica_drain", "reschedule"):
        with pytest.raises(PluginError, match=r"^\[plugins.serving\] fleet: "):
            registry.plugin(name)
    assert registry.query("promql").name == "promql"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("kv_migrat", "did you mean 'kv_migrate'?", id="one that is almost right"),
        pytest.param("xyzzy", "installed: ", id="one like none"),
    ],
)
def test_a_name_that_is_not_installed_is_refused(name: str, hint: str) -> None:
    with pytest.raises(UnknownPlugin, match=f"no plugin is named '{name}'") as refused:
        Registry.installed({}).plugin(name)
    assert refused.value.hint.startswith(hint)


def test_an_action_is_no_query_and_a_query_no_action() -> None:
    registry = Registry.of(PromqlQuery(), KvMigrate.from_settings({}))
    assert registry.names() == ("kv_migrate", "promql")
    with pytest.raises(PluginError, match="'kv_migrate' is an action"):
        registry.query("kv_migrate")
    with pytest.raises(PluginError, match="'promql' is a query"):
        registry.action("promql")


def test_another_distribution_brings_a_plugin_of_its_own(install: Install) -> None:
    install("stranger", {"stock": "Stock"}, SOUND.format(cls="Stock", name="stock"))
    assert Registry.installed({}).query("stock").name == "stock"


def test_two_plugins_of_one_name_are_refused_with_both(install: Install) -> None:
    install("stranger", {"promql": "Stock"}, SOUND.format(cls="Stock", name="promql"))
    with pytest.raises(PluginError) as refused:
        Registry.installed({})
    said = str(refused.value)
    assert said.startswith("two plugins are named 'promql': ")
    assert "stranger:Stock" in said
    assert "plugins.promql:PromqlQuery" in said


@pytest.mark.parametrize(
    ("source", "says"),
    [
        pytest.param("import no_such_library", "cannot be imported: ModuleNotFoundError: No module", id="a need unmet"),
        pytest.param("Other = 1", "cannot be imported: AttributeError", id="no such class in it"),
        pytest.param("class Odd(", "cannot be imported: SyntaxError", id="a module that does not parse"),
        pytest.param("raise SystemError('no')", "cannot be imported: SystemError: no", id="a module that fails"),
        pytest.param("class Odd: pass", "is no plugin named 'odd'", id="a class that is neither query nor action"),
        pytest.param(SOUND.format(cls="Odd", name="even"), "is no plugin named 'odd'", id="a plugin of another name"),
        pytest.param(
            SOUND.format(cls="Odd", name="odd") + "    def __init__(self, needed): ...",
            "cannot be made: TypeError",
            id="a constructor that asks for more",
        ),
        pytest.param(
            SOUND.format(cls="Odd", name="odd")
            + "    @classmethod\n    def from_settings(cls, settings): return settings['url']",
            "cannot be made: KeyError: 'url'",
            id="settings it cannot do without",
        ),
    ],
)
def test_what_is_no_plugin_is_refused_by_name_and_harms_no_other(install: Install, source: str, says: str) -> None:
    install("stranger", {"odd": "Odd"}, source)
    registry = Registry.installed({})
    with pytest.raises(PluginError) as refused:
        registry.plugin("odd")
    assert says in str(refused.value)
    assert "stranger:Odd" in str(refused.value)
    assert refused.value.hint
    assert registry.query("promql").name == "promql"


@pytest.mark.parametrize(
    ("settings", "name", "says"),
    [
        pytest.param({"promq": {}}, "promql", "[plugins.promq] is no plugin's table", id="a letter is missing"),
        pytest.param({"serving2": {}}, "kv_migrate", "[plugins.serving2] is no plugin's table", id="a shared table"),
    ],
)
def test_a_misspelt_table_is_not_passed_over(settings: dict[str, Any], name: str, says: str) -> None:
    with pytest.raises(PluginError) as refused:
        Registry.installed(settings).plugin(name)
    assert str(refused.value) == says
    assert refused.value.hint.startswith("did you mean [plugins.")


def test_a_table_like_anothers_is_fine_when_it_is_somebodys(install: Install) -> None:
    source = SOUND.format(cls="Stock", name="stock") + "    settings_table = 'serving2'"
    install("stranger", {"stock": "Stock"}, source)
    plugin = Registry.installed({"serving2": {}}).plugin("kv_migrate")
    assert isinstance(plugin, ServingPlugin)


def test_a_table_of_a_plugin_that_is_not_installed_here_is_left_alone() -> None:
    assert Registry.installed({"warehouse": {"url": "x"}}).query("promql").name == "promql"
