"""The library as a running service uses it: the plan for an alert, a plan by name or path."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, TypeVar

from dag.model import Plan
from telemetry.alerts import Alert
from tsg.catalogue import Catalogue
from tsg.findings import Finding, GuideError, LibraryError, Severity
from tsg.library import Library
from tsg.lint import Checked, lint_file

C = TypeVar("C", bound=Catalogue)


class GuideShelf(Generic[C]):
    """Satisfies `agent.run.intake.Guides`. A library folder that is missing matches nothing and says so."""

    def __init__(self, root: Path, catalogue: C) -> None:
        self.catalogue = catalogue
        self.library = Library(root, catalogue)
        self._missing: str | None = "the library has not been read"
        self.refresh()

    def refresh(self) -> bool:
        """Read the folder again, compiling what changed; whether anything did. Blocking."""
        try:
            change = self.library.refresh()
        except LibraryError as exc:
            self._missing = str(exc)
            return False
        self._missing = None
        return bool(change)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.library.findings

    def plan_for(self, alert: Alert) -> tuple[Plan | None, str]:
        """The plan that an alert means, or why there is none."""
        if self._missing is not None:
            return None, self._missing
        match = self.library.match(alert)
        return (match.guide.plan if match.guide else None), match.reason

    def checked(self, guide: str) -> Checked:
        """A guide by path, or by its name in the library, with its findings. Raises GuideError: no such guide."""
        path = Path(guide)
        if path.is_file():
            return lint_file(path, self.catalogue, name=self._name(path))
        entry = self.library.get(guide) if self._missing is None else None
        if entry is None:
            return lint_file(path, self.catalogue)
        return Checked(entry.guide, entry.plan, entry.findings)

    def plan(self, guide: str) -> Plan:
        """A guide's plan, if it may run. Raises GuideError with all its errors."""
        checked = self.checked(guide)
        if checked.plan is None or not checked.ok:
            raise GuideError([f for f in checked.findings if f.severity is Severity.ERROR])
        return checked.plan

    def _name(self, path: Path) -> str | None:
        """A file of the library keeps its name there, so that its runs and those of alerts are the same guide's."""
        try:
            return path.resolve().relative_to(self.library.root.resolve()).as_posix()
        except ValueError:
            return None
