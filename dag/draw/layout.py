"""Boxes and links to places: a layered drawing in which no link crosses a box and no label lies on another.

Boxes go into even rows by their distance from an entry. A link passes every row between its ends through
a place of its own, and a label takes such a place in the row below the link's source. Rows are ordered to
have few crossings; then every place moves as near to its neighbours as the order allows.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

GAP = 26.0  # pixels between neighbours in a row
LINE_GAP = 14.0  # between a passing line and its neighbour
ROW_GAP = 44.0  # height of a row that holds no label
LABEL_PAD = 20.0  # above and below a label
SELF_LOOP = 30.0  # how far a link from a box to itself reaches out
SWEEPS = 24
MOVES = 40
MOST_SWEPT = 4_000  # places; beyond it one sweep must do

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Link:
    source: int
    target: int
    label: Box | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """From source to target; consecutive points on one height or one x are joined by a line, others by a curve."""

    points: tuple[Point, ...]
    label: Point | None


@dataclass(frozen=True, slots=True)
class Layout:
    """Centres of boxes, routes of links in their order, and the drawing's size, in pixels."""

    centres: tuple[Point, ...]
    routes: tuple[Route, ...]
    width: float
    height: float


@dataclass
class _Places:
    """What stands in the rows: boxes first, by their number, then the places of links."""

    boxes: list[Box]
    rows: list[list[int]]
    up: dict[int, list[int]] = field(default_factory=dict)
    down: dict[int, list[int]] = field(default_factory=dict)
    passing: list[tuple[int, ...]] = field(default_factory=list)  # per link, its places from its upper to its lower end
    real: int = 0

    def join(self, above: int, below: int) -> None:
        self.down.setdefault(above, []).append(below)
        self.up.setdefault(below, []).append(above)

    def near(self, place: int) -> list[int]:
        return [*self.up.get(place, ()), *self.down.get(place, ())]

    def between(self, left: int, right: int) -> float:
        """Least distance of two neighbours' centres."""
        lines = [p >= self.real and self.boxes[p].width <= 1 for p in (left, right)]
        gap = LINE_GAP if any(lines) else GAP
        return (self.boxes[left].width + self.boxes[right].width) / 2 + gap


def layout(boxes: Sequence[Box], links: Sequence[Link]) -> Layout:
    """Place boxes and links. Any graph will do: links that close a cycle are drawn upwards."""
    upward = _closing_cycles(len(boxes), links)
    places = _places(boxes, links, upward)
    _order(places)
    x = _columns(places)
    tops, heights = _rows(places)
    y = {p: tops[r] + heights[r] / 2 for r, row in enumerate(places.rows) for p in row}
    left = min((x[p] - places.boxes[p].width / 2 for p in y), default=0.0)
    for p in x:
        x[p] -= left
    routes = _routes(boxes, links, upward, places, x, y, heights)
    wide = max((x[p] + places.boxes[p].width / 2 for p in y), default=0.0)
    tall = tops[-1] + heights[-1] if tops else 0.0
    return Layout(tuple((x[i], y[i]) for i in range(len(boxes))), tuple(routes), wide, tall)


def _closing_cycles(count: int, links: Sequence[Link]) -> set[int]:
    """Links that lead back to where a walk came from, found depth first in the order given."""
    outgoing: dict[int, list[tuple[int, int]]] = {i: [] for i in range(count)}
    for n, link in enumerate(links):
        outgoing[link.source].append((n, link.target))
    state: dict[int, int] = {}  # 1: on the way, 2: done
    closing: set[int] = set()
    for start in range(count):
        if start in state:
            continue
        state[start] = 1
        walk = [(start, iter(outgoing[start]))]
        while walk:
            at, rest = walk[-1]
            for n, target in rest:
                if state.get(target) == 1:
                    closing.add(n)
                elif target not in state:
                    state[target] = 1
                    walk.append((target, iter(outgoing[target])))
                    break
            else:
                state[at] = 2
                walk.pop()
    return closing


def _ends(link: Link, is_upward: bool) -> tuple[int, int]:
    return (link.target, link.source) if is_upward else (link.source, link.target)


