"""Reading a guide must not cost the start of what it does not need."""

from __future__ import annotations

import subprocess
import sys


def test_the_room_imports_nothing_heavy() -> None:
    heavy = {"torch", "langgraph", "openai", "pandas", "sqlmodel", "fastapi", "networkx", "cel_expr_python"}
    code = f"import sys, tsg.lint, tsg.library; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
