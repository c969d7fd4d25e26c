"""The lock beside a guide, `GUIDE.plan.json`: the plan that was reviewed, to compare with and never to run."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from dag.diff import Change, changes
from dag.errors import PlanError
from dag.model import Plan
from dag.serial import from_json, to_json
from tsg.findings import GuideRoomError

MAX_BYTES = 16 * 1024 * 1024


class LockError(GuideRoomError):
    """The lock beside a guide is missing, cannot be read or written, or is no lock."""


def lock_path(guide: Path) -> Path:
    """`replica.md` is locked by `replica.plan.json` in the same folder."""
    return guide.with_suffix(".plan.json")


def write_lock(guide: Path, plan: Plan) -> Path:
    """Write the plan beside its guide, whole or not at all. Raises LockError when it cannot be written."""
    target = lock_path(guide)
    text = json.dumps(to_json(plan, pairs=False), indent=1, ensure_ascii=False) + "\n"
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except OSError as exc:
        hint = "check the folder's rights and space"
        raise LockError(f"{target} cannot be written: {exc.strerror or exc}", hint=hint) from exc
    return target


def drift(guide: Path, plan: Plan) -> tuple[Change, ...]:
    """What differs between the guide's lock and the plan it compiles to now.

    Raises: LockError when there is no lock, or it is none of ours or was edited.
    """
    target = lock_path(guide)
    try:
        with target.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise LockError(f"{guide} has no lock", hint=f"write one: stepfleet compile {guide} --lock") from None
    except OSError as exc:
        raise LockError(f"{target} cannot be read: {exc.strerror or exc}", hint="check its rights") from exc
    again = f"review the guide and write it again: stepfleet compile {guide} --lock"
    if len(data) > MAX_BYTES:
        raise LockError(f"{target} has over {MAX_BYTES:,} bytes and is no lock", hint=again)
    try:
        locked = from_json(json.loads(data))
    except (ValueError, RecursionError) as exc:
        raise LockError(f"{target} is no JSON: {exc}", hint=again) from exc
    except PlanError as exc:
        raise LockError(f"{target}: {exc}", hint=again) from exc
    return changes(locked, plan)
