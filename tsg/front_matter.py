"""Front matter: what a guide says of itself, checked key by key with the line of each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from dag.model import Input, Span, ValueType
from tsg.findings import Code, Finding, Severity, did_you_mean
from tsg.guide import FrontMatter
from tsg.matchers import matcher_problem
from tsg.words import words
from tsg.yaml_text import YamlText, read_yaml

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SOURCE = re.compile(r"(labels|annotations)\.[A-Za-z_][A-Za-z0-9_]*")
# Words with a meaning in conditions: a value of that name could never be used there.
RESERVED = words(
    "true false null in as break const continue else for function if import let loop package namespace "
    "return var void while max min avg sum count size has all exists map filter"
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class InputText(_Model):
    """One entry of `inputs` as written."""

    name: str
    type: Literal["string", "scalar", "bool"] = "string"
    source: str | None = None
    default: str | float | bool | None = None
    required: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _from(cls, data: Any) -> Any:
        if isinstance(data, dict) and "from" in data:
            return {**{k: v for k, v in data.items() if k != "from"}, "source": data["from"]}
        return data

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if (problem := name_problem(value)) is not None:
            raise ValueError(problem)
        return value

    @field_validator("source")
    @classmethod
    def _source(cls, value: str | None) -> str | None:
        if value is not None and SOURCE.fullmatch(value) is None:
            raise ValueError(f"'{value}' is neither labels.NAME nor annotations.NAME")
        return value

    @model_validator(mode="after")
    def _default_fits(self) -> InputText:
        wanted = {"string": str, "scalar": float, "bool": bool}[self.type]
        if self.default is not None and not isinstance(self.default, wanted):
            raise ValueError(f"the default {self.default!r} is no {self.type}")
        return self

    def value(self) -> Input:
        required = self.required if self.required is not None else self.default is None
        return Input(self.name, ValueType(self.type), self.source, self.default, required)


class FrontMatterText(_Model):
    """The keys that stepfleet reads."""

    title: str = ""
    alerts: list[str | dict[str, str]] = []
    inputs: list[InputText] = []
    severity: str | None = None
    owners: list[str] = []
    speculation: bool = True

    @field_validator("alerts", "owners", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


OURS = frozenset({"alerts", "inputs"})  # a guide that holds one of these keys was written for stepfleet
KNOWN = tuple(FrontMatterText.model_fields)


def name_problem(name: str) -> str | None:
    """Why `name` cannot name a value, or None when it can."""
    if NAME.fullmatch(name) is None:
        return f"'{name}' is no name: letters, digits and _ only, no digit first"
    return f"'{name}' has a meaning of its own in conditions" if name in RESERVED else None


def read_front_matter(text: str, lines: Span, path: str, *, ours: bool) -> tuple[FrontMatter, tuple[Finding, ...]]:
    """Read the text between the `---` lines; `lines` include them.

    Keys of other tools are let be in a guide that was not written for stepfleet (`ours` False and no key
    of ours), reported otherwise. Never raises: what cannot be read is a finding and left empty.
    """
    first = lines.first + 1
    yaml = read_yaml(text)
    if yaml.problems:
        return FrontMatter(lines=lines), tuple(
            _finding(path, first + p.line - 1, Code.FRONT_MATTER_YAML, p.message, p.hint) for p in yaml.problems
        )
    if yaml.value is None:
        return FrontMatter(lines=lines), ()
    if not isinstance(yaml.value, dict):
        message = "front matter is not a mapping of keys to values"
        return FrontMatter(lines=lines), (
            _finding(path, first, Code.FRONT_MATTER_YAML, message, "write lines of the form 'title: ...'"),
        )
    ours = ours or bool(OURS & yaml.value.keys())
    findings = _unknown_keys(yaml, first, path) if ours else []
    known = {k: v for k, v in yaml.value.items() if k in KNOWN}
    model, problems = _validate(known, yaml, first, path)
    findings += problems if ours else []
    front, more = _front(model, yaml, first, lines, path)
    return front, (*findings, *more)


def _finding(path: str, line: int, code: Code, message: str, hint: str) -> Finding:
    return Finding(path, line, code, Severity.ERROR, message, hint)


def _unknown_keys(yaml: YamlText, first: int, path: str) -> list[Finding]:
    return [
        _finding(
            path,
            first + yaml.line_of(key) - 1,
            Code.FRONT_MATTER_KEY,
            f"the key '{key}' means nothing here",
            did_you_mean(key, KNOWN, f"known keys: {', '.join(KNOWN)}"),
        )
        for key in yaml.value
        if key not in KNOWN
    ]


def _validate(known: dict[str, Any], yaml: YamlText, first: int, path: str) -> tuple[FrontMatterText, list[Finding]]:
    """Check all keys; those that fail are reported and left out, the others kept."""
    try:
        return FrontMatterText.model_validate(known), []
    except ValidationError as exc:
        errors = _deepest(exc.errors(include_url=False, include_input=False))
    findings = []
    for error in errors:
        where = [p for p in error["loc"] if not (isinstance(p, str) and p in {"str", "dict[str,str]"})]
        where = ["from" if p == "source" else p for p in where]
        name = ".".join(str(p) for p in where)
        findings.append(
            _finding(
                path,
                first + yaml.line_of(*where) - 1,
                Code.FRONT_MATTER_VALUE,
                f"{name}: {error['msg'].removeprefix('Value error, ')}",
                _hint(error["type"], where),
            )
        )
    failed = {str(e["loc"][0]) for e in errors if e["loc"]}
    kept = {k: v for k, v in known.items() if k not in failed}
    return FrontMatterText.model_validate(kept), list(dict.fromkeys(findings))


def _deepest(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """One error per entry of `alerts`: pydantic reports each type that an entry could have had."""
    kept: dict[tuple[int | str, ...], ErrorDetails] = {}
    for error in errors:
        entry = error["loc"][:2] if error["loc"][:1] == ("alerts",) else error["loc"]
        if entry not in kept or len(error["loc"]) > len(kept[entry]["loc"]):
            kept[entry] = error
    return list(kept.values())


def _hint(kind: str, where: list[int | str]) -> str:
    match where:
        case ["inputs", _, key, *_] if kind == "extra_forbidden":
            keys = ("name", "type", "from", "default", "required")
            return did_you_mean(str(key), keys, f"known keys of an input: {', '.join(keys)}")
        case ["inputs", _, "from", *_]:
            return "write where the alert holds it: labels.replica, annotations.summary"
        case ["inputs", *_]:
            return "write inputs as - {name: replica, type: string, from: labels.replica}"
        case ["alerts", *_]:
            return 'write alerts as [Name] or [{alertname: Name, team: "~serv.*"}], every value a text'
        case ["owners", *_]:
            return "write owners as [team-a, team-b]"
        case ["speculation", *_]:
            return "write speculation: false, or leave it out"
    return "write a text"


def _front(
    model: FrontMatterText, yaml: YamlText, first: int, lines: Span, path: str
) -> tuple[FrontMatter, list[Finding]]:
    findings = []
    alerts: list[Mapping[str, str]] = []
    for i, entry in enumerate(model.alerts):
        matchers = {"alertname": entry} if isinstance(entry, str) else dict(entry)
        problem = "it matches every alert" if not matchers else None
        problem = problem or next((p for v in matchers.values() if (p := matcher_problem(v))), None)
        if problem is None:
            alerts.append(MappingProxyType(matchers))
            continue
        line = first + yaml.line_of("alerts", i) - 1
        hint = 'write a plain value, or "~regex" without nested repetition'
        findings.append(_finding(path, line, Code.FRONT_MATTER_VALUE, f"alerts.{i}: {problem}", hint))
    inputs: dict[str, Input] = {}
    input_lines = {}
    for i, item in enumerate(model.inputs):
        line = first + yaml.line_of("inputs", i) - 1
        if item.name in inputs:
            message = f"the input '{item.name}' is declared twice"
            findings.append(_finding(path, line, Code.NAME_TWICE, message, "keep one of them"))
            continue
        inputs[item.name] = item.value()
        input_lines[item.name] = line
    front = FrontMatter(
        model.title,
        tuple(alerts),
        tuple(inputs.values()),
        model.severity,
        tuple(model.owners),
        model.speculation,
        lines,
        MappingProxyType(input_lines),
    )
    return front, findings
