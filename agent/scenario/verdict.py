"""What a run came to beside what a scenario expects of it: every expectation that does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.replay.trace import Made, Trace, shown_made
from agent.run.shape import Shape
from agent.scenario.findings import Finding
from agent.scenario.model import Expect, Expected

_RAN = ("succeeded", "failed", "cancelled", "parked")


def unmet(expect: Expect, trace: Trace, shape: Shape, reason: str) -> list[Finding]:
    """The expectations that do not hold; `reason` is why the run ended."""
    return [
        *_outcome(expect, trace, reason),
        *_actions(expect, trace),
        *_steps(expect, trace),
        *_edges(expect, trace, shape),
    ]


def _outcome(expect: Expect, trace: Trace, reason: str) -> Iterator[Finding]:
    waits = ", ".join(f"{step} for {why}" for step, why in trace.waits.items())
    if trace.outcome != expect.outcome:
        hint = f"it waits: {waits}; write under people what is said" if waits else reason
        yield Finding(f"expected outcome {expect.outcome}, it came to {trace.outcome}", hint, ("expect", "outcome"))
    waiting = sorted({_step(k) for k in trace.waits})
    if expect.waits is not None and waiting != sorted(expect.waits):
        said, now = ", ".join(sorted(expect.waits)) or "nobody", ", ".join(waiting) or "none"
        yield Finding(f"expected to wait: {said}; waiting are: {now}", "", ("expect", "waits"))


def _actions(expect: Expect, trace: Trace) -> Iterator[Finding]:
    wanted = () if expect.actions == "none" else expect.actions
    left = list(trace.made)
    if expect.in_any_order:
        pairs: list[tuple[Expected | None, Made | None]] = []
        for item in wanted:
            fits = next((m for m in left if _is_made(item, m, trace.ends)), None)
            pairs.append((item, fits))
            if fits is not None:
                left.remove(fits)
        pairs += [(None, m) for m in left]
    else:
        many = max(len(wanted), len(left))
        pairs = [(wanted[i] if i < len(wanted) else None, left[i] if i < len(left) else None) for i in range(many)]
    for nth, (expected, made) in enumerate(pairs):
        if expected is not None and made is not None and _is_made(expected, made, trace.ends):
            continue
        place = ("expect", "actions", nth) if expected is not None else ("expect", "actions")
        yield Finding(f"expected {_wanted(expected)}, made was {_made(made, trace.ends)}", "", place)


def _is_made(item: Expected, made: Made, ends: Mapping[str, str]) -> bool:
    return (
        item.action == made.action
        and item.step in (None, _step(made.step))
        and item.arguments in (None, dict(made.arguments))
        and item.ends in (None, ends.get(made.step))
    )


def _wanted(item: Expected | None) -> str:
    if item is None:
        return "no further action"
    given = "" if item.arguments is None else _arguments(item.arguments)
    at = f" in step '{item.step}'" if item.step else ""
    return f"{item.action}{given}{at}" + (f", {item.ends}" if item.ends else "")


def _made(made: Made | None, ends: Mapping[str, str]) -> str:
    return "none" if made is None else f"{shown_made(made)} in step '{made.step}', {ends.get(made.step, 'without end')}"


def _arguments(arguments: Mapping[str, Any]) -> str:
    return f"({', '.join(f'{k}={v}' for k, v in arguments.items())})"


def _steps(expect: Expect, trace: Trace) -> Iterator[Finding]:
    status: dict[str, list[str]] = {}
    for key, said in trace.steps.items():
        status.setdefault(_step(key), []).append(said)
    ran = {s for s, said in status.items() if any(x in _RAN for x in said)}
    path = f"the path: {' -> '.join(trace.order) or 'no step'}"
    for part in ("ran", "order"):
        for i, step in enumerate(getattr(expect, part)):
            if step not in ran:
                yield Finding(f"expected step '{step}' to run, it did not", path, ("expect", part, i))
    for i, step in enumerate(expect.skipped):
        if step in ran:
            yield Finding(f"expected step '{step}' not to run, it did", path, ("expect", "skipped", i))
    for i, step in enumerate(expect.failed):
        if "failed" not in status.get(step, ()):
            now = ", ".join(status.get(step, ("not run",)))
            yield Finding(f"expected step '{step}' to fail, it is: {now}", path, ("expect", "failed", i))
    yield from _order(expect.order, trace.order)


def _order(wanted: Sequence[str], order: Sequence[str]) -> Iterator[Finding]:
    began = [_step(key) for key in order]
    for i in range(1, len(wanted)):
        before, after = wanted[i - 1], wanted[i]
        if before in began and after in began and began.index(before) > began.index(after):
            said = f"expected step '{before}' to begin before '{after}', it began after it"
            yield Finding(said, f"the path: {' -> '.join(order)}", ("expect", "order", i))


def _edges(expect: Expect, trace: Trace, shape: Shape) -> Iterator[Finding]:
    taken = [shape.by_edge[e] for edges in trace.edges.values() for e in edges if e in shape.by_edge]
    led = {f"{lk.source} -> {lk.target}" for lk in taken}
    for i, edge in enumerate(expect.edges):
        if edge not in led:
            source = edge.partition(" -> ")[0]
            hint = ", ".join(sorted(e for e in led if e.startswith(f"{source} -> "))) or f"'{source}' was not left"
            yield Finding(f"expected '{edge}' to be taken, it was not", hint, ("expect", "edges", i))


def _step(key: str) -> str:
    return key.partition("@")[0]
