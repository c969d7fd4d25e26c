"""Programs that Debian packages, without installing them: on PATH, or unpacked into the project's cache.

Installing these packages would start services on all interfaces; unpacking them starts nothing.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from examples.fleet.errors import ToolMissing

FETCH_S = 300.0
# Debian's alertmanager reads its templates from here, even for a configuration that uses none.
ALERTMANAGER_SHARE = b"/usr/share/prometheus/alertmanager"
# The same length, and relative: found from the folder that the package was unpacked into.
RELATIVE_SHARE = b"usr/share/prometheus//alertmanager"


@dataclass(frozen=True, slots=True)
class Program:
    """An executable and the folder it must be started in (None: any)."""

    path: Path
    cwd: Path | None = None


def find_program(cache: Path, package: str, *names: str) -> Program:
    """Return a program from PATH under one of `names`, else from the unpacked package. Blocks.

    Raises: ToolMissing, saying what to install where it can be had in neither way.
    """
    for name in names:
        if found := shutil.which(name):
            return Program(Path(found).resolve())
    root = unpacked(cache, package)
    return Program(root / "usr" / "bin" / package, root)


def unpacked(cache: Path, package: str, *others: str) -> Path:
    """The folder that a package, and others it needs, are unpacked into; fetched once. Blocks. Raises: ToolMissing."""
    root = cache / "debian" / package
    if not root.exists():
        _unpack(package, root, others)
    return root


def _unpack(package: str, root: Path, others: tuple[str, ...] = ()) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise ToolMissing(
            f"{package} is not on PATH, and without apt-get and dpkg it cannot be fetched",
            hint=f"install {package} and put it on PATH, or start the fleet without monitoring",
        )
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{package}.") as folder:
        work = Path(folder)
        _run(package, "apt-get", "download", package, *others, cwd=work)
        for archive in work.glob("*.deb"):
            _run(package, "dpkg", "-x", archive.name, "root", cwd=work)
        if (program := work / "root" / "usr" / "bin" / package).exists():
            _relocate(program)
        try:
            (work / "root").rename(root)
        except OSError:
            if not root.exists():  # another process may have been faster; its copy is as good
                raise


def _run(package: str, *command: str, cwd: Path) -> None:
    hint = f"is the network there? Try 'apt-get update', or install {package} and put it on PATH"
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, errors="replace", timeout=FETCH_S, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise ToolMissing(f"{' '.join(command)} took longer than {FETCH_S:g} s", hint=hint) from exc
    if done.returncode != 0:
        raise ToolMissing(f"{' '.join(command)} failed: {done.stderr.strip()[-400:]}", hint=hint)


def _relocate(program: Path) -> None:
    """Make an unpacked alertmanager find its templates where it was unpacked.

    The folder is compiled in and no option changes it; the alternative is to write to /usr/share.
    """
    content = program.read_bytes()
    if ALERTMANAGER_SHARE in content:
        program.write_bytes(content.replace(ALERTMANAGER_SHARE, RELATIVE_SHARE))
