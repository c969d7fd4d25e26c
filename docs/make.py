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
from tsg.mentor.mentor import CHECKS
from tsg.mentor.registry import Category, Check
from tsg.parse import read_guide

HERE = Path(__file__).parent
GUIDES = HERE.parent / "examples" / "guides"
MENTOR = HERE / "mentor.md"
CHECKS_BEGIN, CHECKS_END = "<!-- checks: made by `make docs` -->\n", "<!-- end of checks -->\n"
RECORDING = HERE / "pictures" / "demo.svg"
WIDTH = 110  # columns of the recording


def pages() -> Iterator[tuple[Path, str]]:
    """What is the same every time it is made."""
    yield HERE / "plan.schema.json", json.dumps(plan_schema(), indent=2) + "\n"
    yield MENTOR, with_checks(MENTOR.read_text(encoding="utf-8"))
    catalogue = PluginCatalogue(Registry.installed({}))
    for guide in sorted(GUIDES.glob("*.md")):
        yield HERE / "pictures" / f"{guide.stem}.svg", svg(compile_guide(read_guide(guide), catalogue).plan)


def with_checks(page: str) -> str:
    """The Mentor's page with a table of its checks for each category, in place of those it has."""
    head, _, rest = page.partition(CHECKS_BEGIN)
    tail = rest.partition(CHECKS_END)[2]
    return f"{head}{CHECKS_BEGIN}\n{''.join(_table(category) for category in Category)}{CHECKS_END}{tail}"


def _table(category: Category) -> str:
    checks = sorted((c for c in CHECKS.values() if c.category is category), key=lambda c: c.code)
    head = f"### `{category}`\n\n| code | severity | what it reports | why |\n|---|---|---|---|\n"
    return head + "".join(f"{_row(c)}\n" for c in checks) + "\n"


def _row(check: Check) -> str:
    summary, why = (words.replace("|", "\\|") for words in (check.summary, check.why))
    return f"| `{check.code}` | {check.severity} | {summary} | {why} |"


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
