"""How commands print: results on stdout, as JSON or for people; progress on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from agent.doors.strict_json import dumps
from agent.errors import StepfleetError
from dag.model import Plan


def print_json(document: Any) -> None:
    sys.stdout.write(dumps(document, indent=2) + "\n")


def draw_plan(plan: Plan, file: Path) -> None:
    """Write the plan's picture. Raises StepfleetError for another ending than .svg or .mmd."""
    from dag.draw import mermaid, svg

    drawers = {".svg": svg, ".mmd": mermaid}
    if file.suffix not in drawers:
        raise StepfleetError(f"{file}: a plan is drawn as .svg or .mmd", hint="name the file plan.svg")
    try:
        file.write_text(drawers[file.suffix](plan), encoding="utf-8")
    except OSError as exc:
        raise StepfleetError(f"{file}: cannot be written: {exc.strerror}") from exc
