"""A plan as a picture: everything in it, nothing on top of anything, and no text of a guide out of its place."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dag.draw import mermaid, svg, text
from dag.draw.flowchart import quoted
from dag.draw.layout import Box, Layout, Link, layout
from dag.model import Condition, Edge, EdgeKind, Kind, Plan, Span
from tests.dag.plans import ESCALATE, RESOLVED, plan, plans, step, when

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script> \"'`&#60; %% ]] }} end -->|x| \x00\x1b[31m\u202eevil\ud800"


def hotspot() -> Plan:
    steps = [
        step("w", title="Waiting", lines=(Span(3, 9),)),
        step("f", title="Free"),
        step("d", Kind.CHECK, title="Hot?"),
        step("m", Kind.ACTION, title="Move", risky=True, risk="moves sessions"),
        step("p", Kind.MANUAL, title="Ask the owner"),
    ]
    edges = [
        Edge("START", "w"),
        Edge("START", "f"),
        Edge("w", "d"),
        Edge("f", "d"),
        when("d", "m", "max(waiting) > 2.0"),
        Edge("d", RESOLVED, Condition("otherwise"), otherwise=True),
        Edge("d", ESCALATE, default=True),
        Edge("m", "w", kind=EdgeKind.LOOP, bound=3),
        Edge("m", "p"),
        Edge("p", ESCALATE),
    ]
    return plan(steps, edges, title="Hotspot")


def texts(picture: str) -> list[str]:
    return [e.text or "" for e in ET.fromstring(picture).iter(f"{SVG}text")]  # noqa: S314


def classes(picture: str) -> list[str]:
    return [e.get("class", "") for e in ET.fromstring(picture).iter(f"{SVG}g") if e.get("class")]  # noqa: S314


def test_the_picture_shows_every_step_ending_and_reason() -> None:
    shown = texts(svg(hotspot()))
    for word in ("Alert", "Waiting", "Free", "Hot?", "Move", "Ask the owner", "Resolved", "Escalate"):
        assert word in shown
    for reason in ("max(waiting) > 2.0", "otherwise", "undecided or failed", "back, at most 3×"):
        assert reason in shown


def test_kinds_risk_defaults_and_ways_back_are_told_apart() -> None:
    found = classes(svg(hotspot()))
    assert {"query", "check", "action risky", "manual", "start", "resolved", "escalate"} <= set(found)
    assert "edge default" in found
    assert "edge loop" in found


def test_kinds_differ_in_outline_and_not_in_colour_alone() -> None:
    outlines = set()
    for kind in Kind:
        root = ET.fromstring(svg(plan([step("a", kind)])))  # noqa: S314
        (shape,) = [p for p in root.iter(f"{SVG}path") if p.get("class") == "shape"]
        outlines.add(re.sub(r"[-\d. ]+", "", shape.get("d", "")) + str(len(shape.get("d", "").split())))
    assert len(outlines) == len(Kind)


def test_an_ending_stands_below_each_row_that_leads_to_it() -> None:
    assert texts(svg(hotspot())).count("Escalate") == 2


def test_a_pointer_resting_on_something_shows_all_of_it() -> None:
    tips = [e.text for e in ET.fromstring(svg(hotspot())).iter(f"{SVG}title")]  # noqa: S314
    assert "Waiting · lines 3-9" in tips
    assert "Move · risky: moves sessions" in tips
    assert "Hot? → Move: max(waiting) > 2.0" in tips


def test_a_plan_that_is_wrong_can_still_be_looked_at() -> None:
    assert "a" in texts(svg(plan("a b c", "a -> b -> a; c -> c")))
    assert texts(svg(plan(""))) == []


def test_what_a_guide_says_stays_text_in_the_picture() -> None:
    made = plan([step("a", title=HOSTILE)], [when("a", RESOLVED, None, HOSTILE)], title=HOSTILE)
    picture = svg(made)
    root = ET.fromstring(picture)  # noqa: S314
    assert not list(root.iter(f"{SVG}script"))
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= {
        "svg", "title", "style", "defs", "marker", "path", "rect", "g", "text",
    }  # fmt: skip
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\ud800-\udfff]", picture)


@pytest.mark.parametrize("character", list('"#;&<>|{}[]()`%*_~\\^@$'))
def test_no_character_of_a_guide_means_anything_to_mermaid(character: str) -> None:
    assert quoted(f"a{character}b") == f'"a#{ord(character)};b"'


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_one_quoted_label_for_mermaid(said: str) -> None:
    label = quoted(said)
    assert re.fullmatch(r'"[^"\n\r|`<>{}\[\]()]*"', label)
    assert re.fullmatch(r"[^#;]*(#\d+;[^#;]*)*", label)


@pytest.mark.parametrize(
    ("said", "label"),
    [
        pytest.param("1. Check", '"1#46; Check"', id="a numbered heading"),
        pytest.param("- a-b", '"#45; a-b"', id="a dash"),
        pytest.param("+ more", '"#43; more"', id="a plus"),
        pytest.param("10 GPUs", '"10 GPUs"', id="a number alone is none"),
        pytest.param("Step 2.1", '"Step 2.1"', id="a number in the middle is none"),
    ],
)
def test_no_label_begins_a_list_for_a_mermaid_that_reads_markdown(said: str, label: str) -> None:
    assert quoted(said) == label


@pytest.mark.parametrize("name", ["", "\x00", "\u202e", " "])
def test_a_step_whose_title_cannot_be_read_still_has_a_name(name: str) -> None:
    made = plan([step("\x00", Kind.MANUAL, title=name)], [when("\x00", RESOLVED, None, name)])
    assert "manual" in texts(svg(made))
    assert '[/"manual"/]' in mermaid(made)
    assert '""' not in mermaid(made)


def test_words_that_are_judged_stand_in_quotes_and_computed_ones_do_not() -> None:
    made = plan("a b", [when("a", "b", None, "it looks odd"), when("a", RESOLVED, "x > 1.0", "x is high")])
    assert {"“it looks odd”", "x is high"} <= set(texts(svg(made)))


def test_mermaid_says_what_the_picture_says() -> None:
    lines = mermaid(hotspot()).splitlines()
    assert lines[0] == "flowchart TD"
    for line in (
        '  s0("Waiting"):::query',
        '  s2{"Hot?"}:::check',
        '  s3{{"Move"}}:::action',
        '  s4[/"Ask the owner"/]:::manual',
        "  start --> s0",
        '  s2 -->|"max#40;waiting#41; #62; 2.0"| s3',
        '  s2 -.->|"undecided or failed"| end_escalate',
        '  s3 ==>|"back, at most 3#215;"| s0',
        "  class s3 risky",
    ):
        assert line in lines


@settings(max_examples=60, deadline=None)
@given(plans())
def test_any_plan_can_be_drawn(made: Plan) -> None:
    root = ET.fromstring(svg(made))  # noqa: S314
    lines = [e for e in root.iter(f"{SVG}path") if e.get("class") == "line"]
    assert len(lines) == len(made.edges)
    drawn = [ln for ln in mermaid(made).splitlines() if re.search(r" (-->|-\.->|==>)", ln)]
    assert len(drawn) == len(made.edges)


# -- layout -----------------------------------------------------------------------------------

sizes = st.builds(Box, st.integers(20, 200).map(float), st.integers(20, 60).map(float))
labels = st.none() | st.builds(Box, st.integers(10, 120).map(float), st.integers(10, 30).map(float))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Box], list[Link]]:
    boxes = draw(st.lists(sizes, min_size=1, max_size=9))
    ends = st.integers(0, len(boxes) - 1)
    return boxes, draw(st.lists(st.builds(Link, ends, ends, labels), max_size=14))


@settings(max_examples=120, deadline=None)
@given(graphs())
def test_nothing_lies_on_anything_in_any_graph(graph: tuple[list[Box], list[Link]]) -> None:
    boxes, links = graph
    placed = layout(boxes, links)
    areas = [_area(c, b) for c, b in zip(placed.centres, boxes, strict=True)]
    areas += [
        _area(route.label, link.label)
        for route, link in zip(placed.routes, links, strict=True)
        if route.label is not None and link.label is not None and link.source != link.target
    ]
    for one, other in combinations(areas, 2):
        assert not _meet(one, other)
    assert all(x0 >= -1e-6 and x1 <= placed.width + 1e-6 and y1 <= placed.height + 1e-6 for x0, _, x1, y1 in areas)


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_every_link_begins_and_ends_at_its_boxes(graph: tuple[list[Box], list[Link]]) -> None:
    boxes, links = graph
    placed = layout(boxes, links)
    for link, route in zip(links, placed.routes, strict=True):
        assert _touches(placed, boxes, link.source, route.points[0])
        assert _touches(placed, boxes, link.target, route.points[-1])
        assert (route.label is None) == (link.label is None)


def test_a_tree_has_no_crossings_and_a_parent_stands_over_its_children() -> None:
    placed = layout([Box(40, 20)] * 7, [Link(a, b) for a, b in ((0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (2, 6))])
    x = [c[0] for c in placed.centres]
    assert x[3] < x[4] < x[5] < x[6]
    assert x[0] == pytest.approx((x[1] + x[2]) / 2, abs=1)
    assert x[3] < x[1] < x[4]
    assert x[5] < x[2] < x[6]


def test_a_line_that_passes_rows_is_straight_where_nothing_stands_in_its_way() -> None:
    chain = [Link(i, i + 1) for i in range(5)]
    placed = layout([Box(100, 40)] * 6, [*chain, Link(5, 0, Box(60, 14))])
    way_back = placed.routes[-1].points
    assert len({round(x) for x, _ in way_back[1:-1]}) == 1
    assert all(abs(way_back[1][0] - x) > 50 for x, _ in placed.centres[1:5]), "beside the boxes, not through them"


def test_a_large_plan_is_drawn_in_time() -> None:
    boxes = [Box(100, 40)] * 2_000
    placed = layout(boxes, [Link(i, i + 20) for i in range(1_980)])
    assert len(placed.centres) == 2_000


Area = tuple[float, float, float, float]


def _area(centre: tuple[float, float], box: Box) -> Area:
    x, y = centre
    return x - box.width / 2, y - box.height / 2, x + box.width / 2, y + box.height / 2


def _meet(a: Area, b: Area) -> bool:
    return a[0] < b[2] - 1e-6 and b[0] < a[2] - 1e-6 and a[1] < b[3] - 1e-6 and b[1] < a[3] - 1e-6


def _touches(placed: Layout, boxes: list[Box], box: int, point: tuple[float, float]) -> bool:
    x0, y0, x1, y1 = _area(placed.centres[box], boxes[box])
    return x0 - 1e-6 <= point[0] <= x1 + 1e-6 and y0 - 1e-6 <= point[1] <= y1 + 1e-6


# -- text -------------------------------------------------------------------------------------


def test_what_does_not_fit_ends_after_a_whole_word_where_there_is_one() -> None:
    assert text.shorten("memory is above 97 percent", 11, 100) == "memory is above…"
    assert text.shorten("node_memory_usage_ratio", 11, 60) == "node_me…"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.floats(20, 200), st.integers(1, 3))
def test_wrapped_text_fits_and_loses_nothing_without_saying_so(said: str, most: float, lines: int) -> None:
    wrapped = text.wrap(said, 13, most, lines)
    assert len(wrapped) <= lines
    assert all(text.width(line, 13) <= most + 13 * 1.05 for line in wrapped)
    if not (wrapped and wrapped[-1].endswith(text.ELLIPSIS)):
        assert "".join(wrapped).replace(" ", "") == text.clean(said).replace(" ", "")
