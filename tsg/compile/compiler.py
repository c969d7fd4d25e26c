"""The compiler: a guide and what is installed in, a plan and everything wrong with the guide out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dag.errors import PlanError
from dag.model import Plan, ValueType
from tsg.catalogue import Catalogue
from tsg.compile.drafts import Draft
from tsg.compile.flow import join
from tsg.compile.foreign import Outline, outline
from tsg.compile.gaps import Gap, report
from tsg.compile.native import native_stops
from tsg.compile.notes import Notes
from tsg.compile.public.units import units_of
from tsg.compile.reasons import Reason, of_native
from tsg.findings import Code, Finding, GuideError, Severity, in_order
from tsg.guide import Guide

MAX_STEPS = 2_000


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan and the findings of parsing and compiling; with an error among them it must not run."""

    plan: Plan
    findings: tuple[Finding, ...]
    reasons: tuple[Reason, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def ok(self) -> bool:
        return not any(f.severity is Severity.ERROR for f in self.findings)


def compile_guide(guide: Guide, catalogue: Catalogue) -> Compiled:
    """Compile a guide. The same guide and catalogue give the same plan.

    A guide that was not written for stepfleet becomes a plan of instructions to people: none of its
    commands becomes a call.

    Raises: GuideError, with all findings, when there is no sane plan.
    """
    notes = Notes(guide.path, list(guide.findings))
    types: Mapping[str, ValueType] = {i.name: i.type for i in guide.front.inputs}
    if is_native(guide):
        stops, types = native_stops(guide, catalogue, notes)
        _check_count(sum(isinstance(s, Draft) for s in stops), notes, empty=not guide.sections, native=True)
        joined = join(stops)
        for mark in guide.marks:
            message = f"the mark '{mark}' means nothing in a guide that was written for stepfleet"
            notes.error(mark.line, Code.MARK_INVALID, message, "write it as a branch or a block")
        for step in joined.unfinished:
            message = f"after '{step.title}' the guide ends without saying how the run ends"
            notes.error(step.lines[-1].last, Code.ENDING_MISSING, message, "add 'Go to [Resolved](#resolved).'")
        made = Outline(
            joined.steps, joined.edges, inputs=guide.front.inputs, reasons=tuple(of_native(joined.steps, joined.edges))
        )
    else:
        units = units_of(guide)
        _check_count(len(units), notes, empty=not guide.sections, native=False)
        made = outline(guide, units, notes)
        report(made.gaps, notes)
    _check_links(guide, notes)
    try:
        plan = Plan(
            guide=guide.path,
            guide_sha256=guide.sha256,
            inputs=made.inputs,
            steps=made.steps,
            edges=made.edges,
            title=guide.title,
            alternatives=made.alternatives,
            types=MappingProxyType(dict(types)),
            simultaneous=made.simultaneous,
            speculation=guide.front.speculation,
        )
    except PlanError as exc:
        notes.error(1, Code.NO_PLAN, f"the sections do not form a plan: {exc}", exc.hint or "report this guide")
        raise GuideError(notes.findings) from exc
    return Compiled(plan, in_order(notes.findings), made.reasons, made.gaps)


def is_native(guide: Guide) -> bool:
    """Whether the guide was written for stepfleet: it names alerts or inputs, or a block of it says so."""
    if guide.front.alerts or guide.front.inputs:
        return True
    return any(
        fence.language in {"action", "query"} or "as" in fence.attributes
        for section in guide.sections
        for fence in section.fences
    )


def _check_count(count: int, notes: Notes, *, empty: bool, native: bool) -> None:
    if count > MAX_STEPS:
        message = f"the guide has {count:,} steps, the limit is {MAX_STEPS:,}"
        notes.error(1, Code.TOO_MANY_STEPS, message, "split it into guides that link to each other")
        raise GuideError(notes.findings)
    if count == 0:
        hint = "give a section of level 2 a block, a branch or an instruction"
        report = notes.error if native or empty else notes.warn
        report(1, Code.NO_STEPS, "the guide holds no step; a run would be handed to a person at once", hint)


def _check_links(guide: Guide, notes: Notes) -> None:
    """Links to headings that are not there, where no go-to has said so already."""
    said = {f.line for f in notes.findings if f.code == Code.GOTO_DANGLING}
    for section in guide.sections:
        for link in section.links:
            anchor = link.target.removeprefix("#")
            known = anchor in guide.by_anchor or anchor.lower() in guide.by_anchor
            if link.target.startswith("#") and anchor and not known and link.line not in said:
                message = f"the link '{link.text}' leads to '#{anchor}', which no heading has"
                notes.warn(link.line, Code.LINK_DANGLING, message, "use the heading's words with - for blanks")
