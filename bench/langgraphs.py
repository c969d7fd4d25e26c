"""The plans of no-op steps once more, as graphs of langgraph over its SQLite checkpointer."""

from __future__ import annotations

import gc
import operator
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Annotated, Any, TypedDict, cast

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from dag.model import START as PLAN_START
from dag.model import TERMINALS, Plan


class Shared(TypedDict):
    """One channel for all results."""

    values: Annotated[dict[str, float], operator.or_]


def one_channel(plan: Plan) -> StateGraph[Any]:
    return _built(plan, Shared, lambda name: lambda state: {"values": {name: 1.0}})


def channel_per_step(plan: Plan) -> StateGraph[Any]:
    schema = TypedDict("schema", {f"v_{s.id}": float for s in plan.steps})  # type: ignore[misc]
    return _built(plan, schema, lambda name: lambda state: {f"v_{name}": 1.0})


def _built(plan: Plan, schema: Any, node: Callable[[str], Callable[[Any], Any]]) -> StateGraph[Any]:
    graph: StateGraph[Any] = StateGraph(schema)
    for step in plan.steps:
        graph.add_node(step.id, cast(Any, node(step.id)))
    for step in plan.steps:
        before = [START if e.source == PLAN_START else e.source for e in plan.incoming[step.id]]
        # A list waits for all of them, as a step of a plan does.
        graph.add_edge(before if len(before) > 1 else before[0], step.id)
    for edge in plan.edges:
        if edge.target in TERMINALS:
            graph.add_edge(edge.source, END)
    return graph


def seconds(
    plan: Plan, build: Callable[[Plan], StateGraph[Any]], durability: str, repeats: int, *, synchronous: str
) -> float:
    """Median wall seconds of one invocation of the compiled graph, each a new thread in the same file.

    `synchronous`: SQLite's, `FULL` as the saver comes, which syncs the disk with every commit, or `NORMAL`.
    """
    with _saver(synchronous) as saver:
        graph = build(plan).compile(checkpointer=saver)
        times = []
        for i in range(repeats + 1):
            config: Any = {"configurable": {"thread_id": str(i)}, "recursion_limit": len(plan.steps) + 10}
            gc.collect()
            began = time.perf_counter()
            graph.invoke({}, config, durability=cast(Any, durability))
            times.append(time.perf_counter() - began)
        return median(times[1:] or times)


@contextmanager
def _saver(synchronous: str) -> Iterator[SqliteSaver]:
    with (
        tempfile.TemporaryDirectory() as folder,
        SqliteSaver.from_conn_string(str(Path(folder) / "checkpoints.db")) as saver,
    ):
        saver.conn.execute(f"PRAGMA synchronous={synchronous}")
        saver.setup()  # turns the write-ahead log on
        yield saver
