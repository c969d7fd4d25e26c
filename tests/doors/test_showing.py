"""What is shown: all of it, and nothing in it may steer the screen, the chat or the reader of JSON."""

from __future__ import annotations

import io
import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from agent.doors.escape import markdown, one_line, visible
from agent.doors.live import LiveView
from agent.doors.render import cost_line, how_to_answer, markdown_report, render_report
from agent.doors.strict_json import dumps
from agent.report import Asked, Changed, Cost, Decided, Moment, Refused, Report
from agent.run.events import Event, EventKind, StepKey
from tests.run.engine_bench import plan_of, query, when

EVIL = "[red]x[/red] \x1b[2J\u202egpj.exe\r\n# Heading\n- item <script>alert(1)</script> [a](javascript:b) @here https://e.example"
CALL = {"action": "push", "arguments": {"x": EVIL}, "writes": None, "reversible": False, "blast_radius": 2}


def a_report(**over: Any) -> Report:
    fields: dict[str, Any] = {
        "run_id": "r1",
        "guide": "g.md",
        "title": EVIL,
        "plan_digest": "0" * 64,
        "outcome": "waiting",
        "reason": EVIL,
        "opened_at": "2026-01-01T00:00:00+00:00",
        "alert": {},
        "cost": Cost(1.0, 2.0, 0, 0, 0),
        "timeline": [Moment(0.5, EVIL, EVIL)],
        "asked": [Asked(EVIL, EVIL, EVIL, "now", EVIL)],
        "decided": [Decided(EVIL, [EVIL], EVIL, EVIL, [{"truth": EVIL, "reason": EVIL}])],
        "changed": [Changed(EVIL, EVIL, {"x": EVIL}, None, "k", [EVIL], "verified", EVIL, EVIL, {"b": EVIL}, {})],
        "refused": [Refused(EVIL, EVIL, {"x": EVIL}, EVIL)],
        "waiting": [
            {"step": EVIL, "why": "approval", "reason": EVIL, "ask": {"call": CALL, "digest": "ab" * 32}},
        ],
    }
    return Report(**{**fields, **over})


def printed(made: Report) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    render_report(made, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_nothing_from_outside_steers_the_terminal() -> None:
    text = printed(a_report())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\r" not in text
    assert "[red]" in text, "markup is shown, not obeyed"


def test_nothing_from_outside_becomes_markup_of_a_page() -> None:
    tokens = MarkdownIt("commonmark", {"linkify": False}).enable("table").parse(markdown_report(a_report()))
    inline = [child for token in tokens for child in token.children or ()]
    assert {t.tag for t in tokens if t.type == "heading_open"} == {"h2", "h3"}
    assert not [t for t in inline if t.type in ("link_open", "html_inline", "image")]
    assert not [t for t in tokens if t.type == "html_block"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- a list", id="a list"),
        pytest.param("1. a number", id="a numbered list"),
        pytest.param("2026) a number", id="a numbered list in brackets"),
        pytest.param("---", id="a rule"),
        pytest.param("===", id="an underline"),
        pytest.param("    code", id="indented code"),
        pytest.param("# title", id="a heading"),
        pytest.param("> said", id="a quotation"),
        pytest.param("```\ncode", id="a fence"),
        pytest.param("a\n\nb", id="a paragraph of its own"),
    ],
)
def test_text_that_begins_a_line_begins_no_block(text: str) -> None:
    tokens = MarkdownIt().parse(f"before\n\n{markdown(text)}\n")
    assert [t.type for t in tokens] == ["paragraph_open", "inline", "paragraph_close"] * 2


def test_what_is_one_line_stays_one_line() -> None:
    assert "\n" not in one_line(EVIL)
    assert visible("a\nb") == "a\nb"


@pytest.mark.parametrize(
    ("document", "text"),
    [
        pytest.param({"a": math.nan}, '{"a":null}', id="no number"),
        pytest.param([math.inf, -math.inf, 1.5], "[null,null,1.5]", id="infinities"),
        pytest.param({"a": "\ud800"}, '{"a":"\\\\u{d800}"}', id="half a surrogate pair"),
        pytest.param({"a": "ü"}, '{"a":"\\u00fc"}', id="letters"),
    ],
)
def test_any_value_of_the_fleet_can_be_written_as_json(document: Any, text: str) -> None:
    assert dumps(document) == text
    json.loads(dumps(document, indent=2))


@pytest.mark.parametrize(
    ("why", "ask", "want"),
    [
        pytest.param("approval", {"digest": "ab" * 32}, ["--digest abababababab", "--reject"], id="an approval"),
        pytest.param("manual", {}, ["--done", "--not-done"], id="a manual step"),
        pytest.param("unknown_outcome", {}, ["--happened", "--not-happened"], id="an unknown outcome"),
        pytest.param(
            "judgement",
            {"options": [{"edge": "e#1", "leads_to": "END.resolved", "condition": "it is fine"}]},
            ["--choose 'END.resolved'   when it is fine"],
            id="a judgement",
        ),
        pytest.param("failure", {"options": []}, ["--retry"], id="a failed step"),
    ],
)
def test_whoever_is_waited_for_is_told_what_to_type(why: str, ask: dict[str, Any], want: list[str]) -> None:
    waiting = {"step": "s", "why": why, "reason": "", "ask": ask}
    made = a_report(waiting=[waiting])
    assert how_to_answer(made, waiting) == [f"stepfleet approve r1 {each}" for each in want]
    two = a_report(waiting=[waiting, {**waiting, "step": "t"}])
    assert all(" --step s " in each for each in how_to_answer(two, waiting))


def test_the_whole_call_is_shown_to_whoever_agrees_to_it() -> None:
    long = {**CALL, "arguments": {"x": "y" * 3_000}}
    waiting = {"step": "s", "why": "approval", "reason": "", "ask": {"call": long, "digest": "ab" * 32}}
    text = printed(a_report(waiting=[waiting], changed=[], refused=[]))
    assert text.count("y") >= 3_000
    assert "ab" * 32 in text


@pytest.mark.parametrize(
    ("cost", "says"),
    [
        pytest.param(Cost(3.0, 5.0, 0, 0, 0), "no model was asked", id="no model"),
        pytest.param(Cost(3.0, 5.0, 2, 100, 7), "2 model calls, 100 + 7 tokens", id="a model"),
        pytest.param(Cost(90.0, 5.0, 0, 0, 0, 80.0), "80.0 s of it waiting for a person", id="a wait"),
    ],
)
def test_the_cost_is_said(cost: Cost, says: str) -> None:
    assert says in cost_line(a_report(cost=cost))


def test_a_run_is_followed_in_plain_lines_where_there_is_no_terminal() -> None:
    plan = plan_of(query("q"), when("START", "q", "true"))
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with LiveView(plan, console) as view:
        view.show(Event(0, EventKind.RUN_OPENED, at, payload={"alert": {}}))
        view.show(Event(1, EventKind.STEP_STARTED, at, StepKey("q")))
        view.show(Event(2, EventKind.STEP_FAILED, at, StepKey("q"), payload={"error": EVIL}))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines[0].split() == ["0.00s", "run", "run", "opened", "by", "a", "person"]
    assert any("q asks" in line for line in lines)
    assert "\x1b" not in console.file.getvalue()
