"""The `stepfleet` command. Parsing only: what a command does is imported when it runs, so `--help` stays quick.

Exit codes: 0 done, 1 the thing asked about is not fine, 2 usage or configuration, 3 stopped for a person.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="stepfleet",
    help="Run troubleshooting guides against a GPU fleet: checked, guarded, verified, undoable.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

GuideArgument = Annotated[str, typer.Argument(metavar="GUIDE", help="A guide's path, or its name in the library.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, see `stepfleet runs`.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Inputs = Annotated[list[str] | None, typer.Option("--input", "-i", metavar="NAME=VALUE", help="A value for an input.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the journal.")]


class Shape(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


class Level(StrEnum):
    """Severities, the least first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_config: dict[str, Path | None] = {"file": None}


@app.callback()
def main_options(
    config: Annotated[Path | None, typer.Option("--config", help="The settings; ./stepfleet.toml by default.")] = None,
) -> None:
    """Run troubleshooting guides against a GPU fleet: checked, guarded, verified, undoable."""
    _config["file"] = config


@app.command()
def lint(
    guides: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Guides, and folders of them.")],
    shape: Annotated[Shape | None, typer.Option("--format", help="How findings are printed; text by default.")] = None,
    select: Annotated[list[str] | None, typer.Option(metavar="CODES", help="Only these codes or categories.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="CODES", help="Not these codes or categories.")] = None,
    fail_on: Annotated[Level, typer.Option("--fail-on", help="Exit with 1 from this severity on.")] = Level.ERROR,
    fix: Annotated[bool, typer.Option("--fix", help="Mend in the files what is mechanical.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what --fix would change, and change nothing.")] = False,
    review: Annotated[bool, typer.Option("--review", help="Let the configured model remark, too.")] = False,
    as_json: Json = False,
) -> None:
    """Say what is wrong with guides, by file and line."""
    from agent.doors import lint_command

    if as_json and shape not in (None, Shape.JSON):
        raise typer.BadParameter("it is short for --format json", param_hint="--json")
    form = Shape.JSON if as_json else shape or Shape.TEXT
    if diff and (form is not Shape.TEXT or review):
        raise typer.BadParameter("it goes with neither a format nor a review", param_hint="--diff")
    wanted = lint_command.Wanted(form, tuple(select or ()), tuple(ignore or ()), fail_on, fix, diff, review)
    _finish(form is Shape.JSON, lambda: lint_command.lint(_config["file"], guides, wanted))


@app.command("compile")
def compile_(
    guide: GuideArgument,
    as_json: Json = False,
    draw: Annotated[Path | None, typer.Option(metavar="FILE.svg|.mmd", help="Draw the plan.")] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="STEP", help="Say where each part of a step came from.")
    ] = None,
    lock: Annotated[bool, typer.Option("--lock", help="Write the plan beside the guide: it was reviewed.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Compare with the lock; 1 when they differ.")] = False,
) -> None:
    """Compile a guide into its plan."""
    from agent.doors import compile_command

    _finish(
        as_json,
        lambda: compile_command.compile_(
            _config["file"], guide, as_json=as_json, draw=draw, explain=explain, lock=lock, check=check
        ),
    )


