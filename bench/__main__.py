"""Run the measurements, write bench/results/NAME.json and rebuild docs/benchmarks.md from all results there."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench.page import page

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "benchmarks.md"
MEASUREMENTS = (
    "scheduler",
    "critical_path",
    "speculation",
    "against_langgraph",
    "compile_rate",
    "public_guides",
    "mentor",
    "webhooks",
    "storm",
    "workers",
    "parked",
    "migration_gap",
    "start_up",
)


def main(names: list[str]) -> int:
    unknown = [n for n in names if n not in MEASUREMENTS]
    if unknown:
        print(f"no measurement is named {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    for name in names or MEASUREMENTS:
        print(f"-- {name}", flush=True)
        figures = importlib.import_module(f"bench.{name}").run()
        result = {
            "measurement": name,
            "command": f"python -m bench {name}",
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            **figures,
        }
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        for row in result["rows"]:
            print("   " + "  ".join(f"{k}={v}" for k, v in row.items()), flush=True)
    results = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(RESULTS.glob("*.json"))]
    PAGE.write_text(page(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
