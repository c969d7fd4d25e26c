"""How lint prints: findings on stdout in one of the formats, what else was done on stderr or in the JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import redact
from agent.doors import findings_formats as formats
from agent.doors.escape import one_line
from agent.doors.lint_files import Lines
from agent.doors.printing import print_json
from agent.doors.text_diff import unified
from tsg.findings import Finding, Severity
from tsg.mentor.codes import MODEL_REVIEW
from tsg.mentor.fix import Mended

if TYPE_CHECKING:
    from agent.model.reviewer import Review


@dataclass(frozen=True, slots=True)
class Mends:
    """What was mended in the files, and the findings that were not, with the reason."""

    done: tuple[Finding, ...]
    left: tuple[tuple[Finding, str], ...]
    unwritten: int  # files that could not be written


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did beside looking; None is what it was not asked to do."""

    mends: Mends | None = None
    review: Review | None = None


def print_findings(shape: str, files: Sequence[Path], found: Sequence[Finding], done: Done) -> None:
    match shape:
        case "json":
            print_json(_document(files, found, done))
        case "sarif":
            print_json(formats.sarif(found, Lines().of))
        case "github":
            sys.stdout.writelines(f"{line}\n" for line in formats.github(found))
        case _:
            sys.stdout.writelines(f"{formats.text(f)}\n" for f in found)
    if shape != "json":
        sys.stderr.writelines(f"{line}\n" for line in _told(done))
        sys.stderr.write(f"{_summary(files, found, done)}\n")


def print_diff(file: Path, before: bytes, now: Mended) -> None:
    """What a mend would change: for `git apply` as it is, and on a terminal without what would steer it."""
    difference = unified(one_line(formats.relative(str(file)).as_posix()), before, now.data)
    if sys.stdout.isatty():
        sys.stdout.write(redact.visible(difference.decode("utf-8", "replace")))
    else:
        sys.stdout.buffer.write(difference)
    sys.stderr.writelines(f"{line}\n" for line in _left(now.left))


def print_unread(findings: Sequence[Finding]) -> None:
    sys.stderr.writelines(f"{formats.text(f)}\n" for f in findings)


def _document(files: Sequence[Path], found: Sequence[Finding], done: Done) -> dict[str, Any]:
    document: dict[str, Any] = {"files": len(files), "findings": [formats.finding_to_json(f) for f in found]}
    if done.mends is not None:
        document["fixed"] = [formats.finding_to_json(f) for f in done.mends.done]
        document["not_fixed"] = [{**formats.finding_to_json(f), "because": why} for f, why in done.mends.left]
    if done.review is not None:
        document["review"] = {"dropped": done.review.dropped, "unanswered": list(done.review.unanswered)}
    return document


def _told(done: Done) -> Iterator[str]:
    if done.mends is not None:
        yield from (f"{one_line(f.path)}:{f.line}: mended {f.code}" for f in done.mends.done)
        yield from _left(done.mends.left)
    if done.review is not None:
        yield from (one_line(why) for why in done.review.unanswered)


def _left(findings: Sequence[tuple[Finding, str]]) -> Iterator[str]:
    return (f"{one_line(f.path)}:{f.line}: {f.code} is left: {one_line(why)}" for f, why in findings)


def _summary(files: Sequence[Path], found: Sequence[Finding], done: Done) -> str:
    errors = sum(f.severity is Severity.ERROR for f in found)
    said = [f"{len(files)} guide(s), {errors} error(s), {len(found) - errors} other finding(s)"]
    mendable = sum(f.fix is not None for f in found)
    if done.mends is not None:
        said.append(f"{len(done.mends.done)} mended")
    elif mendable:
        said.append(f"--fix mends up to {mendable}")
    if done.review is not None:
        remarks = sum(f.code == MODEL_REVIEW for f in found)
        said.append(f"{remarks} of a model's, {done.review.dropped} dropped that do not quote the guide")
    return "; ".join(said)
