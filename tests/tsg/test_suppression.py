"""What an author silences: where a comment reaches, what it cannot silence, and what is wrong with it."""

from __future__ import annotations

import time

import pytest

from tests.tsg.conftest import FakeCatalogue
from tsg.findings import Finding
from tsg.lint import lint
from tsg.marks import Verb
from tsg.mentor.mentor import view_of
from tsg.mentor.suppression import suppressed
from tsg.parse import parse_guide

HEAD = "# The queue is slow\n\nThe broker holds back orders.\n\n"
FENCE = "```\nkubectl get pods -n queue\n```\n"
STEPS = "1. Look at `df -h`.\n3. Tell the owners of the queue.\n"
IGNORE = "<!-- stepfleet: ignore untagged-fence -- on purpose -->\n"


def found(text: str) -> list[Finding]:
    return list(lint(text, FakeCatalogue()))


def codes(text: str) -> list[str]:
    return [str(f.code) for f in found(text)]


def of_comments(text: str) -> list[tuple[int, str, str]]:
    return [(f.line, str(f.code), f.message) for f in found(text) if f.category == "suppression"]


def test_without_a_comment_both_are_found() -> None:
    assert {"untagged-fence", "numbering-gap"} <= set(codes(HEAD + FENCE + STEPS))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(IGNORE + FENCE, id="above a fence"),
        pytest.param(IGNORE + "\n\n" + FENCE, id="above blank lines"),
        pytest.param(IGNORE + "<!-- stepfleet: remark -->\n" + FENCE, id="above another comment"),
        pytest.param(IGNORE.replace("-- on purpose ", "") + FENCE, id="without a reason"),
        pytest.param(IGNORE.replace("-- on purpose", "— on purpose") + FENCE, id="a reason after a long dash"),
        pytest.param(IGNORE.replace("-- on purpose", "-- see code-in-prose, or ask") + FENCE, id="a reason of codes"),
        pytest.param(IGNORE.replace("<!-- ", "<!--").replace(" -->", "-->") + FENCE, id="without blanks"),
        pytest.param(
            IGNORE.replace("untagged", "endless-command,untagged") + FENCE.replace("queue\n", "queue -w\n"),
            id="two codes",
        ),
        pytest.param(IGNORE.replace("stepfleet", "Stepfleet") + FENCE, id="with a capital letter"),
        pytest.param(IGNORE.replace("on purpose", "a -- b --- c") + FENCE, id="a reason with dashes"),
        pytest.param("<!-- stepfleet:ignore untagged-fence-->\n" + FENCE, id="without any blank"),
        pytest.param(IGNORE.replace("ignore ", "ignore-file ") + "Words.\n\n" + FENCE, id="the whole file"),
        pytest.param("Words.\n\n" + FENCE + "\n" + IGNORE.replace("ignore ", "ignore-file "), id="from the file's end"),
        pytest.param("> " + IGNORE + "".join(f"> {line}\n" for line in FENCE.splitlines()), id="in a quotation"),
        pytest.param("- Look:\n\n  " + IGNORE + "\n" + "".join(f"  {x}\n" for x in FENCE.splitlines()), id="in a list"),
    ],
)
def test_a_comment_silences_what_follows_it(text: str) -> None:
    shown = codes(HEAD + text)
    assert "untagged-fence" not in shown
    assert "unknown-suppression" not in shown
    assert "unused-suppression" not in shown


def test_a_comment_above_a_block_of_code_silences_every_line_of_it() -> None:
    fence = "```bash\nkubectl get pods -n queue\nkubectl get pods -n queue -w\n```\n"
    assert "endless-command" in codes(HEAD + fence)
    assert "endless-command" not in codes(HEAD + IGNORE.replace("untagged-fence", "endless-command") + fence)


def test_a_comment_above_a_table_silences_every_row_of_it_and_of_no_other() -> None:
    table = "| host | state |\n|---|---|\n| a | up | yes |\n| b |\n"
    assert codes(HEAD + table).count("table-ragged") == 2
    comment = IGNORE.replace("untagged-fence", "table-ragged")
    assert "table-ragged" not in codes(HEAD + comment + table)
    assert codes(HEAD + comment + table + "\nAnd:\n\n" + table).count("table-ragged") == 2
    assert of_comments(HEAD + comment + table) == []


def test_a_comment_at_the_end_of_a_line_silences_that_line_only() -> None:
    gap = "<!-- stepfleet: ignore numbering-gap -- as printed -->"
    silent = STEPS.replace("the queue.", f"the queue. {gap}")
    assert "numbering-gap" not in codes(HEAD + silent)
    assert "numbering-gap" in codes(HEAD + STEPS.replace("`df -h`.", f"`df -h`. {gap}"))


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends_change_nothing(end: str) -> None:
    assert "untagged-fence" not in codes((HEAD + IGNORE + FENCE).replace("\n", end))


