"""A language model as the compiler's `Clarifier`: one question for each gap, one of the offered answers, or none.

What it says is data: a choice that is not offered, or a quotation that does not stand where it is cited,
is declined and shown as such.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from secrets import SystemRandom
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from agent.model.kept import KeptAnswers
from agent.model.llm import LLM, ModelError, Prompt
from agent.model.prompt import draw_boundary, quoted
from agent.model.settings import LlmSettings
from agent.model.templates import FOLDER, render
from agent.redact import bounded, one_line, safe_text
from tsg.clarify import Asked, Declined, Proposal, supported

NONE = "unclear"
REASON_CHARS = 300
QUOTE_CHARS = 400
CONTEXT_CHARS = 8_000
AT_ONCE = 4  # questions in flight


class Said(BaseModel):
    """The model's answer; `line` counts from the guide's first, or from the context's first where it is kept."""

    model_config = ConfigDict(extra="forbid")

    reason: str
    line: int
    quote: str
    choice: str


class ModelClarifier:
    """Asks `llm` about each gap; answers are kept below `cache` by the hash of all that they rest on."""

    def __init__(
        self, llm: LLM, settings: LlmSettings, *, cache: Path | None = None, rng: random.Random | None = None
    ) -> None:
        self._llm, self._settings, self._kept = llm, settings, KeptAnswers(cache)
        self._rng = rng or SystemRandom()

    async def propose(self, asked: Sequence[Asked]) -> list[Proposal | Declined]:
        """See `tsg.clarify.Clarifier`; the answers come in the order of the questions."""
        free = asyncio.Semaphore(AT_ONCE)

        async def one(question: Asked) -> Proposal | Declined:
            async with free:
                return await self._one(question)

        return list(await asyncio.gather(*(one(q) for q in asked)))

    async def _one(self, asked: Asked) -> Proposal | Declined:
        key = self._key(asked)
        said = self._kept.get(key, Said)
        if said is None:
            try:
                said = await self._ask(asked)
            except ModelError as exc:
                return Declined(asked.gap, f"{type(exc).__name__}: {one_line(str(exc), 200)}")
            self._kept.put(key, said.model_copy(update={"line": said.line - asked.first}))
        else:
            said = said.model_copy(update={"line": said.line + asked.first})
        return self._checked(asked, said)

    async def _ask(self, asked: Asked) -> Said:
        letters = [chr(ord("A") + i) for i in range(len(asked.answers))]
        numbered = "\n".join(
            f"{asked.first + i}: {one_line(line, QUOTE_CHARS)}" for i, line in enumerate(asked.context)
        )
        data = {
            "context": safe_text(numbered, CONTEXT_CHARS),
            "words": one_line(asked.gap.words, QUOTE_CHARS),
            "options": "\n".join(
                f"{k}. {one_line(a.meaning, 200)}" for k, a in zip(letters, asked.answers, strict=True)
            ),
        }
        fixed = {"boundary": draw_boundary(tuple(data.values()), self._rng), "labels": quoted(letters), "none": NONE}
        prompt = Prompt(
            system=render("clarify_system", reason_chars=str(REASON_CHARS), **fixed),
            user=render("clarify_user", line=str(asked.gap.lines.first), **data, **fixed),
        )
        each = self._settings.per_judgement
        reply = await self._llm.ask(
            prompt,
            _schema(letters),
            deadline_s=each.seconds,
            max_tokens=each.tokens,
            max_calls=each.calls,
            max_cost=each.cost,
        )
        return Said(**reply.value.model_dump())

    def _checked(self, asked: Asked, said: Said) -> Proposal | Declined:
        """Hold what was said against the question, whatever the client promises about it."""
        at = ord(said.choice) - ord("A") if len(said.choice) == 1 else -1
        reason = one_line(said.reason, REASON_CHARS)
        if said.choice == NONE:
            return Declined(asked.gap, f"{self._llm.model} finds it unclear: {reason}")
        if not 0 <= at < len(asked.answers):
            return Declined(asked.gap, f"{self._llm.model} chose '{one_line(said.choice, 40)}', which was not offered")
        text = "\n" * (asked.first - 1) + "\n".join(asked.context)
        if not supported(said.quote, said.line, text):
            quote = one_line(said.quote, 80)
            return Declined(asked.gap, f"{self._llm.model} quotes '{quote}', which line {said.line} does not say")
        return Proposal(
            asked.gap, asked.answers[at], said.line, one_line(said.quote, QUOTE_CHARS), reason, self._llm.model
        )

    def _key(self, asked: Asked) -> str:
        """The hash of everything that an answer rests on, but for where in the guide it stands."""
        texts = [(FOLDER / f"{name}.md").read_text() for name in ("clarify_system", "clarify_user")]
        answers = [(a.verb, a.value, a.meaning) for a in asked.answers]
        at = asked.gap.lines.first - asked.first
        parts = [self._llm.model, self._settings.base_url, texts, asked.gap.key, at, asked.context, answers]
        return KeptAnswers.key(parts)


def _schema(letters: Sequence[str]) -> type[Said]:
    """The answer's type for these letters. The reason and the quotation come before the choice that rests on them."""
    shortened = Annotated[str, BeforeValidator(_shorten), Field(max_length=REASON_CHARS, description="one sentence")]
    quote = Annotated[str, Field(max_length=2 * QUOTE_CHARS, description="words of that line, exactly as they stand")]
    labels: Any = Literal[(*letters, NONE)]
    return create_model("Said", __base__=Said, reason=(shortened, ...), quote=(quote, ...), choice=(labels, ...))


def _shorten(reason: Any) -> Any:
    return bounded(reason, REASON_CHARS) if isinstance(reason, str) else reason
