"""A plan as SVG. Everything a guide says goes through the XML writer; nothing is pasted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree as ET

from dag.draw import text
from dag.draw.layout import Box, Layout, Link, Point, Route, layout
from dag.model import START, TERMINALS, Edge, EdgeKind, Kind, Plan, Step, Terminal

TITLE, SMALL, LABEL = 13.0, 10.5, 11.0  # font sizes, pixels
LINE = 1.32  # line height, in font sizes
MOST_TITLE, LEAST_TITLE, MOST_LABEL = 224.0, 104.0, 190.0  # pixels
BOLD = 1.12  # how much wider a bold text is
SLANT = 11.0  # how far the sides of a shape lean
MARGIN = 22.0

_STYLE = """
.page { fill: #ffffff; stroke: #d1d9e0 }
.query > .shape { fill: #eaf2fd; stroke: #3b7dd8 }
.action > .shape { fill: #fdefe3; stroke: #d9711c }
.check > .shape { fill: #f2ecfd; stroke: #7c56d6 }
.manual > .shape { fill: #fbf6da; stroke: #ab8a08 }
.resolved > .shape { fill: #e2f5e7; stroke: #2b9348 }
.escalate > .shape { fill: #fde8ea; stroke: #cf3a49 }
.not_applicable > .shape { fill: #eef0f2; stroke: #7a828c }
.start > .shape { fill: #3d444d; stroke: #3d444d }
.start > text { fill: #ffffff }
.shape { stroke-width: 1.4 }
.risky > .shape { stroke-width: 2.8 }
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
text { fill: #1f2328; text-anchor: middle }
.title { font-size: 13px; font-weight: 600 }
.small { font-size: 10.5px; fill: #59636e }
.why { font-size: 11px; fill: #3d444d }
.default > .why { fill: #6e7781; font-style: italic }
.line { fill: none; stroke: #6e7781; stroke-width: 1.4 }
.default > .line { stroke-dasharray: 5 4 }
.loop > .line { stroke: #7c56d6 }
.head { fill: #6e7781 }
.loop-head { fill: #7c56d6 }
.plate { fill: #ffffff }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117; stroke: #30363d }
.query > .shape { fill: #12253f; stroke: #5a9cf0 }
.action > .shape { fill: #382211; stroke: #ef9143 }
.check > .shape { fill: #271f42; stroke: #a68af4 }
.manual > .shape { fill: #302a0c; stroke: #d4b338 }
.resolved > .shape { fill: #10301a; stroke: #4cc26b }
.escalate > .shape { fill: #3a151a; stroke: #f2727f }
.not_applicable > .shape { fill: #21262d; stroke: #8b949e }
.start > .shape { fill: #c9d1d9; stroke: #c9d1d9 }
.start > text { fill: #0d1117 }
text { fill: #e6edf3 }
.small { fill: #9da7b1 }
.why { fill: #c9d1d9 }
.default > .why { fill: #8b949e }
.line { stroke: #8b949e }
.loop > .line { stroke: #a68af4 }
.head { fill: #8b949e }
.loop-head { fill: #a68af4 }
.plate { fill: #0d1117 }
}
"""


@dataclass(frozen=True, slots=True)
class _Node:
    """One box: its class names, what stands in it, and what a pointer resting on it shows."""

    classes: str
    shape: str
    title: tuple[str, ...]
    small: str
    tip: str
    box: Box


def svg(plan: Plan) -> str:
    """Draw the plan top to bottom. Never raises for what a plan says: an unbounded cycle is drawn as one.

    An ending stands below each row of steps that leads to it, so that no line runs through the whole drawing.
    """
    nodes, ends = _nodes(plan)
    links = [Link(a, b, _label_box(edge)) for (a, b), edge in zip(ends, plan.edges, strict=True)]
    placed = layout([n.box for n in nodes], links)
    root = _page(plan, placed)
    inner = ET.SubElement(root, "g", transform=f"translate({_n(MARGIN)} {_n(MARGIN)})")
    for edge, route in zip(plan.edges, placed.routes, strict=True):
        _draw_line(inner, plan, edge, route)
    for node, centre in zip(nodes, placed.centres, strict=True):
        _draw_node(inner, node, centre)
    for edge, route in zip(plan.edges, placed.routes, strict=True):
        if route.label is not None:
            _draw_label(inner, edge, route.label)
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


# -- what is drawn ----------------------------------------------------------------------------


def _nodes(plan: Plan) -> tuple[list[_Node], list[tuple[int, int]]]:
    """Boxes, and the two boxes of every edge. Endings are repeated, one for each row of steps that uses them."""
    nodes: list[_Node] = []
    at: dict[str, int] = {}
    if plan.outgoing[START]:
        at[START] = 0
        nodes.append(_Node("start", "pill", ("Alert",), "", "where a run starts", Box(64, 28)))
    for step in plan.steps:
        at[step.id] = len(nodes)
        nodes.append(_step_node(step))
    row = _row_of_sources(plan)
    ends: list[tuple[int, int]] = []
    for edge in plan.edges:
        key = edge.target
        if key in TERMINALS:
            key = f"{edge.target}@{row.get(edge.source, 0)}"
            if key not in at:
                at[key] = len(nodes)
                nodes.append(_ending_node(edge.target))
        ends.append((at[edge.source], at[key]))
    return nodes, ends


def _row_of_sources(plan: Plan) -> dict[str, int]:
    """How far each step is from an entry, as the layout will see it."""
    index = {s.id: i for i, s in enumerate(plan.steps)}
    links = [
        Link(index[e.source], index[e.target])
        for e in plan.edges
        if e.source in index and e.target in index and e.kind is not EdgeKind.LOOP
    ]
    placed = layout([Box(1, 1)] * len(index), links)
    return {step: int(placed.centres[i][1]) for step, i in index.items()}


def _step_node(step: Step) -> _Node:
    title = text.wrap(text.title(step), TITLE * BOLD, MOST_TITLE, 2)
    small = text.shorten(text.subtitle(step), SMALL, MOST_TITLE + 10)
    widest = max(LEAST_TITLE, text.width(small, SMALL), *(text.width(t, TITLE * BOLD) for t in title))
    height = 16 + SMALL * LINE + len(title) * TITLE * LINE
    lines = ", ".join(f"{s.first}-{s.last}" for s in step.lines)
    tip = " · ".join(
        t for t in (step.title, f"lines {lines}" if lines else "", step.risk and f"risky: {step.risk}") if t
    )
    classes = f"{step.kind} risky" if step.risky else str(step.kind)
    sides = 26 + (2 * SLANT if step.kind in (Kind.CHECK, Kind.MANUAL) else 0)
    return _Node(classes, str(step.kind), title, small, text.clean(tip), Box(widest + sides, height))


def _ending_node(terminal: str) -> _Node:
    word = text.ending(terminal)
    tip = "a run ends here"
    return _Node(
        Terminal(terminal).name.lower(), "pill", (word,), "", tip, Box(text.width(word, TITLE * BOLD) + 26, 28)
    )


def _label_lines(edge: Edge) -> tuple[str, ...]:
    return text.wrap(text.reason(edge), LABEL, MOST_LABEL, 2)


def _label_box(edge: Edge) -> Box | None:
    lines = _label_lines(edge)
    if not lines:
        return None
    return Box(max(text.width(t, LABEL) for t in lines) + 10, len(lines) * LABEL * LINE + 4)


# -- drawing ----------------------------------------------------------------------------------


def _page(plan: Plan, placed: Layout) -> ET.Element:
    wide, tall = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
    root = ET.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_n(wide)} {_n(tall)}",
        width=_n(wide),
        height=_n(tall),
        role="img",
    )
    ET.SubElement(root, "title").text = text.clean(plan.title or plan.guide)
    ET.SubElement(root, "style").text = _STYLE
    heads = ET.SubElement(root, "defs")
    for name in ("head", "loop-head"):
        marker = ET.SubElement(
            heads,
            "marker",
            {"id": name, "viewBox": "0 0 8 8", "refX": "7", "refY": "4", "orient": "auto"},
            markerWidth="7",
            markerHeight="7",
        )
        ET.SubElement(marker, "path", {"class": name, "d": "M0 0.8 L8 4 L0 7.2 Z"})
    edge = {"class": "page", "x": "0.5", "y": "0.5", "width": _n(wide - 1), "height": _n(tall - 1), "rx": "10"}
    ET.SubElement(root, "rect", edge)
    return root


def _draw_node(parent: ET.Element, node: _Node, centre: Point) -> None:
    x, y = centre
    group = ET.SubElement(parent, "g", {"class": node.classes})
    ET.SubElement(group, "title").text = node.tip
    ET.SubElement(group, "path", {"class": "shape", "d": _outline(node.shape, x, y, node.box)})
    height = len(node.title) * TITLE * LINE + (SMALL * LINE if node.small else 0)
    top = y - height / 2
    if node.small:
        _write(group, "small", node.small, x, top + SMALL)
        top += SMALL * LINE + 1
    for i, line in enumerate(node.title):
        _write(group, "title", line, x, top + TITLE * (0.98 + i * LINE))


def _outline(shape: str, x: float, y: float, box: Box) -> str:
    """Kinds differ in outline too, for those who do not see the colours."""
    left, right, top, bottom = x - box.width / 2, x + box.width / 2, y - box.height / 2, y + box.height / 2
    match shape:
        case "action":  # cut corners
            points = [(left + SLANT, top), (right - SLANT, top), (right, top + SLANT), (right, bottom - SLANT)]
            points += [(right - SLANT, bottom), (left + SLANT, bottom), (left, bottom - SLANT), (left, top + SLANT)]
        case "check":  # pointed sides
            points = [(left + SLANT, top), (right - SLANT, top), (right, y), (right - SLANT, bottom)]
            points += [(left + SLANT, bottom), (left, y)]
        case "manual":  # leaning sides
            points = [(left + SLANT, top), (right, top), (right - SLANT, bottom), (left, bottom)]
        case "pill":
            return _rounded(left, right, top, bottom, box.height / 2)
        case _:
            return _rounded(left, right, top, bottom, 7)
    return "M" + " L".join(_p(p) for p in points) + " Z"


def _rounded(left: float, right: float, top: float, bottom: float, r: float) -> str:
    arc = f"A{_n(r)} {_n(r)} 0 0 1 "
    corners = [(right - r, top), (right, top + r), (right, bottom - r), (right - r, bottom)]
    corners += [(left + r, bottom), (left, bottom - r), (left, top + r), (left + r, top)]
    drawn = [f"M{_p(corners[-1])}"]
    for i, corner in enumerate(corners):
        drawn.append((arc if i % 2 else "L") + _p(corner))
    return " ".join(drawn)


def _draw_line(parent: ET.Element, plan: Plan, edge: Edge, route: Route) -> None:
    is_loop = edge.kind is EdgeKind.LOOP
    group = ET.SubElement(parent, "g", {"class": _classes(edge)})
    ET.SubElement(group, "title").text = _tip(plan, edge)
    head = "url(#loop-head)" if is_loop else "url(#head)"
    ET.SubElement(group, "path", {"class": "line", "marker-end": head, "d": " ".join(_curve(route))})


def _classes(edge: Edge) -> str:
    names = ["edge", *(["loop"] if edge.kind is EdgeKind.LOOP else []), *(["default"] if edge.default else [])]
    return " ".join(names)


def _curve(route: Route) -> Iterator[str]:
    points = route.points
    yield f"M{_p(points[0])}"
    for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        half = (y0 + y1) / 2
        if i == 0 and route.leaves_aside:
            yield f"Q{_p((x1, y0))} {_p((x1, y1))}"
        elif i == len(points) - 2 and route.arrives_aside:
            yield f"Q{_p((x0, y1))} {_p((x1, y1))}"
        elif abs(x0 - x1) < 0.5 or abs(y0 - y1) < 0.5:
            yield f"L{_p((x1, y1))}"
        else:
            yield f"C{_p((x0, half))} {_p((x1, half))} {_p((x1, y1))}"


def _draw_label(parent: ET.Element, edge: Edge, centre: Point) -> None:
    x, y = centre
    lines = _label_lines(edge)
    box = _label_box(edge)
    assert box is not None
    group = ET.SubElement(parent, "g", {"class": _classes(edge)})
    ET.SubElement(group, "title").text = text.reason(edge)
    plate = {"x": _n(x - box.width / 2), "y": _n(y - box.height / 2), "width": _n(box.width), "height": _n(box.height)}
    ET.SubElement(group, "rect", {"class": "plate", "rx": "3", **plate})
    for i, line in enumerate(lines):
        _write(group, "why", line, x, y + LABEL * (0.36 + (i - (len(lines) - 1) / 2) * LINE))


def _tip(plan: Plan, edge: Edge) -> str:
    def named(step: str) -> str:
        if step in TERMINALS:
            return text.ending(step)
        return plan.by_id[step].title if step in plan.by_id else "Alert"

    why = text.reason(edge)
    return text.clean(f"{named(edge.source)} → {named(edge.target)}{': ' + why if why else ''}")


def _write(parent: ET.Element, kind: str, line: str, x: float, y: float) -> None:
    ET.SubElement(parent, "text", {"class": kind, "x": _n(x), "y": _n(y)}).text = line


def _p(point: Point) -> str:
    return f"{_n(point[0])} {_n(point[1])}"


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
