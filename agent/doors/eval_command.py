"""eval: how well a model judges, in figures, by cases whose right branch is known."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from agent.catalogue import PluginCatalogue
from agent.doors.printing import print_json
from agent.doors.render import plain
from agent.errors import SettingsError, StepfleetError
from agent.evaluation.ask import AlwaysAbstains, Dice, NotRun, ask_baseline, ask_model
from agent.evaluation.cases import Case, Kind, files_at, questions, read_cases
from agent.evaluation.page import page
from agent.evaluation.score import Answer, Score, score
from agent.guides import GuideShelf
from agent.model.openai_chat import OpenAiChat
from agent.model.settings import LlmSettings
from agent.settings import Settings, load_settings
from plugins.registry import Registry

CONFIGURED = "[llm]"
COLUMNS = (
    "model",
    "answers",
    "accuracy",
    "95 %",
    "confident and wrong",
    "of it harmful",
    "abstained",
    "failed",
    "agreement",
    "tokens in",
    "tokens out",
    "cost",
    "p50",
    "p95",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to evaluate and how. `models`: NAME=MODEL@URL; `price`: of a million tokens, in and out."""

    paths: Sequence[Path]
    models: Sequence[str] = ()
    repeat: int = 1
    only: str | None = None
    price: tuple[float, float] | None = None
    html: Path | None = None
    as_json: bool = False


@dataclass
class _Row:
    """One line of the table: figures, or why there are none."""

    name: str
    answers: list[Answer] = field(default_factory=list)
    not_run: str = ""
    baseline: bool = False

    @property
    def score(self) -> Score | None:
        return score(self.answers) if self.answers else None


def evaluate(config: Path | None, wanted: Wanted) -> int:
    """0 whatever the figures are. Raises: ScenarioError, GuideError, SettingsError."""
    settings = load_settings(config)
    cases = _cases(settings, wanted)
    rows = asyncio.run(_rows(_models(settings, wanted), cases, wanted))
    table = [_cells(row) for row in rows]
    if wanted.html is not None:
        _write(wanted.html, _page(rows, table, cases))
    if wanted.as_json:
        print_json({"cases": len(cases), "models": [_to_json(r) for r in rows]})
        return 0
    shown = Table(box=None, pad_edge=False)
    for i, name in enumerate(COLUMNS):
        shown.add_column(name, justify="right" if i else "left", overflow="fold")
    for cells in table:
        shown.add_row(*(plain(c) for c in cells))
    Console().print(shown)
    for row in rows:
        if row.not_run:
            Console().print(plain(f"{row.name}: NOT RUN: {row.not_run}", "yellow"), soft_wrap=True)
    return 0


def _cases(settings: Settings, wanted: Wanted) -> list[Case]:
    shelf = GuideShelf(settings.library.path, PluginCatalogue(Registry.installed(settings.plugins)))
    found = [
        case
        for cases in map(read_cases, files_at(wanted.paths))
        for case in questions(cases, shelf.plan(str(cases.guide)))
        if wanted.only in (None, case.written.kind)
    ]
    if not found:
        raise StepfleetError(f"no case is of the kind '{wanted.only}'", hint=f"kinds: {', '.join(Kind)}")
    return found


