"""Run a program that dies with the process that started it: `python tether.py PARENT_PID PROG [ARG...]`.

A wrapper rather than a hook between fork and exec: such a hook runs Python in the copy of a threaded
process, where any lock may be held for ever.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h; the setting survives exec


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"tether: prctl failed: {os.strerror(ctypes.get_errno())}")
    # The parent may have died before the call above; then no signal will ever come.
    if os.getppid() != parent:
        sys.exit("tether: the parent is gone")
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
