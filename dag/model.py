"""The plan: a frozen, hashed DAG of steps and edges with typed conditions.

Everything here is a value. Nothing does I/O, reads a clock or keeps run state; what happens to a
plan while it runs lives in the run's journal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any

from dag.errors import PlanError

START = "START"


class Terminal(StrEnum):
    """How a run can end; a terminal is an edge's target and never a step."""

    RESOLVED = "END.resolved"  # the guide's own verification holds
    ESCALATE = "END.escalate"  # a person takes over
    NOT_APPLICABLE = "END.not_applicable"  # the guide turned out not to be about this


TERMINALS = frozenset(t.value for t in Terminal)


class Kind(StrEnum):
    """What a step does to the world."""

    QUERY = "query"  # reads
    ACTION = "action"  # changes
    CHECK = "check"  # decides on what is there
    MANUAL = "manual"  # needs a person


class EdgeKind(StrEnum):
    SEQ = "seq"  # order, no condition
    COND = "cond"  # a condition that the guide writes
    IMPLICIT = "implicit"  # a branch the guide needs and does not write
    LOOP = "loop"  # a bounded back edge


class Join(StrEnum):
    """When a step with several incoming edges may start."""

    ALL = "all"  # every incoming edge decided, at least one taken
    ANY = "any"  # the first taken edge starts it


class ValueType(StrEnum):
    """Type of a named value, as conditions see it."""

    VECTOR = "vector"  # list<{labels: map<string,string>, value: double}>
    SCALAR = "scalar"  # double
    STRING = "string"
    BOOL = "bool"
    DYN = "dyn"  # a JSON document whose shape only its plugin knows


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Lines of the guide, 1-based and inclusive, as editors count."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.last:
            raise PlanError(f"line span {self.first}-{self.last} is not ordered and 1-based")


@dataclass(frozen=True, slots=True)
class Effect:
    """Resource keys a step reads and writes, e.g. `replica:demo/a`.

    `None` means unknown: unknown writes conflict with everything, unknown reads with every write.
    A key that holds `{{ name }}` is symbolic and conflicts with every key of its kind (the part
    before the first colon).
    """

    reads: frozenset[str] | None = frozenset()
    writes: frozenset[str] | None = frozenset()

    @property
    def is_write(self) -> bool:
        return self.writes is None or bool(self.writes)


NO_EFFECT = Effect()
READS_UNKNOWN = Effect(reads=None)


@dataclass(frozen=True, slots=True)
class Condition:
    """A predicate that opens an edge or confirms an action.

    `cel` is None when the words could not be resolved: the condition is then judged by the model
    or a person, never computed. `for_s` asks that it hold that long without a break.
    """

    text: str
    lines: tuple[Span, ...] = ()
    cel: str | None = None
    names: tuple[str, ...] = ()  # every plan value that `cel` reads
    for_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """One plugin call: its name, its arguments and the name its result is bound to.

    String arguments may hold `{{ name }}`; the values are bound by the plugin, typed and quoted.
    `version` is the plugin's, so that an approval does not outlive a plugin's change of meaning.
    """

    plugin: str
    arguments: Mapping[str, Any]
    bind: str | None = None
    lines: tuple[Span, ...] = ()
    timeout_s: float | None = None
    version: str = ""
    result: ValueType = ValueType.DYN


