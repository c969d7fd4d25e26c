"""Each check over pieces of guides: it sees the defect in many wordings, and leaves the sound twin in peace."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tsg.catalogue import Catalogue
from tsg.lint import lint
from tsg.mentor.mentor import CHECKS

FOLDER = Path(__file__).with_name("wordings")
CASES = {
    code: case for file in sorted(FOLDER.glob("*.yaml")) for code, case in yaml.safe_load(file.read_text()).items()
}
READ = "```bash\nkubectl -n checkout get pods -l app=broker\n```"
FRAME = """\
# Checkout queue is stuck

The broker runs in cluster `shop-eu`, namespace `checkout`. Metrics are in Prometheus.

## Procedure

{body}

## Verification

Confirm that the queue is empty:

```bash
kubectl -n checkout exec deploy/broker -- rabbitmqctl list_queues --timeout 10
```

Otherwise call the on-call engineer of the broker team.
"""
LAST = f"# Checkout queue is stuck\n\nThe broker runs in namespace `checkout`.\n\n## Procedure\n\n{READ}\n\n{{body}}\n"
BARE = "# Checkout queue is stuck\n\n## Procedure\n\n{body}\n"


def guide_of(body: str) -> str:
    """A whole guide around a body; `@END@` and `@BARE@` bodies are its last words."""
    if body.startswith("@END@"):
        return LAST.replace("{body}", body.removeprefix("@END@"))
    if body.startswith("@BARE@"):
        return BARE.replace("{body}", body.removeprefix("@BARE@"))
    return body if body.startswith(("---\n", "# ")) else FRAME.replace("{body}", body)


def found(body: str, catalogue: Catalogue) -> set[str]:
    return {f.code for f in lint(guide_of(body), catalogue, path="g.md")}


@pytest.mark.parametrize("code", CASES)
def test_a_defect_is_seen_in_every_wording(code: str, catalogue: Catalogue) -> None:
    assert len(CASES[code]["defects"]) >= 2
    missed = [body for body in CASES[code]["defects"] if code not in found(body, catalogue)]
    assert missed == []


@pytest.mark.parametrize("code", CASES)
def test_the_sound_twin_is_left_in_peace(code: str, catalogue: Catalogue) -> None:
    wrong = [body for body in CASES[code]["sound"] if code in found(body, catalogue)]
    assert wrong == []


def test_every_check_has_wordings() -> None:
    assert set(CASES) == set(CHECKS)
