"""All checks over one guide, what its author asked to be silent about, and what is configured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from dag.model import Plan
from tsg.findings import Finding, Severity
from tsg.guide import Guide
from tsg.mentor import clarity, control_flow, data_flow, query, structure
from tsg.mentor.gathering import GATHERED, gathered
from tsg.mentor.registry import CHECKS, Check, Issue
from tsg.mentor.suppression import suppressed
from tsg.mentor.view import View

__all__ = ["CHECKS", "DEFAULT", "Options", "advice", "findings_of", "view_of"]

MODULES = (clarity, query, data_flow, structure, control_flow)


@dataclass(frozen=True, slots=True)
class Options:
    """What a project wants of the Mentor: codes it does without, and severities of its own."""

    disable: frozenset[str] = frozenset()
    severity: Mapping[str, Severity] = field(default_factory=lambda: MappingProxyType({}))


DEFAULT = Options()


def findings_of(view: View) -> Iterator[Finding]:
    """What the checks find, in no order, each code once a line."""
    for check in CHECKS.values():
        seen: set[int] = set()
        issues = check.run(view)
        for issue in gathered(view, issues) if check.code in GATHERED else issues:
            if issue.line not in seen:
                seen.add(issue.line)
                yield _finding(view.guide.path, check, issue)


def view_of(guide: Guide, text: str, plan: Plan | None, *, native: bool) -> View:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return View(guide, tuple(lines), native, plan)


def advice(
    guide: Guide, text: str, plan: Plan | None, known: Iterable[Finding], *, native: bool, options: Options
) -> list[Finding]:
    """What is known of a guide and the Mentor's findings: each said once, and nothing that was asked not to be said."""
    view = view_of(guide, text, plan, native=native)
    known = list(known)
    own = [f for f in findings_of(view) if not _is_known(f, known, native=native)]
    kept = [f for f in known if not _is_better_said(f, own, native=native)]
    return list(suppressed(view, applied((*kept, *own), options)))


# The Mentor's code for what parsing, compiling or the plan's checks may have said at the same line.
_SAME = {
    "dead-link": {"link-dangling", "goto-dangling"},
    "wrong-next-step": {"goto-dangling", "goto-no-step"},
    "unbounded-loop": {"loop-unbounded", "P02", "loop-default"},
    "syntax-error": {"promql-error", "promql-placeholder", "front-matter-yaml", "block-arguments"},
    "undefined-placeholder": {"name-unknown", "P08"},
    "action-without-verification": {"P10"},
    "action-without-undo": {"P11"},
    "unexpected-end": {"ending-missing", "branch-without-else"},
    "condition-without-action": {"branch-unreadable"},
    "unhandled-case": {"P05"},
    "ambiguous-choice": {"branch-unreadable"},
}
# Of a guide for people the plan's checks know too little of ends, cases, order, verification and undo: the Mentor
# reads its prose.
_OF_PROSE = frozenset({"P04", "P05", "P10", "P11", "P12"})


def _is_known(f: Finding, known: Iterable[Finding], *, native: bool) -> bool:
    return native and any(k.line == f.line and k.code in _SAME.get(f.code, ()) for k in known)


def _is_better_said(f: Finding, own: Iterable[Finding], *, native: bool) -> bool:
    if native:
        return False
    return f.code in _OF_PROSE or any(o.line == f.line and f.code in _SAME.get(o.code, ()) for o in own)


def applied(findings: Iterable[Finding], options: Options) -> Iterator[Finding]:
    """Findings under a project's options. An error that no check of the Mentor made stays as it is."""
    for f in findings:
        if not f.category and f.severity is Severity.ERROR:
            yield f
        elif f.code not in options.disable:
            wanted = options.severity.get(f.code)
            yield f if wanted is None else replace(f, severity=wanted)


def _finding(path: str, check: Check, issue: Issue) -> Finding:
    severity = issue.severity or check.severity
    return Finding(
        path, issue.line, check.code, severity, issue.message, issue.hint, check.category, check.why, issue.fix
    )
