"""Everything wrong with a guide at once: from parsing, compiling, the plan's own checks, and the Mentor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dag.checks import Problem, check
from dag.model import Plan
from tsg.catalogue import Catalogue
from tsg.compile import compile_guide
from tsg.compile.compiler import is_native
from tsg.findings import Code, Finding, GuideError, Severity, in_order
from tsg.guide import Guide
from tsg.mentor.mentor import DEFAULT, Options, advice
from tsg.parse import MAX_BYTES, parse_guide, read_guide


@dataclass(frozen=True, slots=True)
class Checked:
    """A guide with its plan, as far as there is one, and everything found. `ok`: it may run.

    What the Mentor finds is advice to the author: it never keeps a guide from running.
    """

    guide: Guide | None
    plan: Plan | None
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return self.plan is not None and not any(f.severity is Severity.ERROR and not f.category for f in self.findings)


def lint_file(
    path: Path | str, catalogue: Catalogue, *, name: str | None = None, options: Options = DEFAULT
) -> Checked:
    """Lint a file; `name` is what findings call it. Never raises for what a file holds, nor for a missing one."""
    try:
        guide = read_guide(path, name=name)
        text = _text_of(path)
    except GuideError as exc:
        return Checked(None, None, exc.findings)
    return _advised(check_guide(guide, catalogue), guide, text, options)


def lint(
    source: bytes | str, catalogue: Catalogue, *, path: str = "guide.md", options: Options = DEFAULT
) -> tuple[Finding, ...]:
    """All findings about a guide's text, by line. Never raises for what a text holds."""
    try:
        guide = parse_guide(source, path)
    except GuideError as exc:
        return exc.findings
    text = source if isinstance(source, str) else source.decode("utf-8-sig", "replace")
    return _advised(check_guide(guide, catalogue), guide, text, options).findings


def _text_of(path: Path | str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def _advised(checked: Checked, guide: Guide, text: str, options: Options) -> Checked:
    """What was found and the Mentor's advice, as its author and its project want it."""
    native = is_native(guide)
    findings = advice(guide, text, checked.plan, checked.findings, native=native, options=options)
    return Checked(guide, checked.plan, in_order(findings))


def check_guide(guide: Guide, catalogue: Catalogue) -> Checked:
    """Compile a parsed guide and check its plan; without the Mentor's advice."""
    try:
        compiled = compile_guide(guide, catalogue)
    except GuideError as exc:
        return Checked(guide, None, exc.findings)
    findings = (*compiled.findings, *_of_plan(compiled.plan, guide.path, catalogue, compiled.findings))
    return Checked(guide, compiled.plan, in_order(findings))


def _of_plan(plan: Plan, path: str, catalogue: Catalogue, known: Sequence[Finding]) -> tuple[Finding, ...]:
    """The plan's problems as findings of the guide, but for those that a finding of the text explains."""
    return tuple(
        Finding(
            path,
            problem.lines[0].first if problem.lines else 1,
            problem.code,
            Severity(problem.severity),
            problem.message,
            problem.hint,
        )
        for problem in check(plan, reversible=_reversible(plan, catalogue))
        if not _is_explained(problem, known)
    )


def _is_explained(problem: Problem, known: Sequence[Finding]) -> bool:
    """Whether the text's own findings say it already, at the very line that causes it."""
    match problem.code:
        case "P08":  # a name that nothing produces
            return any(f.code == Code.NAME_UNKNOWN and _quoted(f.message) & _quoted(problem.message) for f in known)
        case "P13":  # a name that two steps bind
            return any(f.code == Code.NAME_TWICE and _quoted(f.message) & _quoted(problem.message) for f in known)
        case "P10":  # an action without verification
            causes = {Code.VERIFY_NOT_COMPUTED, Code.READ_BACK_UNUSED}
            return any(f.code in causes and any(s.first <= f.line <= s.last for s in problem.lines) for f in known)
    return False


def _quoted(message: str) -> set[str]:
    return set(re.findall(r"'(\w+)'", message))


def _reversible(plan: Plan, catalogue: Catalogue) -> dict[str, bool]:
    """Whether each plugin of the plan can take back what it does; a query has nothing to take back."""
    facts = {call.plugin: catalogue.facts(call.plugin) for _, call in plan.calls()}
    return {name: f is not None and (f.reversible or not f.is_action) for name, f in facts.items()}