def _models(settings: Settings, wanted: Wanted) -> dict[str, LlmSettings]:
    """The configured model, and those that are named. Raises SettingsError."""
    known = {CONFIGURED: settings.llm} if settings.llm is not None else {}
    prices = dict(zip(("price_in", "price_out"), wanted.price, strict=True)) if wanted.price else {}
    for text in wanted.models:
        name, equals, rest = text.partition("=")
        model, at, url = rest.rpartition("@")
        if not (name and equals and model and at):
            raise SettingsError(
                f"--model '{text}' is not NAME=MODEL@URL", hint="e.g. small=qwen3@http://127.0.0.1:8080/v1"
            )
        if name in known:
            raise SettingsError(f"--model '{text}': two models are named '{name}'", hint="give each a name of its own")
        base: dict[str, Any] = settings.llm.model_dump() if settings.llm is not None else {}
        try:
            made = LlmSettings.model_validate({**base, **prices, "model": model, "base_url": url})
        except ValidationError as exc:
            raise SettingsError(f"--model '{text}': {exc.errors()[0]['msg']}", hint="see docs/model.md") from exc
        if settings.llm is not None and made.base_url != settings.llm.base_url:
            # A key belongs to the endpoint it was given for; another one must not be sent it.
            made = made.model_copy(update={"api_key_env": None, "api_key_file": None})
        known[name] = made
    return {name: model.model_copy(update=prices) for name, model in known.items()}


async def _rows(models: dict[str, LlmSettings], cases: Sequence[Case], wanted: Wanted) -> list[_Row]:
    rows = [
        _Row("always abstains (baseline)", await ask_baseline(AlwaysAbstains(), cases, repeat=1), baseline=True),
        _Row("dice (baseline)", await ask_baseline(Dice(), cases, repeat=max(10, wanted.repeat)), baseline=True),
    ]
    if not models:
        return [_Row("a model", not_run="none is configured: add [llm], or give --model NAME=MODEL@URL"), *rows]
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=wanted.as_json or not sys.stderr.isatty(),
    )
    asked = []
    with bar:
        for name, settings in models.items():
            task = bar.add_task(name, total=len(cases) * wanted.repeat)
            asked.append(await _asked(name, settings, cases, wanted.repeat, lambda _, t=task: bar.advance(t)))
    return [*asked, *rows]


async def _asked(name: str, settings: LlmSettings, cases: Sequence[Case], repeat: int, progress: Any) -> _Row:
    llm = OpenAiChat.from_settings(settings)
    try:
        return _Row(name, await ask_model(llm, settings, cases, repeat=repeat, progress=progress))
    except NotRun as exc:
        return _Row(name, not_run=str(exc))
    finally:
        await llm.close()


def _page(rows: Sequence[_Row], table: Sequence[Sequence[str]], cases: Sequence[Case]) -> str:
    # Dice are wrong somewhere in every case: beside them no case would show what the models made of it.
    answers = {r.name: r.answers for r in rows if r.answers and not r.baseline}
    return page(COLUMNS, table, cases, answers, {r.name: r.not_run for r in rows if r.not_run})


def _cells(row: _Row) -> list[str]:
    s = row.score
    if s is None:
        return [row.name, "NOT RUN", *[""] * (len(COLUMNS) - 2)]
    about = "~" if s.estimated else ""
    asks = bool(s.prompt_tokens)
    return [
        row.name,
        str(s.answers),
        f"{s.accuracy:.0%}",
        f"{s.low:.0%} to {s.high:.0%}",
        f"{s.confident_and_wrong:.0%}",
        f"{s.harmful:.0%}",
        f"{s.abstained:.0%}",
        f"{s.failed:.0%}",
        f"{s.agreement:.0%}",
        f"{about}{s.prompt_tokens:,}" if asks else "-",
        f"{about}{s.completion_tokens:,}" if asks else "-",
        f"{about}{s.cost:.4f}" if s.cost else "-",
        f"{s.p50_s:.2f} s" if asks else "-",
        f"{s.p95_s:.2f} s" if asks else "-",
    ]


def _to_json(row: _Row) -> dict[str, Any]:
    s = row.score
    if s is None:
        return {"model": row.name, "not_run": row.not_run}
    answers = [
        {"case": a.case.id, "kind": a.case.written.kind, "choice": a.choice, "verdict": a.verdict, "reason": a.reason}
        for a in row.answers
    ]
    return {"model": row.name, **asdict(s), "said": answers}


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise StepfleetError(f"{file}: cannot be written: {exc.strerror}") from exc
