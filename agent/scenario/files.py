"""Scenario files: where they lie, and reading them with the line of everything they say."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from agent.errors import StepfleetError
from agent.scenario import model
from agent.scenario.model import Common, Scenario, ScenarioFile

SUFFIX = ".test.yaml"
MOST_BYTES = 4 * 1024 * 1024
MOST_PLACES = 100_000
SEE = "see docs/guide-tests.md"
Place = tuple[str | int, ...]
Part = TypeVar("Part", bound=BaseModel)
_KEYS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")


class ScenarioError(StepfleetError):
    """A scenario file cannot be used."""


@dataclass(frozen=True, slots=True)
class Scenarios:
    """One file's scenarios, what they share, and the line on which each part of it stands."""

    file: Path
    common: Common
    scenarios: tuple[Scenario, ...]
    lines: dict[Place, int]

    @property
    def guide(self) -> Path:
        return self.file.with_name(self.file.name.removesuffix(SUFFIX) + ".md")

    def line(self, *place: str | int) -> int:
        """The line of a part, or of the nearest one around it that is written down."""
        return line_of(self.lines, place)


def scenario_file(guide: Path) -> Path:
    """The scenarios of GUIDE.md are in GUIDE.test.yaml beside it."""
    return guide.with_name(guide.stem + SUFFIX)


def files_at(paths: Sequence[Path]) -> list[Path]:
    """The scenario files meant by guides, scenario files and folders, each once. Raises ScenarioError."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(
                p for p in path.rglob(f"*{SUFFIX}") if not any(x.startswith(".") for x in p.relative_to(path).parts)
            )
            if not inside:
                raise ScenarioError(f"{path}: no scenario file in it", hint=f"write GUIDE{SUFFIX} beside a guide")
            found |= dict.fromkeys(inside)
        elif not path.exists():
            raise ScenarioError(f"{path}: no such file or folder")
        elif path.name.endswith(SUFFIX):
            found[path] = None
        elif not scenario_file(path).exists():
            raise ScenarioError(f"{path}: it has no scenarios", hint=f"write them into {scenario_file(path)}")
        else:
            found[scenario_file(path)] = None
    return list(found)


def read_scenarios(file: Path) -> Scenarios:
    """Raises: ScenarioError with file and line of all that is wrong: no YAML, a key twice, parts that do not fit."""
    whole, lines = read_parts(file, ScenarioFile, _known())
    if not whole.scenarios:
        raise ScenarioError(f"{file}:{line_of(lines, ('scenarios',))}: there is no scenario in it", hint=SEE)
    names = [s.name for s in whole.scenarios]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ScenarioError(f"{file}:{line_of(lines, ('scenarios', i, 'name'))}: two scenarios are named '{name}'")
    return Scenarios(file, whole, tuple(_with_common(s, whole) for s in whole.scenarios), lines)


def read_parts(file: Path, kind: type[Part], known: Sequence[str]) -> tuple[Part, dict[Place, int]]:
    """A YAML file as a model, and the line of everything in it; `known` are names that a mistyped one may have meant.

    Raises: ScenarioError with file and line of all that is wrong.
    """
    lines, document = _parsed(file)
    try:
        return kind.model_validate(document), lines
    except ValidationError as exc:
        raise _faults(file, lines, exc, known) from exc


def _parsed(file: Path) -> tuple[dict[Place, int], Any]:
    try:
        source = file.read_bytes()
        if len(source) > MOST_BYTES:
            raise ScenarioError(f"{file}: larger than {MOST_BYTES:,} bytes", hint="split it by guides")
        node = yaml.compose(source, Loader=yaml.SafeLoader)
        places = list(islice(_lines(file, node, ()), MOST_PLACES)) if node else []
        if len(places) == MOST_PLACES:  # few bytes can name one another without end
            raise ScenarioError(f"{file}: more than {MOST_PLACES:,} values in it", hint="split it by guides")
        return dict(places), yaml.safe_load(source)
    except OSError as exc:
        raise ScenarioError(f"{file}: cannot be read: {exc.strerror}") from exc
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else f"{file}"
        raise ScenarioError(f"{where}: no YAML: {getattr(exc, 'problem', None) or exc}", hint=SEE) from exc


def _lines(file: Path, node: yaml.Node, place: Place) -> Iterator[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag not in _KEYS:
                raise ScenarioError(f"{file}:{line}: '{key.value}' is no text", hint="put the key into quotes")
            if key.value in seen:
                raise ScenarioError(f"{file}:{line}: '{key.value}' is given twice", hint="keep one of them")
            seen.add(key.value)
            yield from _lines(file, value, (*place, key.value))
            yield (*place, key.value), line
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield from _lines(file, item, (*place, i))


def line_of(lines: dict[Place, int], place: Place) -> int:
    while place not in lines and place:
        place = place[:-1]
    return lines.get(place, 1)


def _with_common(scenario: Scenario, common: ScenarioFile) -> Scenario:
    """`answers` stay apart: which of the shared ones are never used is the file's matter."""
    update: dict[str, Any] = {}
    if not (scenario.has("alert") or scenario.has("inputs")):
        update |= {"alert": common.alert, "inputs": common.inputs}
    if not scenario.has("policy"):
        update["policy"] = common.policy
    return scenario.model_copy(update=update)


def _faults(file: Path, lines: dict[Place, int], exc: ValidationError, known: Sequence[str]) -> ScenarioError:
    told: dict[str, None] = {}
    for error in exc.errors():
        place, said = tuple(error["loc"]), str(error["msg"]).removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            name = str(place[-1])
            near = difflib.get_close_matches(name, known, n=1)
            said = f"'{name}' is not known here" + (f"; did you mean '{near[0]}'?" if near else "")
        else:
            written = ".".join(str(p) for i, p in enumerate(place) if place[: i + 1] in lines)
            said = f"{written}: {said}" if written else said
        told.setdefault(f"{file}:{line_of(lines, place)}: {said}")
    return ScenarioError("\n".join(told), hint=SEE)


def _known() -> list[str]:
    parts = (model.Scenario, model.ScenarioFile, model.Answer, model.TimedTurn, model.Change, model.Said)
    more = (model.Firing, model.Expect, model.Expected)
    return sorted({field.alias or name for part in (*parts, *more) for name, field in part.model_fields.items()})
