"""Checks of what is run: queries and commands that do not parse, never end, or do not fit their prose."""

from tsg.mentor.query import (
    broken_command,
    code_in_prose,
    endless_command,
    hardcoded_parameter,
    interactive_command,
    missing_connection,
    missing_placeholder,
    mixed_output,
    prose_in_code,
    prose_query_mismatch,
    syntax_error,
    template_unexpanded,
    threshold_without_unit,
    untagged_fence,
    wrong_language,
)

__all__ = [
    "broken_command",
    "code_in_prose",
    "endless_command",
    "hardcoded_parameter",
    "interactive_command",
    "missing_connection",
    "missing_placeholder",
    "mixed_output",
    "prose_in_code",
    "prose_query_mismatch",
    "syntax_error",
    "template_unexpanded",
    "threshold_without_unit",
    "untagged_fence",
    "wrong_language",
]
