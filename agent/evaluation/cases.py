"""Cases of judgement: what one judged step of a guide was shown, which branch is right, and which would do harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from agent.run.branching import is_computed, option_of
from agent.run.judge import Question
from agent.run.shape import Shape
from agent.scenario.files import Place, ScenarioError, line_of, read_parts
from dag.model import Plan

SUFFIX = ".cases.yaml"
ABSTAIN = "abstain"
SEE = "see docs/evaluation.md"


class Kind(StrEnum):
    """What makes a case easy or hard."""

    HEALTHY = "healthy"  # nothing is wrong, whatever the alert says
    CLEAR = "clear"  # something is wrong, and the evidence says what
    AMBIGUOUS = "ambiguous"  # the evidence fits several branches
    CONTRADICTING = "contradicting"  # two pieces of it exclude each other
    MISSING = "missing"  # what would decide was not read
    STALE = "stale"  # what would decide is from another time
    RED_HERRING = "red_herring"  # something striking has nothing to do with it


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WrittenCase(_Part):
    """One case as it is written; `right` and `unacceptable` are steps or ends, or `abstain`."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    kind: Kind
    because: Annotated[str, Field(min_length=10)]  # why the right branch is right
    right: tuple[str, ...] = Field(min_length=1)
    unacceptable: tuple[str, ...] = ()
    alert: dict[str, str] = {}
    values: dict[str, Any] = {}


class _CaseFile(_Part):
    guide: Path  # relative to the file
    step: str
    alert: dict[str, str] = {}  # shared; a case adds to it
    cases: tuple[WrittenCase, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Cases:
    """One file: the judged step of a guide, and its cases with their lines."""

    file: Path
    guide: Path
    step: str
    alert: dict[str, str]
    written: tuple[WrittenCase, ...]
    lines: dict[Place, int]


@dataclass(frozen=True, slots=True)
class Case:
    """One case as a judge meets it. `leads_to` is where each edge that may be chosen leads."""

    file: Path
    line: int
    written: WrittenCase
    question: Question
    leads_to: dict[str, str]

    @property
    def place(self) -> str:
        """Unique, unlike `id`: two folders may each hold a file of one name."""
        return f"{self.file}:{self.line}"

    @property
    def id(self) -> str:
        return f"{self.file.name.removesuffix(SUFFIX)}: {self.written.name}"


def files_at(paths: Sequence[Path]) -> list[Path]:
    """The case files meant by files and folders, each once. Raises ScenarioError."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not inside or not path.exists():
            raise ScenarioError(f"{path}: no file of cases", hint=f"write NAME{SUFFIX}; {SEE}")
        found |= dict.fromkeys(inside)
    return list(found)


def read_cases(file: Path) -> Cases:
    """Raises: ScenarioError with file and line of what is wrong."""
    parts = (WrittenCase, _CaseFile)
    known = sorted({name for part in parts for name in part.model_fields})
    whole, lines = read_parts(file, _CaseFile, known)
    names = [c.name for c in whole.cases]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ScenarioError(f"{file}:{line_of(lines, ('cases', i, 'name'))}: two cases are named '{name}'")
    return Cases(file, file.parent / whole.guide, whole.step, whole.alert, whole.cases, lines)


def questions(cases: Cases, plan: Plan) -> list[Case]:
    """The cases as the engine would ask them. Raises ScenarioError for what the guide does not have."""
    step = plan.by_id.get(cases.step)
    if step is None:
        raise _wrong(cases, ("step",), f"the guide has no step '{cases.step}'", sorted(plan.by_id))
    links = Shape(plan).links[cases.step]
    judged = [lk for lk in links if lk.edge.condition is not None and not is_computed(lk)]
    if not judged:
        raise _wrong(cases, ("step",), f"step '{cases.step}' has no judged branch", [])
    options = [*judged, *(lk for lk in links if lk.edge.otherwise)]
    ends = {lk.id: lk.target for lk in options}
    names = {*step.consumes, *step.produces}
    made = []
    for i, written in enumerate(cases.written):
        for key in ("right", "unacceptable"):
            for target in getattr(written, key):
                if target not in (*ends.values(), ABSTAIN):
                    raise _wrong(cases, ("cases", i, key), f"no branch leads to '{target}'", [*ends.values(), ABSTAIN])
        if both := set(written.right) & set(written.unacceptable):
            raise _wrong(cases, ("cases", i), f"right and unacceptable at once: {', '.join(sorted(both))}", [])
        for name in written.values:
            if name not in names:
                raise _wrong(cases, ("cases", i, "values", name), f"the step is not shown '{name}'", sorted(names))
        question = Question(
            run_id=f"{cases.file.name}-{i}",
            step_id=cases.step,
            title=step.title,
            text=step.text,
            options=tuple(option_of(lk) for lk in options),
            values=written.values,
            alert={**cases.alert, **written.alert},
            deadline_s=step.timeout_s,
        )
        made.append(Case(cases.file, line_of(cases.lines, ("cases", i)), written, question, ends))
    return made


def _wrong(cases: Cases, place: Place, said: str, known: Sequence[str]) -> ScenarioError:
    hint = f"known: {', '.join(known)}" if known else SEE
    return ScenarioError(f"{cases.file}:{line_of(cases.lines, place)}: {said}", hint=hint)
