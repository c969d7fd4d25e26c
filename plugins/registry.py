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
        return cls({name: _maker(entry, settings) for name, entry in found.items()})

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


def _maker(entry: EntryPoint, settings: Mapping[str, Mapping[str, Any]]) -> Callable[[], Plugin]:
    def make() -> Plugin:
        try:
            kind = entry.load()
        except (ImportError, AttributeError) as exc:
            raise PluginError(
                f"plugin '{entry.name}' ({entry.value}) cannot be imported: {exc}", hint="install what it needs"
            ) from exc
        table = settings.get(getattr(kind, "settings_table", entry.name), {})
        plugin = kind.from_settings(table) if hasattr(kind, "from_settings") else kind()
        if not isinstance(plugin, Query | Action) or plugin.name != entry.name:
            raise PluginError(
                f"{entry.value} is no plugin named '{entry.name}'",
                hint="it must satisfy plugins.base.Query or Action, under the name of its entry point",
            )
        return plugin

    return make
