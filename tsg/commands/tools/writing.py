"""What it means to write to a file: where it lies decides."""

from __future__ import annotations

import re
from dataclasses import replace

from tsg.commands.verdict import NOTHING, READS, Verdict, changes

_PATHS_THAT_SWITCH = ("/proc/", "/sys/")
_SCRATCH = re.compile(r"(?:/tmp|/var/tmp|/dev/shm|\$\{?TMPDIR\}?)(?:/(?!\.\.(?:/|$))[^/]*)*/?$")


def is_scratch(path: str) -> bool:
    """Whether a path lies in a folder for temporary files: writing there changes nothing that matters."""
    return _SCRATCH.match(path) is not None and "/../" not in path and "$(" not in path


def writes_to(paths: list[str], *, appends: bool = True) -> Verdict:
    """The verdict on writing files: those for temporary use do not matter, devices and switches of the kernel do."""
    kept = [p for p in paths if not is_scratch(p)]
    keys = tuple(f"file:{p}" for p in paths[:8])
    if not kept:
        return replace(READS if paths else NOTHING, touches=keys)
    first = kept[0]
    if first.startswith("/dev/") and not first.startswith(("/dev/null", "/dev/std", "/dev/tty", "/dev/fd", "/dev/pts")):
        return replace(changes(f"writes to the device {first}", destructive=True), touches=keys)
    if first.startswith(("/dev/null", "/dev/std", "/dev/tty", "/dev/fd")):
        return NOTHING
    if first.startswith(_PATHS_THAT_SWITCH):
        drops = first.endswith(("sysrq-trigger", "/remove", "/reset", "/delete"))
        return replace(changes(f"sets {first}", destructive=drops), touches=keys)
    system = first.startswith(("/etc/", "/usr/", "/boot/", "/lib/", "/var/lib/"))
    return replace(changes(f"writes {first}", reversible=None if system or not appends else True), touches=keys)
