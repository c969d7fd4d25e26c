"""A PostgreSQL server of its own, on loopback and in a temporary folder, for tests, measurements and demos."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from examples.fleet.debian import unpacked
from examples.fleet.errors import FleetError, ToolMissing
from examples.fleet.processes import free_port

START_S = 60.0
UNPRIVILEGED = "nobody"  # the server refuses to run as root
OPTIONS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "jit=off", "max_connections=200")


class Postgres:
    """One server; `restart` keeps its data and its address."""

    def __init__(self, binaries: Path, folder: Path, libraries: Path | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self._binaries = binaries
        self._environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        if libraries is not None:
            self._environment["LD_LIBRARY_PATH"] = ":".join(str(p) for p in libraries.glob("*-linux-gnu*"))
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(folder, self._user)
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(folder / "data"), "-U", "stepfleet", "-A", "trust", "-E", "UTF8", "--no-sync")

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://stepfleet@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Return once it answers. Raises FleetError with the end of its log."""
        options = [part for option in OPTIONS for part in ("-c", option)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self.folder / "data", "-p", str(self.port), *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                user=self._user,
                cwd=self.folder,
            )
        end = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise FleetError(f"postgres did not start: {(self.folder / 'log').read_text()[-600:]}")
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT cuts its clients off and shuts down; SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(START_S)
            self._process = None

    def restart(self, number: signal.Signals = signal.SIGQUIT) -> None:
        self.stop(number)
        self.start()

    def _answers(self) -> bool:
        done = subprocess.run(
            [self._binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-d", "postgres"],
            env=self._environment,
            check=False,
        )
        return done.returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        try:
            done = subprocess.run(
                [self._binaries / program, *arguments],
                env=self._environment,
                user=self._user,
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
            )
        except PermissionError as exc:
            raise FleetError(
                f"{self._binaries / program} cannot be run as '{self._user}', and PostgreSQL refuses to run as root",
                hint="set STEPFLEET_CACHE to a folder that every user may read, or install postgresql",
            ) from exc
        if done.returncode != 0:
            raise FleetError(f"{program} failed: {done.stderr.strip()[-600:]}")


@contextmanager
def postgres(cache: Path) -> Iterator[Postgres]:
    """A started server; its folder goes with it. Raises ToolMissing, FleetError."""
    binaries, libraries = _binaries(cache)
    with tempfile.TemporaryDirectory(prefix="stepfleet-pg-") as folder:
        server = Postgres(binaries, Path(folder), libraries)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _binaries(cache: Path) -> tuple[Path, Path | None]:
    """Where the server's programs are, installed or unpacked, and the libraries unpacked beside them."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if installed:
        return installed[-1].parent, None
    package = _package()
    depends = _lines("apt-cache", "depends", "--no-recommends", "--no-suggests", package)
    needed = {m[1] for line in depends if (m := re.match(r"\s+Depends: ([a-z0-9.+-]+)$", line))}
    wanted = sorted(n for n in needed if n.startswith(("lib", "postgresql-client-")) and not n.startswith("libllvm"))
    root = unpacked(cache, package, *(n for n in wanted if n != "libc6"))
    (initdb,) = (root / "usr" / "lib" / "postgresql").glob("*/bin/initdb")
    return initdb.parent, root / "usr" / "lib"


def _package() -> str:
    if not shutil.which("apt-cache"):
        raise ToolMissing("PostgreSQL is not installed and cannot be fetched", hint="install postgresql")
    known = _lines("apt-cache", "pkgnames", "postgresql-")
    names = [line for line in known if re.fullmatch(r"postgresql-\d+", line)]
    if not names:
        raise ToolMissing("no PostgreSQL package is known here", hint="try 'apt-get update', or install postgresql")
    return max(names, key=lambda n: int(n.rpartition("-")[2]))


def _lines(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
