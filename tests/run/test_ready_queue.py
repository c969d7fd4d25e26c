"""What may start is found without a look at all that waits, and is the same as such a look would find."""

from __future__ import annotations

import random

import pytest

from agent.run.events import StepKey
from agent.run.ready_queue import ReadyQueue
from agent.run.shape import Shape
from dag.model import Effect, Plan, Step
from tests.run.engine_bench import action, check, plan_of, query


def queue_of(*steps: Step) -> ReadyQueue:
    return ReadyQueue(Shape(plan_of(*steps)))


def test_what_waits_behind_an_action_comes_back_in_its_order_when_the_action_leaves() -> None:
    queue = queue_of(action("act"), *(query(f"q{i}") for i in range(3)))
    queue.enter("act")
    for i in (2, 0, 1):
        queue.add(StepKey(f"q{i}"))
    assert queue.next() is None
    queue.leave("act")
    assert started(queue) == ["q2", "q0", "q1"]


def test_a_check_without_calls_waits_for_nobody() -> None:
    queue = queue_of(action("act"), query("q"), check("c"))
    queue.enter("act")
    queue.add(StepKey("q"))
    queue.add(StepKey("c"))
    assert queue.next() == StepKey("c")


def test_an_action_whose_own_outcome_is_not_settled_may_go_on_with_it() -> None:
    queue = queue_of(action("act"), query("q"))
    queue.enter("act")
    queue.add(StepKey("q"))
    queue.add(StepKey("act"))
    assert queue.next() == StepKey("act")


def test_an_action_waits_until_the_last_step_beside_it_has_left() -> None:
    queue = queue_of(action("act"), query("a"), query("b"))
    queue.enter("a")
    queue.enter("b")
    queue.add(StepKey("act"))
    assert queue.next() is None
    queue.leave("b")
    assert queue.next() is None
    queue.leave("a")
    assert queue.next() == StepKey("act")


@pytest.mark.parametrize("seed", range(30))
def test_it_finds_what_a_look_at_every_waiting_step_finds(seed: int) -> None:
    rng = random.Random(seed)
    steps = [random_step(rng, i) for i in range(12)]
    shape = Shape(Plan("g.md", "0" * 64, (), tuple(steps), (), title="T"))
    queue, ready, busy = ReadyQueue(shape), [], []
    for _ in range(300):
        match rng.randrange(4):
            case 0 | 1:
                key = StepKey(rng.choice(steps).id)
                if key not in busy:
                    queue.add(key)
                    ready = [k for k in ready if k != key] + [key]
            case 2 if busy:
                queue.leave(busy.pop(rng.randrange(len(busy))).step)
            case _ if ready and rng.random() < 0.2:
                queue.discard(ready.pop(rng.randrange(len(ready))))
        may_start = next((k for k in ready if not is_barred(shape, k, busy)), None)
        assert queue.next() == may_start
        assert list(queue) == ready
        if may_start is not None and rng.random() < 0.7:
            ready.remove(may_start)
            queue.discard(may_start)
            busy.append(may_start)
            queue.enter(may_start.step)


def is_barred(shape: Shape, key: StepKey, busy: list[StepKey]) -> bool:
    return key.step in shape.alike and any(k.step in shape.beside[key.step] for k in busy)


def random_step(rng: random.Random, i: int) -> Step:
    keys = frozenset({f"thing:{rng.randrange(4)}"})
    match rng.randrange(4):
        case 0:
            return action(f"s{i}", effect=Effect(writes=keys), risky=rng.random() < 0.3)
        case 1:
            return check(f"s{i}")
        case _:
            return query(f"s{i}", effect=Effect(reads=keys))


def started(queue: ReadyQueue) -> list[str]:
    names = []
    while (key := queue.next()) is not None:
        names.append(key.step)
        queue.discard(key)
    return names