@app.command()
def clarify(
    guide: Annotated[Path, typer.Argument(metavar="GUIDE", help="A guide's path.")],
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="KEY", help="Write this proposal into the guide, as a mark.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let the configured model propose how a guide's open places are meant."""
    from agent.doors import clarify_command

    _finish(as_json, lambda: clarify_command.clarify(_config["file"], guide, accept=accept or [], as_json=as_json))


@app.command("dry-run")
def dry_run(
    guide: GuideArgument,
    inputs: Inputs = None,
    live: Annotated[bool, typer.Option("--live", help="Ask the read-only steps and show their answers.")] = False,
    draw: Annotated[Path | None, typer.Option(metavar="FILE.svg|.mmd", help="Draw the plan.")] = None,
    as_json: Json = False,
) -> None:
    """Walk every branch of a guide and change nothing."""
    from agent.doors import guide_commands

    given = _pairs(inputs)
    _finish(
        as_json,
        lambda: guide_commands.dry_run(_config["file"], guide, given, live=live, draw=draw, as_json=as_json),
    )


@app.command("test")
def guide_test(
    guides: Annotated[list[Path], typer.Argument(metavar="GUIDE...", help="Guides, scenario files, folders of them.")],
    name: Annotated[str, typer.Option("-k", metavar="TEXT", help="Only scenarios whose name contains it.")] = "",
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit's XML, too.")] = None,
    fail_under: Annotated[
        float, typer.Option("--fail-under", metavar="PERCENT", min=0, max=100, help="1 when a guide is covered less.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Run the scenarios of guides, touching nothing; 1 when one comes out otherwise than it expects."""
    from agent.doors import guide_test_command

    wanted = guide_test_command.Wanted(name, junit, fail_under, as_json)
    _finish(as_json, lambda: guide_test_command.test(_config["file"], guides, wanted))


@app.command()
def run(
    guide: GuideArgument,
    inputs: Inputs = None,
    llm: Annotated[bool, typer.Option("--llm", help="Insist on the configured model.")] = False,
    speculation: Annotated[
        bool, typer.Option("--speculation/--no-speculation", help="Read ahead of undecided branches, or not.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Run a guide now and watch it."""
    from agent.doors import run_commands

    options = run_commands.RunOptions(_pairs(inputs), llm=llm, speculation=speculation)
    _finish(as_json, lambda: run_commands.run(_config["file"], guide, options, as_json=as_json))


@app.command()
def serve(
    no_advance: Annotated[
        bool, typer.Option("--no-advance", help="Only take alerts and words; workers advance the runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take alerts and people's words over HTTP until stopped."""
    from agent.doors import serve_command

    _finish(as_json, lambda: serve_command.serve(_config["file"], as_json=as_json, advance=not no_advance))


@app.command()
def worker(
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Runs advanced at once; [engine] runs_at_once by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Advance runs of a journal that several machines share, until stopped."""
    from agent.doors import worker_command

    _finish(as_json, lambda: worker_command.worker(_config["file"], concurrency, as_json=as_json))


@app.command()
def runs(
    live: Annotated[bool, typer.Option("--live", help="Only those that have not ended.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: Json = False,
) -> None:
    """List runs, newest first."""
    from agent.doors import run_commands

    _finish(as_json, lambda: run_commands.runs(_config["file"], live=live, limit=limit, as_json=as_json))


@app.command()
def leases(as_json: Json = False) -> None:
    """List the resources that actions write now, and who waits for them."""
    from agent.doors import lease_command

    _finish(as_json, lambda: lease_command.leases(_config["file"], as_json=as_json))


@app.command()
def show(
    run_id: RunArgument,
    artifact: Annotated[
        str | None, typer.Option(metavar="SHA256", help="Print one value that it read, whole, as JSON.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what happened in a run."""
    from agent.doors import run_commands

    _finish(as_json, lambda: run_commands.show(_config["file"], run_id, artifact=artifact, as_json=as_json))


@app.command()
def replay(
    run_id: RunArgument,
    guide: Annotated[
        Path | None, typer.Option("--guide", metavar="GUIDE.md", help="On this guide as it is now, not its own plan.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a recorded run again on its recorded answers, touching nothing; 1 when it comes out otherwise."""
    from agent.doors import replay_command

    _finish(as_json, lambda: replay_command.replay(_config["file"], run_id, guide=guide, as_json=as_json))


@app.command()
def approve(
    run_id: RunArgument,
    step: Annotated[str | None, typer.Option(help="The step, where more than one waits.")] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Do not allow it.")] = False,
    choose: Annotated[str | None, typer.Option(metavar="STEP|END", help="Take the branch that leads there.")] = None,
    done: Annotated[bool | None, typer.Option("--done/--not-done", help="A manual step was done, or not.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try a failed step again.")] = False,
    happened: Annotated[
        bool | None, typer.Option("--happened/--not-happened", help="What became of an action of unknown outcome.")
    ] = None,
    digest: Annotated[str | None, typer.Option(metavar="HEX", help="Only the call that has it; or its start.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Approve the exact call a run waits with, or answer what else it asks. You are known by STEPFLEET_TOKEN."""
    from agent.doors import run_commands

    answer: dict[str, object] = {}
    for name, value in (("edge", choose), ("done", done), ("happened", happened), ("retry", retry or None)):
        if value is not None:
            answer[name] = value
    if len(answer) + reject > 1:
        raise typer.BadParameter("give one of --reject, --choose, --done, --retry and --happened")
    word = run_commands.Word(step, reject, digest, answer, reason, sure=yes)
    _finish(as_json, lambda: run_commands.approve(_config["file"], run_id, word, as_json=as_json))


@app.command()
def cancel(run_id: RunArgument, reason: Reason = "", as_json: Json = False) -> None:
    """End a run: reads stop, an action in flight reaches its outcome."""
    from agent.doors import run_commands

    _finish(as_json, lambda: run_commands.cancel(_config["file"], run_id, reason=reason, as_json=as_json))


@app.command()
def resume(
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run; all live ones without it.")] = None,
    as_json: Json = False,
) -> None:
    """Go on with runs that a dead process left, until they end or wait for a person."""
    from agent.doors import run_commands

    _finish(as_json, lambda: run_commands.resume(_config["file"], run_id, as_json=as_json))


@app.command("kill-switch")
def kill_switch(
    state: Annotated[str, typer.Argument(metavar="on|off|status")] = "status",
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Stop all writes at once, or allow them again."""
    from agent.doors import run_commands

    if state not in ("on", "off", "status"):
        raise typer.BadParameter("it is 'on', 'off' or 'status'", param_hint="STATE")
    _finish(as_json, lambda: run_commands.kill_switch(_config["file"], state, reason=reason, as_json=as_json))


audit_app = typer.Typer(no_args_is_help=True, help="What people said and what was changed, in a chain of hashes.")
app.add_typer(audit_app, name="audit")


@audit_app.command("verify")
def audit_verify(
    heads: Annotated[Path | None, typer.Option(metavar="FILE", help="Exported heads; else those of [audit].")] = None,
    head: Annotated[list[str] | None, typer.Option(metavar="NUMBER:HASH", help="One exported head.")] = None,
    as_json: Json = False,
) -> None:
    """Say whether anything was altered, left out, slipped in or cut off; 1 when something was."""
    from agent.doors import audit_command

    _finish(as_json, lambda: audit_command.verify(_config["file"], heads, head or (), as_json=as_json))


@audit_app.command("head")
def audit_head(as_json: Json = False) -> None:
    """Print the last entry's number and hash, to be kept elsewhere."""
    from agent.doors import audit_command

    _finish(as_json, lambda: audit_command.head(_config["file"], as_json=as_json))


@audit_app.command("show")
def audit_show(
    run_id: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Only of this run.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who said what, and what was changed, oldest first."""
    from agent.doors import audit_command

    _finish(as_json, lambda: audit_command.show(_config["file"], run_id, limit, as_json=as_json))


@app.command("eval")
def eval_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files of cases, and folders of them.")],
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME=MODEL@URL", help="Ask this endpoint, too; else that of [llm].")
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="Ask each case so often.")] = 1,
    only: Annotated[str | None, typer.Option(metavar="KIND", help="Only cases of this kind.")] = None,
    price: Annotated[
        tuple[float, float] | None, typer.Option(metavar="IN OUT", help="What a million tokens cost; else as in [llm].")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with every case, too.")] = None,
    as_json: Json = False,
) -> None:
    """Say how well a model judges, by cases whose right branch is known."""
    from agent.doors import eval_command

    wanted = eval_command.Wanted(paths, model or (), repeat, only, price, html, as_json)
    _finish(as_json, lambda: eval_command.evaluate(_config["file"], wanted))


memory_app = typer.Typer(no_args_is_help=True, help="What happened before, and how it ended.")
app.add_typer(memory_app, name="memory")
Limit = Annotated[int, typer.Option(min=1, max=100, help="At most so many.")]


@memory_app.command("search")
def memory_search(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORDS]...", help="Any of them.")] = None,
    guide: Annotated[str, typer.Option(help="Of this guide.")] = "",
    alert: Annotated[list[str] | None, typer.Option(help="Begun by this alert.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="About this: a label's value, or what was written.")] = None,
    limit: Limit = 5,
    as_json: Json = False,
) -> None:
    """Find past incidents by what they were about and what was said of them; the newest without either."""
    from agent.doors import memory_command
    from agent.memory.recall import Facts

    facts = Facts(guide, alert or (), target or ())
    said = " ".join(words or ())
    _finish(as_json, lambda: memory_command.search(_config["file"], said, facts, limit, as_json=as_json))


@memory_app.command("like")
def memory_like(run_id: RunArgument, limit: Limit = 5, as_json: Json = False) -> None:
    """Show past incidents that are most like a run."""
    from agent.doors import memory_command

    _finish(as_json, lambda: memory_command.like(_config["file"], run_id, limit, as_json=as_json))


@memory_app.command("rebuild")
def memory_rebuild(as_json: Json = False) -> None:
    """Forget all, and remember it anew from the journal."""
    from agent.doors import memory_command

    _finish(as_json, lambda: memory_command.rebuild_memory(_config["file"], as_json=as_json))


@app.command()
def demo(
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the report; - is stdout.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the fleet up until Ctrl-C.")] = False,
    llm: Annotated[bool, typer.Option("--llm", help="Let the configured model judge.")] = False,
) -> None:
    """Show the main job on a live example fleet."""
    from agent.doors import demo as stage

    _finish(False, lambda: stage.main(json_file, keep=keep, llm=llm))


def _pairs(items: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in items or ():
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"'{item}' is not NAME=VALUE", param_hint="--input")
        pairs[name] = value
    return pairs


def _finish(as_json: bool, command: Callable[[], int]) -> None:
    """Run a command and exit with its code; whatever a user can mend is a message and a hint, never a traceback."""
    try:
        code = command()
    except KeyboardInterrupt:
        code = 130
    except Exception as exc:
        if not hasattr(exc, "hint"):
            raise
        code = 2
        _complain(exc, as_json)
    raise typer.Exit(code)


def _complain(exc: Exception, as_json: bool) -> None:
    from agent.doors.escape import visible  # what went wrong may quote what others wrote

    hint = str(getattr(exc, "hint", ""))
    if as_json:
        sys.stdout.write(json.dumps({"error": {"message": str(exc), "hint": hint}}) + "\n")
        return
    sys.stderr.write(visible(f"stepfleet: {exc}\n" + (f"  hint: {hint}\n" if hint else "")))


def main() -> None:
    app()


if __name__ == "__main__":
    main()
