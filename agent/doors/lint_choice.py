"""Which findings a person or a project wants to see: the command line over the settings, over what checks say."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.errors import SettingsError, StepfleetError
from agent.settings import MentorSettings
from tsg.findings import Finding, Severity, did_you_mean
from tsg.mentor.codes import MODEL_REVIEW, categories
from tsg.mentor.mentor import Options, applied


@dataclass(frozen=True, slots=True)
class Choice:
    """What is wanted. Of `select` and `ignore`, None and nothing mean that all are wanted.

    An error that keeps a guide from running is always among them: nothing else of it can be relied on.
    A code that `named` holds was selected by its own name: no setting leaves it out.
    """

    select: frozenset[str] | None = None
    named: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    disable: frozenset[str] = frozenset()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    per_file: tuple[tuple[str, frozenset[str]], ...] = ()

    def of(self, file: Path, findings: Iterable[Finding]) -> Iterator[Finding]:
        """The findings of one file that are wanted, with the severities of the project."""
        options = Options(self._without(file), self.severity)
        for f in applied(findings, options):
            if self.select is None or f.code in self.select or keeps_from_running(f):
                yield f

    def leaves_out(self, file: Path, code: str) -> bool:
        """Whether no finding of that code is wanted of the file."""
        return code in self._without(file) or (self.select is not None and code not in self.select)

    def _without(self, file: Path) -> frozenset[str]:
        here = [codes for glob, codes in self.per_file if _fits(glob, file)]
        return self.disable.union(*here) - self.named | self.ignore


def keeps_from_running(f: Finding) -> bool:
    return not f.category and f.severity is Severity.ERROR


def choice(select: Sequence[str], ignore: Sequence[str], settings: MentorSettings) -> Choice:
    """What the words of a command line and the settings choose; each word is a code, a category, or several by commas.

    Raises: StepfleetError for a word of the command line that is neither, SettingsError for one of the settings.
    """
    wanted, left_out = _words(select), _words(ignore)
    try:
        disable = _codes(settings.disable, "[mentor] disable")
        per_file = tuple(
            (glob, _codes(words, f"[mentor] per_file_ignores '{glob}'"))
            for glob, words in settings.per_file_ignores.items()
        )
        if MODEL_REVIEW in settings.severity:
            hint = f"leave '{MODEL_REVIEW}' out; where it has to fail, use --fail-on info"
            raise StepfleetError("[mentor] severity: what a model claims is never more than info", hint=hint)
        for code in settings.severity:
            _known(code, categories(), "[mentor] severity")
    except StepfleetError as exc:
        raise SettingsError(str(exc), hint=exc.hint) from exc
    selected = _codes(wanted, "--select")
    return Choice(
        selected if select else None,
        selected & frozenset(wanted),
        _codes(left_out, "--ignore"),
        disable,
        settings.severity,
        per_file,
    )


def _words(given: Sequence[str]) -> list[str]:
    return [word.strip() for words in given for word in words.split(",") if word.strip()]


def _codes(words: Iterable[str], where: str) -> frozenset[str]:
    table = categories()
    known = {*table, *table.values()}
    for word in words:
        _known(word, known, where)
    wanted = set(words)
    return frozenset(code for code, category in table.items() if code in wanted or category in wanted)


def _known(word: str, known: Iterable[str], where: str) -> None:
    if word not in set(known):
        hint = did_you_mean(word[:60], known, f"codes stand in docs/mentor.md; categories: {_listed()}")
        raise StepfleetError(f"{where}: there is no check '{word}'", hint=hint)


def _listed() -> str:
    return ", ".join(sorted(set(categories().values())))


def _fits(glob: str, file: Path) -> bool:
    """Whether the glob means the file: without a slash by its name, else by its path; `*` goes over folders, too."""
    if "/" not in glob:
        return fnmatch.fnmatchcase(file.name, glob)
    whole = Path(os.path.abspath(file)).as_posix()  # noqa: PTH100  links keep their names, as globs mean them
    below = glob if glob.startswith("/") else f"*/{glob}"
    return any(fnmatch.fnmatchcase(whole, g) for g in (below, below.replace("/**/", "/")))