def _ranks(count: int, links: Sequence[Link], upward: set[int]) -> list[int]:
    """Longest distance from an entry; a box that nothing leads to moves down to just above what it leads to."""
    below: dict[int, list[int]] = {i: [] for i in range(count)}
    waiting = [0] * count
    for n, link in enumerate(links):
        if link.source != link.target:
            high, low = _ends(link, n in upward)
            below[high].append(low)
            waiting[low] += 1
    entries = [i for i in range(count) if not waiting[i]]
    rank = [0] * count
    ready = list(entries)
    while ready:
        at = ready.pop()
        for low in below[at]:
            rank[low] = max(rank[low], rank[at] + 1)
            waiting[low] -= 1
            if not waiting[low]:
                ready.append(low)
    for entry in entries:
        if below[entry]:
            rank[entry] = min(rank[low] for low in below[entry]) - 1
    return rank


def _places(boxes: Sequence[Box], links: Sequence[Link], upward: set[int]) -> _Places:
    rank = _ranks(len(boxes), links, upward)
    looped = {link.source for link in links if link.source == link.target}
    room = [Box(b.width + 2 * _self_loop(links, i) if i in looped else b.width, b.height) for i, b in enumerate(boxes)]
    made = _Places(room, [[] for _ in range(2 * max(rank, default=-1) + 1)], real=len(boxes))
    for i, r in enumerate(rank):
        made.rows[2 * r].append(i)
    for n, link in enumerate(links):
        if link.source == link.target:
            made.passing.append(())
            continue
        high, low = _ends(link, n in upward)
        passed = range(2 * rank[high] + 1, 2 * rank[low])
        # The label stands next to the source: there the reader asks which way it goes.
        labelled = passed[-1] if n in upward else passed[0]
        chain: list[int] = []
        for row in passed:
            made.boxes.append(link.label if row == labelled and link.label is not None else Box(1, 0))
            made.rows[row].append(len(made.boxes) - 1)
            chain.append(len(made.boxes) - 1)
        for above, under in zip([high, *chain], [*chain, low], strict=True):
            made.join(above, under)
        made.passing.append(tuple(chain))
    return made


def _self_loop(links: Sequence[Link], box: int) -> float:
    return SELF_LOOP + max((ln.label.width for ln in links if ln.source == ln.target == box and ln.label), default=0.0)


# -- order within rows ------------------------------------------------------------------------


def _order(places: _Places) -> None:
    """Sweep down and up; each row follows the mean position of its neighbours. The best order seen is kept."""
    best, fewest, stale = [list(r) for r in places.rows], _crossings(places), 0
    for sweep in range(1 if len(places.boxes) > MOST_SWEPT else SWEEPS):
        downward = sweep % 2 == 0
        table = places.up if downward else places.down
        order = range(1, len(places.rows)) if downward else range(len(places.rows) - 2, -1, -1)
        for r in order:
            fixed = places.rows[r - 1 if downward else r + 1]
            position = {p: i for i, p in enumerate(fixed)}
            places.rows[r] = _by_barycentre(places.rows[r], table, position)
        crossings = _crossings(places)
        stale = 0 if crossings < fewest else stale + 1
        if crossings < fewest:
            best, fewest = [list(r) for r in places.rows], crossings
        if fewest == 0 or stale >= 6:
            break
    places.rows = best


def _by_barycentre(row: list[int], table: Mapping[int, list[int]], position: Mapping[int, int]) -> list[int]:
    """Places without neighbours keep their index; the others are sorted around them."""
    weight = {p: sum(position[n] for n in table[p]) / len(table[p]) for p in row if table.get(p)}
    moving = iter(sorted((p for p in row if p in weight), key=lambda p: weight[p]))
    return [next(moving) if p in weight else p for p in row]


def _crossings(places: _Places) -> int:
    total = 0
    for upper, lower in zip(places.rows, places.rows[1:], strict=False):
        position = {p: i for i, p in enumerate(lower)}
        seen: list[int] = []
        for above in upper:
            for at in sorted(position[b] for b in places.down.get(above, ())):
                total += len(seen) - bisect_right(seen, at)
            for below in places.down.get(above, ()):
                insort(seen, position[below])
    return total


# -- columns and rows -------------------------------------------------------------------------


def _columns(places: _Places) -> dict[int, float]:
    """Every place as near to its neighbours as its row's order and the gaps allow, in least squares."""
    x: dict[int, float] = {}
    for row in places.rows:
        at = 0.0
        for i, p in enumerate(row):
            at += places.between(row[i - 1], p) if i else 0.0
            x[p] = at
        for p in row:
            x[p] -= at / 2
    for move in range(MOVES if len(places.boxes) <= MOST_SWEPT else 4):
        settle = move >= MOVES - 8
        rows = places.rows if move % 2 == 0 else places.rows[::-1]
        for row in rows:
            _settle(row, places, x, None if settle else (places.up if move % 2 == 0 else places.down))
    return x


