"""Replacing a file: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from agent.errors import StepfleetError


def replace_file(file: Path, was: bytes, now: bytes) -> None:
    """Write `now` in place of `was`, with the rights that the file has; a link stays one, and its target is written.

    Raises: StepfleetError when the file no longer holds `was`, or cannot be written; it is then as it was.
    """
    target = Path(os.path.realpath(file))
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(now)
                out.flush()
                os.fsync(out.fileno())
            Path(name).chmod(mode)
            if target.read_bytes() != was:
                raise StepfleetError(f"{file} was changed meanwhile", hint="start again")
            Path(name).replace(target)
        except (OSError, StepfleetError):
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as exc:
        hint = "check the rights and the space of its folder"
        raise StepfleetError(f"{file} cannot be written: {exc.strerror or exc}", hint=hint) from exc
