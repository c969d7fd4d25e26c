"""Guides into plans."""

from tsg.compile.compiler import Compiled, compile_guide

__all__ = ["Compiled", "compile_guide"]
