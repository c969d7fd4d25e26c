"""Bad guides, each a file named after its fault, and exactly what its author reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsg.catalogue import Catalogue
from tsg.lint import lint

BAD = Path(__file__).parent / "bad"
SAID: dict[str, list[str]] = {
    "action-called-as-a-query": [
        "7: error call-unknown: 'replica_drain' is no query but an action | write ```action replica_drain",
    ],
    "action-that-is-not-installed": [
        "7: error call-unknown: no action is named 'kv_migrat' | did you mean 'kv_migrate'?",
    ],
    "action-with-wrong-arguments": [
        "5: warning P10: the action 'Act' states no verification; only its own read-back decides | add: 'Verified when `...` within 30 s.'",  # noqa: E501
        "8: error call-arguments: replica_drain: no argument is named 'replicas' | see the arguments of 'replica_drain'",  # noqa: E501
        "8: error call-arguments: replica_drain: the argument 'replica' is missing | see the arguments of 'replica_drain'",  # noqa: E501
    ],
    "arguments-that-are-no-yaml": [
        "10: error block-arguments: arguments: while parsing a flow sequence expected ',' or ']', but got '<stream end>' | quote texts that hold ': ', '#' or '{'",  # noqa: E501
    ],
    "attribute-that-means-nothing": [
        "7: error block-attribute: the attribute 'timout' means nothing in this block | did you mean 'timeout'?",
        "11: error block-attribute: timeout=soon is no duration | write timeout=30s or timeout=5m",
    ],
    "block-before-the-first-step": [
        "7: warning block-outside-step: the promql block stands in the introduction and is never called | move it under a heading of its own",  # noqa: E501
    ],
    "branch-that-cannot-be-read": [
        "11: error branch-unreadable: 'If max(waiting) > 2, go to Resolved or to bed' reads like a branch, and its form is not known | write 'If CONDITION, go to [Heading](#heading); otherwise continue.'",  # noqa: E501
    ],
    "branch-without-else": [
        "11: warning branch-without-else: the branch does not say what happens otherwise; the run would be handed to a person | add '; otherwise continue.' or '; otherwise go to [Escalate](#escalate).'",  # noqa: E501
    ],
    "condition-in-code-and-words": [
        "11: warning condition-words-ignored: 'max(waiting) > 2 on a weekday' mixes a computed condition with words, so all of it is judged | write only the code between 'if' and the comma, or two branches",  # noqa: E501
    ],
    "condition-over-an-unknown-name": [
        "11: error condition-error: the condition cannot be computed: column 5: no value is named 'wating' | did you mean 'waiting'?",  # noqa: E501
    ],
    "condition-that-is-a-number": [
        "11: error condition-error: the condition cannot be computed: 'max(waiting)' is of type DOUBLE, a condition is BOOL | compare it: 'x > 0.9'",  # noqa: E501
    ],
    "condition-that-is-always-the-same": [
        "11: error condition-error: the condition '1 > 2' reads no value: it is always the same | compare a result, e.g. `max(waiting) > 2`",  # noqa: E501
    ],
    "default-that-leads-back": [
        "11: error loop-default: a stated default leads back, so a failure could repeat without end | let the default go to [Escalate](#escalate)",  # noqa: E501
    ],
    "empty": [
        "1: error no-steps: the guide holds no step; a run would be handed to a person at once | give a section of level 2 a block, a branch or an instruction",  # noqa: E501
    ],
    "ending-that-is-missing": [
        "9: error ending-missing: after 'Look' the guide ends without saying how the run ends | add 'Go to [Resolved](#resolved).'",  # noqa: E501
    ],
    "front-matter-is-no-yaml": [
        "2: error front-matter-yaml: mapping values are not allowed here | quote texts that hold ': ', '#' or '{'",
    ],
    "front-matter-with-a-misspelt-key": [
        "3: error front-matter-key: the key 'ownrs' means nothing here | did you mean 'owners'?",
        "5: error front-matter-value: inputs.0.typ: Extra inputs are not permitted | did you mean 'type'?",
    ],
    "front-matter-with-a-slow-pattern": [
        "2: error front-matter-value: alerts.0: the pattern '(a+)+b' can take too long | write a plain value, or \"~regex\" without nested repetition",  # noqa: E501
    ],
    "front-matter-with-wrong-values": [
        '2: error front-matter-value: alerts.0.team: Input should be a valid string | write alerts as [Name] or [{alertname: Name, team: "~serv.*"}], every value a text',  # noqa: E501
        "5: error front-matter-value: inputs.0.name: 'max' has a meaning of its own in conditions | write inputs as - {name: replica, type: string, from: labels.replica}",  # noqa: E501
        "6: error front-matter-value: inputs.1.from: 'alert.fleet' is neither labels.NAME nor annotations.NAME | write where the alert holds it: labels.replica, annotations.summary",  # noqa: E501
        "7: error front-matter-value: inputs.2: the default 'many' is no scalar | write inputs as - {name: replica, type: string, from: labels.replica}",  # noqa: E501
    ],
    "front-matter-without-an-end": [
        "1: error front-matter-unclosed: the front matter has no end | close it with a line of three dashes",
    ],
    "http-request-that-is-none": [
        "9: error http-request: 'fetch https://localhost/healthz' is no request line | first line: GET https://host/path",
        "15: error http-request: 'https://{{ host }}/healthz': the host must not come from a value | first line: GET https://host/path",
    ],
    "link-that-dangles": [
        "7: warning link-dangling: the link 'the picture' leads to '#pictures', which no heading has | use the heading's words with - for blanks",  # noqa: E501
        "13: error goto-dangling: no heading has the anchor '#escalat' | did you mean 'escalate'?",
    ],
    "loop-without-a-bound": [
        "11: error loop-unbounded: the way back does not say how often it may be taken | add ', at most 3 times'",
    ],
    "name-bound-twice": [
        "13: error name-twice: the name 'waiting' is taken since line 7 | choose another name after as=",
    ],
    "name-that-conditions-use": [
        "7: error name-invalid: 'max' has a meaning of its own in conditions | choose another name after as=",
    ],
    "name-that-nobody-binds": [
        "10: error name-unknown: no value is named 'flet' | did you mean 'fleet'?",
    ],
    "only-prose": [
        "1: error no-steps: the guide holds no step; a run would be handed to a person at once | give a section of level 2 a block, a branch or an instruction",  # noqa: E501
    ],
    "otherwise-without-if": [
        "11: error branch-unreadable: 'otherwise' without an 'if' before it | write 'If ..., go to [...]' before it",
    ],
    "placeholder-outside-a-label-value": [
        "10: error promql-placeholder: '{{ metric }}' stands where PromQL has no label value | write it inside a matcher: {replica=\"{{ metric }}\"}",  # noqa: E501
    ],
    "placeholder-that-is-an-expression": [
        "9: error placeholder-malformed: '{{ fleet | upper }}' is no placeholder | write a plain name: {{ name }}",
    ],
    "promql-that-does-not-parse": [
        "8: error promql-error: the query is no PromQL: unclosed left parenthesis | try the query in Prometheus' own page first",  # noqa: E501
    ],
    "promql-that-gives-a-range": [
        "8: error promql-type: the query gives a range of samples per series, not a number | wrap it: max_over_time(...), rate(...)",  # noqa: E501
    ],
    "read-back-without-verification": [
        "12: error read-back-unused: the block is there to verify the action, and nothing says when it is verified | add 'Verified when `...` within 30 s.', or give the block a section of its own",  # noqa: E501
    ],
    "step-that-nothing-leads-to": [
        "13: error P03: no path leads to step 'Act' | link to it from a branch, or move it into the way of the others",
    ],
    "truncated-in-a-block": [
        "8: error fence-unclosed: the fenced block has no end, so the rest of the guide is inside it | close it with a line of ```",  # noqa: E501
        "9: error ending-missing: after 'Look' the guide ends without saying how the run ends | add 'Go to [Resolved](#resolved).'",  # noqa: E501
    ],
    "two-actions-in-a-section": [
        "5: warning P10: the action 'Act' states no verification; only its own read-back decides | add: 'Verified when `...` within 30 s.'",  # noqa: E501
        "12: error second-action: a second action in the section | give it a section of its own",
    ],
    "verification-in-words": [
        "12: error verify-not-computed: 'everybody is happy' cannot be computed, so it verifies nothing | write inline code over the section's own results, e.g. `max(waiting_after) < 1`",  # noqa: E501
    ],
    "verification-of-old-numbers": [
        "18: error verify-not-computed: 'max(waiting) < 1' looks at nothing that is read after the change | read it in this section, below the action, and use that name",  # noqa: E501
    ],
}


@pytest.mark.parametrize("fault", sorted(SAID))
def test_a_bad_guide_is_told_what_is_wrong_where_and_what_to_write(fault: str, catalogue: Catalogue) -> None:
    found = lint((BAD / f"{fault}.md").read_bytes(), catalogue, path=f"{fault}.md")
    assert [f"{f.line}: {f.severity} {f.code}: {f.message} | {f.hint}" for f in found] == SAID[fault]


def test_every_bad_guide_is_in_the_table() -> None:
    assert {p.stem for p in BAD.glob("*.md")} == set(SAID)
    assert len(SAID) > 30
