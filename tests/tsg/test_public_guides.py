"""Guides that were not written for stepfleet: instructions to people, and nothing that could run by itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dag.model import Kind
from tsg.catalogue import Catalogue
from tsg.compile import Compiled, compile_guide
from tsg.parse import read_guide

OURS = """\
# Disk is full

## Overview

Check nothing here.

## Procedure

### 1. Look at the disk

```bash
df -h
```

If the disk is not full, go to step 3.

### 2. Make room

```bash
rm -rf /var/tmp/cache
```

### 3. Report

Tell the storage team what you found. Sample:

```text
disk ok
```

## Cleanup

1. List the files with `ls`.
2. Restart the service.
"""


def test_headings_items_and_commands_become_steps_for_people(compiled: Callable[[str], Compiled]) -> None:
    plan = compiled(OURS).plan
    assert [(s.id, s.kind, s.risky) for s in plan.steps] == [
        ("1-look-at-the-disk", Kind.QUERY, False),
        ("2-make-room", Kind.ACTION, True),
        ("3-report", Kind.MANUAL, False),
        ("cleanup-1", Kind.QUERY, False),
        ("cleanup-2", Kind.ACTION, True),
    ]
    assert all(s.calls == () for s in plan.steps)


def test_a_go_to_by_number_is_a_judged_branch(compiled: Callable[[str], Compiled]) -> None:
    plan = compiled(OURS).plan
    branch, rest = plan.outgoing["1-look-at-the-disk"]
    assert branch.condition is not None
    assert (branch.target, branch.condition.text, branch.condition.cel) == ("3-report", "the disk is not full", None)
    assert (rest.target, rest.otherwise) == ("2-make-room", True)
    assert plan.outgoing["cleanup-2"] == ()  # the guide does not say how it ends, and nothing is made up


def test_every_guide_of_the_corpus_compiles_and_calls_nothing(catalogue: Catalogue) -> None:
    corpus = os.environ.get("STEPFLEET_CORPUS")
    if not corpus:
        pytest.skip("NOT RUN: set STEPFLEET_CORPUS to a folder of public guides")
    guides = sorted(Path(corpus).rglob("*.md"))
    assert guides, f"{corpus} holds no guide"
    for path in guides:
        plan = compile_guide(read_guide(path), catalogue).plan
        assert all(step.calls == () for step in plan.steps), path
        assert all(step.risky for step in plan.steps if step.kind is Kind.ACTION), path
