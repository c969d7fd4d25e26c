"""From sections to steps and edges: what becomes a step, what it calls, who follows whom."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dag.effects import parallel_pairs
from dag.model import READS_UNKNOWN, EdgeKind, Kind, Plan, Span, ValueType
from tsg.compile import Compiled

Compile = Callable[[str], Compiled]
HEAD = "---\nalerts: [A]\ninputs:\n  - {name: fleet, type: string, default: demo}\n---\n\n"
READ = "```promql as={0}\n{0}\n```\n\n"
END = "## Resolved\n\nOver.\n\n## Escalate\n\nAsk.\n\n## Not applicable\n\nNothing.\n"


def read(title: str, name: str, more: str = "") -> str:
    return f"## {title}\n\n{READ.format(name)}{more}\n\n"


def ways(plan: Plan) -> list[str]:
    """Edges as text: `a -> b [condition] else/default xN kind`."""
    shown = []
    for e in plan.edges:
        condition = f" [{e.condition.cel or e.condition.text}]" if e.condition else ""
        marks = " else" * e.otherwise + " default" * e.default + (f" x{e.bound}" if e.bound else "")
        kind = f" {e.kind}" if e.kind in (EdgeKind.LOOP, EdgeKind.IMPLICIT) else ""
        shown.append(f"{e.source} -> {e.target}{condition}{marks}{kind}")
    return shown


def clean(compile_: Compile, text: str) -> Plan:
    made = compile_(text)
    assert [str(f) for f in made.findings] == []
    return made.plan


def test_reads_run_together_and_lead_to_what_decides(compiled: Compile) -> None:
    text = HEAD + read("A", "a") + read("B", "b") + read("C", "c")
    text += (
        "## Decide\n\nIf `max(a) > 1`, go to [Escalate](#escalate); otherwise go to [Resolved](#resolved).\n\n" + END
    )
    plan = clean(compiled, text)
    assert ways(plan) == [
        "START -> a",
        "START -> b",
        "START -> c",
        "a -> decide",
        "b -> decide",
        "c -> decide",
        "decide -> END.escalate [max(a) > 1.0]",
        "decide -> END.resolved [!(max(a) > 1.0)] else",
    ]
    assert set(parallel_pairs(plan)) == {("a", "b"), ("a", "c"), ("b", "c")}
    assert plan.by_id["decide"].kind is Kind.CHECK
    assert plan.by_id["decide"].consumes == ("a",)


def test_a_read_that_uses_a_result_waits_for_it_alone(compiled: Compile) -> None:
    text = HEAD + read("A", "a") + read("B", "b")
    text += '## Plan\n\n```query reschedule as=plan\nfleet: "{{ fleet }}"\nsource: "{{ b }}"\n```\n\n' + END
    plan = clean(compiled, text)
    assert ways(plan) == ["START -> a", "START -> b", "b -> plan", "a -> END.resolved", "plan -> END.resolved"]


def test_a_go_to_into_a_run_of_reads_enters_it_from_there_on(compiled: Compile) -> None:
    text = HEAD + "## Choose\n\nIf it rains, go to [B](#b); otherwise continue.\n\n"
    text += read("A", "a") + read("B", "b") + read("C", "c") + END
    plan = clean(compiled, text)
    assert ways(plan) == [
        "START -> choose",
        "choose -> together-b [it rains]",
        "choose -> a [otherwise] else",
        "a -> together-b",
        "together-b -> b",
        "together-b -> c",
        "b -> END.resolved",
        "c -> END.resolved",
    ]
    assert plan.by_id["together-b"].kind is Kind.CHECK


def test_an_action_is_risky_verified_and_followed_in_order(compiled: Compile) -> None:
    text = HEAD + "## Drain\n\nWords.\n\n```action replica_drain as=drained timeout=90s\n"
    text += 'fleet: "{{ fleet }}"\nreplica: a\n```\n\n' + READ.format("draining")
    text += "Verified when `max(draining) > 0` within 20 s.\n\nUndo: take it\nback.\n\n" + read("Look", "a") + END
    plan = clean(compiled, text)
    drain = plan.by_id["drain"]
    assert (drain.kind, drain.risky, drain.undo, drain.timeout_s) == (Kind.ACTION, True, "take it back.", 90.0)
    assert [c.plugin for c in drain.calls] == ["replica_drain"]
    assert dict(drain.calls[0].arguments) == {"fleet": "{{ fleet }}", "replica": "a"}
    assert drain.effect.writes == {"sessions:{{ fleet }}", "replica:{{ fleet }}/a"}
    assert drain.verify is not None
    assert [c.bind for c in drain.verify.calls] == ["draining"]
    assert (drain.verify.condition.cel, drain.verify.within_s) == ("max(draining) > 0.0", 20.0)
    assert (drain.consumes, drain.produces) == (("fleet",), ("drained",))
    assert drain.text.startswith("Words.")
    assert ways(plan) == ["START -> drain", "drain -> look", "look -> END.resolved"]


def test_what_an_action_needs_from_its_own_section_is_read_first(compiled: Compile) -> None:
    text = HEAD + "## Move\n\n```query reschedule as=plan\nfleet: demo\n```\n\n```action kv_migrate as=moved\n"
    text += (
        'fleet: demo\nplan: "{{ plan }}"\n```\n\nUndo: move back.\n\nIf this fails, go to [Escalate](#escalate).\n\n'
        + END
    )
    plan = clean(compiled, text)
    assert ways(plan) == [
        "START -> move.read",
        "move.read -> END.escalate default",
        "move.read -> move",
        "move -> END.escalate default",
        "move -> END.resolved",
    ]
    assert [len(s.calls) for s in plan.steps] == [1, 1]


def test_branches_become_typed_conditions_and_their_complement(compiled: Compile) -> None:
    branch = (
        "If `max(a) > 2` for 30 s, go to [Escalate](#escalate). Otherwise, if `min(a) < 1`,\n"
        "go to [Not applicable](#not-applicable): nothing to do. Otherwise continue."
    )
    text = HEAD + read("Look", "a", branch) + read("B", "b") + END
    plan = clean(compiled, text)
    first, second, rest = plan.outgoing["look"]
    assert first.condition is not None
    assert (first.condition.text, first.condition.for_s, first.condition.names) == ("max(a) > 2", 30.0, ("a",))
    assert first.condition.lines == (Span(13, 13),)
    assert second.condition is not None
    assert second.condition.cel == "!(max(a) > 2.0) && (min(a) < 1.0)"
    assert rest.condition is not None
    assert (rest.condition.cel, rest.target, rest.otherwise) == ("!((max(a) > 2.0) || (min(a) < 1.0))", "b", True)


@pytest.mark.parametrize(
    ("words", "cel"),
    [
        pytest.param("`max(a) > 2`", "max(a) > 2.0", id="code is computed"),
        pytest.param("`max(a) > 2` and `s < 1`", "(max(a) > 2.0) && (s < 1.0)", id="and"),
        pytest.param("`max(a) > 2` or `s < 1`", "(max(a) > 2.0) || (s < 1.0)", id="or"),
        pytest.param("`max(a)` is above 2", "(max(a)) > 2.0", id="a number compared in words"),
        pytest.param("the value of `s` exceeds 0.5", "s > 0.5", id="a scalar compared in words"),
        pytest.param("the requests look like one client's retries", None, id="words are judged"),
        pytest.param("`node-1` is gone", None, id="code that names something is no condition"),
        pytest.param("`NotReady` is shown", None, id="a status is no condition"),
    ],
)
def test_what_is_computed_and_what_is_judged(words: str, cel: str | None, compiled: Compile) -> None:
    text = HEAD + "## S\n\n```promql as=s type=scalar\nsum(up)\n```\n\n"
    text += read("Look", "a", f"If {words}, go to [Escalate](#escalate); otherwise go to [Resolved](#resolved).") + END
    branch, rest = clean(compiled, text).outgoing["look"]
    assert branch.condition is not None
    assert rest.condition is not None
    assert branch.condition.cel == cel
    assert rest.condition.cel == (None if cel is None else f"!({cel})")


def test_a_judged_step_shows_the_values_its_prose_names(compiled: Compile) -> None:
    text = HEAD + read("A", "a") + read("B", "b") + "## Judge\n\nLook at `a`, not at the weather.\n\n"
    text += "If it looks bad, go to [Escalate](#escalate); otherwise continue. If this cannot be decided, continue.\n\n"
    plan = clean(compiled, text + END)
    assert plan.by_id["judge"].consumes == ("a",)
    assert ways(plan)[-3:] == [
        "judge -> END.escalate [it looks bad]",
        "judge -> END.resolved [otherwise] else",
        "judge -> END.resolved default",
    ]


def test_a_way_back_is_a_bounded_loop_that_ends_with_a_person(compiled: Compile) -> None:
    text = HEAD + read("A", "a") + read("B", "b", "If `max(b) < 1`, go to [Resolved](#resolved);\notherwise go back to"
                                        " [A](#a), at most three times.") + END  # fmt: skip
    assert ways(clean(compiled, text)) == [
        "START -> a",
        "a -> b",
        "b -> END.resolved [max(b) < 1.0]",
        "b -> a [!(max(b) < 1.0)] else x3 loop",
        "b -> END.escalate default implicit",
    ]


def test_an_unconditional_go_to_after_branches_means_all_other_cases(compiled: Compile) -> None:
    text = HEAD + read("A", "a", "If `max(a) > 1`, go to [Escalate](#escalate). Go to [Resolved](#resolved).") + END
    assert ways(clean(compiled, text))[1:] == [
        "a -> END.escalate [max(a) > 1.0]",
        "a -> END.resolved [!(max(a) > 1.0)] else",
    ]


def test_a_missing_else_leads_to_a_person(compiled: Compile) -> None:
    made = compiled(HEAD + read("A", "a", "If `max(a) > 1`, go to [Resolved](#resolved).") + END)
    assert ways(made.plan)[-1] == "a -> END.escalate [!(max(a) > 1.0)] else implicit"
    assert [f.code for f in made.findings] == ["branch-without-else"]


def test_reads_with_a_stated_default_still_run_together(compiled: Compile) -> None:
    text = HEAD + read("A", "a", "If this fails, go to [Escalate](#escalate).") + read("B", "b") + END
    plan = clean(compiled, text)
    assert parallel_pairs(plan) == (("a", "b"),)
    assert "a -> END.escalate default" in ways(plan)


def test_instructions_are_for_people_and_background_is_no_step(compiled: Compile) -> None:
    text = HEAD + "## Meaning\n\nCheck your assumptions.\n\n## Ask\n\nBy hand: restart the gateway.\n\n"
    text += "## Why\n\nBecause of rain.\n\n## Run\n\n```bash\nsystemctl restart gateway\n```\n\n" + END
    plan = clean(compiled, text)
    assert [(s.id, s.kind, s.risky, s.calls) for s in plan.steps] == [
        ("ask", Kind.MANUAL, True, ()),
        ("run", Kind.MANUAL, True, ()),
    ]
    assert "systemctl restart gateway" in plan.by_id["run"].text


def test_calls_carry_their_arguments_types_and_limits(compiled: Compile) -> None:
    text = HEAD + "## Look\n\n```promql as=s type=scalar range=5m step=15s max_age=1m timeout=2s retries=3\n"
    text += 'sum(up{f="{{ fleet }}"})\n```\n\n'
    text += "```http as=health\nGET https://localhost:8080/healthz?f={{ fleet }}\nAccept: text/plain\n```\n\n" + END
    (step,) = clean(compiled, text).steps
    query, health = step.calls
    assert dict(query.arguments) == {
        "query": 'sum(up{f="{{ fleet }}"})',
        "scalar": True,
        "range_s": 300.0,
        "step_s": 15.0,
        "max_age_s": 60.0,
    }
    assert (query.result, query.timeout_s, query.bind, step.retries) == (ValueType.SCALAR, 2.0, "s", 3)
    assert dict(health.arguments) == {
        "method": "GET",
        "url": "https://localhost:8080/healthz?f={{ fleet }}",
        "headers": {"Accept": "text/plain"},
    }
    assert step.effect == READS_UNKNOWN


def test_an_http_request_that_changes_something_is_an_action(compiled: Compile) -> None:
    text = HEAD + "## Post\n\n```http as=posted\nPOST https://localhost/x\nContent-Type: application/json\n\n"
    text += '{"a": 1}\n```\n\nUndo: delete it.\n\n'
    (step,) = clean(compiled, text + END).steps
    assert (step.kind, step.risky, step.calls[0].plugin, step.calls[0].arguments["body"]) == (
        Kind.ACTION,
        True,
        "http_call",
        '{"a": 1}',
    )
    assert step.effect.writes is None


def test_a_bare_placeholder_in_yaml_is_a_value_and_no_mapping(compiled: Compile) -> None:
    text = HEAD + "## Plan\n\n```query reschedule as=plan\nfleet: {{ fleet }}\n```\n\n" + END
    assert clean(compiled, text).steps[0].calls[0].arguments == {"fleet": "{{ fleet }}"}


def test_the_digest_changes_with_the_meaning_and_not_with_the_prose(compiled: Compile) -> None:
    text = (
        HEAD + "Words.\n\n" + read("A", "a", "If `max(a) > 1`, go to [Escalate](#escalate); otherwise continue.") + END
    )
    before = clean(compiled, text).digest
    assert clean(compiled, text.replace("Words.", "Other words.\n\nMore of them.")).digest == before
    assert clean(compiled, text.replace("> 1", "> 2")).digest != before


def test_a_guide_without_a_step_hands_the_run_to_a_person(compiled: Compile) -> None:
    made = compiled(HEAD + "# Nothing\n")
    assert ways(made.plan) == ["START -> END.escalate implicit"]
    assert not made.ok
