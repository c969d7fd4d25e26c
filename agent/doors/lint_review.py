"""What the configured model remarks on guides, held against what their authors silenced."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from agent.doors.lint_choice import Choice
from agent.doors.lint_files import bytes_of, with_progress
from agent.model.openai_chat import OpenAiChat
from agent.model.reviewer import ModelReviewer, Review
from agent.model.settings import LlmSettings
from tsg.findings import Finding, GuideError
from tsg.guide import Guide
from tsg.mentor.codes import MODEL_REVIEW
from tsg.mentor.mentor import view_of
from tsg.mentor.suppression import silence_of, without_silenced
from tsg.parse import parse_guide


async def reviewed(files: Sequence[Path], llm: LlmSettings, chosen: Choice) -> Review:
    """What the configured model remarks on the guides, without what their authors silenced.

    A guide of which no remark is wanted is not shown to the model.
    """
    model = OpenAiChat.from_settings(llm)
    reviewer = ModelReviewer(model, llm, cache=_cache())
    findings: list[Finding] = []
    unanswered: list[str] = []
    dropped = parts = 0
    try:
        for file in with_progress(files, f"asking {llm.model}", least=1):
            read = _readable(file)
            if read is None:
                continue
            guide, text = read
            view = view_of(guide, text, None, native=False)
            if chosen.leaves_out(file, MODEL_REVIEW) or silence_of(view).is_everywhere(MODEL_REVIEW):
                unanswered.append(f"{file}: was not reviewed: {MODEL_REVIEW} is left out of it")
                continue
            review = await reviewer.review(str(file), text)
            findings += chosen.of(file, without_silenced(view, review.findings))
            unanswered += review.unanswered
            dropped, parts = dropped + review.dropped, parts + review.parts
    finally:
        await model.close()
    return Review(tuple(findings), dropped, tuple(unanswered), parts)


def _readable(file: Path) -> tuple[Guide, str] | None:
    """A guide and its text; None where checks have said already that it is none."""
    data = bytes_of(file)
    try:
        return None if data is None else (parse_guide(data, str(file)), data.decode("utf-8-sig"))
    except (GuideError, UnicodeDecodeError):
        return None


def _cache() -> Path:
    """Where answers are kept, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "stepfleet" / "review"
