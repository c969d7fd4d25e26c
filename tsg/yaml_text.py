"""YAML as people write it in guides: JSON values only, and the line of every key."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

MAX_CHARS = 64 * 1024  # front matter and arguments are small; YAML is slow and can nest without end

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _JsonLoader(yaml.SafeLoader):
    """SafeLoader without dates: `2024-05-01` stays the text it is."""


_JsonLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != _TIMESTAMP]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class YamlProblem:
    """What is wrong, on which line of the text (1-based)."""

    line: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class YamlText:
    """The value, the line of each key by its path (`inputs.0.name`), and what is wrong.

    `value` is None when `problems` is not empty.
    """

    value: Any
    key_lines: Mapping[str, int]
    problems: tuple[YamlProblem, ...] = ()

    def line_of(self, *path: str | int) -> int:
        """Line of the deepest part of `path` that the text holds; 1 when it holds none."""
        parts = [str(p) for p in path]
        while parts:
            if (line := self.key_lines.get(".".join(parts))) is not None:
                return line
            parts.pop()
        return 1


def read_yaml(text: str) -> YamlText:
    """Read one document of plain values. Never raises for bad text: the problems say what is wrong."""
    if len(text) > MAX_CHARS:
        return _failed(1, f"{len(text):,} characters of YAML, the limit is {MAX_CHARS:,}", "shorten it")
    try:
        node = yaml.compose(text, Loader=_JsonLoader)
        lines: dict[str, int] = {}
        problems = _examine(node, (), lines, set()) if node is not None else []
        if problems:
            return YamlText(None, lines, tuple(problems))
        value = _JsonLoader("").construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        message = " ".join(str(p) for p in (exc.context, exc.problem) if p)
        return _failed(mark.line + 1 if mark else 1, message, "quote texts that hold ': ', '#' or '{'")
    except yaml.YAMLError as exc:
        return _failed(1, str(exc).splitlines()[0], "write plain YAML text")
    except RecursionError:
        return _failed(1, "nested too deeply", "flatten it")
    except ValueError as exc:
        return _failed(1, str(exc), "quote it to keep it a text")
    bad = _not_json(value)
    return _failed(1, bad, "write a number, or quote it to keep it a text") if bad else YamlText(value, lines)


def _failed(line: int, message: str, hint: str) -> YamlText:
    return YamlText(None, {}, (YamlProblem(line, message, hint),))


def _examine(node: yaml.Node, path: tuple[str, ...], lines: dict[str, int], above: set[int]) -> list[YamlProblem]:
    """Note the line of every key; report duplicate keys, keys that are no text, aliases and odd tags."""
    line = node.start_mark.line + 1
    lines.setdefault(".".join(path), line)
    if id(node) in above:
        # One node met twice is an alias: a few of them in turn expand without end.
        return [YamlProblem(line, "anchors and aliases (&, *) are not read", "write the value out")]
    above.add(id(node))
    match node:
        case yaml.MappingNode():
            return _examine_mapping(node, path, lines, above)
        case yaml.SequenceNode():
            return [p for i, item in enumerate(node.value) for p in _examine(item, (*path, str(i)), lines, above)]
        case _ if node.tag.rpartition(":")[2] not in {"str", "int", "float", "bool", "null"}:
            return [YamlProblem(line, f"the tag '{node.tag}' is not read", "write a plain value")]
    return []


def _examine_mapping(
    node: yaml.MappingNode, path: tuple[str, ...], lines: dict[str, int], above: set[int]
) -> list[YamlProblem]:
    problems: list[YamlProblem] = []
    seen: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.tag.rpartition(":")[2] != "str":
            problems.append(YamlProblem(line, "a key is not a text", "quote the key"))
            continue
        if key.value in seen:
            problems.append(YamlProblem(line, f"the key '{key.value}' is written twice", "keep one of them"))
        seen.add(key.value)
        lines[".".join((*path, key.value))] = line
        problems += _examine(value, (*path, key.value), lines, above)
    return problems


def _not_json(value: Any) -> str:
    """Name the first number that JSON cannot hold; empty when there is none."""
    match value:
        case float() if not math.isfinite(value):
            return f"'{value}' is not a number that can be compared"
        case dict():
            return next((bad for v in value.values() if (bad := _not_json(v))), "")
        case list():
            return next((bad for v in value if (bad := _not_json(v))), "")
    return ""
