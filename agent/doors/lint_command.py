"""lint: what is wrong with guides, for people and for programs, and what of it can be mended mechanically."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from agent.catalogue import PluginCatalogue
from agent.doors import findings_formats as formats
from agent.doors.atomic import replace_file
from agent.doors.escape import one_line
from agent.doors.lint_choice import Choice, choice
from agent.doors.printing import print_json
from agent.errors import StepfleetError
from agent.settings import load_settings
from plugins.registry import Registry
from tsg.findings import Code, Finding, Severity
from tsg.lint import lint as lint_text
from tsg.lint import lint_file
from tsg.mentor.fix import mended
from tsg.parse import MAX_BYTES

MANY = 20  # files from which on progress is shown
FINE, FOUND, UNUSABLE = 0, 1, 2
_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}
_NO_FILE = {Code.FILE_UNREADABLE}
_NOT_LOOKED_INTO = {"node_modules", "site-packages"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a command line asks for; `select` and `ignore` hold codes and categories, several by commas."""

    shape: str = "text"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str = "error"
    fix: bool = False


def lint(config: Path | None, paths: Sequence[Path], wanted: Wanted) -> int:
    """0 when nothing is found at the failing level, 1 when something is, 2 when a file cannot be read.

    Raises: StepfleetError for a folder without guides, or for a code that there is not.
    """
    settings = load_settings(config)
    catalogue = PluginCatalogue(Registry.installed(settings.plugins))
    chosen = choice(wanted.select, wanted.ignore, settings.mentor)
    files = guides_at(paths)
    mends = _mend(files, catalogue, chosen) if wanted.fix else None
    found = list(_linted(files, catalogue, chosen))
    _print(wanted.shape, files, found, mends)
    return _exit_code(found, Severity(wanted.fail_on))


def _exit_code(found: Iterable[Finding], fail_on: Severity) -> int:
    if any(f.code in _NO_FILE for f in found):
        return UNUSABLE
    return FOUND if any(_RANK[f.severity] >= _RANK[fail_on] for f in found) else FINE


def guides_at(paths: Iterable[Path]) -> list[Path]:
    """The guides themselves and, of folders, every Markdown file in them, each once.

    Hidden folders and installed packages are not looked into.
    Raises: StepfleetError for a folder without any.
    """
    found: dict[str, Path] = {}
    for path in paths:
        files = _below(path) if path.is_dir() else [path]
        if not files:
            raise StepfleetError(f"{path}: there is no Markdown file in this folder", hint="name a guide")
        for file in files:
            found.setdefault(os.path.realpath(file), file)
    return list(found.values())


def _below(folder: Path) -> list[Path]:
    def is_own(file: Path) -> bool:
        folders = file.relative_to(folder).parts[:-1]
        return not any(part.startswith(".") or part in _NOT_LOOKED_INTO for part in folders)

    return sorted(file for file in folder.rglob("*.md") if file.is_file() and is_own(file))


def _linted(files: Sequence[Path], catalogue: PluginCatalogue, chosen: Choice) -> Iterator[Finding]:
    for file in _with_progress(files, "reading"):
        yield from chosen.of(file, lint_file(file, catalogue).findings)


@dataclass(frozen=True, slots=True)
class Mends:
    """What was mended in the files, and the findings that were not, with the reason."""

    done: tuple[Finding, ...]
    left: tuple[tuple[Finding, str], ...]


def _mend(files: Sequence[Path], catalogue: PluginCatalogue, chosen: Choice) -> Mends:
    """Mend what is wanted in the files themselves. Raises StepfleetError for a file that cannot be written."""
    done: list[Finding] = []
    left: list[tuple[Finding, str]] = []
    for file in _with_progress(files, "mending"):
        source = _bytes(file)
        if source is None:
            continue  # reading it again finds out what is wrong with it
        now = mended(source, str(file), catalogue, partial(_found_in, file, catalogue, chosen))
        if now.data != source:
            replace_file(file, source, now.data)
        done += now.done
        left += now.left
    return Mends(tuple(done), tuple(left))


def _found_in(file: Path, catalogue: PluginCatalogue, chosen: Choice, source: bytes) -> list[Finding]:
    return list(chosen.of(file, lint_text(source, catalogue, path=str(file))))


def _bytes(file: Path) -> bytes | None:
    """A guide's bytes; None where it cannot be read or is larger than a guide may be."""
    try:
        with file.open("rb") as source:
            data = source.read(MAX_BYTES + 1)
    except OSError:
        return None
    return data if len(data) <= MAX_BYTES else None


def _with_progress(files: Sequence[Path], doing: str) -> Iterator[Path]:
    """The files, with a bar on a terminal's stderr while there are many."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=len(files) < MANY or not console.is_terminal) as bar:
        yield from bar.track(files, description=doing)


# -- how it is printed


def _print(shape: str, files: Sequence[Path], found: Sequence[Finding], mends: Mends | None) -> None:
    match shape:
        case "json":
            print_json(_document(files, found, mends))
        case "sarif":
            print_json(formats.sarif(found, Lines().of))
        case "github":
            sys.stdout.writelines(f"{line}\n" for line in formats.github(found))
        case _:
            sys.stdout.writelines(f"{formats.text(f)}\n" for f in found)
    if shape != "json":
        sys.stderr.writelines(f"{line}\n" for line in _told(mends))
        sys.stderr.write(f"{_summary(files, found, mends)}\n")


def _document(files: Sequence[Path], found: Sequence[Finding], mends: Mends | None) -> dict[str, Any]:
    document: dict[str, Any] = {"files": len(files), "findings": [formats.finding_to_json(f) for f in found]}
    if mends is not None:
        document["fixed"] = [formats.finding_to_json(f) for f in mends.done]
        document["not_fixed"] = [{**formats.finding_to_json(f), "because": why} for f, why in mends.left]
    return document


def _told(mends: Mends | None) -> Iterator[str]:
    if mends is not None:
        yield from (f"{one_line(f.path)}:{f.line}: mended {f.code}" for f in mends.done)
        yield from (f"{one_line(f.path)}:{f.line}: {f.code} is left: {why}" for f, why in mends.left)


def _summary(files: Sequence[Path], found: Sequence[Finding], mends: Mends | None) -> str:
    errors = sum(f.severity is Severity.ERROR for f in found)
    counted = f"{len(files)} guide(s), {errors} error(s), {len(found) - errors} other finding(s)"
    if mends is not None:
        return f"{counted}; {len(mends.done)} mended"
    mendable = sum(f.fix is not None for f in found)
    return f"{counted}; --fix mends up to {mendable}" if mendable else counted


class Lines:
    """The lines of guides by their findings; of a file that cannot be read every line is empty."""

    def __init__(self) -> None:
        self._path = ""
        self._lines: list[str] = []

    def of(self, f: Finding) -> str:
        """Findings are asked about file by file, so that one file is kept at a time."""
        if f.path != self._path:
            self._path, self._lines = f.path, _lines(Path(f.path))
        return self._lines[f.line - 1] if 0 < f.line <= len(self._lines) else ""


def _lines(file: Path) -> list[str]:
    try:
        with file.open("rb") as source:
            text = source.read(MAX_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return []
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
