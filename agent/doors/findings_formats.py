"""Findings as others read them: people, other programs, SARIF 2.1.0, and the annotations of a GitHub workflow.

Messages, hints and paths quote what strangers wrote: in the formats of lines nothing of theirs begins a line.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from agent.doors.escape import one_line
from tsg.findings import Finding, Severity
from tsg.mentor.codes import category_of
from tsg.mentor.mentor import CHECKS

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
FINGERPRINT = "stepfleetFinding/v1"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}

LineOf = Callable[[Finding], str]


def text(f: Finding) -> str:
    """Two lines for people and for editors that jump to `path:line:`."""
    head = f"{one_line(f.path)}:{f.line}: {f.severity} {f.code}: {one_line(f.message)}"
    return f"{head}\n  hint: {one_line(f.hint)}" if f.hint else head


def finding_to_json(f: Finding) -> dict[str, Any]:
    """A finding as every command prints it. `category`, `why` and `fix` stand only where there are such."""
    document: dict[str, Any] = {
        "path": f.path,
        "line": f.line,
        "code": str(f.code),
        "severity": str(f.severity),
        "message": f.message,
        "hint": f.hint,
    }
    if f.category:
        document |= {"category": str(f.category), "why": f.why}
    if f.fix is not None:
        document["fix"] = {"first": f.fix.first, "last": f.fix.last, "text": f.fix.text}
    return document


def sarif(findings: Sequence[Finding], line_of: LineOf) -> dict[str, Any]:
    """A log of one run with a rule for every code that was found; `line_of` gives the text of a finding's line.

    Source: SARIF 2.1.0 (OASIS), sections 3.14, 3.27 and 3.49.
    """
    samples = {str(f.code): f for f in reversed(findings)}
    codes = sorted(samples)
    prints = _fingerprints(findings, line_of)
    driver = {"name": "stepfleet", "version": _version(), "rules": [_rule(samples[c]) for c in codes]}
    run = {
        "tool": {"driver": driver},
        "originalUriBaseIds": {ROOT: {"description": {"text": "the folder in which stepfleet was started"}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(f, codes.index(f.code), p) for f, p in zip(findings, prints, strict=True)],
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _version() -> str:
    try:
        return version("stepfleet")
    except PackageNotFoundError:
        return "0"


def _rule(sample: Finding) -> dict[str, Any]:
    """The rule of a finding's code; for what no check of the Mentor finds, as far as the finding tells."""
    code, check = str(sample.code), CHECKS.get(sample.code)
    words = " ".join(re.split(r"[-_]", code))
    summary = check.summary if check else words
    why = check.why if check else sample.why or "See the reference of checks."
    category = category_of(sample)
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in words.split()),
        "shortDescription": {"text": summary},
        "fullDescription": {"text": f"{summary}. {why}" if check else words},
        "help": {"text": why, "markdown": f"**{summary}**\n\n{why}\n\nCategory: {category}."},
        "defaultConfiguration": {"level": _LEVELS[check.severity if check else sample.severity]},
        "properties": {"category": category, "tags": [category]},
    }


def _result(f: Finding, rule: int, fingerprint: str) -> dict[str, Any]:
    place = {"artifactLocation": _artifact(f.path), "region": {"startLine": max(1, f.line)}}
    result: dict[str, Any] = {
        "ruleId": str(f.code),
        "ruleIndex": rule,
        "level": _LEVELS[f.severity],
        "message": {"text": _message(_said(f))},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }
    if f.fix is not None:
        replacement = {
            "deletedRegion": {"startLine": f.fix.first, "startColumn": 1, "endLine": f.fix.last},
            "insertedContent": {"text": f.fix.text},
        }
        change = {"artifactLocation": _artifact(f.path), "replacements": [replacement]}
        result["fixes"] = [{"description": {"text": f.hint or f.message}, "artifactChanges": [change]}]
    return result


def _message(words: str) -> str:
    """Words as a message: what a guide says becomes neither a link nor a placeholder."""
    return re.sub(r"\{(\d+)\}", r"{{\1}}", re.sub(r"([\\\[\]])", r"\\\1", words))


def _artifact(path: str) -> dict[str, str]:
    """A file below the folder of the start is named from there, another by its whole path."""
    near = relative(path)
    if near.is_absolute():
        return {"uri": f"file://{quote(os.fsencode(near.as_posix()))}"}
    return {"uri": quote(os.fsencode(near.as_posix())), "uriBaseId": ROOT}


def relative(path: str) -> PurePath:
    """The path from the working folder, or the absolute one of a file that lies elsewhere."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100  a link keeps the name by which its repository knows it
    here = Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole


def _fingerprints(findings: Sequence[Finding], line_of: LineOf) -> Iterator[str]:
    """Names of findings that survive a move to another line and another wording of the message.

    Of: file, code, the line's text without its blanks and number, and which of its like it is.
    """
    seen: Counter[str] = Counter()
    for f in findings:
        words = re.sub(r"^\d{1,9}[.)] ", "", " ".join(line_of(f).split()))
        key = f"{relative(f.path).as_posix()}\0{f.code}\0{words}"
        seen[key] += 1
        yield hashlib.sha256(f"{key}\0{seen[key]}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


def github(findings: Sequence[Finding]) -> Iterator[str]:
    """Workflow commands, one a line.

    Source: the toolkit of GitHub Actions, `@actions/core`, for what is escaped where.
    """
    for f in findings:
        place = f"file={_property(relative(f.path).as_posix())},line={f.line},title={_property(str(f.code))}"
        yield f"::{_COMMANDS[f.severity]} {place}::{_data(_said(f))}"


def _said(f: Finding) -> str:
    if not f.hint:
        return f.message
    return f"{f.message}{'' if f.message.endswith(('.', '!', '?')) else '.'} Hint: {f.hint}"


def _data(words: str) -> str:
    escaped = words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return one_line(escaped)


def _property(words: str) -> str:
    return _data(words).replace(":", "%3A").replace(",", "%2C")
