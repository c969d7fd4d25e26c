"""How many guides a second compile, on one core: the examples, and a corpus outside the project if there is one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from agent.catalogue import PluginCatalogue
from plugins.registry import Registry
from tsg.compile import compile_guide
from tsg.parse import read_guide

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "guides"
CORPUS = "STEPFLEET_CORPUS"
AT_LEAST_S = 2.0


def run() -> dict[str, Any]:
    rows = [_row("examples/guides", sorted(EXAMPLES.glob("*.md")))]
    corpus = os.environ.get(CORPUS)
    if corpus:
        rows.append(_row("public guides", sorted(Path(corpus).rglob("*.md"))))
    else:
        rows.append({"guides": f"public guides: NOT RUN ({CORPUS} is not set)"})
    return {
        "title": "Guide compile rate",
        "verdict": f"{rows[0]['guides a second']} example guides a second.",
        "conditions": "Parse, compile and check, from the file to the plan; repeated for at least "
        f"{AT_LEAST_S:g} s, one process, one thread.",
        "rows": rows,
    }


def _row(name: str, paths: list[Path]) -> dict[str, Any]:
    catalogue = PluginCatalogue(Registry.installed({}))
    slowest, rounds, began = 0.0, 0, time.perf_counter()
    while time.perf_counter() - began < AT_LEAST_S:
        for path in paths:
            started = time.perf_counter()
            compile_guide(read_guide(path), catalogue)
            slowest = max(slowest, time.perf_counter() - started)
        rounds += 1
    seconds = time.perf_counter() - began
    return {
        "guides": f"{name} ({len(paths)})",
        "guides a second": round(rounds * len(paths) / seconds, 1),
        "slowest ms": round(slowest * 1000, 1),
    }