@dataclass(frozen=True, slots=True)
class Verify:
    """A guide's post-condition for an action: read again until it holds or `within_s` has passed."""

    calls: tuple[Call, ...]
    condition: Condition
    within_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """One unit of a plan. `retries` applies to queries only: an action is at most once in effect."""

    id: str
    title: str
    kind: Kind
    lines: tuple[Span, ...]
    calls: tuple[Call, ...] = ()
    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()
    effect: Effect = NO_EFFECT
    risky: bool = False
    risk: str = ""
    join: Join = Join.ALL
    for_each: str | None = None
    optional: bool = False
    timeout_s: float = 60.0
    retries: int = 0
    verify: Verify | None = None
    undo: str | None = None  # the guide's words for it; None: the action's own compensation, if it has one
    text: str = ""  # the step's own prose: the model's scope and the person's instruction


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` to `target` (a step id or a terminal).

    `default` marks the stated default: the edge taken when the source's conditions cannot be
    decided. `bound` is set on loop edges only: how often the edge may be taken.
    `otherwise` marks the complement of its computed siblings; its CEL, when there is one, says so.
    """

    source: str
    target: str
    condition: Condition | None = None
    kind: EdgeKind = EdgeKind.SEQ
    default: bool = False
    bound: int | None = None
    otherwise: bool = False
    lines: tuple[Span, ...] = ()

    @property
    def id(self) -> str:
        """Identity inside a plan: independent of the order of edges and of lines."""
        condition = (self.condition.cel or self.condition.text) if self.condition else ""
        tail = hashlib.sha256(f"{self.kind}|{condition}".encode()).hexdigest()[:8]
        return f"{self.source}->{self.target}#{tail}"


@dataclass(frozen=True, slots=True)
class Input:
    """A value expected from the incident.

    `source` is a path into the alert (`labels.replica`, `annotations.x`), None when only a person
    or a default gives it.
    """

    name: str
    type: ValueType = ValueType.STRING
    source: str | None = None
    default: Any = None
    required: bool = True


@dataclass(frozen=True)
class Plan:
    """A checked troubleshooting plan. Build it with the compiler; compare it by `digest`."""

    guide: str
    guide_sha256: str
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    edges: tuple[Edge, ...]
    title: str = ""
    alternatives: tuple[frozenset[str], ...] = ()
    types: Mapping[str, ValueType] = field(default_factory=lambda: MappingProxyType({}))
    simultaneous: tuple[frozenset[str], ...] = ()  # groups a sentence of the guide names as simultaneous
    speculation: bool = True  # may its reads start before their branch is decided?

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for step in self.steps:
            if step.id in seen or step.id == START or step.id in TERMINALS:
                raise PlanError(f"step id '{step.id}' is reserved or used twice")
            seen.add(step.id)
        for edge in self.edges:
            if edge.source not in seen and edge.source != START:
                raise PlanError(f"edge {edge.source} -> {edge.target} starts at no step of the plan")
            if edge.target not in seen and edge.target not in TERMINALS:
                raise PlanError(f"edge {edge.source} -> {edge.target} ends at no step of the plan")

    @cached_property
    def by_id(self) -> Mapping[str, Step]:
        return MappingProxyType({s.id: s for s in self.steps})

    @cached_property
    def outgoing(self) -> Mapping[str, tuple[Edge, ...]]:
        """Edges by source, START included."""
        table: dict[str, list[Edge]] = {START: [], **{s.id: [] for s in self.steps}}
        for edge in self.edges:
            table[edge.source].append(edge)
        return MappingProxyType({k: tuple(v) for k, v in table.items()})

    @cached_property
    def incoming(self) -> Mapping[str, tuple[Edge, ...]]:
        """Edges by target, loop edges left out (they re-enter, they do not gate)."""
        table: dict[str, list[Edge]] = {**{s.id: [] for s in self.steps}, **{t: [] for t in TERMINALS}}
        for edge in self.edges:
            if edge.kind is not EdgeKind.LOOP:
                table[edge.target].append(edge)
        return MappingProxyType({k: tuple(v) for k, v in table.items()})

    @cached_property
    def digest(self) -> str:
        """sha256 over steps, edges, arguments, conditions, effects, timeouts and plugin versions.

        Line numbers, titles and prose around a step are left out: moving a paragraph must not void an
        approval. The text of a judged condition is in, since it is what is judged.
        """
        return sha256_json(
            {
                "inputs": [_plain(i) for i in self.inputs],
                "steps": [_step_identity(s) for s in self.steps],
                "edges": sorted((_edge_identity(e) for e in self.edges), key=canonical_json),
                "alternatives": sorted(sorted(a) for a in self.alternatives),
                "simultaneous": sorted(sorted(g) for g in self.simultaneous),
                "types": {k: str(v) for k, v in sorted(self.types.items())},
            }
        )

    def calls(self) -> Iterator[tuple[Step, Call]]:
        for step in self.steps:
            for call in step.calls:
                yield step, call


def canonical_json(value: Any) -> str:
    """One spelling per value: sorted keys, no spaces, no NaN. Raises ValueError on NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def sha256_json(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """JSON view of a model value, line spans left out."""
    match value:
        case Input():
            return [value.name, str(value.type), value.source, value.default, value.required]
        case Effect():
            return [
                None if value.reads is None else sorted(value.reads),
                None if value.writes is None else sorted(value.writes),
            ]
        case Condition():
            return [value.cel or value.text, value.cel is not None, float(value.for_s)]
        case Call():
            return [
                value.plugin,
                _plain(value.arguments),
                value.bind,
                None if value.timeout_s is None else float(value.timeout_s),
                value.version,
                str(value.result),
            ]
        case Verify():
            return [[_plain(c) for c in value.calls], _plain(value.condition), float(value.within_s)]
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple():
            return [_plain(v) for v in value]
        case _:
            return value


def _step_identity(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "kind": str(step.kind),
        "calls": [_plain(c) for c in step.calls],
        "consumes": list(step.consumes),
        "produces": list(step.produces),
        "effect": _plain(step.effect),
        "risky": step.risky,
        "join": str(step.join),
        "for_each": step.for_each,
        "optional": step.optional,
        "timeout_s": float(step.timeout_s),
        "retries": step.retries,
        "verify": _plain(step.verify) if step.verify else None,
        "undo": step.undo,
    }


def _edge_identity(edge: Edge) -> list[Any]:
    return [
        edge.source,
        edge.target,
        _plain(edge.condition) if edge.condition else None,
        str(edge.kind),
        edge.default,
        edge.bound,
        edge.otherwise,
    ]
