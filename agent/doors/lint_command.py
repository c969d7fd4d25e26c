"""lint: what is wrong with guides, for people and for programs, and what of it can be mended mechanically."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent.catalogue import PluginCatalogue
from agent.doors.atomic import replace_file
from agent.doors.lint_choice import Choice, choice
from agent.doors.lint_files import bytes_of, guides_at, with_progress
from agent.doors.lint_printing import Done, Mends, print_diff, print_findings, print_unread
from agent.errors import StepfleetError
from agent.settings import Settings, load_settings
from plugins.registry import Registry
from tsg.findings import Code, Finding, Severity
from tsg.lint import lint as lint_text
from tsg.lint import lint_file
from tsg.mentor.codes import MODEL_REVIEW
from tsg.mentor.fix import Mended, mended

if TYPE_CHECKING:
    from agent.model.reviewer import Review
    from agent.model.settings import LlmSettings

FINE, FOUND, UNUSABLE = 0, 1, 2
_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}
_NO_FILE = {Code.FILE_UNREADABLE}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a command line asks for; `select` and `ignore` hold codes and categories, several by commas."""

    shape: str = "text"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str = "error"
    fix: bool = False
    diff: bool = False
    review: bool = False


def lint(config: Path | None, paths: Sequence[Path], wanted: Wanted) -> int:
    """0 when nothing is found at the failing level, 1 when something is, 2 when a file or the model cannot be used.

    With `diff` it is 1 when there is something to mend.
    Raises: StepfleetError for a folder without guides, a code that there is not, or a review without a model.
    """
    settings = load_settings(config)
    catalogue = PluginCatalogue(Registry.installed(settings.plugins))
    select = (*wanted.select, MODEL_REVIEW) if wanted.review and wanted.select else wanted.select
    chosen = choice(select, wanted.ignore, settings.mentor)
    llm = _model(settings) if wanted.review else None
    files = guides_at(paths)
    if wanted.diff:
        return _diff(files, catalogue, chosen)
    mends = _mend(files, catalogue, chosen) if wanted.fix else None
    found = list(_linted(files, catalogue, chosen))
    review = _reviewed(files, llm, chosen) if llm is not None else None
    if review is not None:
        place = {str(file): n for n, file in enumerate(files)}
        found = sorted([*found, *review.findings], key=lambda f: (place[f.path], f.line))
    print_findings(wanted.shape, files, found, Done(mends, review))
    if review is not None and review.parts and len(review.unanswered) == review.parts:
        return UNUSABLE
    return UNUSABLE if mends is not None and mends.unwritten else _exit_code(found, Severity(wanted.fail_on))


def _model(settings: Settings) -> LlmSettings:
    if settings.llm is None:
        hint = "add [llm] to stepfleet.toml, see docs/model.md"
        raise StepfleetError("lint --review: no model is configured", hint=hint)
    return settings.llm


def _reviewed(files: Sequence[Path], llm: LlmSettings, chosen: Choice) -> Review:
    from agent.doors.lint_review import reviewed  # the model's client is imported only where a model is asked

    return asyncio.run(reviewed(files, llm, chosen))


def _exit_code(found: Iterable[Finding], fail_on: Severity) -> int:
    if any(f.code in _NO_FILE for f in found):
        return UNUSABLE
    return FOUND if any(_RANK[f.severity] >= _RANK[fail_on] for f in found) else FINE


def _linted(files: Sequence[Path], catalogue: PluginCatalogue, chosen: Choice) -> Iterator[Finding]:
    for file in with_progress(files, "reading"):
        yield from chosen.of(file, lint_file(file, catalogue).findings)


def _mend(files: Sequence[Path], catalogue: PluginCatalogue, chosen: Choice) -> Mends:
    """Mend what is wanted in the files themselves; of a file that cannot be written everything is left."""
    done: list[Finding] = []
    left: list[tuple[Finding, str]] = []
    unwritten = 0
    for file, source, now in _mended(files, catalogue, chosen):
        left += now.left
        try:
            if now.data != source:
                replace_file(file, source, now.data)
            done += now.done
        except StepfleetError as exc:
            left += [(f, str(exc)) for f in now.done]
            unwritten += 1
    return Mends(tuple(done), tuple(left), unwritten)


def _diff(files: Sequence[Path], catalogue: PluginCatalogue, chosen: Choice) -> int:
    """Show what mending would change. Files that cannot be read are told as findings of them."""
    read: set[Path] = set()
    mends = 0
    for file, source, now in _mended(files, catalogue, chosen):
        read.add(file)
        mends += len(now.done)
        print_diff(file, source, now)
    unread = [f for file in files if file not in read for f in lint_file(file, catalogue).findings]
    print_unread(unread)
    if unread:
        return UNUSABLE
    return FOUND if mends else FINE


def _mended(files: Sequence[Path], catalogue: PluginCatalogue, chosen: Choice) -> Iterator[tuple[Path, bytes, Mended]]:
    """Each file that can be read, what it holds, and what it would hold after its mends."""
    for file in with_progress(files, "mending"):
        source = bytes_of(file)
        if source is not None:
            yield file, source, mended(source, str(file), catalogue, partial(_found_in, file, catalogue, chosen))


def _found_in(file: Path, catalogue: PluginCatalogue, chosen: Choice, source: bytes) -> list[Finding]:
    return list(chosen.of(file, lint_text(source, catalogue, path=str(file))))
