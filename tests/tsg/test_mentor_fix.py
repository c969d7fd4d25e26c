"""Mends: what is mechanical is mended once and for all, what is not is left, and no other byte changes."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tsg.conftest import FakeCatalogue
from tsg.findings import Finding, Fix, Severity
from tsg.lint import lint
from tsg.mentor.fix import BOM, MOST_LOOKS, Mended, _meant_by_number, mended, with_fixes

CATALOGUE = FakeCatalogue()


def fixed(source: bytes | str) -> Mended:
    data = source if isinstance(source, bytes) else source.encode()
    return mended(data, "g.md", CATALOGUE, lambda d: lint(d, CATALOGUE, path="g.md"))


def codes(findings: Sequence[Finding]) -> list[str]:
    return [str(f.code) for f in findings]


@pytest.mark.parametrize(
    ("wrong", "code", "right"),
    [
        pytest.param(
            "# Disk is full\n\n1. Look at `df -h`.\n3. Tell the owners.\n4. Wait for them.\n",
            "numbering-gap",
            "# Disk is full\n\n1. Look at `df -h`.\n2. Tell the owners.\n3. Wait for them.\n",
            id="a number that is left out",
        ),
        pytest.param(
            "# Disk is full\n\nLook:\n\n```\nkubectl get pods -n db\n```\n",
            "untagged-fence",
            "# Disk is full\n\nLook:\n\n```bash\nkubectl get pods -n db\n```\n",
            id="a fence without a language",
        ),
        pytest.param(
            "# Disk is full\n\n1. Look:\n\n```bash\ndf -h\n```\n\n2. Tell the owners.\n",
            "list-broken",
            "# Disk is full\n\n1. Look:\n\n   ```bash\n   df -h\n   ```\n\n2. Tell the owners.\n",
            id="a fence that ends a list",
        ),
        pytest.param(
            "# Disk is full\n\nLook:\n\n```bash\ndf -h\n",
            "fence-unclosed",
            "# Disk is full\n\nLook:\n\n```bash\ndf -h\n```\n",
            id="a fence that is never closed",
        ),
        pytest.param(
            "# Disk is full\n\nLook:\n\n> ~~~~bash\n> df -h",
            "fence-unclosed",
            "# Disk is full\n\nLook:\n\n> ~~~~bash\n> df -h\n> ~~~~",
            id="a fence in a quotation, at a file's end without a line's end",
        ),
    ],
)
def test_what_is_mechanical_is_mended(wrong: str, code: str, right: str) -> None:
    result = fixed(wrong)
    assert result.data.decode() == right
    assert code in codes(result.done)
    assert code not in codes(lint(result.data, CATALOGUE))


def test_prose_that_got_into_an_open_fence_is_for_a_person() -> None:
    text = "# Disk is full\n\n```bash\ndf -h\n\n## Clean up\n\n1. Remove the old logs.\n"
    assert fixed(text) == Mended(text.encode(), (), ())


def test_line_ends_and_a_byte_order_mark_are_kept() -> None:
    text = b"# Disk is full\r\n\r\nLook:\r\n\r\n```\r\nkubectl get pods -n db\n```  \r\n\r\n1. Wait.\n3. Tell.\r4. Go."
    result = fixed(BOM + text)
    assert result.data == BOM + text.replace(b"```\r\nk", b"```bash\r\nk").replace(b"3. T", b"2. T").replace(
        b"4. G", b"3. G"
    )


def test_a_closing_fence_ends_as_the_file_s_lines_do() -> None:
    assert fixed(b"# Disk\r\n\r\n```bash\r\ndf -h\r\n\r\n").data == b"# Disk\r\n\r\n```bash\r\ndf -h\r\n```\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [pytest.param(b"", id="nothing"), pytest.param(b"\xff\xfe# A", id="no text"), pytest.param(BOM, id="a mark")],
)
def test_what_is_no_guide_stays_as_it_is(data: bytes) -> None:
    assert fixed(data).data == data


# -- a mend is held to what it promises


def claim(line: int, fix: Fix, code: str = "untagged-fence") -> Finding:
    return Finding("g.md", line, code, Severity.INFO, "m", "h", "query", "w", fix)


TEXT = b"# Disk is full\n\n1. Look at `df -h`.\n2. Restart the host.\n"


def test_a_mend_that_leaves_its_finding_is_not_taken() -> None:
    stubborn = claim(3, Fix(3, 3, "1. Look  at `df -h`."))
    result = mended(TEXT, "g.md", CATALOGUE, lambda _: [stubborn])
    assert result == Mended(TEXT, (), ((stubborn, "its mend would leave it"),))


def test_a_mend_that_brings_an_error_is_not_taken() -> None:
    mend = claim(3, Fix(3, 3, "1. Look  at `df -h`."))
    error = Finding("g.md", 4, "syntax-error", Severity.ERROR, "m", "h")
    result = mended(TEXT, "g.md", CATALOGUE, lambda d: [mend] if d == TEXT else [error])
    assert result == Mended(TEXT, (), ((mend, "its mend would bring an error: syntax-error"),))


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        pytest.param("2. Restart the rack.", "words", id="other words"),
        pytest.param("", "words", id="a step less"),
        pytest.param("2. Restart the host.\n3. Restart the rack.", "words", id="a step more"),
        pytest.param("   2. Restart the host.", "steps or ways", id="a step that becomes a part of another"),
    ],
)
def test_a_mend_that_changes_what_is_done_is_not_taken(line: str, changes: str) -> None:
    mend = claim(4, Fix(4, 4, line))
    result = mended(TEXT, "g.md", CATALOGUE, lambda d: [mend] if d == TEXT else [])
    assert result == Mended(TEXT, (), ((mend, f"its mend would change the guide's {changes}"),))


def test_a_good_mend_is_taken_beside_a_bad_one() -> None:
    good, bad = claim(3, Fix(3, 3, "1. Look  at `df -h`.")), claim(4, Fix(4, 4, "2. Restart the rack."))

    def find(data: bytes) -> list[Finding]:
        return [f for f, was in ((good, b"Look at"), (bad, b"the host")) if was in data]

    result = mended(TEXT, "g.md", CATALOGUE, find)
    assert result.data == TEXT.replace(b"Look at", b"Look  at")
    assert (result.done, [f for f, _ in result.left]) == ((good,), [bad])


def test_a_guide_whose_mends_do_not_hold_costs_a_bounded_time_and_stays_as_it_is() -> None:
    steps = 4 * MOST_LOOKS
    text = "# Disk\n\n" + "".join(f"- Wait for host {n}.\n" for n in range(steps))
    looks = 0

    def find(_: bytes) -> list[Finding]:
        nonlocal looks
        looks += 1
        return [claim(n, Fix(n, n, "- Wait.")) for n in range(3, steps + 3)]

    result = mended(text.encode(), "g.md", CATALOGUE, find)
    assert result.data == text.encode()
    assert len(result.left) == steps
    assert looks <= MOST_LOOKS + 2


def test_mends_of_the_same_line_are_not_mixed() -> None:
    one, two = Fix(3, 4, "1. A.\n2. B."), Fix(4, 4, "2. C.")
    data = with_fixes(TEXT, [one])
    assert data.endswith(b"1. A.\n2. B.\n")
    overlapping = [claim(3, one), claim(4, two, "code-in-prose")]
    assert b"C." not in mended(TEXT, "g.md", CATALOGUE, lambda d: overlapping if d == TEXT else []).data


# -- numbers that the guide may refer to

GAP = "# Disk is full\n\n1. Look at `df -h`.\n3. Restart it.\n4. Tell the owners.\n"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("Repeat (3) until it is quiet.", id="in brackets"),
        pytest.param("After 3 and 4 wait for a day.", id="bare"),
        pytest.param("Undo 4.", id="at a sentence's end"),
        pytest.param("Repeat 2-4 if it does not help.", id="a range"),
        pytest.param("Do 3 if it is loud.", id="before a short word"),
        pytest.param("What the 3rd shows is logged.", id="an ordinal"),
        pytest.param("| then | 3 |\n|---|---|", id="in a table"),
    ],
)
def test_items_are_not_numbered_anew_where_the_guide_may_mean_one_by_its_number(words: str) -> None:
    text = f"{GAP}\n{words}\n"
    result = fixed(text)
    assert result.data.decode() == text
    ((f, why),) = result.left
    assert f.code == "numbering-gap"
    assert "line 7 may mean item" in why


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("Wait 3 minutes, at most 4 h.", id="a time"),
        pytest.param("There are 3 replicas on node-4 at 3%.", id="an amount, a name and a share"),
        pytest.param("It came with version 1.3, port :4, and x=3.", id="parts of others"),
        pytest.param("`head -n 3` shows it.", id="in code"),
        pytest.param("```bash\nhead -n 3\n```", id="in a fence"),
        pytest.param("13 and 40 are of another page.", id="other numbers"),
    ],
)
def test_numbers_that_mean_no_item_keep_nothing_from_being_mended(words: str) -> None:
    assert (
        fixed(f"{GAP}\n{words}\n").data.decode() == f"{GAP.replace('3. R', '2. R').replace('4. T', '3. T')}\n{words}\n"
    )


def test_many_numbers_cost_a_bounded_time() -> None:
    text = "# Disk\n\n" + "4 (3) `3 " * 100_000 + "\n" + "9" * 300_000 + "\n"
    start = time.perf_counter()
    fixes = [Fix(n, n, f"{n}. x") for n in range(1, 400)]
    mends = [(claim(fix.first, fix, "numbering-gap"), fix) for fix in fixes]
    assert list(_meant_by_number(text.encode(), mends)) == []
    assert time.perf_counter() - start < 5


# -- of any guide

PIECES = st.sampled_from(
    [
        "## Steps\n",
        "1. Look at the disk.\n2. Wait.\n4. Tell the owners.\n",
        "1. Look at the disk.\n\n```\nkubectl get pods -n db\n```\n\n2. Wait.\n",
        "1. Look:\n\nA paragraph of its own.\n\n2. Wait.\n",
        "7. Look.\n7. Wait.\n",
        "9. Look.\n11. Wait.\n",
        "```\nkubectl get pods -n db\n```\n",
        "```\n$ kubectl get pods -n db\ndb-0 Running\n```\n",
        "> ```\n> kubectl get pods -n db\n> ```\n",
        "- If it is full, go to step 2.\n",
        "~~~\nSELECT 1 FROM t;\n~~~\n",
        "Some words about disks.  \n",
        "Then look at 4 again.\n",
        "\ttab\u2028s\x0b and \x0c others\n",
        "```bash\ndf -h\n",
        "<!-- stepfleet: ignore untagged-fence -- on purpose -->\n",
    ]
)


@st.composite
def guides(draw: st.DrawFn) -> bytes:
    body = "# Disk is full\n\n" + "\n".join(draw(st.lists(PIECES, min_size=1, max_size=6)))
    ends = draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n", "\r"]]))
    lines = [line + draw(st.sampled_from(ends)) for line in body.split("\n")[:-1]]
    if draw(st.booleans()):
        lines[-1] = lines[-1].rstrip("\r\n")
    return draw(st.sampled_from([b"", BOM])) + "".join(lines).encode()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source=guides())
def test_mending_twice_is_mending_once_and_other_lines_stay(source: bytes) -> None:
    once = fixed(source)
    again = fixed(once.data)
    assert (again.data, again.done) == (once.data, ())
    if not once.done:
        assert once.data == source
    touched = {n for f in once.done if f.fix for n in range(f.fix.first, f.fix.last + 1)}
    before, after = numbered(source), numbered(once.data)
    grown = len(after) - len(before)
    assert grown == codes(once.done).count("fence-unclosed")
    for n, line in before.items():
        if n not in touched and not (grown and n == len(before)):
            assert after[n] == line


def numbered(data: bytes) -> dict[int, bytes]:
    """Lines with their ends, by number, as CommonMark tells lines."""
    lines: list[bytes] = data.replace(b"\r\n", b"\0").replace(b"\r", b"\1\n").replace(b"\0", b"\r\0\n").split(b"\n")
    return dict(enumerate(lines, start=1))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source=guides())
def test_a_mended_guide_has_no_new_error(source: bytes) -> None:
    def errors(data: bytes) -> list[str]:
        return [str(f.code) for f in lint(data, CATALOGUE) if f.severity is Severity.ERROR]

    before = errors(source)
    after = errors(fixed(source).data)
    assert all(after.count(code) <= before.count(code) for code in after)
