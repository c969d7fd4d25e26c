"""A language model as a reader of guides: what it claims about a line, where it can quote that line.

What it says is data. A claim whose quotation does not stand at the line it cites is dropped and counted; what is
left is a remark of the model's, marked as such, that no check stands behind.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import SystemRandom
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from agent.model.budget import estimate_tokens
from agent.model.kept import KeptAnswers
from agent.model.llm import LLM, ModelError, Prompt
from agent.model.prompt import draw_boundary, quoted
from agent.model.purse import Purse
from agent.model.settings import LlmSettings
from agent.model.templates import FOLDER, render
from agent.redact import bounded, one_line, safe_text
from tsg.clarify import supported
from tsg.findings import Finding, Severity
from tsg.mentor.codes import MODEL_REVIEW
from tsg.mentor.registry import Category

PART_CHARS = 3_000  # of a guide in one question: as much as so few claims can do justice to
LINE_CHARS = 1_000
NUMBER_CHARS = 8  # of a line's number and its end
MESSAGE_CHARS = 160  # this, the next and the number of claims fit into MAX_ANSWER_TOKENS
QUOTE_CHARS = 120
MOST_CLAIMS = 3  # of one part
AT_ONCE = 4  # questions in flight
WHY = "A language model claims it and quotes the line; no check stands behind it."


class Claim(BaseModel):
    """One claim; `line` counts from the guide's first, or from the part's first where it is kept."""

    model_config = ConfigDict(extra="forbid")

    line: int
    quote: str
    category: str
    message: str
    suggestion: str


class Claims(BaseModel):
    """The model's answer as the program reads it."""

    model_config = ConfigDict(extra="forbid")

    claims: list[Claim]


@dataclass(frozen=True, slots=True)
class Part:
    """Lines of a guide from `first` on, at most `PART_CHARS` characters of them."""

    first: int
    lines: tuple[str, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


@dataclass(frozen=True, slots=True)
class Review:
    """Remarks that quote the guide truly, how many did not, and why lines were not reviewed."""

    findings: tuple[Finding, ...] = ()
    dropped: int = 0
    unanswered: tuple[str, ...] = ()
    parts: int = 0


class ModelReviewer:
    """Asks `llm` about each part of a guide. The `run_*` settings bound what all its guides cost together."""

    def __init__(
        self, llm: LLM, settings: LlmSettings, *, cache: Path | None = None, rng: random.Random | None = None
    ) -> None:
        self._llm, self._settings = llm, settings
        self._kept = KeptAnswers(cache)
        self._rng = rng or SystemRandom()
        s = settings
        self._purse = Purse(s.per_run, s.per_judgement)
        self._free = asyncio.Semaphore(AT_ONCE)

    async def review(self, path: str, text: str) -> Review:
        """What the model claims about a guide. Never raises for a bad model: what it cannot answer is said."""
        parts = list(parts_of(text))
        answers = await asyncio.gather(*(self._claims(part) for part in parts))
        findings: dict[tuple[int, str], Finding] = {}
        dropped = 0
        unanswered = []
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, str):
                unanswered.append(f"{path}: lines {part.first} to {part.last} were not reviewed: {answer}")
                continue
            for claim in answer:
                if _is_true(claim, part):
                    findings.setdefault((claim.line, claim.category), self._finding(path, claim))
                else:
                    dropped += 1
        return Review(tuple(findings.values()), dropped, tuple(unanswered), len(parts))

    async def _claims(self, part: Part) -> list[Claim] | str:
        """The claims about a part, or why there are none."""
        key = self._key(part)
        kept = self._kept.get(key, Claims)
        if kept is None:
            async with self._free:
                try:
                    asked = await self._ask(part)
                except (ModelError, ValidationError) as exc:  # the second: a client that does not keep its word
                    return f"{type(exc).__name__}: {one_line(str(exc), 200)}"
            kept = _moved(asked, -part.first)
            self._kept.put(key, kept)
        return _moved(kept, part.first).claims

    async def _ask(self, part: Part) -> Claims:
        numbered = "\n".join(f"{part.first + i}: {one_line(line, LINE_CHARS)}" for i, line in enumerate(part.lines))
        text = safe_text(numbered, 2 * PART_CHARS)
        boundary = draw_boundary((text,), self._rng)
        prompt = Prompt(
            system=render(
                "review_system",
                boundary=boundary,
                categories=quoted([str(c) for c in Category]),
                message_chars=str(MESSAGE_CHARS),
                most=str(MOST_CLAIMS),
                quote_chars=str(QUOTE_CHARS),
            ),
            user=render("review_user", boundary=boundary, first=str(part.first), last=str(part.last), text=text),
        )
        share = await self._purse.take(estimate_tokens(prompt.chars))
        spent = share.as_usage()  # where nobody says what it cost
        try:
            reply = await self._llm.ask(
                prompt,
                _schema(),
                deadline_s=share.seconds,
                max_tokens=share.tokens,
                max_calls=share.calls,
                max_cost=share.cost,
            )
            spent = reply.usage
        except ModelError as exc:
            spent = exc.usage
            raise
        finally:
            await self._purse.give_back(share, spent)
        return Claims(**reply.value.model_dump())

    def _finding(self, path: str, claim: Claim) -> Finding:
        message = f"the model {one_line(self._llm.model, 60)} finds of {claim.category}: "
        message += one_line(claim.message, MESSAGE_CHARS)
        hint = one_line(claim.suggestion, MESSAGE_CHARS)
        return Finding(path, claim.line, MODEL_REVIEW, Severity.INFO, message, hint, MODEL_REVIEW, WHY)

    def _key(self, part: Part) -> str:
        """The hash of everything that an answer rests on, but for where in the guide the part stands."""
        texts = [(FOLDER / f"{name}.md").read_text(encoding="utf-8") for name in ("review_system", "review_user")]
        schema = _schema().model_json_schema()
        return KeptAnswers.key([self._llm.model, self._settings.base_url, texts, schema, part.lines])


