"""Checks of data flow: where values come from, what they are called, and who uses them."""

from tsg.mentor.data_flow import (
    missing_schema,
    placeholder_clash,
    undefined_placeholder,
    unknown_source,
    unused_input,
    wrong_source,
)

__all__ = [
    "missing_schema",
    "placeholder_clash",
    "undefined_placeholder",
    "unknown_source",
    "unused_input",
    "wrong_source",
]
