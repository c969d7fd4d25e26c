"""test: the scenarios of guides, for people, as JSON and as JUnit's XML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from junitparser import Failure, JUnitXml, TestCase, TestSuite
from rich.console import Console
from rich.table import Table

from agent.catalogue import PluginCatalogue
from agent.doors.escape import visible
from agent.doors.printing import print_json
from agent.doors.render import plain
from agent.errors import StepfleetError
from agent.guides import GuideShelf
from agent.scenario.files import ScenarioError, Scenarios, files_at, read_scenarios
from agent.scenario.findings import Finding
from agent.scenario.trial import GuideTrials, Trial, try_guide
from agent.settings import load_settings
from plugins.registry import Registry

PASSED, FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to test and to report. `fail_under` is in percent of a guide's steps and edges; `name` part of a name."""

    name: str = ""
    junit: Path | None = None
    fail_under: float = 0.0
    as_json: bool = False


def test(config: Path | None, paths: Sequence[Path], wanted: Wanted) -> int:
    """0 when every scenario holds and every guide is covered as wanted, 1 otherwise.

    Raises: StepfleetError when no scenario is selected, or a scenario file, a policy or the settings cannot be used;
    GuideError for a guide that does not compile.
    """
    settings = load_settings(config)
    installed = Registry.installed(settings.plugins)
    shelf = GuideShelf(settings.library.path, PluginCatalogue(installed))
    selected = [(made, _selected(made, wanted.name)) for made in _read(files_at(paths))]
    selected = [(made, places) for made, places in selected if places]
    if not selected:
        raise StepfleetError(f"no scenario's name contains '{wanted.name}'", hint="leave out -k to run them all")
    guides = [try_guide(made, shelf.plan(str(made.guide)), installed, places) for made, places in selected]
    below = [g for g in guides if g.coverage.pct < wanted.fail_under]
    if wanted.junit is not None:
        _write_junit(guides, wanted.junit)
    if wanted.as_json:
        print_json({"ok": not below and all(g.ok for g in guides), "guides": [_guide_json(g) for g in guides]})
    else:
        _print(guides, below, wanted.fail_under, Console())
    return PASSED if not below and all(g.ok for g in guides) else FAILED


def _read(files: Sequence[Path]) -> list[Scenarios]:
    """All of them, or all that is wrong with them."""
    made, wrong = [], []
    for file in files:
        try:
            made.append(read_scenarios(file))
        except ScenarioError as exc:
            wrong.append(exc)
    if wrong:
        raise ScenarioError("\n".join(str(exc) for exc in wrong), hint=wrong[0].hint)
    return made


def _selected(made: Scenarios, name: str) -> list[int]:
    return [i for i, s in enumerate(made.scenarios) if name.casefold() in s.name.casefold()]


# -- for people -------------------------------------------------------------------------------


def _print(guides: Sequence[GuideTrials], below: Sequence[GuideTrials], least: float, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("", "scenario", "outcome", "took"):
        table.add_column(name, overflow="fold")
    for guide in guides:
        table.add_row("", plain(guide.guide, "bold"), "", "")
        for trial in guide.trials:
            mark = plain("ok", "green") if trial.ok else plain("FAILED", "red")
            table.add_row(mark, plain(trial.name), plain(trial.trace.outcome), plain(f"{trial.took_s:.1f} s", "dim"))
    console.print(table)
    for guide in guides:
        for trial in guide.trials:
            for line, finding in trial.findings:
                _print_finding(console, f"{guide.file}:{line}: {trial.name}", finding)
        for line, finding in guide.findings:
            _print_finding(console, f"{guide.file}:{line}", finding)
    for guide in guides:
        c = guide.coverage
        steps, edges = c.steps - len(c.steps_missed), c.edges - len(c.edges_missed)
        covered = f"{guide.guide}: {c.pct:.0f} % covered: {steps} of {c.steps} steps, {edges} of {c.edges} edges"
        console.print(plain(covered))
        for missed in (*c.steps_missed, *c.edges_missed):
            console.print(plain(f"  no scenario comes to {missed}", "dim"))
    for guide in below:
        console.print(plain(f"{guide.guide}: {guide.coverage.pct:.1f} % is less than the {least:g} % wanted", "red"))


def _print_finding(console: Console, where: str, finding: Finding) -> None:
    console.print(plain(f"{where}: {finding.message}"), soft_wrap=True)
    if finding.hint:
        console.print(plain(f"  {finding.hint}", "dim"), soft_wrap=True)


# -- for machines -----------------------------------------------------------------------------


def _guide_json(guide: GuideTrials) -> dict[str, Any]:
    return {
        "guide": guide.guide,
        "file": guide.file,
        "ok": guide.ok,
        "scenarios": [_trial_json(guide, t) for t in guide.trials],
        "findings": [f.to_json(guide.file, line) for line, f in guide.findings],
        "coverage": guide.coverage.to_json(),
    }


def _trial_json(guide: GuideTrials, trial: Trial) -> dict[str, Any]:
    return {
        "name": trial.name,
        "line": trial.line,
        "ok": trial.ok,
        "outcome": trial.trace.outcome,
        "path": list(trial.trace.order),
        "virtual_s": trial.took_s,
        "findings": [f.to_json(guide.file, line) for line, f in trial.findings],
    }


def _write_junit(guides: Sequence[GuideTrials], file: Path) -> None:
    """One suite a scenario file. What is wrong with the file itself is a case of its own. Raises: StepfleetError."""
    xml = JUnitXml("stepfleet test")
    for guide in guides:
        suite = TestSuite(visible(guide.guide))
        for trial in guide.trials:
            suite.add_testcase(_case(trial.name, guide, trial.findings))
        if guide.findings:
            suite.add_testcase(_case("the file", guide, guide.findings))
        xml.add_testsuite(suite)
    try:
        xml.write(str(file), pretty=True)
    except OSError as exc:
        raise StepfleetError(f"{file}: cannot be written: {exc.strerror}", hint="name another file") from exc


def _case(name: str, guide: GuideTrials, findings: Sequence[tuple[int, Finding]]) -> TestCase:
    case = TestCase(visible(name), classname=visible(guide.guide))
    if findings:
        told = [
            visible(f"{guide.file}:{line}: {f.message}" + (f" ({f.hint})" if f.hint else "")) for line, f in findings
        ]
        failure = Failure(told[0])
        failure.text = "\n".join(told)
        case.result = [failure]
    return case
