"""Checks of structure: what a renderer, a table of contents or a reader's eye would trip over."""

from tsg.mentor.structure import (
    dead_link,
    duplicate_step,
    list_broken,
    multi_step_fence,
    numbering_gap,
    table_ragged,
    unexpected_end,
    unmarked_end,
)

__all__ = [
    "dead_link",
    "duplicate_step",
    "list_broken",
    "multi_step_fence",
    "numbering_gap",
    "table_ragged",
    "unexpected_end",
    "unmarked_end",
]
