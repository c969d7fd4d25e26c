"""What of the findings reaches the author: each thing once, and of prose what the Mentor reads better than the plan."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from agent.catalogue import PluginCatalogue
from plugins.registry import Registry
from tsg.catalogue import Catalogue
from tsg.compile.compiler import is_native
from tsg.findings import Finding
from tsg.lint import check_guide, lint
from tsg.mentor.mentor import CHECKS
from tsg.parse import parse_guide

EXAMPLES = Path(__file__).parents[3] / "examples" / "guides"
MOST_PER_100_LINES = 2.0
OF_THE_PLAN = {"P04", "P05", "P10", "P11", "P12"}

PROSE = """\
# Mail queue is long

## Mitigation

If more than 500 mails wait in the queue of `relay`, restart it:

```bash
kubectl -n mail rollout restart deploy/relay
```

If fewer wait, scale it up:

```bash
kubectl -n mail scale deploy/relay --replicas=<N>
```
"""


def codes(findings: Iterable[Finding]) -> set[str]:
    return {str(f.code) for f in findings}


def test_of_prose_the_mentor_says_what_the_plan_would_say_less_well(catalogue: Catalogue) -> None:
    guide = parse_guide(PROSE, "g.md")
    assert not is_native(guide)
    assert codes(check_guide(guide, catalogue).findings) & OF_THE_PLAN
    told = codes(lint(PROSE, catalogue, path="g.md"))
    assert not told & OF_THE_PLAN
    assert "action-without-verification" in told


def test_a_guide_for_stepfleet_hears_what_its_plan_lacks(catalogue: Catalogue) -> None:
    native = (Path(__file__).parents[1] / "bad" / "branch-without-else.md").read_text(encoding="utf-8")
    guide = parse_guide(native, "g.md")
    assert is_native(guide)
    assert codes(lint(native, catalogue, path="g.md")) == codes(
        check_guide(parse_guide(native, "g.md"), catalogue).findings
    )


def test_nothing_is_said_twice_of_a_line(catalogue: Catalogue) -> None:
    found = lint(PROSE, catalogue, path="g.md")
    said = [(f.line, str(f.code)) for f in found]
    assert len(said) == len(set(said)) > 0


@pytest.mark.parametrize("name", sorted(p.name for p in EXAMPLES.glob("*.md")))
def test_a_guide_without_defects_is_left_in_peace(name: str) -> None:
    path = EXAMPLES / name
    text = path.read_text(encoding="utf-8")
    found = [f for f in lint(text, PluginCatalogue(Registry.installed({})), path=str(path)) if f.code in CHECKS]
    assert 100 * len(found) / len(text.splitlines()) <= MOST_PER_100_LINES


STEPS = "".join(f"{n}. Check the {thing}.\n" for n, thing in enumerate(["disk", "relay", "memory", "route"], 1))


def of_missing_commands(text: str, catalogue: Catalogue) -> list[tuple[int, str]]:
    return [(f.line, f.message) for f in lint(text, catalogue, path="g.md") if f.code == "missing-command"]


def test_a_section_without_any_command_is_told_so_once(catalogue: Catalogue) -> None:
    ((line, message),) = of_missing_commands(f"# Mail queue is long\n\n## Procedure\n\n{STEPS}", catalogue)
    assert line == 5
    assert message.endswith("; nor do lines 6, 7, 8")


def test_where_other_steps_have_commands_each_that_has_none_is_told(catalogue: Catalogue) -> None:
    text = f"# Mail queue is long\n\n## Procedure\n\n{STEPS}5. Show the queue:\n\n   ```bash\n   mailq\n   ```\n"
    assert [line for line, _ in of_missing_commands(text, catalogue)] == [5, 6, 7, 8]
