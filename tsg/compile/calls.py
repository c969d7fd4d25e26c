"""A fenced block into a plugin call: attributes, arguments and effect, checked against what is installed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from dag.model import READS_UNKNOWN, Call, Effect, ValueType
from tsg.catalogue import CallFacts, Catalogue
from tsg.compile.notes import Notes
from tsg.compile.placeholders import PLACEHOLDER, malformed, quoted
from tsg.compile.promql import promql_problems
from tsg.compile.units import seconds
from tsg.findings import Code, did_you_mean
from tsg.front_matter import name_problem
from tsg.guide import Fence
from tsg.yaml_text import read_yaml

COMMON = ("as", "timeout")
READING = (*COMMON, "retries")
PROMQL = (*READING, "range", "step", "max_age", "type")
MAX_RETRIES = 10
MAX_REQUEST_LINE = 2_000  # characters; as long an address as servers take
UNKNOWN = Effect(reads=None, writes=None)
_METHOD = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE)\s+((?:\{\{.*?\}\}|\S)+)(?:\s+HTTP/[\d.]+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Made:
    """A call and what the step that makes it needs to know of it. `fence` is where it was written."""

    call: Call
    is_action: bool
    effect: Effect
    retries: int
    fence: Fence


def is_callable(fence: Fence, catalogue: Catalogue) -> bool:
    """Whether stepfleet would make this block's call; a shell block is never callable."""
    if fence.language in {"promql", "http", "query", "action"}:
        return True
    facts = catalogue.facts(fence.language) if fence.language else None
    return facts is not None and not facts.is_action


def make_call(fence: Fence, catalogue: Catalogue, notes: Notes) -> Made | None:
    """Turn a callable fence into a call; None (and findings) when it cannot be one."""
    before = len(notes.findings)
    for offset, text in malformed(fence.body):
        notes.error(
            fence.body_line + offset,
            Code.PLACEHOLDER_MALFORMED,
            f"'{text}' is no placeholder",
            "write a plain name: {{ name }}",
        )
    name, arguments, known = _read(fence, notes)
    facts = _facts(name, fence, catalogue, notes)
    _check_attributes(fence, known, notes)
    bind = _bind(fence, notes)
    timeout = _duration(fence, "timeout", notes)
    retries = _retries(fence, notes)
    if facts is None or arguments is None:
        return None
    if len(notes.findings) == before:
        for problem in catalogue.problems(name, arguments):
            hint = f"see the arguments of '{name}'"
            notes.error(fence.body_line, Code.CALL_ARGUMENTS, f"{name}: {problem}", hint)
    result = facts.result
    if name == "promql":
        result = ValueType.SCALAR if arguments["scalar"] else ValueType.VECTOR
    call = Call(name, arguments, bind, (fence.lines,), timeout, facts.version, result)
    # The effect of a call whose arguments are wrong is not known; the catalogue need not answer for it.
    sound = len(notes.findings) == before
    effect = _effect(call, facts, catalogue) if sound else UNKNOWN
    return Made(call, facts.is_action, effect, retries, fence)


def _read(fence: Fence, notes: Notes) -> tuple[str, Mapping[str, Any] | None, tuple[str, ...]]:
    """Plugin name, arguments (None: cannot be read) and the attributes the block may have."""
    match fence.language:
        case "promql":
            return "promql", _promql(fence, notes), PROMQL
        case "http":
            name, request = _http(fence, notes)
            return name, request, COMMON if name == "http_call" else READING
        case "query" | "action":
            name, arguments = _named(fence, notes)
            return name, arguments, READING if fence.language == "query" else COMMON
        case language:
            return language, {"query": fence.body.strip()}, READING


def _facts(name: str, fence: Fence, catalogue: Catalogue, notes: Notes) -> CallFacts | None:
    if not name:
        return None
    wants_action = fence.language == "action" or name == "http_call"
    kind = "action" if wants_action else "query"
    facts = catalogue.facts(name)
    if facts is not None and facts.is_action == wants_action:
        return facts
    if facts is not None:
        other = "a query" if wants_action else "an action"
        hint = f"write ```{other.split()[1]} {name}"
        notes.error(fence.lines.first, Code.CALL_UNKNOWN, f"'{name}' is no {kind} but {other}", hint)
        return None
    names = catalogue.names(actions=wants_action)
    listed = f"installed: {', '.join(names)}" if names else f"no {kind} is installed"
    hint = did_you_mean(name, names, listed)
    notes.error(fence.lines.first, Code.CALL_UNKNOWN, f"no {kind} is named '{name}'", hint)
    return None


def _effect(call: Call, facts: CallFacts, catalogue: Catalogue) -> Effect:
    if call.plugin in {"promql", "http"}:
        return READS_UNKNOWN
    effect = catalogue.effect(call.plugin, call.arguments)
    # A query that names no reads has not said that it reads nothing.
    if not facts.is_action and effect.reads is not None and not effect.reads:
        return READS_UNKNOWN
    return effect


def _check_attributes(fence: Fence, known: tuple[str, ...], notes: Notes) -> None:
    for key in fence.attributes:
        if key not in known:
            hint = did_you_mean(key, known, f"known here: {', '.join(known)}")
            message = f"the attribute '{key}' means nothing in this block"
            notes.error(fence.lines.first, Code.BLOCK_ATTRIBUTE, message, hint)
    extra = fence.words[1:] if fence.language in {"query", "action"} else fence.words
    for word in extra:
        message = f"the word '{word}' means nothing in this block"
        notes.error(fence.lines.first, Code.BLOCK_ATTRIBUTE, message, "write attributes as key=value")


