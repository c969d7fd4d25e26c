"""Boxes and links to places: a layered drawing in which no link crosses a box and no label lies on another.

Boxes go into even rows by their distance from an entry. A link passes every row between its ends through
a place of its own, and a label takes such a place in the row below the link's source. Rows are ordered to
have few crossings; then every place moves as near to its neighbours as the order allows.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

GAP = 26.0  # pixels between neighbours in a row
LINE_GAP = 14.0  # between a passing line and its neighbour
ROW_GAP = 44.0  # height of a row that holds no label
LABEL_PAD = 24.0  # above and below a label
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
    """From source to target; consecutive points on one height or one x are joined by a line, others by a curve.

    `leaves_aside` and `arrives_aside` say that the first and the last curve are a quarter turn: they meet the
    side of a box, not its top or bottom.
    """

    points: tuple[Point, ...]
    label: Point | None
    leaves_aside: bool = False
    arrives_aside: bool = False


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
    row_of = {p: r for r, row in enumerate(places.rows) for p in row}
    routes = _routes(_Drawn(places, links, boxes, upward, x, y, heights, row_of))
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
    return (
        SELF_LOOP + 4 + max((ln.label.width for ln in links if ln.source == ln.target == box and ln.label), default=0.0)
    )


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
    _straighten(places, x)
    return x


def _straighten(places: _Places, x: dict[int, float]) -> None:
    """Let a line that passes several rows stay on one x as far as its neighbours leave it room."""
    beside = {
        p: (row[i - 1] if i else None, row[i + 1] if i + 1 < len(row) else None)
        for row in places.rows
        for i, p in enumerate(row)
    }
    for chain in sorted(places.passing, key=len, reverse=True):
        run: list[int] = []
        low, high = -math.inf, math.inf
        for p in chain:
            left, right = beside[p]
            least = -math.inf if left is None else x[left] + places.between(left, p)
            most = math.inf if right is None else x[right] - places.between(p, right)
            if max(low, least) > min(high, most):
                _align(run, low, high, x)
                run, low, high = [], -math.inf, math.inf
            run.append(p)
            low, high = max(low, least), min(high, most)
        _align(run, low, high, x)


def _align(run: Sequence[int], low: float, high: float, x: dict[int, float]) -> None:
    if run and low <= high:
        middle = min(max(sum(x[p] for p in run) / len(run), low), high)
        x.update(dict.fromkeys(run, middle))


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


@dataclass(frozen=True)
class _Drawn:
    """Where everything stands, once it does."""

    places: _Places
    links: Sequence[Link]
    sizes: Sequence[Box]  # of boxes, without the room for links to themselves
    upward: set[int]
    x: Mapping[int, float]
    y: Mapping[int, float]
    heights: Sequence[float]
    row_of: Mapping[int, int]

    def aside(self, n: int, box: int, place: int) -> Point | None:
        """The point on the side of `box` from which nothing stands between it and the column of `place`."""
        if n not in self.upward:
            return None
        half, at, to = self.sizes[box].width / 2, self.x[box], self.x[place]
        if abs(to - at) < half + GAP / 2:
            return None
        low, high = min(at, to), max(at, to)
        for other in self.places.rows[self.row_of[box]]:
            reach = self.places.boxes[other].width / 2
            if other != box and self.x[other] + reach > low and self.x[other] - reach < high:
                return None
        return (at + half if to > at else at - half, self.y[box])


def _routes(drawn: _Drawn) -> list[Route]:
    ports = _ports(drawn)
    labelled = {r for p, r in drawn.row_of.items() if p >= drawn.places.real and drawn.places.boxes[p].width > 1}
    routes: list[Route] = []
    for n, link in enumerate(drawn.links):
        if link.source == link.target:
            centre = (drawn.x[link.source], drawn.y[link.source])
            routes.append(_around(drawn.sizes[link.source], link, centre))
            continue
        high, low = _ends(link, n in drawn.upward)
        chain = drawn.places.passing[n]
        above, below = drawn.aside(n, high, chain[0]), drawn.aside(n, low, chain[-1])
        points = [above or (ports[n, high], drawn.y[high] + drawn.sizes[high].height / 2)]
        points += _passed(drawn, chain, labelled, keep=bool(above or below))
        points.append(below or (ports[n, low], drawn.y[low] - drawn.sizes[low].height / 2))
        texts = [(drawn.x[p], drawn.y[p]) for p in chain if drawn.places.boxes[p].width > 1]
        label = texts[0] if texts else None
        if n in drawn.upward:
            routes.append(Route(tuple(reversed(points)), label, below is not None, above is not None))
        else:
            routes.append(Route(tuple(points), label))
    return routes


def _passed(drawn: _Drawn, chain: Sequence[int], labelled: set[int], *, keep: bool) -> list[Point]:
    """The points of a link between its ends; where a row holds no label there is nothing to keep clear of."""
    points: list[Point] = []
    for p in chain:
        row, x, y = drawn.row_of[p], drawn.x[p], drawn.y[p]
        if row % 2 and row not in labelled and not keep:
            continue
        half = drawn.heights[row] / 2 if row % 2 == 0 else drawn.places.boxes[p].height / 2
        points += [(x, y - half), (x, y + half)] if half else [(x, y)]
    return points


def _around(box: Box, link: Link, centre: Point) -> Route:
    x, y = centre
    edge, out, half = x + box.width / 2, x + box.width / 2 + SELF_LOOP, box.height / 4
    label = (out + 4 + link.label.width / 2, y) if link.label is not None else None
    return Route(((edge, y + half), (out, y + half), (out, y - half), (edge, y - half)), label)


def _ports(drawn: _Drawn) -> dict[tuple[int, int], float]:
    """By link and box: where links leave and reach their boxes, side by side in the order of where they go."""
    leaving: dict[int, list[tuple[float, int]]] = {}
    reaching: dict[int, list[tuple[float, int]]] = {}
    for n, link in enumerate(drawn.links):
        if link.source != link.target:
            high, low = _ends(link, n in drawn.upward)
            chain = drawn.places.passing[n]
            if drawn.aside(n, high, chain[0]) is None:
                leaving.setdefault(high, []).append((drawn.x[chain[0]], n))
            if drawn.aside(n, low, chain[-1]) is None:
                reaching.setdefault(low, []).append((drawn.x[chain[-1]], n))
    ports: dict[tuple[int, int], float] = {}
    for table in (leaving, reaching):
        for box, ends in table.items():
            step = min(24.0, drawn.sizes[box].width * 0.6 / max(1, len(ends) - 1))
            for i, (_, n) in enumerate(sorted(ends)):
                ports[n, box] = drawn.x[box] + (i - (len(ends) - 1) / 2) * step
    return ports
