"""Checks of control flow: where the reader goes next, under which condition, how often, and how it is taken back."""

from tsg.mentor.control_flow import (
    action_without_undo,
    action_without_verification,
    condition_after_action,
    condition_in_comment,
    condition_without_action,
    contradiction,
    destructive_without_guard,
    unbounded_loop,
    unhandled_case,
    wrong_next_step,
)

__all__ = [
    "action_without_undo",
    "action_without_verification",
    "condition_after_action",
    "condition_in_comment",
    "condition_without_action",
    "contradiction",
    "destructive_without_guard",
    "unbounded_loop",
    "unhandled_case",
    "wrong_next_step",
]
