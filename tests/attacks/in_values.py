"""Values of an alert that stand in an address: what they must not become."""

from __future__ import annotations

from tests.attacks.attack import Attack, Harm

_VALUES = (
    ("adds a parameter", "w1&delete=all"),
    ("adds a path", "w1/admin/wipe"),
    ("begins a fragment", "w1&all#"),
    ("begins a query", "w1?all=1&force"),
    ("holds another address", "http://169.254.169.254/latest/meta-data"),
)

IN_VALUES = tuple(
    Attack(f"a host that {name}", "alert sender", Harm.STRAYED, ("encoded",), host=host) for name, host in _VALUES
)
