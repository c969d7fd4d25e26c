"""What is known of each program: one module a family, `rule_for` to look one up."""

from __future__ import annotations

from functools import cache

from tsg.commands.tools import (
    compute,
    databases,
    files,
    kubernetes,
    machine,
    network,
    platform,
    processes,
    readers,
    shell_builtins,
    storage,
    text,
    transfer,
)
from tsg.commands.tools.table import Rule, Tool

# A later family's word on a program holds.
_FAMILIES = (
    readers,
    shell_builtins,
    files,
    text,
    network,
    transfer,
    processes,
    machine,
    databases,
    storage,
    platform,
    compute,
    kubernetes,
)
_STEMS = ("mkfs.", "fsck.", "python3.", "pip3.", "iptables-", "ip6tables-")


@cache
def _rules() -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for family in _FAMILIES:
        table.update(family.TOOLS)
    return table


@cache
def strong_names() -> frozenset[str]:
    """Programs whose names are no English words: one first in a line is enough to see a command."""
    return frozenset().union(*(family.STRONG for family in _FAMILIES))


def rule_for(name: str) -> Rule | None:
    """How to judge a program by its name, without its folder; None where it is not known."""
    rules = _rules()
    if name in rules:
        return rules[name]
    for stem in _STEMS:
        if name.startswith(stem):
            return rules.get(stem.rstrip(".-"))
    return rules.get(name.lower().removesuffix(".exe")) if name.lower().endswith(".exe") else None


def tool_for(name: str) -> Tool | None:
    """The table of a program with sub-commands, None for any other."""
    if name in {"kubectl", "oc"}:
        return kubernetes.tool(name)
    if name == "ceph":
        return storage.CEPH
    if name == "git":
        return compute.GIT
    rule = rule_for(name)
    return rule if isinstance(rule, Tool) else None
