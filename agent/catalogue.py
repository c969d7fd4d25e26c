"""The compiler's view of the plugins installed: satisfies `tsg.catalogue.Catalogue`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dag.model import READS_UNKNOWN, Effect
from plugins.base import PLACEHOLDER, Action, effect_of, placeholders
from plugins.errors import UnknownPlugin
from plugins.registry import Registry
from tsg.catalogue import CallFacts


class PluginCatalogue:
    """Facts about queries and actions, read off the plugins themselves."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def names(self, *, actions: bool) -> tuple[str, ...]:
        return tuple(sorted(n for n in self.registry.names() if self._is_action(n) is actions))

    def facts(self, name: str) -> CallFacts | None:
        try:
            plugin = self.registry.plugin(name)
        except UnknownPlugin:
            return None
        if isinstance(plugin, Action):
            return CallFacts(
                name,
                plugin.version,
                is_action=True,
                arguments=plugin.Args.model_json_schema(),
                reversible=plugin.reversible,
                idempotent=plugin.idempotent,
            )
        return CallFacts(
            name, plugin.version, is_action=False, arguments=plugin.Args.model_json_schema(), result=plugin.result
        )

    def problems(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """Validate what is literal; an argument that holds a placeholder gets its type when it is bound."""
        try:
            self.registry.plugin(name).Args.model_validate(dict(arguments))
        except ValidationError as exc:
            return tuple(
                f"{'.'.join(map(str, e['loc'])) or name}: {e['msg']}"
                for e in exc.errors()
                if e["type"] in ("missing", "extra_forbidden") or not _is_open(arguments, e["loc"])
            )
        return ()

    def effect(self, name: str, arguments: Mapping[str, Any]) -> Effect:
        plugin = self.registry.plugin(name)
        return effect_of(plugin, arguments) if isinstance(plugin, Action) else READS_UNKNOWN

    def _is_action(self, name: str) -> bool:
        return isinstance(self.registry.plugin(name), Action)


def _is_open(arguments: Any, where: tuple[int | str, ...]) -> bool:
    """Whether the value at `where`, or one around it, is still a placeholder."""
    value = arguments
    for part in where:
        if isinstance(value, str) and PLACEHOLDER.search(value):
            return True
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return bool(placeholders(value))
    return bool(placeholders(value))
