"""What differs between two plans of one guide: the steps and ways that a person would want to look at again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dag.model import Edge, Plan, Span, Step
from dag.serial import step_to_json


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `where`: a step's id, or `a -> b` for a way; `was` or `now` is None where it is not there."""

    where: str
    part: str
    was: Any
    now: Any
    lines: tuple[Span, ...] = ()


# Where a step stands and how its prose reads changes nothing of what it does.
_PLACE = frozenset({"lines", "id"})


def changes(was: Plan, now: Plan) -> tuple[Change, ...]:
    """All differences, in the order of the newer plan; places and order in the text are none."""
    return (*_inputs(was, now), *_steps(was, now), *_edges(was, now))


def _inputs(was: Plan, now: Plan) -> Iterator[Change]:
    before, after = ({i.name: i for i in p.inputs} for p in (was, now))
    for name in dict.fromkeys((*after, *before)):
        if before.get(name) != after.get(name):
            yield Change(name, "input", before.get(name), after.get(name))


def _steps(was: Plan, now: Plan) -> Iterator[Change]:
    for step in now.steps:
        old = was.by_id.get(step.id)
        if old is None:
            yield Change(step.id, "step", None, step.title, step.lines)
        else:
            yield from _step(old, step)
    for step in was.steps:
        if step.id not in now.by_id:
            yield Change(step.id, "step", step.title, None)


def _step(was: Step, now: Step) -> Iterator[Change]:
    before, after = _shown(step_to_json(was)), _shown(step_to_json(now))
    for part in dict.fromkeys((*after, *before)):
        if part not in _PLACE and before.get(part) != after.get(part):
            yield Change(now.id, part, before.get(part), after.get(part), now.lines)


def _edges(was: Plan, now: Plan) -> Iterator[Change]:
    before, after = ({e.id: e for e in p.edges} for p in (was, now))
    for key in dict.fromkeys((*after, *before)):
        old, new = before.get(key), after.get(key)
        edge = new or old
        assert edge is not None
        if old is None or new is None or (old.default, old.bound) != (new.default, new.bound):
            way = f"{edge.source} -> {edge.target}"
            yield Change(way, "way", _way(old), _way(new), new.lines if new is not None else ())


def _way(edge: Edge | None) -> str | None:
    if edge is None:
        return None
    condition = f" when {edge.condition.text}" if edge.condition is not None else ""
    held = f" for {edge.condition.for_s:g} s" if edge.condition is not None and edge.condition.for_s else ""
    bound = f", at most {edge.bound} times" if edge.bound is not None else ""
    return f"{edge.kind}{condition}{held}{bound}{', by default' if edge.default else ''}"


def _shown(value: Any) -> Any:
    """A step's JSON without the lines of its parts."""
    if isinstance(value, dict):
        return {k: _shown(v) for k, v in value.items() if k not in ("lines", "condition_lines")}
    if isinstance(value, list):
        return [_shown(v) for v in value]
    return value
