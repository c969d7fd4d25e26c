"""Marks: how an author, or a person who accepts a proposal, says what a guide's words leave open."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dag.model import EdgeKind, Kind, Plan
from tsg.catalogue import Catalogue
from tsg.clarify import ask_about, supported, with_mark
from tsg.compile import Compiled, compile_guide
from tsg.compile.gaps import Gap, GapKind
from tsg.findings import Code, Severity
from tsg.marks import Verb
from tsg.parse import parse_guide

Compile = Callable[[str], Compiled]
OPEN = """\
# Cache is cold

## Steps

1. Read the hit rate with `redis-cli info stats`.
2. Make the shard ready.
3. Look at the clients.
   If the cluster is being resized, tell nobody and wait. If a client loops, block it with the proxy.
4. Flush the shard, then go to step 9.

> People also type `redis-cli flushall`.

## Afterwards

Write down what happened.
"""
CORPUS = sorted(Path(os.environ["STEPFLEET_CORPUS"]).rglob("*.md")) if os.environ.get("STEPFLEET_CORPUS") else []
OWN = sorted(Path(__file__).with_name("gold").glob("*.md"))


def gaps(made: Compiled) -> list[tuple[GapKind, int]]:
    return [(g.kind, g.lines.first) for g in made.gaps]


def marked(text: str, line: str, mark: str) -> str:
    assert text.count(line) == 1
    return text.replace(line, f"{line} <!-- stepfleet: {mark} -->")


def test_what_is_open_is_found_where_it_stands(compiled: Compile) -> None:
    made = compiled(OPEN)
    assert (GapKind.KIND, 6) in gaps(made)
    assert (GapKind.REFERENCE, 9) in gaps(made)
    assert {f.code for f in made.findings} >= {Code.KIND_OPEN, Code.REFERENCE_OPEN}
    assert all(f.severity is not Severity.ERROR for f in made.findings)


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_is_taken_from_its_mark(compiled: Compile, kind: Kind) -> None:
    made = compiled(marked(OPEN, "2. Make the shard ready.", f"kind {kind}"))
    step = made.plan.by_id["steps-2"]
    assert (step.kind, step.risky) == (kind, kind is Kind.ACTION)
    assert (GapKind.KIND, 6) not in gaps(made)
    assert [r.rule for r in made.reasons if r.step == "steps-2" and r.part == f"kind {kind}"] == [
        "line 6: the guide's mark says so"
    ]


def test_a_mark_cannot_make_a_read_of_a_change(compiled: Compile) -> None:
    text = "# G\n\n## Do\n\n1. Restart it: `systemctl restart x`. <!-- stepfleet: kind query -->\n2. Check it.\n"
    made = compiled(text)
    assert made.plan.by_id["do-1"].risky
    assert made.plan.by_id["do-1"].kind is Kind.ACTION
    assert [(f.line, f.severity) for f in made.findings if f.code == Code.MARK_INVALID] == [(5, Severity.ERROR)]
    assert not made.ok


def ways(plan: Plan, source: str) -> list[tuple[str, str, str]]:
    return [
        (e.target, str(e.kind), e.condition.text if e.condition else "")
        for e in plan.outgoing[source]
        if e.kind is not EdgeKind.LOOP
    ]


CASE = """\
# G

## Do

