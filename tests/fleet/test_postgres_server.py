"""A PostgreSQL of our own: what keeps it from starting is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from examples.fleet.errors import FleetError
from examples.fleet.postgres import Postgres


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run it as somebody else")
def test_programs_that_only_root_can_reach_are_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "initdb").write_text("#!/bin/sh\n")
    (closed / "initdb").chmod(0o755)
    with pytest.raises(FleetError, match="cannot be run as 'nobody'") as failure:
        Postgres(closed, tmp_path / "data")
    assert "STEPFLEET_CACHE" in failure.value.hint
