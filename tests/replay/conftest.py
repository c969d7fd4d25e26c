"""The engine's bench is what makes the runs that are played again."""

from __future__ import annotations

from tests.run.conftest import bench, script

__all__ = ["bench", "script"]
