"""What the model is told about one step: its own section, its declared inputs, the alert, and the options.

Never the whole guide, never another step's conversation. Everything that did not come from this program
stands between lines that hold a boundary which does not occur in it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from secrets import SystemRandom
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from agent.model.llm import Prompt
from agent.model.templates import render
from agent.redact import bounded, one_line, safe_text, safe_value
from agent.run.judge import Option, PastIncident, Question

UNDECIDED = "undecided"
REASON_CHARS = 300
TEXT_CHARS = 6_000  # a step's own section; the longest public ones have 4,500 without their queries
CONDITION_CHARS = 400
LABEL_CHARS = 500
ALERT_CHARS = 4_000
VALUE_CHARS = 1_500  # one value in full; larger ones become a summary and sample rows
VALUES_CHARS = 12_000
MOST_PAST, PAST_CHARS = 3, 500  # like cases, and the characters of each
SAMPLE_ROWS = 3
READ_ROWS = 200  # of one list; more are counted and summarised, not written out
MOST_OPTIONS = 26


class Choice(BaseModel):
    """The answer as the program reads it; `choice` is a letter of the prompt or `undecided`."""

    model_config = ConfigDict(extra="forbid")

    reason: str
    choice: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt, the type its answer must have, and what each letter stands for."""

    prompt: Prompt
    schema: type[Choice]
    edges: Mapping[str, str]  # letter -> edge id

    @property
    def labels(self) -> str:
        return quoted(tuple(self.edges))


def build(question: Question, rng: random.Random | None = None) -> Asked:
    """Build the prompt of one judgement. `rng` draws the boundary; by default the system's randomness.

    Raises: ValueError for a question without options or with more than 26.
    """
    if not 1 <= len(question.options) <= MOST_OPTIONS:
        raise ValueError(f"step {question.step_id}: {len(question.options)} options cannot be judged, 1 to 26 can")
    letters = tuple(chr(ord("A") + i) for i in range(len(question.options)))
    data = {
        "title": one_line(question.title, 200),
        "text": safe_text(question.text, TEXT_CHARS),
        "alert": _alert(question.alert),
        "values": _values(question.values),
        "options": "\n".join(_option(k, o) for k, o in zip(letters, question.options, strict=True)),
    }
    past = _past(question.past)
    boundary = draw_boundary((*data.values(), past), rng or SystemRandom())
    data["past"] = render("judge_past", boundary=boundary, past=past) if past else ""
    fixed = {"boundary": boundary, "labels": quoted(letters), "undecided": UNDECIDED}
    prompt = Prompt(
        system=render("judge_system", reason_chars=str(REASON_CHARS), **fixed),
        user=render("judge_user", **data, **fixed),
    )
    edges = {k: o.edge for k, o in zip(letters, question.options, strict=True)}
    return Asked(prompt, choice_schema(letters), edges)


def correction(asked: Asked, answer: str, problem: str) -> Prompt:
    """The conversation after an answer that cannot be used."""
    demand = render(
        "judge_repair",
        problem=one_line(problem, 300),
        labels=asked.labels,
        undecided=UNDECIDED,
        reason_chars=str(REASON_CHARS),
    )
    return asked.prompt.corrected(safe_text(answer, 2_000), demand)


def draw_boundary(texts: Sequence[str], rng: random.Random) -> str:
    """A marker that no text contains, and that whoever wrote the texts could not have guessed."""
    while True:
        boundary = f"#={rng.getrandbits(64):016x}=#"
        if not any(boundary in text for text in texts):
            return boundary


@lru_cache(maxsize=MOST_OPTIONS)
def choice_schema(letters: tuple[str, ...]) -> type[Choice]:
    """The answer's type for these letters. The reason comes first, so that the choice can follow from it."""
    shortened = Annotated[str, BeforeValidator(_shorten), Field(max_length=REASON_CHARS, description="one sentence")]
    labels: Any = Literal[(*letters, UNDECIDED)]
    return create_model("Choice", __base__=Choice, reason=(shortened, ...), choice=(labels, ...))


def quoted(letters: Sequence[str]) -> str:
    return ", ".join(f'"{k}"' for k in letters)


def _shorten(reason: Any) -> Any:
    # A long-winded reason does not make the choice wrong.
    return bounded(reason, REASON_CHARS) if isinstance(reason, str) else reason


def _option(letter: str, option: Option) -> str:
    condition = one_line(option.condition, CONDITION_CHARS)
    return f"{letter}. {condition} (leads to: {one_line(option.leads_to, 120)})"


def _alert(alert: Mapping[str, str]) -> str:
    safe = safe_value(dict(alert), LABEL_CHARS)
    lines = (f"{one_line(str(k), 120)}: {one_line(str(v), LABEL_CHARS)}" for k, v in sorted(safe.items()))
    return bounded("\n".join(lines), ALERT_CHARS) or "(nothing)"


def _past(incidents: Sequence[PastIncident]) -> str:
    return "\n".join(f"- {one_line(p.account, PAST_CHARS)}" for p in incidents[:MOST_PAST])


def _values(values: Mapping[str, Any]) -> str:
    lines = (f"{one_line(name, 120)}: {describe(name, value)}" for name, value in values.items())
    return bounded("\n".join(lines), VALUES_CHARS) or "(nothing)"


def describe(name: str, value: Any) -> str:
    """One named value as JSON; when that is too long, its shape, its extremes and a few rows of it."""
    rows = len(value) if isinstance(value, list | tuple) else 0
    safe = safe_value({name: value[:READ_ROWS] if rows else value}, VALUE_CHARS)[one_line(name, 120)]
    whole = _json(safe)
    if len(whole) <= VALUE_CHARS and rows <= READ_ROWS:
        return whole
    if rows and isinstance(safe, list):
        sample = "; ".join(bounded(_json(row), VALUE_CHARS // SAMPLE_ROWS) for row in safe[:SAMPLE_ROWS])
        return f"a list of {rows} rows{_extremes(value)}; the first {SAMPLE_ROWS}: {sample}"
    if isinstance(safe, dict):
        keys = bounded(", ".join(safe), 300)
        return f"an object of {len(safe)} fields ({keys}); it begins: {bounded(whole, VALUE_CHARS)}"
    return bounded(whole, VALUE_CHARS)


def _extremes(rows: Sequence[Any]) -> str:
    found = [r["value"] for r in rows if isinstance(r, dict) and isinstance(r.get("value"), int | float)]
    if len(found) < len(rows):
        return ""
    return f", value from {min(found):g} to {max(found):g}, mean {sum(found) / len(found):g}"


def _json(value: Any) -> str:
    # NaN and infinity are written as such: they are what was measured, and this text is read, not parsed.
    return json.dumps(value, ensure_ascii=False, default=str)
