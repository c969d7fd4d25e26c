"""Plans of guides that people wrote for people: spans in the file, stable under white space, safe whatever it holds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dag.effects import parallel_pairs
from dag.model import EdgeKind, Kind, Plan, Span
from tsg.catalogue import Catalogue
from tsg.compile import compile_guide
from tsg.parse import parse_guide

OWN = sorted(Path(__file__).with_name("gold").glob("*.md"))
CORPUS = sorted(Path(os.environ["STEPFLEET_CORPUS"]).rglob("*.md")) if os.environ.get("STEPFLEET_CORPUS") else []
READ = [pytest.param(p, id=p.stem[:60]) for p in (*OWN, *CORPUS)]


def plan_of(text: str, catalogue: Catalogue) -> Plan:
    return compile_guide(parse_guide(text, "g.md"), catalogue).plan


def spans(plan: Plan) -> list[Span]:
    found = [span for step in plan.steps for span in step.lines]
    return found + [span for e in plan.edges for span in (*e.lines, *(e.condition.lines if e.condition else ()))]


def shape(plan: Plan, text: str, back: Callable[[int], int] = lambda line: line) -> dict[str, Any]:
    """All that a reader sees of a plan, its lines that are not blank led back to those of the first text."""
    written = {n for n, line in enumerate(text.split("\n"), 1) if line.strip()}

    def lines(spans: tuple[Span, ...]) -> set[int]:
        return {back(n) for s in spans for n in range(s.first, s.last + 1) if n in written}

    return {
        "steps": [(s.id, s.title, s.kind, s.risky, s.consumes, s.produces, lines(s.lines)) for s in plan.steps],
        "ways": [
            (e.source, e.target, e.kind, e.condition.text if e.condition else "", lines(e.lines)) for e in plan.edges
        ],
        "alternatives": set(plan.alternatives),
    }


def check_sound(plan: Plan, count: int) -> None:
    """What must hold of a plan without calls, whatever its guide says."""
    assert all(1 <= span.first <= span.last <= count for span in spans(plan))
    assert all(step.lines for step in plan.steps)
    assert all(not step.calls for step in plan.steps)
    assert all(step.risky for step in plan.steps if step.kind is Kind.ACTION)
    named = {frozenset(pair) for group in plan.simultaneous for pair in _pairs(group)}
    for pair in parallel_pairs(plan):
        both = frozenset(pair)
        assert both in named or not any(plan.by_id[s].risky for s in both), f"{sorted(both)} may run at the same time"
    for step in plan.steps:
        ways = [e for e in plan.outgoing[step.id] if e.kind is not EdgeKind.LOOP]
        ends = [e for e in ways if e.condition is None and e.target.startswith("END.")]
        assert not ends or len(ways) == 1, f"{step.id} always ends and leads on too"


def _pairs(group: frozenset[str]) -> list[tuple[str, str]]:
    ordered = sorted(group)
    return [(a, b) for i, a in enumerate(ordered) for b in ordered[i + 1 :]]


@pytest.mark.parametrize("path", READ)
def test_every_span_lies_in_the_file_and_the_plan_is_safe(path: Path, catalogue: Catalogue) -> None:
    text = path.read_text("utf-8-sig")
    plan = plan_of(text, catalogue)
    check_sound(plan, parse_guide(text, "g.md").line_count)
    assert plan_of(text, catalogue).digest == plan.digest


@pytest.mark.parametrize("path", READ)
def test_white_space_that_means_nothing_changes_nothing(path: Path, catalogue: Catalogue) -> None:
    text = path.read_text("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    plan = shape(plan_of(text, catalogue), text)
    assert shape(plan_of(text.replace("\n", "\r\n"), catalogue), text) == plan
    assert shape(plan_of("\ufeff" + text + "\n\n\n", catalogue), text) == plan
    spaced, origin = _spaced(text)
    assert shape(plan_of(spaced, catalogue), spaced, back=lambda line: origin[line]) == plan


def _spaced(text: str) -> tuple[str, dict[int, int]]:
    """The text with blanks behind its headings and blank lines above them, and where each line was."""
    made: list[str] = []
    origin: dict[int, int] = {}
    fence = ""
    for number, line in enumerate(text.split("\n"), 1):
        opened = re.match(r"\s*(?:[-*>]\s+|\d+\.\s+)*(`{3,}|~{3,})", line)
        if opened and not fence:
            fence = opened[1]
        elif fence and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        heading = not fence and not opened and re.match(r"#{1,6} \S", line) is not None
        if heading and number > 1 and not "".join(text.split("\n")[:1]).startswith("---"):
            made += ["", ""]
            origin[len(made) - 1] = origin[len(made)] = number
        made.append(f"{line} " if heading else line)
        origin[len(made)] = number
    return "\n".join(made), origin


HARM = [
    "kubectl delete pod web-0 -n shop",
    "sudo rm -rf /var/lib/cache",
    "systemctl restart nginx",
    "psql -c 'DROP TABLE orders'",
    "scancel 4711",
    "helm rollback web 3",
    "ceph osd purge 3 --yes-i-really-mean-it",
]
CALM = ["kubectl get pods -n shop", "df -h", "systemctl status nginx", "psql -c 'SELECT 1'", "squeue -u me"]
FRAMES = [
    "## {n}. Do it\n\n```bash\n{c}\n```\n",
    "## Mitigation\n\n- Look first.\n- Then run `{c}`.\n",
    "{n}. Step\n\n   ```shell\n   {c}\n   ```\n",
    "{n}. Run this:\n\n```\n{c}\n```\n",
    "**Option {n}**\n\n```bash\n# why\n{c}\n```\n",
    "If the node is gone, run:\n\n```console\n$ {c}\n```\n",
    "| Case | Do |\n|---|---|\n| it hangs | `{c}` |\n",
    "Now do this:\n\n    {c}\n",
    "> **Note**\n>\n> ```bash\n> {c}\n> ```\n",
]
commands = st.sampled_from(HARM) | st.sampled_from(CALM)
parts = st.lists(st.tuples(st.sampled_from(FRAMES), commands), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts)
def test_a_command_that_changes_something_makes_its_step_risky(
    catalogue: Catalogue, drawn: list[tuple[str, str]]
) -> None:
    text = "# Guide\n\n" + "\n".join(f.format(n=n, c=c) for n, (f, c) in enumerate(drawn, 1))
    made = compile_guide(parse_guide(text, "g.md"), catalogue)
    plan = made.plan
    check_sound(plan, text.count("\n") + 1)
    open_lines = {n for g in made.gaps for n in range(g.lines.first, g.lines.last + 1)}
    for number, line in enumerate(text.split("\n"), 1):
        harm = next((c for c in HARM if c in line), "")
        holders = [s for s in plan.steps if any(span.first <= number <= span.last for span in s.lines)]
        if harm and number not in open_lines:
            assert holders, f"line {number}, '{harm}', is no step, and no finding says so"
            assert any(s.risky for s in holders), f"line {number}, '{harm}', stands in steps that only read"
