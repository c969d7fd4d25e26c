"""Checks of clarity: whether a reader can tell what to do, to what, and when."""

from tsg.mentor.clarity import (
    ambiguous_choice,
    ambiguous_reference,
    explanatory_command,
    missing_command,
    narrative_steps,
    non_actionable_step,
    title_mismatch,
    vague_condition,
)

__all__ = [
    "ambiguous_choice",
    "ambiguous_reference",
    "explanatory_command",
    "missing_command",
    "narrative_steps",
    "non_actionable_step",
    "title_mismatch",
    "vague_condition",
]
