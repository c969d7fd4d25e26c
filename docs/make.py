"""Make the pages and pictures that come from the code: `make docs`. `--check` says what is out of date instead."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from agent.catalogue import PluginCatalogue
from agent.doors.demo import DemoOptions, demo
from dag.draw import svg
from dag.schema import plan_schema
from plugins.registry import Registry
from tsg.compile import compile_guide
from tsg.parse import read_guide

HERE = Path(__file__).parent
GUIDES = HERE.parent / "examples" / "guides"
RECORDING = HERE / "pictures" / "demo.svg"
WIDTH = 110  # columns of the recording


def pages() -> Iterator[tuple[Path, str]]:
    """What is the same every time it is made."""
    yield HERE / "plan.schema.json", json.dumps(plan_schema(), indent=2) + "\n"
    catalogue = PluginCatalogue(Registry.installed({}))
    for guide in sorted(GUIDES.glob("*.md")):
        yield HERE / "pictures" / f"{guide.stem}.svg", svg(compile_guide(read_guide(guide), catalogue).plan)


def record() -> None:
    """Run the demo and keep what it showed."""
    console = Console(record=True, width=WIDTH, force_terminal=False)
    result = asyncio.run(demo(DemoOptions(), console))
    if not result.resolved:
        raise SystemExit("the demo did not resolve its incident; the recording is left as it was")
    console.save_svg(str(RECORDING), title="stepfleet demo", clear=False)


def main(arguments: list[str]) -> int:
    old = [path for path, text in pages() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in old:
            print(f"{path}: out of date; run `make docs`", file=sys.stderr)
        return 1 if old else 0
    for path, text in pages():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    record()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