def test_only_the_next_thing_is_silenced() -> None:
    assert codes(HEAD + IGNORE + FENCE + "\nAnd:\n\n" + FENCE).count("untagged-fence") == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("```text\n" + IGNORE + "```\n\n", id="in a fence"),
        pytest.param(f"Write `{IGNORE.strip()}` for it:\n\n", id="in inline code"),
        pytest.param(f"Write ``{IGNORE.strip()}`` for it:\n\n", id="between double backticks"),
    ],
)
def test_a_comment_that_is_shown_as_code_is_none(text: str) -> None:
    assert "untagged-fence" in codes(HEAD + text + FENCE)
    assert of_comments(HEAD + text + FENCE) == []


@pytest.mark.parametrize("verb", Verb)
def test_a_mark_is_no_suppression_gone_wrong(verb: Verb) -> None:
    text = HEAD + "1. Look at `df -h`.\n2. Tell the owners.\n"
    for mark in (f"<!-- stepfleet: {verb} -->", f"<!-- stepfleet: {verb} query -- because -->"):
        assert of_comments(text.replace("owners.", f"owners. {mark}")) == []


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        pytest.param("<!-- stepfleet: ignor untagged-fence -->", "is no suppression", id="a misspelt verb"),
        pytest.param("<!-- stepfleet: ignore -->", "is no suppression", id="no code"),
        pytest.param("<!-- stepfleet: ignore -- because -->", "is no suppression", id="a reason and no code"),
        pytest.param("<!-- stepfleet: -->", "is no suppression", id="nothing at all"),
        pytest.param(
            "<!-- stepfleet: ignore untaged-fence -->", "no finding is named 'untaged-fence'", id="no such code"
        ),
        pytest.param("<!-- stepfleet: ignore unused-suppression -->", "no finding is named", id="silencing itself"),
        pytest.param("<!-- stepfleet: ignore\nuntagged-fence -->", "does not end on its line", id="on two lines"),
        pytest.param("<!--\nstepfleet: ignore untagged-fence\n-->", "does not stand on one line", id="on three lines"),
        pytest.param("<!-- stepfleet: ignore query -->", "no finding is named 'query'", id="a category"),
    ],
)
def test_what_silences_nothing_is_said(comment: str, message: str) -> None:
    (said,) = of_comments(HEAD + comment + "\n\n" + FENCE)
    assert said[:2] == (5 + comment.startswith("<!--\n"), "unknown-suppression")
    assert message in said[2]
    assert "untagged-fence" in codes(HEAD + comment + "\n\n" + FENCE)


def test_a_misspelt_code_names_the_nearest_and_the_others_hold() -> None:
    text = HEAD + "<!-- stepfleet: ignore untaged-fence untagged-fence -->\n" + FENCE
    (wrong,) = [f for f in found(text) if f.code == "unknown-suppression"]
    assert wrong.hint == "did you mean 'untagged-fence'?"
    assert "untagged-fence" not in codes(text)


def test_a_comment_that_silences_nothing_is_said_for_each_of_its_codes() -> None:
    text = HEAD + "<!-- stepfleet: ignore untagged-fence numbering-gap -->\n" + FENCE
    assert of_comments(text) == [(5, "unused-suppression", "nothing here is found as 'numbering-gap'")]


def test_of_two_comments_that_silence_the_same_none_is_unused() -> None:
    assert of_comments(HEAD + IGNORE + IGNORE + FENCE) == []


def test_what_a_model_may_find_is_not_unused_before_it_is_asked() -> None:
    assert of_comments(HEAD + "<!-- stepfleet: ignore model-review -->\nWords.\n") == []


def test_an_error_that_keeps_a_guide_from_running_cannot_be_silenced() -> None:
    text = HEAD + "<!-- stepfleet: ignore-file fence-unclosed -->\n\n```bash\ndf -h\n\n## Then\n\n1. Tell the owners.\n"
    assert "fence-unclosed" in codes(text)


def test_what_cannot_be_silenced_is_not_called_missing() -> None:
    text = HEAD + "1. Look at `df -h`. <!-- stepfleet: kind banana --> <!-- stepfleet: ignore mark-invalid -->\n"
    assert "mark-invalid" in codes(text)
    assert of_comments(text) == [
        (5, "unused-suppression", "'mark-invalid' keeps the guide from running here, and cannot be silenced")
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<!-- stepfleet: ignore untagged-fence -->\n" * 5_000 + FENCE * 1_600, id="comments and fences"),
        pytest.param("<!-- stepfleet: " * 20_000, id="comments that never end, on one line"),
        pytest.param("`a <!-- stepfleet: ignore x" * 10_000, id="backticks that never end"),
        pytest.param("<!-- stepfleet: ignore xyzzy -->\n\n" * 4_900, id="codes that there are not"),
        pytest.param("| a |\n" * 9_000, id="a table of many rows"),
    ],
)
def test_hostile_comments_cost_a_bounded_time(text: str) -> None:
    view = view_of(parse_guide(HEAD + text, "g.md"), HEAD + text, None, native=False)
    findings = found(HEAD + FENCE) * 5_000
    assert len(findings) >= 5_000
    start = time.perf_counter()
    list(suppressed(view, findings))
    assert time.perf_counter() - start < 5
