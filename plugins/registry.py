"""The plugins installed: found by entry points, made on first use, checked for what they promise."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Self

from plugins.base import Action, Query
from plugins.errors import PluginError, UnknownPlugin

GROUP = "stepfleet.plugins"
Plugin = Query | Action


class Registry:
    """Queries and actions by name. A plugin that is never called is never imported."""

    def __init__(self, makers: Mapping[str, Callable[[], Plugin]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, Plugin] = {}
        self._queries: dict[str, Query] = {}  # checked once: asking a protocol costs more than a quick query
        self._actions: dict[str, Action] = {}

    @classmethod
    def installed(cls, settings: Mapping[str, Mapping[str, Any]]) -> Self:
        """All plugins of this environment; `settings` holds their tables by name.

        Raises: PluginError when two distributions bring a plugin of one name.
        """
        found: dict[str, EntryPoint] = {}
        for entry in entry_points(group=GROUP):
            other = found.get(entry.name)
            if other is not None and other.value != entry.value:
                raise PluginError(
                    f"two plugins are named '{entry.name}': {other.value} and {entry.value}",
                    hint="uninstall one of the distributions that bring them",
                )
            found[entry.name] = entry
        return cls({name: _maker(entry, settings, found) for name, entry in found.items()})

    @classmethod
    def of(cls, *plugins: Plugin) -> Self:
        """A registry of these plugins and no others."""
        return cls({p.name: (lambda p=p: p) for p in plugins})  # type: ignore[misc]

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._makers))

    def plugin(self, name: str) -> Plugin:
        """Raises: UnknownPlugin with the nearest name; PluginError when it cannot be made."""
        if name not in self._made:
            if name not in self._makers:
                near = difflib.get_close_matches(name, self._makers, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"installed: {', '.join(self.names()) or 'none'}"
                raise UnknownPlugin(f"no plugin is named '{name}'", hint=hint)
            self._made[name] = self._makers[name]()
        return self._made[name]

    def query(self, name: str) -> Query:
        """Raises: as `plugin`; PluginError when it is an action."""
        known = self._queries.get(name)
        if known is not None:
            return known
        plugin = self.plugin(name)
        if isinstance(plugin, Action):
            raise PluginError(f"'{name}' is an action", hint="call it in an action block, under the policy")
        self._queries[name] = plugin
        return plugin

    def action(self, name: str) -> Action:
        """Raises: as `plugin`; PluginError when it is a query."""
        known = self._actions.get(name)
        if known is not None:
            return known
        plugin = self.plugin(name)
        if not isinstance(plugin, Action):
            raise PluginError(f"'{name}' is a query", hint="it changes nothing; call it in a query block")
        self._actions[name] = plugin
        return plugin


def _maker(
    entry: EntryPoint, settings: Mapping[str, Mapping[str, Any]], installed: Mapping[str, EntryPoint]
) -> Callable[[], Plugin]:
    def make() -> Plugin:
        kind = _load(entry)
        table = _table_of(entry, kind)
        if table not in settings:
            _refuse_misspelt(table, settings, installed)
        try:
            plugin = kind.from_settings(settings.get(table, {})) if hasattr(kind, "from_settings") else kind()
        except PluginError:
            raise
        except Exception as exc:  # a stranger's constructor: whatever it raises, people are told whose it is
            raise PluginError(
                f"plugin '{entry.name}' ({entry.value}) cannot be made: {_said(exc)}",
                hint=f"look at [plugins.{table}] first; else it is a mistake in the plugin",
            ) from exc
        if not isinstance(plugin, Query | Action) or plugin.name != entry.name:
            raise PluginError(
                f"{entry.value} is no plugin named '{entry.name}'",
                hint="it must satisfy plugins.base.Query or Action, under the name of its entry point",
            )
        return plugin

    return make


def _load(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as exc:  # importing runs a stranger's module
        raise PluginError(
            f"plugin '{entry.name}' ({entry.value}) cannot be imported: {_said(exc)}", hint="install what it needs"
        ) from exc


def _table_of(entry: EntryPoint, kind: Any) -> str:
    """The name of its table: its own, unless it shares one with others."""
    return str(getattr(kind, "settings_table", entry.name))


def _refuse_misspelt(
    table: str, settings: Mapping[str, Mapping[str, Any]], installed: Mapping[str, EntryPoint]
) -> None:
    """Raise PluginError when `table` is missing and one almost of that name is nobody's.

    A table far from it may be that of a plugin which is installed elsewhere only.
    """
    near = difflib.get_close_matches(table, set(settings) - set(installed), n=1, cutoff=0.75)
    if near and near[0] not in {_table_of(e, _load(e)) for e in installed.values()}:
        raise PluginError(f"[plugins.{near[0]}] is no plugin's table", hint=f"did you mean [plugins.{table}]?")


def _said(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}".rstrip(": ")
