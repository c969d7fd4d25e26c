"""Comparisons in words: computed where each name and unit is known, judged and said so where one is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dag.conditions import Truth, compile_condition, decide
from dag.model import Condition, Span, ValueType
from tsg.compile import Compiled
from tsg.compile.measures import COUNT, PERCENT, Measure, Unit, Values, measure_of_query, unit_by_suffix, unit_named
from tsg.compile.sentences import mask
from tsg.compile.worded import worded
from tsg.findings import Code
from tsg.guide import Piece, PieceKind

SECOND = Unit((("time", 1),))
BYTE = Unit((("size", 1),))
SHARE = Unit(share=True)
NAMES = Values(
    {
        "p99_ttft": ValueType.VECTOR,
        "lag": ValueType.SCALAR,
        "free_bytes": ValueType.SCALAR,
        "usage": ValueType.VECTOR,
        "busy": ValueType.SCALAR,
        "waiting": ValueType.VECTOR,
        "replicas": ValueType.SCALAR,
        "pod_status": ValueType.STRING,
        "report": ValueType.DYN,
        "armed": ValueType.BOOL,
    },
    {
        "p99_ttft": Measure(SECOND, single=True),
        "lag": Measure(Unit((("time", 1),), 1e-3)),
        "free_bytes": Measure(BYTE),
        "usage": Measure(SHARE),
        "busy": Measure(PERCENT),
    },
)


def cel_of(words: str) -> str | None:
    parts = words.split("`")
    kinds = (PieceKind.TEXT, PieceKind.CODE)
    pieces = [Piece(kinds[i % 2], part, 1) for i, part in enumerate(parts) if part]
    return worded(mask(pieces), NAMES).cel


@pytest.mark.parametrize(
    ("words", "cel"),
    [
        ("the P99 TTFT is above 2 s", "max(p99_ttft) > 2"),
        ("the p99 TTFT exceeds 1,500 ms", "max(p99_ttft) > 1.5"),
        ("lag stays over 2 seconds", "lag > 2000"),
        ("its lag is no more than 1.5 s", "lag <= 1500"),
        ("the free bytes drop", None),
        ("free bytes are below 10 GiB", "free_bytes < 10737418240"),
        ("any usage is more than 15 %", "max(usage) > 0.15"),
        ("every usage is at least 90 percent", "min(usage) >= 0.9"),
        ("every usage is under 90%", "max(usage) < 0.9"),
        ("the highest usage is not above 0.9", "max(usage) <= 0.9"),
        ("the average `usage` is between 20 and 80 %", "(avg(usage) >= 0.2) && (avg(usage) <= 0.8)"),
        ("busy is 80 % or more", "busy >= 80"),
        ("replicas are fewer than 2", "replicas < 2"),
        ("the number of waiting is above 5", "count(waiting) > 5"),
        ("waiting is empty", "count(waiting) == 0"),
        ("waiting is not empty", "count(waiting) > 0"),
        ("replicas is zero", "replicas == 0"),
        ("pod status is not Running", 'pod_status != "Running"'),
        ("`pod_status` is `CrashLoopBackOff`", 'pod_status == "CrashLoopBackOff"'),
        ("the pod status is 'Init 0/1'", 'pod_status == "Init 0/1"'),
        ("armed is not true", "!armed"),
        ("lag is over 2 s and pod status is Running", '(lag > 2000) && (pod_status == "Running")'),
        ("`max(usage) > 0.9` or the P99 TTFT is above 2 s", "(max(usage) > 0.9) || (max(p99_ttft) > 2)"),
    ],
)
def test_words_that_compare_a_known_value_are_computed(words: str, cel: str | None) -> None:
    found = cel_of(words)
    if cel is None or found is None:
        assert found == cel
    else:
        assert compile_condition(found, NAMES.types) == compile_condition(cel, NAMES.types)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("usage is above 15 %", "several series"),
        ("lag is above 2", "no unit"),
        ("lag is above 2 GB", "not measured in GB"),
        ("replicas is above 15 %", "is not known"),
        ("the number of waiting is above 15 %", "not measured in %"),
        ("lag is above 3 parsecs", "no unit that is known"),
        ("pod status is above 3", "no number"),
    ],
)
def test_a_comparison_that_lacks_a_unit_is_judged_and_says_why(words: str, why: str) -> None:
    found = worded(mask([Piece(PieceKind.TEXT, words, 1)]), NAMES)
    assert found.cel is None
    assert why in found.why


@pytest.mark.parametrize(
    "words",
    [
        "the load looks like one client's retries",
        "the lag of the other cluster is above 2 s",
        "latency is above 2 s",
        "pod status is bad",
        "lag is over 2 s or replicas are fewer than 2 and armed is true",
        "lag is above 2 s on more than one replica",
        "the p99 of lag is above 2 s",
        "x" * 400 + " is above 2",
    ],
)
def test_words_that_say_more_than_a_comparison_are_judged_in_silence(words: str) -> None:
    found = worded(mask([Piece(PieceKind.TEXT, words, 1)]), NAMES)
    assert (found.cel, found.why) == (None, "")


QUERIES = {
    "vllm:time_to_first_token_seconds_sum": Measure(SECOND),
    "histogram_quantile(0.99, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))": Measure(SECOND, True),
    "histogram_quantile(0.99, sum by (le, pod) (rate(ttft_seconds_bucket[5m])))": Measure(SECOND),
    "sum(rate(ttft_seconds_sum[5m])) / sum(rate(ttft_seconds_count[5m]))": Measure(SECOND, True),
    "sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))": Measure(SHARE, True),
    "100 * sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))": Measure(PERCENT, True),
    "100 * (sum(rate(errors_total[5m])) / sum(rate(requests_total[5m])))": Measure(PERCENT, True),
    "1 - node_filesystem_avail_bytes / node_filesystem_size_bytes": Measure(SHARE),
    "max by (node) (node_filesystem_avail_bytes)": Measure(BYTE),
    "sum(node_memory_free_bytes) / 1024^3": Measure(Unit((("size", 1),), 2.0**30), True),
    "rate(node_network_receive_bytes_total[1m])": Measure(Unit((("size", 1), ("time", -1)))),
    "rate(container_cpu_usage_seconds_total[1m])": Measure(SHARE),
    "count(up == 0)": Measure(COUNT, True),
    "vllm:num_requests_waiting": Measure(None),
    "vllm:kv_cache_usage_perc": Measure(None),
    "sum(lag_seconds) + 5": Measure(None, True),
    "time() - last_backup_timestamp_seconds": Measure(SECOND),
    "topk(3, lag_seconds)": Measure(SECOND),
    "this is no query": Measure(None),
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_says_in_what_its_answer_is_measured(query: str) -> None:
    assert measure_of_query(query) == QUERIES[query]


def test_units_are_known_by_their_words_and_suffixes() -> None:
    assert unit_named("GiB") == Unit((("size", 1),), 2.0**30)
    assert unit_named("parsecs") is None
    assert unit_by_suffix("queue_wait_ms") == Unit((("time", 1),), 1e-3)
    assert unit_by_suffix("seconds") is None
    assert unit_by_suffix("kv_cache_usage_perc") is None


_WORDS = ("lag", "usage", "any", "the", "is", "not", "above", "2", "s", "%", "and", "or", "between", "“", "'", "\ue000")


@given(st.lists(st.sampled_from(_WORDS), max_size=14).map(" ".join) | st.text(max_size=40))
def test_whatever_the_words_the_outcome_is_sound_cel_or_none(words: str) -> None:
    found = cel_of(words.replace("`", ""))
    if found is not None:
        assert compile_condition(found, NAMES.types).names


@given(st.floats(min_value=1e-6, max_value=1e6), st.sampled_from(["ms", "s", "min", "h"]))
def test_a_number_means_the_same_in_each_unit(number: float, unit: str) -> None:
    found = cel_of(f"lag is above {number:.6f} {unit}")
    assert found is not None
    written = unit_named(unit)
    assert written is not None
    limit_ms = float(f"{number:.6f}") * written.scale * 1e3
    condition = Condition("lag", (Span(1, 1),), found, ("lag",))
    above, below = (decide(condition, {"lag": limit_ms * factor}, NAMES.types) for factor in (1.001, 0.999))
    assert (above.truth, below.truth) == (Truth.TRUE, Truth.FALSE)


def test_a_guide_may_say_its_branch_in_words(compiled: Callable[[str], Compiled]) -> None:
    text = (
        "---\nalerts: [A]\n---\n\n# G\n\n## Look\n\n```promql as=p99_ttft\n"
        "histogram_quantile(0.99, sum by (le) (rate(ttft_seconds_bucket[5m])))\n```\n\n"
        "If the P99 TTFT is above 1500 ms for 5 minutes, go to [Escalate](#escalate); otherwise continue.\n"
        "If this cannot be decided, go to [Escalate](#escalate).\n\n"
        "## Resolved\n\nOver.\n\n## Escalate\n\nAsk.\n"
    )
    made = compiled(text)
    assert made.findings == ()
    branch = made.plan.outgoing["look"][0].condition
    assert branch is not None
    assert (branch.cel, branch.names, branch.for_s) == ("max(p99_ttft) > 1.5", ("p99_ttft",), 300.0)
    assert branch.text == "the P99 TTFT is above 1500 ms"
    unit = compiled(text.replace("1500 ms", "1500 GB"))
    assert [(f.code, f.line) for f in unit.findings] == [(Code.CONDITION_WORDS_IGNORED, 13)]
    judged = unit.plan.outgoing["look"][0].condition
    assert judged is not None
    assert judged.cel is None
