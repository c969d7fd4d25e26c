"""Guides into plans."""

from tsg.compile.compiler import Compiled, compile_guide
from tsg.compile.reasons import Reason

__all__ = ["Compiled", "Reason", "compile_guide"]
