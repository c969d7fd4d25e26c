"""Processes: watched, signalled, traced, and load put on a machine."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

from dataclasses import replace

from tsg.commands.tools.table import Call, Reader, Rule, always, plain_words
from tsg.commands.verdict import READS, Verdict, changes, unknown
from tsg.words import words


def _top(call: Call) -> Verdict:
    bounded = call.has("-n", "-b") and call.has("-n")
    if bounded or (call.has("-b") and call.piped):
        return READS
    screen = "" if call.has("-b") else f"{call.name} fills the screen"
    return replace(READS, endless=f"{call.name} goes on until it is stopped", interactive=screen)


def _kill(call: Call) -> Verdict:
    if (call.grants("-l", "-L", "--list") and call.name == "kill") or "-0" in call.args:
        return READS
    plain = plain_words(call.args, words("-s --signal -u --uid -g -t -P -n"))
    gentle = any(a in {"-HUP", "-1", "-USR1", "-USR2", "-SIGHUP", "-CONT", "-STOP"} for a in call.args)
    gentle = gentle or (call.value("-s", "--signal") or "").upper().removeprefix("SIG") in {
        "HUP",
        "USR1",
        "USR2",
        "CONT",
    }
    verdict = changes(
        f"{call.name} sends a signal" if gentle else f"{call.name} ends processes", destructive=not gentle
    )
    return replace(verdict, touches=tuple(f"process:{p}" for p in plain[:8]))


def _repeats(valued: frozenset[str]) -> Rule:
    """vmstat, iostat and the like go on where an interval is given without a count."""

    def rule(call: Call) -> Verdict:
        numbers = [p for p in plain_words(call.args, valued) if p.isdigit()]
        if call.name == "sar" and call.has("-o"):
            return changes("sar -o writes a file", reversible=True)
        return replace(READS, endless=f"{call.name} goes on until it is stopped" if len(numbers) == 1 else "")

    return rule


def _lsof(call: Call) -> Verdict:
    return replace(READS, endless="lsof -r goes on until it is stopped" if call.has("-r", "+r") else "")


def _after(call: Call, valued: frozenset[str]) -> list[str]:
    skip = False
    for at, word in enumerate(call.args):
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif not word.startswith("-"):
            return list(call.args[at:])
    return []


TOOLS: dict[str, Rule] = {
    **dict.fromkeys(("top", "htop", "atop", "iotop", "nvtop", "btop", "iftop", "nethogs", "powertop", "slurmtop", "k9s"), _top),
    **dict.fromkeys(("kill", "pkill", "killall", "skill", "xkill"), _kill),
    **{name: always(changes("{name} loads the machine", reversible=True)) for name in ("ib_write_bw", "ib_read_bw", "ib_send_bw", "ib_write_lat", "ib_read_lat", "ib_send_lat", "all_reduce_perf", "fio", "stress", "stress-ng", "sysbench")},
    **{name: _repeats(words("-p -P -d -I -n -f -s -e -C -m_")) for name in ("vmstat", "iostat", "mpstat", "pidstat", "sar")},
    "dstat": always(replace(READS, endless="dstat goes on until it is stopped")),
    "lsof": _lsof,
    "fuser": Reader(("-k", "--kill")),
    "strace": always(replace(unknown("{name} stops and traces a process"), endless="")),
    "gdb": always(replace(unknown("{name} stops a process"), interactive="gdb prompt")),
    "py-spy": lambda c: READS if c.args[:1] in {("dump",), ("top",)} else changes("py-spy writes a recording", reversible=True),
    "perf": lambda c: READS if c.args[:1] in {("top",), ("stat",), ("report",), ("list",)} else changes("perf writes a recording", reversible=True),
    "numactl": lambda c: READS if c.grants("-H", "--hardware", "-s", "--show") else c.judge.command(_after(c, words("-N -m -C -i -p"))),
    "screen": always(replace(unknown("{name} opens a terminal"), interactive="terminal")),
    "tmux": always(replace(unknown("{name} opens a terminal"), interactive="terminal")),
    "inotifywait": Reader((), ("-m", "--monitor")),
    "at": always(changes("{name} plans a command")),
    "ipcrm": always(changes("{name} removes shared memory", destructive=True)),
    "make": lambda c: READS if c.grants("-n", "--dry-run") else unknown("make runs what its file says"),
}  # fmt: skip

# Programs whose names are no English words: seeing one first in a line is enough to see a command.
STRONG = words("iostat mpstat vmstat lsof pkill fuser")
