"""Make the pages and pictures that come from the code: `make docs`. `--check` says what is out of date instead."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from agent.catalogue import PluginCatalogue
from agent.doors.demo import DemoOptions, demo
from dag.draw import svg
from dag.schema import plan_schema
from plugins.registry import Registry
from tests.attacks.guards import GUARDS
from tests.attacks.written import ATTACKS
from tests.redaction import corpus
from tsg.compile import compile_guide
from tsg.mentor.mentor import CHECKS
from tsg.mentor.registry import Category, Check
from tsg.parse import read_guide

HERE = Path(__file__).parent
GUIDES = HERE.parent / "examples" / "guides"
MENTOR = HERE / "mentor.md"
SECURITY = HERE / "security.md"
RECORDING = HERE / "pictures" / "demo.svg"
WIDTH = 110  # columns of the recording


def pages() -> Iterator[tuple[Path, str]]:
    """What is the same every time it is made."""
    yield HERE / "plan.schema.json", json.dumps(plan_schema(), indent=2) + "\n"
    yield MENTOR, with_made(MENTOR.read_text(encoding="utf-8"), "checks", _checks())
    security = with_made(SECURITY.read_text(encoding="utf-8"), "attacks", _attacks())
    yield SECURITY, with_made(security, "redaction", corpus.page())
    catalogue = PluginCatalogue(Registry.installed({}))
    for guide in sorted(GUIDES.glob("*.md")):
        yield HERE / "pictures" / f"{guide.stem}.svg", svg(compile_guide(read_guide(guide), catalogue).plan)


def with_made(page: str, name: str, text: str) -> str:
    """The page with `text` between the marks of that name, in place of what stands there."""
    begin, end = f"<!-- {name}: made by `make docs` -->\n", f"<!-- end of {name} -->\n"
    head, _, rest = page.partition(begin)
    return f"{head}{begin}\n{text}{end}{rest.partition(end)[2]}"


def _checks() -> str:
    """A table of the Mentor's checks for each category."""
    return "".join(_table(category) for category in Category)


def _attacks() -> str:
    """How many attacks each writer makes, what the guards are, and each attack with what stops it."""
    by = Counter(a.by for a in ATTACKS)
    counts = ", ".join(f"{who} {many}" for who, many in by.most_common())
    lines = [f"{len(ATTACKS)} attacks against {len(GUARDS)} guards. By writer: {counts}.", ""]
    lines += ["| guard | what it holds | where | attacks |", "|---|---|---|---|"]
    for name, guard in GUARDS.items():
        lines.append(f"| {name} | {guard.holds} | {guard.where} | {sum(name in a.guards for a in ATTACKS)} |")
    lines += ["", "| attack | by | succeeds when | stopped by |", "|---|---|---|---|"]
    lines += [f"| {_cell(a.name)} | {a.by} | {a.harm} | {', '.join(a.guards)} |" for a in ATTACKS]
    return "\n".join(lines) + "\n\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(category: Category) -> str:
    checks = sorted((c for c in CHECKS.values() if c.category is category), key=lambda c: c.code)
    head = f"### `{category}`\n\n| code | severity | what it reports | why |\n|---|---|---|---|\n"
    return head + "".join(f"{_row(c)}\n" for c in checks) + "\n"


def _row(check: Check) -> str:
    summary, why = _cell(check.summary), _cell(check.why)
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
