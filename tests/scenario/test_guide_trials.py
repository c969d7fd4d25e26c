"""A scenario holds when the guide does what it says; each wrong word in it is reported, with its line."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from agent.catalogue import PluginCatalogue
from agent.guides import GuideShelf
from agent.scenario.files import ScenarioError, files_at, read_scenarios, scenario_file
from agent.scenario.trial import GuideTrials, try_guide
from agent.settings import Settings
from plugins.registry import Registry

GUIDE = """---
title: Hot
inputs:
  - {name: fleet, type: string, from: labels.fleet, default: demo}
---

# Hot

## Look

```promql as=hot type=scalar retries=1
sum(waiting{fleet="{{ fleet }}"})
```

- If `hot < 1`, go to [Not applicable](#not-applicable).
- Otherwise continue.
- If this fails or cannot be decided, go to [Escalate](#escalate).

## Is it real?

If the alert is a drill, go to [Escalate](#escalate); otherwise continue.

## Add

```action replica_add as=added
fleet: "{{ fleet }}"
replica: extra
```

```promql as=up
up{fleet="{{ fleet }}", replica="extra"}
```

Verified when `min(up) > 0` within 10 s.

Undo: remove it again.

If this fails or cannot be decided, go to [Escalate](#escalate). Then go to [Resolved](#resolved).

## Resolved

It is there.

## Escalate

Ask somebody.

## Not applicable

Nothing waits.
"""

GOOD = """answers:
  - {as: hot, gives: 3}
scenarios:
  - name: it helps
    answers: [{as: up, gives: 1}]
    judgements: {is-it-real: add}
    actions: [{step: add, applies: {}}]
    expect:
      outcome: resolved
      ran: [look, add]
      actions: [{action: replica_add, step: add, arguments: {fleet: demo, replica: extra}, ends: verified}]
"""


@pytest.fixture(scope="module")
def installed() -> Registry:
    return Registry.installed(Settings().plugins)


class Tried:
    """A guide in a folder, and scenarios tried on it."""

    def __init__(self, folder: Path, installed: Registry) -> None:
        self.guide, self.installed = folder / "hot.md", installed
        self.guide.write_text(GUIDE)
        self.plan = GuideShelf(folder / "none", PluginCatalogue(installed)).plan(str(self.guide))

    def __call__(self, scenarios: str) -> GuideTrials:
        file = scenario_file(self.guide)
        file.write_text(scenarios)
        made = read_scenarios(file)
        return try_guide(made, self.plan, self.installed, range(len(made.scenarios)))

    def said(self, scenarios: str) -> list[str]:
        """All findings, as line: message (hint)."""
        tried = self(scenarios)
        found = [*tried.findings, *(f for t in tried.trials for f in t.findings)]
        assert tried.ok is not bool(found)
        return [f"{line}: {f.message}" + (f" ({f.hint})" if f.hint else "") for line, f in found]


@pytest.fixture
def tried(tmp_path: Path, installed: Registry) -> Tried:
    return Tried(tmp_path, installed)


def test_a_scenario_that_the_guide_fulfils_has_no_findings(tried: Tried) -> None:
    assert tried.said(GOOD) == []


@pytest.mark.parametrize(
    ("instead", "of", "finding"),
    [
        ("outcome: escalated", "outcome: resolved", "9: expected outcome escalated, it came to resolved"),
        ("skipped: [look]", "ran: [look, add]", "10: expected step 'look' not to run, it did (the path: look -> "),
        ("failed: [look]", "ran: [look, add]", "10: expected step 'look' to fail, it is: succeeded"),
        ("order: [add, look]", "ran: [look, add]", "10: expected step 'add' to begin before 'look', it began after it"),
        (
            "edges: [look -> END.escalate]",
            "ran: [look, add]",
            "10: expected 'look -> END.escalate' to be taken, it was not (look -> is-it-real)",
        ),
        ("replica: other}", "replica: extra}", "11: expected replica_add(fleet=demo, replica=other) in step 'add'"),
        ("ends: undone", "ends: verified", "11: expected replica_add(fleet=demo, replica=extra) in step 'add', undone"),
        (
            "actions: none",
            "actions: [{action: replica_add, step: add, arguments: {fleet: demo, replica: extra}, ends: verified}]",
            "11: expected no further action, made was replica_add(fleet=demo, replica=extra) in step 'add', verified",
        ),
        (
            "actions: [{action: replica_add}, {action: replica_add}]",
            "actions: [{action: replica_add, step: add, arguments: {fleet: demo, replica: extra}, ends: verified}]",
            "11: expected replica_add, made was none",
        ),
        (
            "in_any_order: true\n      actions: [{action: replica_add, ends: undone}]",
            "actions: [{action: replica_add, step: add, arguments: {fleet: demo, replica: extra}, ends: verified}]",
            "12: expected replica_add, undone, made was none",
        ),
    ],
)
def test_each_expectation_that_does_not_hold_is_reported_on_its_line(
    tried: Tried, instead: str, of: str, finding: str
) -> None:
    assert of in GOOD
    said = tried.said(GOOD.replace(of, instead))
    assert said, "a wrong expectation went through"
    assert said[0].startswith(finding)


def test_a_step_that_did_not_run_is_missed_and_the_path_is_shown(tried: Tried) -> None:
    assert tried.said(
        "scenarios:\n  - {name: n, answers: [{as: hot, gives: 0}], expect: {outcome: not_applicable, ran: [add]}}\n"
    ) == ["2: expected step 'add' to run, it did not (the path: look)"]


def test_a_run_that_waits_says_for_what(tried: Tried) -> None:
    policy = GOOD.replace("scenarios:", "policy: {replica_add: approve}\nscenarios:")
    assert tried.said(policy)[0] == (
        "10: expected outcome resolved, it came to waiting "
        "(it waits: add for approval; write under people what is said)"
    )


def test_who_must_be_waited_for_is_checked(tried: Tried) -> None:
    waiting = """policy: {replica_add: approve}
scenarios:
  - name: n
    answers: [{as: hot, gives: 3}]
    judgements: {is-it-real: add}
    expect: {outcome: waiting, waits: [STEP]}
"""
    assert tried.said(waiting.replace("STEP", "add")) == []
    assert tried.said(waiting.replace("STEP", "look")) == ["6: expected to wait: look; waiting are: add"]


@pytest.mark.parametrize(
    ("said", "outcome", "action"),
    [
        ("says: approve, by: ann, after_s: 60", "resolved", "[{action: replica_add}]"),
        ("says: reject, by: ann", "escalated", "none"),
        ("says: silent", "escalated", "none"),
    ],
)
def test_people_approve_reject_and_let_time_pass(tried: Tried, said: str, outcome: str, action: str) -> None:
    applies = "" if action == "none" else "\n    actions: [{action: replica_add, applies: {}}]"
    ups = "" if action == "none" else ", {as: up, gives: 1}"
    assert (
        tried.said(f"""policy: {{replica_add: approve}}
scenarios:
  - name: n
    answers: [{{as: hot, gives: 3}}{ups}]
    judgements: {{is-it-real: add}}
    people: [{{step: add, {said}}}]{applies}
    expect: {{outcome: {outcome}, actions: {action}}}
""")
        == []
    )


def test_a_person_cancels_a_run_in_the_middle_of_a_slow_read(tried: Tried) -> None:
    assert (
        tried.said("""scenarios:
  - name: n
    answers: [{as: hot, gives: 3, after_s: 20}]
    people: [{says: cancel, after_s: 5}]
    expect: {outcome: cancelled}
""")
        == []
    )


def test_a_word_that_nobody_asked_for_is_a_finding(tried: Tried) -> None:
    said = GOOD.replace("    actions: [{step", "    people: [{step: look, says: retry}]\n    actions: [{step")
    assert tried.said(said) == ["7: step 'look' never asks for this (take it out, or let the run come to the question)"]


def test_a_word_that_does_not_fit_the_question_is_a_finding(tried: Tried) -> None:
    said = GOOD.replace("scenarios:", "policy: {replica_add: approve}\nscenarios:").replace(
        "    actions: [{step", "    people: [{step: add, says: done}]\n    actions: [{step"
    )
    assert tried.said(said)[0].startswith("8: step 'add': the step waits for approval; this answer does not fit")


def test_a_read_without_an_answer_names_the_step_and_what_to_write(tried: Tried) -> None:
    said = tried.said(GOOD.replace("  - {as: hot, gives: 3}", "  - {as: up, gives: 3}"))
    assert said[0] == ("2: this shared answer is never used (take it out)")
    assert said[1] == (
        "4: step 'look': no answer is written for promql(query=sum(waiting{fleet=\"demo\"}), scalar=true) "
        "(write under answers: {step: look, as: hot, gives: ...})"
    )


def test_an_action_without_an_end_names_the_step_and_what_to_write(tried: Tried) -> None:
    said = tried.said(GOOD.replace("    actions: [{step: add, applies: {}}]\n", ""))
    assert said[0] == (
        "4: step 'add': it is not written what becomes of replica_add(fleet=demo, replica=extra) "
        "(write under actions: {step: add, applies: {}}; also possible: fails, refuses, loses_answer)"
    )


def test_an_undo_that_nothing_is_written_about_is_a_finding(tried: Tried) -> None:
    said = tried.said(GOOD.replace("{as: up, gives: 1}", "{as: up, gives: 0}"))
    assert any("is undone, and nothing is written about that (write into its entry" in s for s in said)


def test_a_judgement_that_is_not_written_names_the_branches(tried: Tried) -> None:
    said = tried.said(GOOD.replace("    judgements: {is-it-real: add}\n", ""))
    assert said[0].startswith("4: step 'is-it-real' is judged: no judgement is written (write under judgements: ")
    assert "END.escalate (the alert is a drill)" in said[0]


def test_a_judgement_for_a_branch_that_there_is_not_is_a_finding(tried: Tried) -> None:
    said = tried.said(GOOD.replace("{is-it-real: add}", "{is-it-real: look}"))
    assert said[0].startswith("6: step 'is-it-real' is judged: 'look' is no branch of it")


@pytest.mark.parametrize(
    ("extra", "finding"),
    [
        ("{as: up, gives: 1}, {as: up, step: add, gives: 0}", "5: this answer is never used"),
        ("{as: up, each: [{gives: 1}, {gives: 0}]}", "5: this turn of the answer is never used"),
    ],
)
def test_an_answer_that_is_never_used_is_a_finding(tried: Tried, extra: str, finding: str) -> None:
    assert tried.said(GOOD.replace("{as: up, gives: 1}", extra)) == [
        f"{finding} (take it out, or let the run come to it)"
    ]


def test_an_end_of_an_action_that_is_never_made_is_a_finding(tried: Tried) -> None:
    said = GOOD.replace("[{step: add, applies: {}}]", "[{step: add, applies: {}}, {step: add, fails: broken}]")
    assert tried.said(said) == ["7: this entry is never used (take it out, or let the run come to it)"]


def test_a_sequence_that_is_too_short_is_a_finding(tried: Tried) -> None:
    said = tried.said(GOOD.replace("{as: hot, gives: 3}", "{as: hot, each: [{fails: away}]}"))
    assert any("is asked more than 1 times (write a turn for it, too)" in s for s in said)


def test_a_read_that_fails_once_is_tried_again_as_the_guide_says(tried: Tried) -> None:
    assert tried.said(GOOD.replace("{as: hot, gives: 3}", "{as: hot, each: [{fails: away}, {gives: 3}]}")) == []


def test_a_read_that_never_answers_takes_its_deadline_and_the_default(tried: Tried) -> None:
    hung = (
        "scenarios:\n  - {name: n, answers: [{as: hot, hangs: true}], expect: {outcome: escalated, failed: [look]}}\n"
    )
    done = tried(hung)
    assert done.ok
    assert done.trials[0].took_s >= tried.plan.by_id["look"].timeout_s


def test_what_is_seen_after_a_change_may_take_its_time(tried: Tried) -> None:
    late = "{as: up, timeline: [{from_s: 0, gives: 0}, {from_s: 6, gives: 1}]}"
    done = tried(GOOD.replace("{as: up, gives: 1}", late))
    assert done.ok
    assert 6 <= done.trials[0].took_s < 10


@pytest.mark.parametrize(
    ("end", "outcome", "ends"),
    [
        ("refuses: it is there already", "escalated", "none"),
        ("fails: no machine", "escalated", "[{action: replica_add, ends: not applied}]"),
        ("loses_answer: unknown", "waiting", "[{action: replica_add}]"),
        (
            "applies: {}, verified: it does not listen, undone: true",
            "escalated",
            "[{action: replica_add, ends: undone}]",
        ),
        ("applies: {}, verified: no, undone: it hangs", "escalated", "[{action: replica_add, ends: not undone}]"),
    ],
)
def test_an_action_can_end_in_every_way(tried: Tried, end: str, outcome: str, ends: str) -> None:
    said = tried.said(f"""scenarios:
  - name: n
    answers: [{{as: hot, gives: 3}}]
    judgements: {{is-it-real: add}}
    actions: [{{step: add, {end}}}]
    expect: {{outcome: {outcome}, actions: {ends}}}
""")
    assert said == []


def test_an_action_that_did_not_happen_is_sent_again_and_needs_an_entry_for_that(tried: Tried) -> None:
    lost = GOOD.replace("{step: add, applies: {}}", "{step: add, loses_answer: not_happened}")
    assert any("it is not written what becomes of replica_add" in s for s in tried.said(lost))
    again = GOOD.replace("[{step: add,", "[{step: add, loses_answer: not_happened}, {step: add,")
    assert tried.said(again) == []


def test_a_value_of_the_wrong_type_is_a_finding(tried: Tried) -> None:
    said = tried.said(GOOD.replace("{as: hot, gives: 3}", "{as: hot, gives: many}"))
    assert said[0].endswith("step 'look': \"many\" is no scalar (give a number)")


def test_coverage_counts_what_any_scenario_came_to(tried: Tried) -> None:
    one = tried(GOOD).coverage
    assert one.steps_missed == ()
    assert "look -> END.not_applicable" in one.edges_missed
    two = tried(GOOD + "  - {name: gone, answers: [{as: hot, gives: 0}], expect: {outcome: not_applicable}}\n").coverage
    assert set(one.edges_missed) - set(two.edges_missed) == {"look -> END.not_applicable"}
    assert two.pct > one.pct


def test_the_examples_scenarios_hold_cover_everything_and_touch_no_network(
    installed: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a scenario reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    shelf = GuideShelf(tmp_path, PluginCatalogue(installed))
    for file in files_at([Path("examples/guides")]):
        made = read_scenarios(file)
        done = try_guide(made, shelf.plan(str(made.guide)), installed, range(len(made.scenarios)))
        assert [t.findings for t in done.trials if not t.ok] == []
        assert done.findings == ()
        assert done.coverage.pct == 100.0


def test_the_page_s_example_holds(installed: Registry, tmp_path: Path) -> None:
    page = Path("docs/guide-tests.md").read_text(encoding="utf-8")
    guide = tmp_path / "replica-hotspot.md"
    guide.write_text(Path("examples/guides/replica-hotspot.md").read_text(encoding="utf-8"))
    scenario_file(guide).write_text(page.partition("```yaml\n")[2].partition("```")[0])
    plan = GuideShelf(tmp_path / "none", PluginCatalogue(installed)).plan(str(guide))
    done = try_guide(read_scenarios(scenario_file(guide)), plan, installed, [0])
    assert done.ok, done.trials[0].findings


def test_names_that_the_guide_does_not_have_are_refused_with_the_nearest(tried: Tried) -> None:
    wrong = GOOD.replace("ran: [look, add]", "ran: [looks, add]").replace("as: hot", "as: hott")
    with pytest.raises(ScenarioError) as refused:
        tried(wrong)
    first, second = str(refused.value).splitlines()
    assert first.endswith("hot.test.yaml:2: the guide has no value 'hott'; did you mean 'hot'?")
    assert second.endswith("hot.test.yaml:10: the guide has no step 'looks'; did you mean 'look'?")


def test_an_input_that_the_guide_does_not_have_is_refused(tried: Tried) -> None:
    with pytest.raises(ScenarioError, match=r"hot\.test\.yaml:4: the guide declares no input 'cluster'"):
        tried(GOOD.replace("    judgements:", "    inputs: {cluster: a}\n    judgements:"))


def test_a_policy_that_is_not_there_is_refused(tried: Tried) -> None:
    with pytest.raises(ScenarioError, match=r"hot\.test\.yaml:\d+: .*none\.toml: the policy cannot be read"):
        tried(GOOD.replace("scenarios:", "policy: none.toml\nscenarios:", 1))
