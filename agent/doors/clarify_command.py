"""clarify: what a guide leaves open, how a model would read it, and what that would change in the plan.

A proposal is shown with its evidence and with the plan's difference. It becomes part of the guide only by
name, as a mark in its text; the guide is compiled again from that text.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from agent.catalogue import PluginCatalogue
from agent.doors.atomic import replace_file
from agent.doors.compile_command import change_to_json, told
from agent.doors.escape import visible
from agent.doors.printing import print_json
from agent.errors import StepfleetError
from agent.settings import Settings, load_settings
from dag.diff import Change, changes
from plugins.registry import Registry
from tsg.catalogue import Catalogue
from tsg.clarify import Asked, Clarifier, ClarifyError, Declined, Proposal, ask_about, with_mark
from tsg.compile import Compiled, compile_guide
from tsg.findings import GuideError, Severity
from tsg.guide import Guide
from tsg.parse import parse_guide, read_guide

SHORTEST_KEY = 4  # characters of a key that may stand for it


@dataclass(frozen=True, slots=True)
class Shown:
    """A proposal with what it would change in the plan; `problem`: why it cannot be followed."""

    proposal: Proposal
    changed: tuple[Change, ...]
    problem: str = ""


def clarify(config: Path | None, guide: Path, *, accept: Sequence[str], as_json: bool) -> int:
    """Show proposals, and write those that are accepted into the guide. 1 when gaps are left.

    Raises: StepfleetError without a configured model, or when a key names no proposal.
    """
    settings = load_settings(config)
    catalogue = PluginCatalogue(Registry.installed(settings.plugins))
    read = read_guide(guide)
    source = guide.read_bytes()
    compiled = compile_guide(read, catalogue)
    text = source.decode("utf-8-sig", "replace")
    asked = [ask_about(gap, compiled.plan, text) for gap in compiled.gaps]
    answers = asyncio.run(_propose(settings, asked)) if asked else []
    shown = [_shown(p, source, read, compiled, catalogue) for p in answers if isinstance(p, Proposal)]
    declined = [d for d in answers if isinstance(d, Declined)]
    chosen = _chosen(shown, accept)
    if chosen:
        replace_file(guide, source, _accepted(source, read, [s.proposal for s in chosen], catalogue))
    if as_json:
        print_json(_to_json(guide, shown, declined, chosen))
    else:
        _print(guide, shown, declined, chosen)
    return 1 if len(asked) > len(chosen) else 0


async def _propose(settings: Settings, asked: Sequence[Asked]) -> list[Proposal | Declined]:
    if settings.llm is None:
        hint = f"add [llm] to stepfleet.toml, see docs/model.md; {len(asked)} place(s) are open, see stepfleet lint"
        raise StepfleetError("clarify: no model is configured", hint=hint)
    from agent.model.clarifier import ModelClarifier
    from agent.model.openai_chat import OpenAiChat

    llm = OpenAiChat.from_settings(settings.llm)
    clarifier: Clarifier = ModelClarifier(llm, settings.llm, cache=_cache())
    try:
        with Console(stderr=True).status(f"asking {llm.model} about {len(asked)} place(s)"):
            return list(await clarifier.propose(asked))
    finally:
        await llm.close()


def _cache() -> Path:
    """Where answers are kept, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "stepfleet" / "clarify"


def _shown(proposal: Proposal, source: bytes, guide: Guide, was: Compiled, catalogue: Catalogue) -> Shown:
    try:
        now = compile_guide(parse_guide(with_mark(source, guide, proposal.gap, proposal.answer), guide.path), catalogue)
    except (GuideError, ClarifyError) as exc:
        return Shown(proposal, (), str(exc))
    worse = [f for f in now.findings if f.severity is Severity.ERROR and f not in was.findings]
    return Shown(proposal, changes(was.plan, now.plan), worse[0].message if worse else "")


def _chosen(shown: Sequence[Shown], accept: Sequence[str]) -> list[Shown]:
    chosen: list[Shown] = []
    for key in accept:
        fits = [s for s in shown if s.proposal.gap.key.startswith(key) and len(key) >= SHORTEST_KEY]
        if len(fits) != 1:
            listed = ", ".join(s.proposal.gap.key for s in shown) or "none"
            raise StepfleetError(f"'{key}' names {len(fits)} proposals", hint=f"proposals: {listed}")
        if fits[0].problem:
            raise StepfleetError(f"'{key}' cannot be accepted: {fits[0].problem}", hint="mend the guide by hand")
        if fits[0] not in chosen:
            chosen.append(fits[0])
    return chosen


def _accepted(source: bytes, guide: Guide, proposals: Sequence[Proposal], catalogue: Catalogue) -> bytes:
    """The text with all marks, the last one first, so that the lines of the others stay where they are.

    Raises: StepfleetError when the marks together make the guide worse than each alone.
    """
    text = source
    for proposal in sorted(proposals, key=lambda p: p.gap.lines, reverse=True):
        text = with_mark(text, guide, proposal.gap, proposal.answer)
    before = {(f.code, f.message) for f in compile_guide(guide, catalogue).findings}
    made = compile_guide(parse_guide(text, guide.path), catalogue)
    worse = [f for f in made.findings if f.severity is Severity.ERROR and (f.code, f.message) not in before]
    if worse:
        raise StepfleetError(f"together they cannot be accepted: {worse[0].message}", hint="accept one at a time")
    return text


def _to_json(
    guide: Path, shown: Sequence[Shown], declined: Sequence[Declined], chosen: Sequence[Shown]
) -> dict[str, Any]:
    return {
        "guide": str(guide),
        "proposals": [
            {
                "key": s.proposal.gap.key,
                "gap": str(s.proposal.gap.kind),
                "lines": [s.proposal.gap.lines.first, s.proposal.gap.lines.last],
                "words": s.proposal.gap.words,
                "mark": s.proposal.answer.mark,
                "meaning": s.proposal.answer.meaning,
                "cites": {"line": s.proposal.line, "quote": s.proposal.quote},
                "reason": s.proposal.reason,
                "by": s.proposal.by,
                "changes": [change_to_json(c) for c in s.changed],
                "problem": s.problem,
                "accepted": s in chosen,
            }
            for s in shown
        ],
        "open": [
            {"key": d.gap.key, "gap": str(d.gap.kind), "line": d.gap.lines.first, "words": d.gap.words, "why": d.why}
            for d in declined
        ],
    }


def _print(guide: Path, shown: Sequence[Shown], declined: Sequence[Declined], chosen: Sequence[Shown]) -> None:
    out = sys.stdout
    for s in shown:
        p = s.proposal
        out.write(visible(f"{guide}:{p.gap.lines.first}: {p.gap.kind} open: '{p.gap.words}'\n"))
        out.write(visible(f"  {p.by} proposes {p.answer.mark}: {p.answer.meaning}\n"))
        out.write(visible(f"  because {p.reason} (line {p.line}: '{p.quote}')\n"))
        for change in s.changed:
            out.write(visible(f"    {change.where}: {told(change)}\n"))
        if s.problem:
            out.write(visible(f"  it cannot be followed: {s.problem}\n"))
        elif s in chosen:
            out.write(f"  accepted: the mark stands in {guide}\n")
        else:
            out.write(f"  accept it: stepfleet clarify {guide} --accept {p.gap.key}\n")
    for d in declined:
        out.write(visible(f"{guide}:{d.gap.lines.first}: {d.gap.kind} stays open: '{d.gap.words}'\n  {d.why}\n"))
    sys.stderr.write(f"{len(shown)} proposal(s), {len(chosen)} accepted, {len(declined)} without\n")
