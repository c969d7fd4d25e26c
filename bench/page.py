"""docs/benchmarks.md, made from bench/results/*.json and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def page(results: Sequence[dict[str, Any]]) -> str:
    parts = [
        "# Benchmarks",
        "Made by `make bench`; do not edit. Machines are noisy: read the ratios, not the seconds. Each section names "
        "the command that makes it again.",
    ]
    parts += [_section(r) for r in results]
    return "\n\n".join(parts) + "\n"


def _section(result: dict[str, Any]) -> str:
    columns = list(dict.fromkeys(k for row in result["rows"] for k in row))
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"
    rows = "\n".join(f"| {' | '.join(str(row.get(c, '')) for c in columns)} |" for row in result["rows"])
    return (
        f"## {result['title']}\n\n{result['verdict']}\n\n{head}\n{rows}\n\n"
        f"{result['conditions']} Measured {result['at'][:10]} on {result['machine']} with `{result['command']}`."
    )
