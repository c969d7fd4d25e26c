"""The files that lint reads: which there are, and what they hold."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from agent.errors import StepfleetError
from tsg.findings import Finding
from tsg.parse import MAX_BYTES

MANY = 20  # files from which on progress is shown
_NOT_LOOKED_INTO = {"node_modules", "site-packages"}


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


def bytes_of(file: Path) -> bytes | None:
    """A guide's bytes; None where it cannot be read or is larger than a guide may be."""
    try:
        with file.open("rb") as source:
            data = source.read(MAX_BYTES + 1)
    except OSError:
        return None
    return data if len(data) <= MAX_BYTES else None


def with_progress(files: Sequence[Path], doing: str, least: int = MANY) -> Iterator[Path]:
    """The files, with a bar on a terminal's stderr while there are at least so many."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=len(files) < least or not console.is_terminal) as bar:
        yield from bar.track(files, description=doing)


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
    text = (bytes_of(file) or b"").decode("utf-8-sig", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