1. Read the state with `sinfo`.
2. Drain the node. If the node hosts the scheduler, call its owner before.
3. Resume the node.
"""


@pytest.mark.parametrize(
    ("mark", "way"),
    [
        ("goes do-3", ("do-3", "cond", "the node hosts the scheduler")),
        ("goes escalate", ("END.escalate", "cond", "the node hosts the scheduler")),
        ("goes not_applicable", ("END.not_applicable", "cond", "the node hosts the scheduler")),
    ],
)
def test_a_case_goes_where_its_mark_says(compiled: Compile, mark: str, way: tuple[str, str, str]) -> None:
    line = "2. Drain the node. If the node hosts the scheduler, call its owner before."
    made = compiled(marked(CASE, line, mark))
    assert way in ways(made.plan, "do-2")
    assert (GapKind.CONDITION, 6) not in gaps(made)


def test_a_step_is_taken_only_in_its_case(compiled: Compile) -> None:
    line = "2. Drain the node. If the node hosts the scheduler, call its owner before."
    plan = compiled(marked(CASE, line, "only")).plan
    assert ("do-2", "cond", "the node hosts the scheduler") in ways(plan, "do-1")
    assert ("do-3", "implicit", "otherwise") in ways(plan, "do-1")


def test_commands_belong_where_their_mark_says(compiled: Compile) -> None:
    text = "# G\n\n## Do\n\n1. Read the queue with `squeue`.\n\n## Notes\n\n```bash\nscancel 4711\n```\n"
    before = compiled(text)
    assert gaps(before) == [(GapKind.COMMAND, 10)]
    assert not before.plan.by_id["do"].risky
    made = compiled(text.replace("```bash", "<!-- stepfleet: belongs do-1 -->\n```bash"))
    assert gaps(made) == [(GapKind.COMMAND, 11)]
    assert [f.message for f in made.findings if f.code == Code.MARK_INVALID]  # no step is called so
    made = compiled(text.replace("```bash", "<!-- stepfleet: belongs do -->\n```bash"))
    assert gaps(made) == []
    assert made.plan.by_id["do"].risky
    assert made.plan.by_id["do"].kind is Kind.ACTION


def test_a_remark_closes_any_gap_and_changes_no_plan(compiled: Compile) -> None:
    before = compiled(OPEN)
    text = OPEN
    for line in ("2. Make the shard ready.", "4. Flush the shard, then go to step 9."):
        text = marked(text, line, "remark")
    after = compiled(text)
    assert after.plan.digest == before.plan.digest
    assert not {6, 9} & {line for _, line in gaps(after)}


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("kind", "names no kind"),
        ("kind reading", "names no kind"),
        ("goes", "names no step"),
        ("goes steps-33", "did you mean"),
        ("goes steps-2", "leads to its own step"),
        ("belongs nowhere", "names no step"),
    ],
)
def test_a_mark_that_says_nothing_is_an_error(compiled: Compile, mark: str, message: str) -> None:
    made = compiled(marked(OPEN, "2. Make the shard ready.", mark))
    found = [f for f in made.findings if f.code == Code.MARK_INVALID]
    assert [f.line for f in found] == [6]
    assert message in found[0].message
    assert not made.ok


def test_a_mark_in_code_or_in_a_native_guide_is_none(compiled: Compile) -> None:
    code = OPEN + "\n```text\n<!-- stepfleet: kind query -->\n```\n\n    <!-- stepfleet: only -->\n"
    assert compiled(code).plan.steps[:4] == compiled(OPEN).plan.steps[:4]
    assert Code.MARK_INVALID not in {f.code for f in compiled(code).findings}
    native = "---\nalerts: [A]\n---\n\n## Look <!-- stepfleet: kind query -->\n\n```promql as=a\nup\n```\n"
    assert Code.MARK_INVALID in {f.code for f in compiled(native).findings}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_mark_is_written_beside_prose_and_above_code(catalogue: Catalogue, end: str) -> None:
    text = "# G\n\n## Do\n\n1. Make the shard ready.\n\n> ```bash\n> reboot\n> ```\n".replace("\n", end)
    guide = parse_guide(text, "g.md")
    made = compile_guide(guide, catalogue)
    for gap in reversed(made.gaps):
        answer = ask_about(gap, made.plan, text).answers[0]
        text = with_mark(text.encode(), guide, gap, answer).decode()
    assert text.split(end) == [
        *("# G", "", "## Do", "", "1. Make the shard ready. <!-- stepfleet: kind query -->", ""),
        *(["> <!-- stepfleet: belongs do -->"] if any(g.kind is GapKind.COMMAND for g in made.gaps) else []),
        *("> ```bash", "> reboot", "> ```", ""),
    ]


@pytest.mark.parametrize("path", [pytest.param(p, id=p.stem[:60]) for p in (*OWN, *CORPUS)])
def test_every_answer_to_every_gap_closes_it_or_is_refused(path: Path, catalogue: Catalogue) -> None:
    source = path.read_bytes()
    text = source.decode("utf-8-sig").replace("\r\n", "\n")
    guide = parse_guide(source, "g.md")
    made = compile_guide(guide, catalogue)
    for gap in made.gaps:
        answers = ask_about(gap, made.plan, text).answers
        assert answers
        for answer in (answers[0], answers[-1]):
            after = compile_guide(parse_guide(with_mark(source, guide, gap, answer), "g.md"), catalogue)
            refused = any(f.code == Code.MARK_INVALID for f in after.findings)
            assert refused or sum(map(_same(gap), after.gaps)) < sum(map(_same(gap), made.gaps))
            if answer.verb is Verb.REMARK:
                assert [s.kind for s in after.plan.steps] == [s.kind for s in made.plan.steps]
            risky = {s.id for s in made.plan.steps if s.risky}
            assert refused or risky <= {s.id for s in after.plan.steps if s.risky}, "a mark took a risk away"


def _same(gap: Gap) -> Callable[[Gap], bool]:
    return lambda other: (other.kind, other.words, other.step) == (gap.kind, gap.words, gap.step)


def test_a_quotation_counts_only_where_it_stands() -> None:
    text = "First line.\nRead the **hit rate** of the `shard`.\nLast line.\n"
    assert supported("hit rate of the shard", 2, text)
    assert not supported("hit rate of the shard", 1, text)
    assert not supported("hit rate of the shard", 9, text)
    assert not supported("the", 2, text)
    assert not supported("restart the shard", 2, text)
