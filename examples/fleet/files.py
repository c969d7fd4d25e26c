"""Files that others read while they are written: whole or not there, secrets for their owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file that a reader sees either not at all or complete. Makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    part.replace(path)


def secret_file(path: Path) -> str:
    """Return the secret that a file holds; a new one is made when there is no file."""
    if not path.exists():
        write_whole(path, secrets.token_urlsafe(32))
    return path.read_text().strip()


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can look into (mode 0700), parents included as they come."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def project_cache() -> Path:
    """Where generated models and unpacked programs are kept: STEPFLEET_CACHE, else the checkout's cache."""
    chosen = os.environ.get("STEPFLEET_CACHE")
    return Path(chosen) if chosen else Path(__file__).resolve().parents[2] / ".cache" / "stepfleet"
