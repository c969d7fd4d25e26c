"""A command that never ends: logs -f, get -w, watch, top, ping without a count."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.query.shared import shell_statements
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.words import words

_BOUNDED = re.compile(
    r"\btimeout\s+(?:-\S+\s+)*\d|\|\s*head\b|\bgrep\s+(?:-\S+\s+)*-m|\b(?:pidstat|mpstat|sar|iostat"
    r"|vmstat)\b.*\s\d+\s+\d+\s*$"
)


@check(
    "endless-command",
    Category.QUERY,
    Severity.WARNING,
    "a command that never ends: logs -f, get -w, watch, top, ping without a count",
    "Nothing after it is ever reached, and nobody knows what was to be seen.",
)
def endless_command(view: View) -> Iterator[Issue]:
    for code, statement in shell_statements(view):
        if (why := statement.command.endless or _goes_on(statement)) and not _is_bounded(code, statement):
            yield Issue(
                statement.lines.first,
                f"the command never ends: {why}",
                "bound it: `timeout 60 ...`, `--tail=200`, `-c 4`, `kubectl wait --timeout=60s`",
            )


def _is_bounded(code: Code, statement: Statement) -> bool:
    """Whether something ends it, or it runs in the background."""
    row = code.body.split("\n")[statement.lines.last - code.body_line].rstrip()
    return bool(_BOUNDED.search(statement.text)) or (row.endswith("&") and not row.endswith("&&"))


_STREAMS = words(
    "stern kubetail kail multitail yes bmon nload slurmtop iftop nethogs nettop powertop latencytop iptraf-ng dstat"
    " bpftrace xentop"
)
_ENDS = ("--no-follow", "--help", "--version", "-h", "--tail", "--count", "--duration", "--once", "-c")
_GOES_ON = (
    re.compile(r"redis-cli\b.*\s(?:p?subscribe|monitor)\b", re.IGNORECASE),
    re.compile(
        r"(?:perf\s+(?:kvm\s+)?top|udevadm\s+monitor|ip\s+monitor|consul\s+monitor|systemd-cgtop|sleep\s+inf\w*)\b"
    ),
    re.compile(r"az\s.*\blog\s+tail\b|gcloud\s.*\blogging\s+tail\b|rbd\s+perf\s+image\s+io(?:top|stat)\b"),
    re.compile(r"(?:vmstat|mpstat|pidstat|sar|iostat)\s+(?:-\S+\s+(?:[A-Z]+\s+)?)*\d+\s*$"),
    re.compile(r"free\s(?!.*\s-c\b).*-s\s*\d|netstat\s+-\w*c\w*\b|ss\s+(?:-\w*E|--events)\b"),
    re.compile(r"(?:docker\s+compose|docker-compose)\s(?:.*\s)?up\b(?!.*\s(?:-d|--detach|--wait)\b)"),
    re.compile(r"python3?\s+-m\s+http\.server\b|iperf3?\s+(?:-\S+\s+)*-s\b|less\s+(?:-\S+\s+)*\+F\b"),
    re.compile(r"(?:nomad|flux|argocd|velero|heroku|fly|cf|eksctl|pm2|vercel)\s.*\s(?:-f|--follow)\b"),
    re.compile(r"(?:kubectl|oc)\s.*\s(?:--watch|--watch-only)(?!\S)"),
    re.compile(r"while\s+(?:sleep\s+\d+|\[\s*1\s*\]|\[\[\s*1\s*\]\]|\(\(\s*1\s*\)\))\s*;?\s*do\b"),
    re.compile(r"(?:psql|mysql)\b.*\\\\?watch\b"),
)


def _goes_on(statement: Statement) -> str:
    """Why a program that its own entry does not tell of never ends, or nothing."""
    command, text = statement.command, statement.text.strip().removeprefix("sudo ")
    if len(text) > 2000 or not command.argv:
        return ""
    name = command.argv[0]
    if name in _STREAMS and not any(w.partition("=")[0] in _ENDS for w in command.argv[1:]):
        return f"{name} goes on until it is stopped"
    if any(p.match(text) for p in _GOES_ON):
        return f"{text.split()[0]} goes on until it is stopped"
    return ""