def _settle(row: list[int], places: _Places, x: dict[int, float], table: Mapping[int, list[int]] | None) -> None:
    """Pool adjacent violators: exact for a fixed order with least distances."""
    offset, blocks = 0.0, []  # a block: [sum of weight x wish, weight, members]
    offsets: list[float] = []
    for i, p in enumerate(row):
        offset += places.between(row[i - 1], p) if i else 0.0
        offsets.append(offset)
        near = places.near(p) if table is None else table.get(p, [])
        weights = [_pull(places, p, n) for n in near]
        weight = sum(weights) or 0.1
        wish = sum(w * x[n] for w, n in zip(weights, near, strict=True)) / weight if near else x[p]
        blocks.append([weight * (wish - offset), weight, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    at = 0
    for total, weight, members in blocks:
        for p in row[at : at + int(members)]:
            x[p] = total / weight + offsets[at]
            at += 1


def _pull(places: _Places, a: int, b: int) -> float:
    """Lines like to be straight where they pass; boxes give way."""
    return {0: 1.0, 1: 2.0, 2: 8.0}[(a >= places.real) + (b >= places.real)]


def _rows(places: _Places) -> tuple[list[float], list[float]]:
    tops: list[float] = []
    heights: list[float] = []
    at = 0.0
    for r, row in enumerate(places.rows):
        height = max((places.boxes[p].height for p in row), default=0.0)
        if r % 2:
            height = max(height + 2 * LABEL_PAD if height else 0.0, ROW_GAP)
        tops.append(at)
        heights.append(height)
        at += height
    return tops, heights


# -- routes -----------------------------------------------------------------------------------


def _routes(
    boxes: Sequence[Box],
    links: Sequence[Link],
    upward: set[int],
    places: _Places,
    x: Mapping[int, float],
    y: Mapping[int, float],
    heights: Sequence[float],
) -> list[Route]:
    row_of = {p: r for r, row in enumerate(places.rows) for p in row}
    out_at, in_at = _ports(boxes, links, upward, places, x)
    routes: list[Route] = []
    for n, link in enumerate(links):
        if link.source == link.target:
            routes.append(_around(boxes[link.source], link, (x[link.source], y[link.source])))
            continue
        high, low = _ends(link, n in upward)
        points: list[Point] = [(out_at[n], y[high] + boxes[high].height / 2)]
        for p in places.passing[n]:
            half = heights[row_of[p]] / 2 if row_of[p] % 2 == 0 else places.boxes[p].height / 2
            points += [(x[p], y[p] - half), (x[p], y[p] + half)] if half else [(x[p], y[p])]
        points.append((in_at[n], y[low] - boxes[low].height / 2))
        labelled = [p for p in places.passing[n] if places.boxes[p].width > 1]
        label = (x[labelled[0]], y[labelled[0]]) if labelled else None
        routes.append(Route(tuple(reversed(points) if n in upward else points), label))
    return routes


def _around(box: Box, link: Link, centre: Point) -> Route:
    x, y = centre
    edge, out, half = x + box.width / 2, x + box.width / 2 + SELF_LOOP, box.height / 4
    label = (out + link.label.width / 2, y) if link.label is not None else None
    return Route(((edge, y + half), (out, y + half), (out, y - half), (edge, y - half)), label)


def _ports(
    boxes: Sequence[Box], links: Sequence[Link], upward: set[int], places: _Places, x: Mapping[int, float]
) -> tuple[dict[int, float], dict[int, float]]:
    """Where links leave and reach their boxes: side by side, in the order of where they go."""
    leaving: dict[int, list[tuple[float, int]]] = {}
    reaching: dict[int, list[tuple[float, int]]] = {}
    for n, link in enumerate(links):
        if link.source != link.target:
            high, low = _ends(link, n in upward)
            chain = places.passing[n]
            leaving.setdefault(high, []).append((x[chain[0]], n))
            reaching.setdefault(low, []).append((x[chain[-1]], n))
    return _spread(leaving, boxes, x), _spread(reaching, boxes, x)


def _spread(
    table: Mapping[int, list[tuple[float, int]]], boxes: Sequence[Box], x: Mapping[int, float]
) -> dict[int, float]:
    ports: dict[int, float] = {}
    for box, ends in table.items():
        step = min(24.0, boxes[box].width * 0.6 / max(1, len(ends) - 1))
        for i, (_, n) in enumerate(sorted(ends)):
            ports[n] = x[box] + (i - (len(ends) - 1) / 2) * step
    return ports