def parts_of(text: str) -> Iterator[Part]:
    """A guide in parts that a question can hold; what ends a line for some readers only does not end one here."""
    lines = [" ".join(line.splitlines()) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    first, held, room = 1, list[str](), PART_CHARS
    for number, line in enumerate(lines, start=1):
        if held and room < min(len(line), LINE_CHARS):
            yield from _with_words(Part(first, tuple(held)))
            first, held, room = number, [], PART_CHARS
        held.append(line)
        room -= min(len(line), LINE_CHARS) + NUMBER_CHARS
    yield from _with_words(Part(first, tuple(held)))


def _with_words(part: Part) -> Iterator[Part]:
    if any(line.strip() for line in part.lines):
        yield part


def _is_true(claim: Claim, part: Part) -> bool:
    """Whether the claim is of a known kind, says something, and quotes the line that it cites."""
    return (
        claim.category in set(Category)
        and bool(claim.message.strip())
        and supported(claim.quote, claim.line - part.first + 1, "\n".join(part.lines))
    )


def _moved(claims: Claims, by: int) -> Claims:
    return Claims(claims=[c.model_copy(update={"line": c.line + by}) for c in claims.claims])


def _schema() -> type[Claims]:
    """The answer's type as the model is asked for it. The quotation comes before the claim that rests on it."""
    words: Any = Annotated[str, BeforeValidator(_shortened(MESSAGE_CHARS)), Field(max_length=MESSAGE_CHARS)]
    quote: Any = Annotated[
        str,
        BeforeValidator(_cut(QUOTE_CHARS)),
        Field(max_length=QUOTE_CHARS, description="words of that line, as they stand"),
    ]
    kinds: Any = Literal[tuple(str(c) for c in Category)]
    claim = create_model(
        "Claim",
        __base__=Claim,
        quote=(quote, ...),
        category=(kinds, ...),
        message=(words, ...),
        suggestion=(words, ...),
    )
    several: Any = Annotated[list[claim], BeforeValidator(_cut(MOST_CLAIMS)), Field(max_length=MOST_CLAIMS)]
    return create_model("Claims", __base__=Claims, claims=(several, ...))


def _shortened(most: int) -> Callable[[Any], Any]:
    return lambda words: bounded(words, most) if isinstance(words, str) else words


def _cut(most: int) -> Callable[[Any], Any]:
    """The beginning of a quotation or a list; of words that stand in a line the first ones stand there, too."""
    return lambda value: value[:most] if isinstance(value, str | list) else value