def _bind(fence: Fence, notes: Notes) -> str | None:
    name = fence.attributes.get("as")
    if name is None:
        return None
    if (problem := name_problem(name)) is not None:
        notes.error(fence.lines.first, Code.NAME_INVALID, problem, "choose another name after as=")
        return None
    return name


def _duration(fence: Fence, key: str, notes: Notes) -> float | None:
    text = fence.attributes.get(key)
    if text is None:
        return None
    value = seconds(text)
    if value is None or not 0 < value < 1e9:
        message = f"{key}={text} is no duration"
        notes.error(fence.lines.first, Code.BLOCK_ATTRIBUTE, message, f"write {key}=30s or {key}=5m")
        return None
    return value


def _retries(fence: Fence, notes: Notes) -> int:
    text = fence.attributes.get("retries", "0")
    if text.isascii() and text.isdigit() and len(text) < 4 and int(text) <= MAX_RETRIES:
        return int(text)
    message = f"retries={text} is no number from 0 to {MAX_RETRIES}"
    notes.error(fence.lines.first, Code.BLOCK_ATTRIBUTE, message, "write retries=2")
    return 0


def _promql(fence: Fence, notes: Notes) -> dict[str, Any] | None:
    query = fence.body.strip()
    lead = len(fence.body) - len(fence.body.lstrip())
    first = fence.body_line + (fence.body.count("\n", 0, lead) if query else 0)
    problems = promql_problems(query)
    for p in problems:
        notes.error(first + p.line, p.code, p.message, p.hint)
    kind = fence.attributes.get("type", "vector")
    if kind not in {"vector", "scalar"}:
        message = f"type={kind} is no type of a query's result"
        notes.error(fence.lines.first, Code.BLOCK_ATTRIBUTE, message, "write type=scalar or leave it out")
    arguments: dict[str, Any] = {"query": query, "scalar": kind == "scalar"}
    for key in ("range", "step", "max_age"):
        if (value := _duration(fence, key, notes)) is not None:
            arguments[f"{key}_s"] = value
    if "step" in fence.attributes and "range" not in fence.attributes:
        notes.error(fence.lines.first, Code.BLOCK_ATTRIBUTE, "step= without range=", "add range=5m")
    return None if problems else arguments


def _http(fence: Fence, notes: Notes) -> tuple[str, dict[str, Any] | None]:
    """The plugin's name and arguments of an HTTP request written as in its wire form."""
    head, _, body = fence.body.strip("\n").partition("\n\n")
    first, *headers = head.split("\n")
    found = _METHOD.fullmatch(first.strip()) if len(first) <= MAX_REQUEST_LINE else None
    example = "first line: GET https://host/path"
    if found is None:
        message = f"'{first.strip()[:80]}' is no request line"
        notes.error(fence.body_line, Code.HTTP_REQUEST, message, example)
        return "", None
    method, url = found[1].upper(), found[2]
    name = "http" if method in {"GET", "HEAD"} else "http_call"
    problem = _url_problem(url)
    if problem:
        notes.error(fence.body_line, Code.HTTP_REQUEST, f"'{url[:80]}': {problem}", example)
    read: dict[str, str] = {}
    for i, line in enumerate(headers, 1):
        key, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9-]+", key.strip()):
            message = f"'{line[:80]}' is no header"
            notes.error(fence.body_line + i, Code.HTTP_REQUEST, message, "write Name: value")
            problem = problem or message
        read[key.strip()] = value.strip()
    arguments: dict[str, Any] = {"method": method, "url": url, "headers": read}
    if body:
        arguments["body"] = body
    return name, None if problem else arguments


def _url_problem(url: str) -> str:
    """Why the address cannot be called: its scheme and host are the guide's, never a value's."""
    try:
        parts = urlsplit(PLACEHOLDER.sub("value", url))
        host, _ = parts.hostname, parts.port
        written = PLACEHOLDER.search(urlsplit(url).netloc)
    except ValueError as exc:
        return str(exc)
    if parts.scheme not in {"http", "https"} or not host:
        return "not an http or https address"
    return "the host must not come from a value" if written else ""


def _named(fence: Fence, notes: Notes) -> tuple[str, Mapping[str, Any] | None]:
    """Name and YAML arguments of a ```query NAME or ```action NAME block."""
    if not fence.words:
        message = f"the {fence.language} block does not say which {fence.language} it means"
        notes.error(fence.lines.first, Code.BLOCK_NAME_MISSING, message, f"write ```{fence.language} NAME as=x")
        return "", None
    yaml = read_yaml(quoted(fence.body))
    for p in yaml.problems:
        notes.error(fence.body_line + p.line - 1, Code.BLOCK_ARGUMENTS, f"arguments: {p.message}", p.hint)
    if yaml.problems:
        return fence.words[0], None
    value = {} if yaml.value is None else yaml.value
    if not isinstance(value, dict):
        message = "the arguments are not a mapping of names to values"
        notes.error(fence.body_line, Code.BLOCK_ARGUMENTS, message, "write lines of the form 'fleet: demo'")
        return fence.words[0], None
    return fence.words[0], value
