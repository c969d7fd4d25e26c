"""A catalogue of the plugins that the guides in these tests call; it checks arguments as a real one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from dag.model import Effect, ValueType
from tsg.catalogue import CallFacts
from tsg.compile import Compiled, compile_guide
from tsg.parse import parse_guide

FACTS = {
    f.name: f
    for f in (
        CallFacts("promql", "1", is_action=False, result=ValueType.VECTOR),
        CallFacts("http", "1", is_action=False),
        CallFacts("reschedule", "1", is_action=False),
        CallFacts("http_call", "1", is_action=True),
        CallFacts("kv_migrate", "1", is_action=True, reversible=True, idempotent=True),
        CallFacts("replica_drain", "1", is_action=True, reversible=True, idempotent=True),
        CallFacts("replica_add", "1", is_action=True, reversible=True, idempotent=True),
    )
}
ARGUMENTS = {  # name -> (required, optional)
    "promql": ({"query", "scalar"}, {"range_s", "step_s", "max_age_s"}),
    "http": ({"method", "url", "headers"}, {"body"}),
    "http_call": ({"method", "url", "headers"}, {"body"}),
    "reschedule": ({"fleet"}, {"source", "max_moves", "first"}),
    "kv_migrate": ({"fleet", "plan"}, set[str]()),
    "replica_drain": ({"fleet", "replica"}, set[str]()),
    "replica_add": ({"fleet", "replica"}, set[str]()),
}
WRITES = {
    "kv_migrate": ("sessions:{fleet}",),
    "replica_drain": ("sessions:{fleet}", "replica:{fleet}/{replica}"),
    "replica_add": ("replica:{fleet}/{replica}",),
}


class FakeCatalogue:
    """Stands in for the installed plugins, so that the room is tested without its neighbours."""

    def names(self, *, actions: bool) -> tuple[str, ...]:
        return tuple(sorted(n for n, f in FACTS.items() if f.is_action == actions))

    def facts(self, name: str) -> CallFacts | None:
        return FACTS.get(name)

    def problems(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        required, optional = ARGUMENTS[name]
        missing = [f"the argument '{a}' is missing" for a in sorted(required - arguments.keys())]
        return (*missing, *(f"no argument is named '{a}'" for a in arguments if a not in required | optional))

    def effect(self, name: str, arguments: Mapping[str, Any]) -> Effect:
        if name == "http_call":
            return Effect(reads=None, writes=None)
        values = {k: str(v) for k, v in arguments.items()}
        return Effect(
            reads=frozenset({f"sessions:{values.get('fleet')}"}) if name == "reschedule" else frozenset(),
            writes=frozenset(w.format(**values) for w in WRITES.get(name, ()) if "fleet" in values),
        )


@pytest.fixture(scope="session")
def catalogue() -> FakeCatalogue:
    return FakeCatalogue()


@pytest.fixture(scope="session")
def compiled(catalogue: FakeCatalogue) -> Callable[[str], Compiled]:
    """Compile a guide's text."""
    return lambda text: compile_guide(parse_guide(text, "guide.md"), catalogue)
