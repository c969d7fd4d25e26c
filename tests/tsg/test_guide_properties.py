"""Whatever the text: findings or a plan, never a traceback; spans inside the file; the same plan every time."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dag.model import TERMINALS, EdgeKind, Plan, Span
from dag.order import topological_order
from tsg.catalogue import Catalogue
from tsg.compile import compile_guide
from tsg.compile.compiler import is_native
from tsg.findings import GuideError
from tsg.guide import Guide
from tsg.lint import lint
from tsg.parse import parse_guide

HEADINGS = ["# T", "## A", "## B", "## 3. C", "## Resolved", "## Escalate", "## Not applicable", "### Deep", "## A"]
BLOCKS = [
    "```promql as=a\nup\n```", "```promql as=b type=scalar\nsum(up{x=\"{{ fleet }}\"})\n```", "```promql\nsum(\n```",
    "```query reschedule as=plan\nfleet: {{ fleet }}\n```", "```query reschedule as=p\nfleet: [\n```",
    "```action kv_migrate as=m\nfleet: demo\nplan: \"{{ plan }}\"\n```", "```action nothing as=n\n```",
    "```bash\nrm -rf x\n```",
    "```http as=h\nGET http://localhost/\n```", "```http\nPOST http://{{ a }}/\n```", "```", "```promql as=a b=c d\n",
    "If `max(a) > 1`, go to [B](#b); otherwise continue.", "If it rains, go to [A](#a).", "Otherwise go to [C](#3-c).",
    "Go back to [A](#a), at most 3 times.", "If this fails, go to [Escalate](#escalate).", "Go to step 3.",
    "Unless `b < 2`, go back to [A](#a), at most twice; otherwise go to [Resolved](#resolved).",
    "Verified when `max(a) < 1` within 5 s.", "Undo: do it again.", "By hand: ask.", "Go to [X](other.md).",
    "- item\n- item",
    "1. Check it\n2. Restart it\n   ```sh\n   reboot\n   ```", "| a | b |\n|---|---|\n| `c` | [d](#a) |", "> quoted",
    "[l](#none)",
    "<PLUGIN_1>\nselect\n</PLUGIN_1>", "\ufeff", "\u2028", "If `" + "(" * 40 + "a" + ")" * 40 + "`, continue.",
]  # fmt: skip
FRONT = [
    "",
    "---\nalerts: [A]\n---\n",
    "---\nalerts: [A]\ninputs: [{name: fleet, default: demo}]\n---\n",
    "---\na: [\n---\n",
]
guides = st.builds(
    lambda front, parts: front + "\n\n".join(parts) + "\n",
    st.sampled_from(FRONT),
    st.lists(st.one_of(st.sampled_from(HEADINGS), st.sampled_from(BLOCKS), st.text(max_size=40)), max_size=24),
)
ANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def spans(guide: Guide, plan: Plan) -> list[Span]:
    found = [s.lines for s in guide.sections] + [b.lines for s in guide.sections for b in s.blocks]
    found += [span for step in plan.steps for span in step.lines]
    found += [span for step in plan.steps for call in step.calls for span in call.lines]
    found += [span for e in plan.edges for span in (*e.lines, *(e.condition.lines if e.condition else ()))]
    return found


@ANY
@given(guides)
def test_any_guide_becomes_findings_or_a_sound_plan(catalogue: Catalogue, text: str) -> None:
    try:
        guide = parse_guide(text, "g.md")
        made = compile_guide(guide, catalogue)
    except GuideError:
        return  # its findings are looked at by the linter's own property
    assert all(1 <= f.line <= guide.line_count for f in made.findings)
    assert all(span.last <= guide.line_count for span in spans(guide, made.plan))
    topological_order(made.plan)  # raises when the forward edges form a cycle
    assert all(e.bound is not None and e.bound >= 1 for e in made.plan.edges if e.kind is EdgeKind.LOOP)
    if is_native(guide):  # what the guide leaves open elsewhere is not made up: the run is handed to a person
        assert all(made.plan.outgoing[s.id] for s in made.plan.steps), "a step that leads nowhere"
    assert {e.target for e in made.plan.edges} <= {s.id for s in made.plan.steps} | TERMINALS
    again = compile_guide(parse_guide(text, "g.md"), catalogue)
    assert (again.plan.digest, again.findings) == (made.plan.digest, made.findings)


@ANY
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_any_bytes_are_linted_and_never_crash_the_linter(catalogue: Catalogue, data: bytes | str) -> None:
    assert all(f.message and f.hint and f.line >= 1 for f in lint(data, catalogue))


@pytest.mark.parametrize("cut", range(0, 3_000, 97))
def test_a_truncated_guide_is_linted_and_never_crashes_the_linter(catalogue: Catalogue, cut: int) -> None:
    text = FRONT[2] + "\n\n".join(h + "\n\n" + b for h, b in zip(HEADINGS * 4, BLOCKS, strict=False))
    assert isinstance(lint(text[:cut], catalogue), tuple)
