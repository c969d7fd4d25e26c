"""The library: a folder of guides, compiled when they change, and the guide that fits an alert."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from dag.model import Plan
from tsg.catalogue import AlertLike, Catalogue
from tsg.findings import Finding, GuideError, LibraryError, Severity
from tsg.guide import Guide
from tsg.lint import check_guide, lint_file
from tsg.matchers import matches, specificity
from tsg.parse import MAX_BYTES, parse_guide

_NEVER_GUIDES = frozenset({"readme.md", "changelog.md", "license.md", "contributing.md", "code_of_conduct.md"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the library. `plan` is None when there is none; `ok` False: findings forbid running it."""

    name: str  # path below the library's root, with forward slashes
    sha256: str
    guide: Guide | None
    plan: Plan | None
    findings: tuple[Finding, ...]
    ok: bool


@dataclass(frozen=True, slots=True)
class Match:
    """The guide for an alert, or None, and always the reason.

    `candidates` names every guide that fits equally well; more than one is a tie, and then `guide` is
    None: which of them to run is not the library's to guess.
    """

    guide: Entry | None
    reason: str
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a refresh found: names of files that were added, changed or removed."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass
class Library:
    """Guides below `root`, read with `refresh`. Blocking: call it off the event loop.

    A bad guide does not hide the good ones: it stays as an entry with its findings.
    """

    root: Path
    catalogue: Catalogue
    _entries: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def load(cls, root: Path | str, catalogue: Catalogue) -> Library:
        """Read every guide below `root`. Raises: LibraryError when there is no such folder."""
        library = cls(Path(root), catalogue)
        library.refresh()
        return library

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All files by name, bad ones included."""
        return tuple(self._entries.values())

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(f for e in self._entries.values() for f in e.findings)

    def get(self, name: str) -> Entry | None:
        """The entry of this name, with or without `.md`; a bare file name is enough where it is the only one."""
        for wanted in (name, f"{name}.md"):
            if (entry := self._entries.get(wanted)) is not None:
                return entry
        found = [e for n, e in self._entries.items() if Path(n).name in {name, f"{name}.md"}]
        return found[0] if len(found) == 1 else None

    def refresh(self) -> Change:
        """Read the folder again; only files whose hash has changed are compiled anew.

        The entries are replaced in one assignment, so a reader on another thread sees the old or the new ones.
        Raises: LibraryError when the folder is gone; the entries stay as they were.
        """
        if not self.root.is_dir():
            raise LibraryError(f"{self.root}: no such folder", hint="set the library's folder to one that holds guides")
        fresh: dict[str, Entry] = {}
        changed = []
        for name, path in self._files():
            before = self._entries.get(name)
            data = _content(path)
            digest = hashlib.sha256(data).hexdigest() if data is not None else ""
            if before is not None and digest and before.sha256 == digest:
                fresh[name] = before
                continue
            fresh[name] = self._read(name, path, data, digest)
            if before is not None and fresh[name] != before:
                changed.append(name)
        added = tuple(n for n in fresh if n not in self._entries)
        removed = tuple(n for n in self._entries if n not in fresh)
        self._entries = MappingProxyType(fresh)
        return Change(added, tuple(changed), removed)

    def match(self, alert: AlertLike) -> Match:
        """The most specific guide that fits the alert and can run: exact values count before patterns.

        A guide that cannot run does not hide a broader one that can; the reason names it.
        """
        labels = {**alert.labels, "alertname": alert.name}
        ranked = [(rank, e) for e in self._entries.values() if (rank := _rank(e, labels)) is not None]
        if not ranked:
            return Match(None, f"no guide names the alert '{alert.name}' with these labels")
        able = [(rank, e) for rank, e in ranked if e.ok]
        broken = "; ".join(f"{e.name} fits and cannot run: {_first_error(e)}" for _, e in ranked if not e.ok)
        if not able:
            return Match(None, f"alert '{alert.name}': {broken}", tuple(e.name for _, e in ranked))
        best = max(rank for rank, _ in able)
        equal = [e for rank, e in able if rank == best]
        names = tuple(e.name for e in equal)
        tail = f"; {broken}" if broken else ""
        if len(equal) > 1:
            reason = f"{', '.join(names)} fit '{alert.name}' equally well; add a label to the alerts of one"
            return Match(None, reason + tail, names)
        others = len(able) - 1
        more = f", more narrowly than {others} other{'s' if others > 1 else ''}" if others else ""
        return Match(equal[0], f"{names[0]} fits '{alert.name}'{more}{tail}", names)

    def revision(self) -> str | None:
        """The commit that the folder's checkout is at; None when it is no git checkout."""
        for folder in (self.root, *self.root.resolve().parents):
            git = folder / ".git"
            if git.exists():
                return _commit(git)
        return None

    def _files(self) -> Iterator[tuple[str, Path]]:
        """Markdown files in the order of their names; hidden folders and a repository's own pages left out."""
        for path in sorted(self.root.rglob("*.md")):
            below = path.relative_to(self.root)
            hidden = any(part.startswith(".") for part in below.parts)
            if path.is_file() and not hidden and path.name.lower() not in _NEVER_GUIDES:
                yield below.as_posix(), path

    def _read(self, name: str, path: Path, data: bytes | None, digest: str) -> Entry:
        if data is None or len(data) > MAX_BYTES:
            checked = lint_file(path, self.catalogue, name=name)
            return Entry(name, digest, checked.guide, checked.plan, checked.findings, checked.ok)
        try:
            checked = check_guide(parse_guide(data, name), self.catalogue)
        except GuideError as exc:
            return Entry(name, digest, None, None, exc.findings, ok=False)
        return Entry(name, digest, checked.guide, checked.plan, checked.findings, checked.ok)


def _content(path: Path) -> bytes | None:
    """The file's bytes, at most one more than a guide may have; None when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError:
        return None


def _rank(entry: Entry, labels: Mapping[str, str]) -> tuple[int, int] | None:
    """How narrowly the entry's best fitting alert line fits; None when none does."""
    alerts = entry.guide.front.alerts if entry.guide is not None else ()
    return max((specificity(m) for m in alerts if matches(m, labels)), default=None)


def _first_error(entry: Entry) -> str:
    error = next((f for f in entry.findings if f.severity is Severity.ERROR), None)
    return f"line {error.line}: {error.message}" if error is not None else "it has no plan"


def _commit(git: Path) -> str | None:
    """The commit of a checkout, read from its files: no command is run for it."""
    try:
        if git.is_file():  # a worktree: `gitdir: PATH`
            git = (git.parent / git.read_text().removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head
        ref = head.removeprefix("ref:").strip()
        common = git / "commondir"
        shared = (git / common.read_text().strip()).resolve() if common.is_file() else git
        for base in (git, shared):
            if (base / ref).is_file():
                return (base / ref).read_text().strip()
        packed = (shared / "packed-refs").read_text().splitlines()
    except OSError:
        return None
    return next((line.split()[0] for line in packed if line.endswith(f" {ref}")), None)
